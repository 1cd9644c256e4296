//! CSV files that password managers write: each row has a title, and the
//! secret stands as its password, in its notes or in a field of its own.

use std::path::Path;

use super::{ImportError, Item, file};

/// The largest export that is read, in bytes.
const MAX_BYTES: usize = 16 << 20;
/// The most rows that are read.
const MAX_ROWS: usize = 50_000;
/// The most lines of notes in which a secret is looked for.
const MAX_NOTE_LINES: usize = 200;

/// A password manager, by what it calls its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// 1Password.
    OnePassword,
    /// Bitwarden.
    Bitwarden,
}

struct Columns {
    title: &'static str,
    urls: &'static [&'static str],
    user: &'static str,
    password: &'static str,
    /// Texts with a name and a value in a line.
    notes: &'static [&'static str],
    /// Those that hold no secret, and those that are no API's.
    other: &'static [&'static str],
}

impl Manager {
    fn name(self) -> &'static str {
        match self {
            Self::OnePassword => "1Password",
            Self::Bitwarden => "Bitwarden",
        }
    }

    fn columns(self) -> Columns {
        match self {
            Self::OnePassword => Columns {
                title: "title",
                urls: &["url", "urls", "website"],
                user: "username",
                password: "password",
                notes: &["notes", "notesplain"],
                other: &[
                    "otpauth", "favorite", "archived", "tags", "type", "uuid", "vault",
                ],
            },
            Self::Bitwarden => Columns {
                title: "name",
                urls: &["login_uri"],
                user: "login_username",
                password: "login_password",
                notes: &["notes", "fields"],
                other: &[
                    "folder",
                    "favorite",
                    "type",
                    "reprompt",
                    "login_totp",
                    "collections",
                ],
            },
        }
    }
}

/// All that may be a secret in the export at `path`.
///
/// # Errors
/// It is no such export.
pub fn items(path: &Path, manager: Manager) -> Result<Vec<Item>, ImportError> {
    let text = file::text(path, MAX_BYTES)?;
    read(&text, manager, &path.display().to_string())
        .map_err(|problem| ImportError::malformed(path, problem))
}

fn read(text: &str, manager: Manager, place: &str) -> Result<Vec<Item>, String> {
    let columns = manager.columns();
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    let unreadable = |error: &csv::Error| match error.position() {
        // its words may repeat what stands there
        Some(at) => format!("line {} is not CSV", at.line()),
        None => "it is not CSV".to_owned(),
    };
    let header: Vec<String> = reader
        .headers()
        .map_err(|error| unreadable(&error))?
        .iter()
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    for needed in [columns.title, columns.password] {
        if !header.iter().any(|name| name == needed) {
            return Err(format!(
                "its first line names no column {needed:?}: it is no CSV export of {}",
                manager.name()
            ));
        }
    }
    let mut items = Vec::new();
    for (at, row) in reader.records().enumerate() {
        if at >= MAX_ROWS {
            return Err(format!("it has more than {MAX_ROWS} rows"));
        }
        let row = row.map_err(|error| unreadable(&error))?;
        let line = row.position().map_or(0, csv::Position::line);
        let fields = header.iter().map(String::as_str).zip(&row);
        let fields: Vec<(&str, &str)> = fields.filter(|(_, value)| !value.is_empty()).collect();
        items.extend(of_row(&columns, &fields, &format!("{place}, line {line}")));
    }
    Ok(items)
}

fn of_row(columns: &Columns, fields: &[(&str, &str)], place: &str) -> Vec<Item> {
    let field = |wanted: &str| {
        let mut fields = fields.iter();
        fields
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| *value)
    };
    let title = field(columns.title).unwrap_or("(no title)");
    let hosts: Vec<&str> = columns
        .urls
        .iter()
        .filter_map(|name| field(name))
        .flat_map(|urls| urls.split([',', ' ']))
        .filter_map(host)
        .collect();
    let mut items = Vec::new();
    for (name, value) in fields.iter().copied() {
        if name == columns.password {
            items.push(Item::titled(title, place, value));
            if let Some(user) = field(columns.user) {
                let pair = format!("{}:{}", user.trim(), value.trim());
                items.push(Item::titled(title, place, &pair));
            }
        } else if columns.notes.contains(&name) {
            items.extend(of_notes(title, place, value));
        } else if name != columns.title
            && name != columns.user
            && !columns.urls.contains(&name)
            && !columns.other.contains(&name)
        {
            items.push(Item::titled(&format!("{title} {name}"), place, value));
        }
    }
    for item in &mut items {
        item.context = hosts.join(" ");
    }
    items
}

/// `NAME: value` and `NAME=value`, a line each.
pub fn of_notes(title: &str, place: &str, notes: &str) -> Vec<Item> {
    let lines = notes.lines().take(MAX_NOTE_LINES);
    let pairs = lines.filter_map(|line| {
        let at = line.find([':', '='])?;
        let (name, value) = (line[..at].trim(), line[at + 1..].trim());
        let is_pair = !name.is_empty() && name.len() <= 100 && !value.is_empty();
        is_pair.then(|| Item::titled(&format!("{title} {name}"), place, value))
    });
    pairs.collect()
}

fn host(url: &str) -> Option<&str> {
    let rest = url.trim().split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#', ':']).next()?;
    (host.len() <= 253 && host.contains('.')).then_some(host)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn items_of(manager: Manager, text: &str) -> Vec<(String, String, String)> {
        let items = read(text, manager, "e.csv").unwrap();
        items
            .into_iter()
            .map(|item| {
                (
                    item.name,
                    item.context,
                    item.value.expose_secret().to_owned(),
                )
            })
            .collect()
    }

    fn item(name: &str, context: &str, value: &str) -> (String, String, String) {
        (name.into(), context.into(), value.into())
    }

    #[test]
    fn a_row_of_1password_gives_its_password_and_the_pair() {
        let text = "Title,Url,Username,Password,OTPAuth,Favorite,Archived,Tags,Notes\n\
            GitHub token,https://github.com/settings,me,ghp_1,otpauth://x,false,false,,\n\
            AWS,,AKIA1,s,,,,,\"region: eu\nsession=t\"\n";
        assert_eq!(
            items_of(Manager::OnePassword, text),
            [
                item("GitHub token", "github.com", "ghp_1"),
                item("GitHub token", "github.com", "me:ghp_1"),
                item("AWS", "", "s"),
                item("AWS", "", "AKIA1:s"),
                item("AWS region", "", "eu"),
                item("AWS session", "", "t"),
            ]
        );
    }

    #[test]
    fn a_row_of_bitwarden_gives_its_fields_too() {
        let text = "folder,favorite,type,name,notes,fields,reprompt,login_uri,login_username,login_password,login_totp\r\n\
            ,,login,Stripe,,\"live key: sk_live_1\",0,\"https://dashboard.stripe.com,https://stripe.com\",me,pw,\r\n\
            ,,note,Keys,OPENAI_API_KEY=sk-1,,0,,,,\r\n";
        assert_eq!(
            items_of(Manager::Bitwarden, text),
            [
                item(
                    "Stripe live key",
                    "dashboard.stripe.com stripe.com",
                    "sk_live_1"
                ),
                item("Stripe", "dashboard.stripe.com stripe.com", "pw"),
                item("Stripe", "dashboard.stripe.com stripe.com", "me:pw"),
                item("Keys OPENAI_API_KEY", "", "sk-1"),
            ]
        );
    }

    #[test]
    fn what_is_no_export_is_refused_without_repeating_it() {
        for text in [
            "",
            "a,b\nc,SECRET\n",
            "SECRET\n",
            "Title,Password\n\"SECRET",
        ] {
            let read = read(text, Manager::Bitwarden, "e.csv");
            let error = read.err().unwrap();
            assert!(!error.contains("SECRET"), "{error}");
        }
        let many = format!("title,password\n{}", "a,b\n".repeat(MAX_ROWS + 1));
        let error = read(&many, Manager::OnePassword, "e.csv").err().unwrap();
        assert!(error.contains("rows"), "{error}");
    }
}
