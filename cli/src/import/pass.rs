//! The password store `pass`: a tree of files that GnuPG encrypts. Only
//! entries whose name speaks of a service are opened, or those that are asked
//! for: opening one may ask for a passphrase, or for a finger on a key.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use axis_proto::given;
use secrecy::ExposeSecret;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::known::Known;
use super::naming::Name;
use super::{ImportError, Item, Skipped, export};

/// The most entries of a store that are looked at.
const MAX_ENTRIES: usize = 20_000;
/// The most entries that are opened.
const MAX_OPENED: usize = 200;
/// How deep folders are looked into.
const MAX_DEPTH: usize = 16;
/// The largest entry, in bytes.
const MAX_ENTRY_BYTES: u64 = 64 * 1024;
/// How long one entry may take to open: somebody may have to type a passphrase.
const PATIENCE: Duration = Duration::from_mins(3);
/// After so many that don't open, in a row, no other one will.
const MAX_FAILURES: usize = 3;

/// Lines of an entry that say who logs in.
const USERS: [&str; 6] = [
    "user",
    "username",
    "login",
    "id",
    "account",
    "access_key_id",
];

/// A store.
pub struct Store {
    directory: PathBuf,
    /// The names of its entries, as `pass` calls them.
    pub names: Vec<String>,
}

impl Store {
    /// The owner's store.
    ///
    /// # Errors
    /// There is none, or it can't be looked at.
    pub fn find() -> Result<Self, ImportError> {
        let directory = std::env::var_os("PASSWORD_STORE_DIR")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| std::env::home_dir().map(|home| home.join(".password-store")))
            .unwrap_or_default();
        if !directory.is_dir() {
            return Err(ImportError::NotThere { path: directory });
        }
        let mut names = Vec::new();
        walk(&directory, &directory, 0, &mut names).map_err(|error| ImportError::Unreadable {
            path: directory.clone(),
            error,
        })?;
        names.sort();
        Ok(Self { directory, names })
    }

    /// Those that are worth opening: in `folder`, named in `wanted`, or with a
    /// name that speaks of a service.
    pub fn chosen(&self, folder: Option<&str>, wanted: &[String], known: &Known) -> Vec<&str> {
        let is_in = |name: &str, folder: &str| {
            let folder = folder.trim_matches('/');
            name == folder
                || name
                    .strip_prefix(folder)
                    .is_some_and(|rest| rest.starts_with('/'))
        };
        let speaks = |name: &str| {
            let words = Name::of(name);
            known.services().iter().any(|service| {
                words.around(&service.name).is_some()
                    || service
                        .ways
                        .iter()
                        .flat_map(|way| &way.names)
                        .any(|way| words.around(way).is_some())
            })
        };
        let names = self.names.iter().map(String::as_str);
        names
            .filter(|name| match folder {
                Some(folder) => is_in(name, folder),
                None => speaks(name) || wanted.iter().any(|it| it.eq_ignore_ascii_case(name)),
            })
            .collect()
    }

    /// Opens the entries of these names, one after the other.
    ///
    /// # Errors
    /// `pass` can't be run, or there are too many.
    pub async fn open(
        &self,
        names: &[&str],
        mut says: impl FnMut(&str),
    ) -> Result<(Vec<Item>, Vec<Skipped>), ImportError> {
        if names.len() > MAX_OPENED {
            return Err(ImportError::Program(format!(
                "{} entries would have to be opened, and at most {MAX_OPENED} are: name a folder \
                 of {}, or the entries with --only",
                names.len(),
                self.directory.display()
            )));
        }
        let (mut items, mut skipped) = (Vec::new(), Vec::new());
        let mut failures = 0;
        for (at, &name) in names.iter().enumerate() {
            says(&format!("Opening {name} ({} of {}) …", at + 1, names.len()));
            match self.show(name).await? {
                Ok(text) => {
                    failures = 0;
                    items.extend(items_of(name, &text));
                }
                Err(why) => {
                    failures += 1;
                    skipped.push(Skipped {
                        variable: name.to_owned(),
                        why,
                    });
                }
            }
            let left = names.len() - at - 1;
            if failures == MAX_FAILURES && left > 0 {
                skipped.push(Skipped {
                    variable: format!("{left} more"),
                    why: "not tried, since none of those before opened".into(),
                });
                break;
            }
        }
        Ok((items, skipped))
    }

    /// What an entry holds, or why it doesn't open.
    async fn show(&self, name: &str) -> Result<Result<Zeroizing<String>, String>, ImportError> {
        let mut pass = Command::new("pass");
        // it may start gpg-agent, whose environment an agent can read
        given::keep_from(pass.as_std_mut());
        let mut child = pass
            .args(["show", "--", name])
            .env("PASSWORD_STORE_DIR", &self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                ImportError::Program(format!(
                    "the program pass can't be run: {error}; install it, or put it on the PATH"
                ))
            })?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let mut bytes = Zeroizing::new(Vec::new());
        let mut complaint = Vec::new();
        let reading = async {
            let out = async {
                if let Some(stdout) = stdout {
                    let mut stdout = stdout.take(MAX_ENTRY_BYTES + 1);
                    let _ = stdout.read_to_end(&mut bytes).await;
                }
            };
            let err = async {
                if let Some(stderr) = stderr {
                    let mut stderr = stderr.take(MAX_ENTRY_BYTES);
                    let _ = stderr.read_to_end(&mut complaint).await;
                }
            };
            // all of it is read, or one that writes too much would wait for ever
            let _ = tokio::join!(out, err);
            child.wait().await
        };
        let Ok(ended) = timeout(PATIENCE, reading).await else {
            return Ok(Err(format!(
                "it did not open within {} s",
                PATIENCE.as_secs()
            )));
        };
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_ENTRY_BYTES {
            return Ok(Err(format!("it is larger than {MAX_ENTRY_BYTES} bytes")));
        }
        if !ended.is_ok_and(|status| status.success()) {
            let complaint = String::from_utf8_lossy(&complaint);
            let mut lines = complaint.lines().map(str::trim);
            let last = lines.rfind(|line| !line.is_empty());
            return Ok(Err(match last {
                Some(line) => format!("pass says: {line}"),
                None => "pass doesn't open it".into(),
            }));
        }
        Ok(match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Zeroizing::new(text.to_owned())),
            Err(_) => Err("it holds no text".into()),
        })
    }
}

/// The first line is the secret; what else it may be is named below it.
fn items_of(name: &str, text: &str) -> Vec<Item> {
    let place = format!("pass {name}");
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = first.trim_end_matches('\r');
    let mut items = vec![Item::titled(name, place.as_str(), first)];
    // a whole JSON file is a secret, too
    if text.trim_start().starts_with('{') {
        items.push(Item::titled(name, place.as_str(), text.trim()));
    }
    for note in export::of_notes(name, &place, rest) {
        let is_user = note
            .name
            .rsplit(' ')
            .next()
            .is_some_and(|last| USERS.contains(&last.to_ascii_lowercase().as_str()));
        if is_user {
            let pair = format!("{}:{}", note.value.expose_secret(), first);
            items.push(Item::titled(name, place.as_str(), &pair));
        }
        items.push(note);
    }
    items
}

fn walk(
    root: &Path,
    directory: &Path,
    depth: usize,
    names: &mut Vec<String>,
) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if is_hidden || names.len() >= MAX_ENTRIES {
            continue;
        }
        if kind.is_dir() && depth < MAX_DEPTH {
            walk(root, &path, depth + 1, names)?;
        } else if path.extension() == Some(OsStr::new("gpg"))
            && let Ok(name) = path.with_extension("").strip_prefix(root)
            && let Some(name) = name.to_str()
        {
            names.push(name.to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_s_first_line_is_its_secret_and_a_user_makes_a_pair() {
        let items = items_of("cloud/aws", "s3cret\nuser: AKIA1\nurl: https://x\n");
        let items: Vec<_> = items
            .iter()
            .map(|item| (item.name.as_str(), item.value.expose_secret()))
            .collect();
        assert_eq!(
            items,
            [
                ("cloud/aws", "s3cret"),
                ("cloud/aws", "AKIA1:s3cret"),
                ("cloud/aws user", "AKIA1"),
                ("cloud/aws url", "https://x"),
            ]
        );
    }

    #[test]
    fn a_store_s_names_are_those_of_pass() {
        let directory = tempfile::tempdir().unwrap();
        for file in ["a.gpg", "x/y/b.gpg", ".git/c.gpg", ".gpg-id", "x/d.txt"] {
            let path = directory.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink(directory.path(), directory.path().join("loop")).unwrap();
        let mut names = Vec::new();
        walk(directory.path(), directory.path(), 0, &mut names).unwrap();
        names.sort();
        assert_eq!(names, ["a", "x/y/b"]);
    }
}
