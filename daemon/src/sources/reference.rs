//! What the owner writes for where a credential is, and what that means: which
//! program is asked, how, and what of its answer is the secret. Pure.

use serde::Deserialize;
use zeroize::Zeroizing;

/// Longest reference, in bytes.
const MAX_BYTES: usize = 2048;

/// Where a credential is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// `op://vault/item/field`, read by 1Password's `op`.
    OnePassword(String),
    /// `bw://item/field`, read by Bitwarden's `bw`.
    Bitwarden {
        /// Its name or, better, its id.
        item: String,
        field: String,
    },
    /// `pass://path`, read by `pass`.
    Pass { path: String, part: Part },
    /// `cmd://PROGRAM ARGUMENT …`, the owner's own.
    Command(Vec<String>),
}

/// What of an entry of `pass` is the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// From 1.
    Line(usize),
    /// What follows `name:` in the line that begins so.
    Field(String),
}

/// Why a text is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It begins with no known word.
    #[error(
        "a source is op://vault/item/field, bw://item/field, pass://path or cmd://program argument …"
    )]
    Unknown,
    /// It is too long or can't be printed.
    #[error("a source is one line of at most {MAX_BYTES} bytes")]
    Unprintable,
    /// What is missing in it, or too much.
    #[error("{0}")]
    Malformed(&'static str),
}

/// Fields of an item that `bw get` knows by name.
const KNOWN_TO_BW: [&str; 5] = ["password", "username", "totp", "notes", "uri"];

/// As much of Bitwarden's JSON of an item as holds its own fields.
#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: Option<String>,
    value: Option<Zeroizing<String>>,
}

impl Reference {
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.len() > MAX_BYTES || text.chars().any(char::is_control) {
            return Err(ReferenceError::Unprintable);
        }
        let (scheme, rest) = text.split_once("://").ok_or(ReferenceError::Unknown)?;
        match scheme {
            "op" => one_password(text, rest),
            "bw" => bitwarden(rest),
            "pass" => pass(rest),
            "cmd" => command(rest),
            _ => Err(ReferenceError::Unknown),
        }
    }

    /// The program's name, or of a command what the owner wrote for it.
    pub fn program(&self) -> &str {
        match self {
            Self::OnePassword(_) => "op",
            Self::Bitwarden { .. } => "bw",
            Self::Pass { .. } => "pass",
            Self::Command(words) => words.first().map_or("", String::as_str),
        }
    }

    /// What the program is called with.
    pub fn arguments(&self) -> Vec<&str> {
        match self {
            Self::OnePassword(reference) => vec!["read", "--no-newline", reference],
            Self::Bitwarden { item, field } => {
                let what = if KNOWN_TO_BW.contains(&field.as_str()) {
                    field
                } else {
                    "item"
                };
                vec!["get", what, item, "--nointeraction"]
            }
            Self::Pass { path, .. } => vec!["show", path],
            Self::Command(words) => words.iter().skip(1).map(String::as_str).collect(),
        }
    }

    /// The variable in which the program takes what lets it in.
    pub fn token_variable(&self) -> Option<&'static str> {
        match self {
            Self::OnePassword(_) => Some("OP_SERVICE_ACCOUNT_TOKEN"),
            Self::Bitwarden { .. } => Some("BW_SESSION"),
            Self::Pass { .. } | Self::Command(_) => None,
        }
    }

    /// What to do about others who can read that variable.
    pub fn token_advice(&self) -> Option<&'static str> {
        match self {
            Self::OnePassword(_) => Some("give it one that opens this item only"),
            Self::Bitwarden { .. } => {
                Some("a session key opens all of your vault, so end it (bw lock) when you can")
            }
            Self::Pass { .. } | Self::Command(_) => None,
        }
    }

    /// The secret in what the program put out.
    ///
    /// # Errors
    /// What is wrong with that, in words that follow "what PROGRAM put out".
    pub fn secret_in(&self, output: &[u8]) -> Result<Zeroizing<String>, &'static str> {
        let text = std::str::from_utf8(output).map_err(|_| "is no UTF-8 text")?;
        let secret = match self {
            Self::Bitwarden { field, .. } if !KNOWN_TO_BW.contains(&field.as_str()) => {
                let item: Item = serde_json::from_str(text).map_err(|_| "is no item")?;
                let mut fields = item.fields.into_iter();
                let named = fields.find(|it| it.name.as_deref() == Some(field));
                let value = named.and_then(|field| field.value);
                value.ok_or("has no field of that name")?
            }
            Self::Pass { part, .. } => {
                let line = match part {
                    Part::Line(number) => text.lines().nth(number.saturating_sub(1)),
                    Part::Field(name) => text.lines().find_map(|line| {
                        let (before, value) = line.split_once(':')?;
                        let is_meant = before.trim().eq_ignore_ascii_case(name);
                        is_meant.then(|| value.trim_start())
                    }),
                };
                Zeroizing::new(line.ok_or("has no such line")?.to_owned())
            }
            _ => Zeroizing::new(text.to_owned()),
        };
        let trimmed = secret.trim_end_matches(['\r', '\n']);
        if trimmed.is_empty() {
            return Err("is empty");
        }
        // a key file is JSON, whose lines may stay as they are
        let is_json = trimmed.starts_with('{')
            && serde_json::from_str::<serde::de::IgnoredAny>(trimmed).is_ok();
        if !is_json && trimmed.chars().any(char::is_control) {
            return Err("has a line break or another control character in it");
        }
        Ok(Zeroizing::new(trimmed.to_owned()))
    }
}

/// No word of a path is empty, climbs, or could be taken for an option.
fn is_plain(path: &str) -> bool {
    !path.starts_with('-')
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..")
}

fn one_password(text: &str, path: &str) -> Result<Reference, ReferenceError> {
    let parts = path.split('/').count();
    if !(3..=4).contains(&parts) || !is_plain(path) {
        return Err(ReferenceError::Malformed(
            "a source in 1Password is op://vault/item/field or op://vault/item/section/field",
        ));
    }
    if path.contains('$') {
        return Err(ReferenceError::Malformed(
            "a source holds no variable: nobody would expand it",
        ));
    }
    Ok(Reference::OnePassword(text.to_owned()))
}

fn bitwarden(rest: &str) -> Result<Reference, ReferenceError> {
    let malformed = ReferenceError::Malformed(
        "a source in Bitwarden is bw://item/field: the item's id or name, and password, username, totp, notes, uri or a field of its own",
    );
    match rest.rsplit_once('/') {
        Some((item, field)) if is_plain(item) && !field.is_empty() => Ok(Reference::Bitwarden {
            item: item.to_owned(),
            field: field.to_owned(),
        }),
        _ => Err(malformed),
    }
}

fn pass(rest: &str) -> Result<Reference, ReferenceError> {
    let malformed = ReferenceError::Malformed(
        "a source in pass is pass://path, pass://path#2 for its second line or pass://path#user for the line \"user: …\"",
    );
    let (path, part) = rest.split_once('#').unwrap_or((rest, "1"));
    let part = match part.parse() {
        Ok(0) => return Err(malformed),
        Ok(number) => Part::Line(number),
        Err(_) if part.is_empty() || part.contains(':') => return Err(malformed),
        Err(_) => Part::Field(part.to_owned()),
    };
    if !is_plain(path) {
        return Err(malformed);
    }
    let path = path.to_owned();
    Ok(Reference::Pass { path, part })
}

fn command(rest: &str) -> Result<Reference, ReferenceError> {
    let words = shlex::split(rest).ok_or(ReferenceError::Malformed(
        "the command of a source has a quote that isn't closed",
    ))?;
    if words.first().is_none_or(String::is_empty) {
        return Err(ReferenceError::Malformed(
            "a source of your own is cmd://program argument …: words as a shell splits them, and no shell runs them",
        ));
    }
    Ok(Reference::Command(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Vec<String> {
        let reference = Reference::parse(text).unwrap();
        let words = [reference.program()]
            .into_iter()
            .chain(reference.arguments());
        words.map(str::to_owned).collect()
    }

    fn found(text: &str, output: &str) -> Result<String, &'static str> {
        let found = Reference::parse(text).unwrap().secret_in(output.as_bytes());
        found.map(|secret| secret.to_string())
    }

    #[test]
    fn each_reference_asks_its_program() {
        let cases: [(&str, &[&str]); 7] = [
            (
                "op://Work/GitHub bot/token",
                &["op", "read", "--no-newline", "op://Work/GitHub bot/token"],
            ),
            (
                "bw://github.com/password",
                &["bw", "get", "password", "github.com", "--nointeraction"],
            ),
            (
                "bw://a/b/api key",
                &["bw", "get", "item", "a/b", "--nointeraction"],
            ),
            ("pass://team/github", &["pass", "show", "team/github"]),
            ("pass://github#user", &["pass", "show", "github"]),
            ("cmd:///bin/get", &["/bin/get"]),
            (
                r#"cmd:///bin/get --for 'my team' "a \"b\"" $HOME ; c"#,
                &["/bin/get", "--for", "my team", "a \"b\"", "$HOME", ";", "c"],
            ),
        ];
        for (text, words) in cases {
            assert_eq!(asked(text), words, "{text}");
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in [
            "",
            "github",
            "https://vault/item/field",
            "op://",
            "op://vault/item",
            "op://vault//field",
            "op://a/b/c/d/e",
            "op://$VAULT/item/field",
            "op://vault/item/field\nsecond",
            "bw://item",
            "bw:///password",
            "bw://--help/password",
            "bw://item/",
            "pass://",
            "pass:///abs",
            "pass://../../etc/passwd",
            "pass://--clip",
            "pass://a#0",
            "pass://a#",
            "cmd://",
            "cmd:// ",
            "cmd:///bin/get 'open",
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_secret_is_what_the_reference_means_of_the_answer() {
        let entry = "hunter2\nuser: octocat\nurl:https://x\n\nlast";
        assert_eq!(found("pass://a", entry).unwrap(), "hunter2");
        assert_eq!(found("pass://a#2", entry).unwrap(), "user: octocat");
        assert_eq!(found("pass://a#User", entry).unwrap(), "octocat");
        assert_eq!(found("pass://a#url", entry).unwrap(), "https://x");
        assert!(found("pass://a#4", entry).is_err(), "an empty line");
        assert!(found("pass://a#6", entry).is_err());
        assert!(found("pass://a#none", entry).is_err());
        let item =
            r#"{"login":{},"fields":[{"name":"x","value":null},{"name":"api key","value":"k1"}]}"#;
        assert_eq!(found("bw://a/api key", item).unwrap(), "k1");
        assert!(found("bw://a/x", item).is_err());
        assert!(found("bw://a/x", "not JSON").is_err());
        assert_eq!(found("bw://a/password", "p1\n").unwrap(), "p1");
        assert_eq!(found("op://a/b/c", "p1\r\n").unwrap(), "p1");
        let key = "{\n  \"private_key\": \"x\"\n}\n";
        assert_eq!(found("op://a/b/c", key).unwrap(), key.trim_end());
        for bad in ["", "\n", "two\nlines", "esc\u{1b}[2J"] {
            assert!(found("op://a/b/c", bad).is_err(), "{bad:?}");
        }
    }
}
