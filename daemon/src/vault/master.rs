//! Where axisd finds its master password at start, before anyone types it: a
//! pipe from whoever started it, else a service manager's credential file, else
//! its environment.

use std::env;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use axis_proto::given;
use axis_proto::system;
use secrecy::SecretString;
use zeroize::Zeroizing;

/// Longest master password, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 1024;
/// The file's name in `$CREDENTIALS_DIRECTORY`.
pub const CREDENTIAL_FILE: &str = "axis-master-password";
/// The variable in axisd's own environment.
const VARIABLE: &str = "AXIS_MASTER_PASSWORD";

/// Why a source's master password can't be used. Its text is never repeated.
#[derive(Debug, thiserror::Error)]
pub enum MasterError {
    /// Standard input is no pipe.
    #[error(
        "the master password was to come through a pipe, but standard input is a terminal: start axisd without it and run `axis unlock`"
    )]
    Terminal,
    /// Nothing in it.
    #[error("the master password from {source_name} is empty")]
    Empty {
        /// Which source.
        source_name: String,
    },
    /// More than 1024 bytes.
    #[error(
        "the master password from {source_name} is longer than 1024 bytes: is it the right one?"
    )]
    TooLong {
        /// Which source.
        source_name: String,
    },
    /// Not UTF-8, or with a line break in it.
    #[error("the master password from {source_name} is not one line of UTF-8 text")]
    NotText {
        /// Which source.
        source_name: String,
    },
    /// A shell variable that was passed on as it stood.
    #[error(
        "the master password from {source_name} is a variable that nobody expanded (${{…}}): set the variable, or remove it from the MCP host's configuration"
    )]
    Unexpanded {
        /// Which source.
        source_name: String,
    },
    /// The system refused to read it.
    #[error("can't read the master password from {source_name}: {source}")]
    Io {
        /// Which source.
        source_name: String,
        /// The system's word.
        source: io::Error,
    },
}

/// The master password, if a source has one: standard input where `stdin` says
/// that it is handed over there, else `$CREDENTIALS_DIRECTORY`, else
/// `AXIS_MASTER_PASSWORD`, which is forgotten then.
///
/// # Errors
/// A source has something that can't be a master password; the next source is
/// not tried then.
pub fn from_sources(stdin: bool) -> Result<Option<SecretString>, MasterError> {
    let given = given::take(VARIABLE);
    given::forget();
    if stdin {
        return from_pipe().map(Some);
    }
    let directory = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    if let Some(directory) = directory.filter(|it| it.is_absolute())
        && let Some(password) = from_directory(&directory)?
    {
        return Ok(Some(password));
    }
    match given {
        Some(given) if !given.bytes().is_empty() => {
            read_password(given.bytes(), VARIABLE).map(Some)
        }
        _ => Ok(None),
    }
}

fn from_pipe() -> Result<SecretString, MasterError> {
    if io::stdin().is_terminal() {
        return Err(MasterError::Terminal);
    }
    let name = "standard input";
    // Not through Stdin: its buffer would keep a copy for good.
    let pipe = system::unbuffered_stdin().map_err(|source| MasterError::Io {
        source_name: name.into(),
        source,
    })?;
    read_password(pipe, name)
}

fn from_directory(directory: &Path) -> Result<Option<SecretString>, MasterError> {
    let path = directory.join(CREDENTIAL_FILE);
    let name = path.display().to_string();
    match File::open(&path) {
        Ok(file) => read_password(file, &name).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(MasterError::Io {
            source_name: name,
            source,
        }),
    }
}

/// Reads to the end; one line break at the end is not part of the password.
fn read_password(mut from: impl Read, source_name: &str) -> Result<SecretString, MasterError> {
    let source_name = || source_name.to_owned();
    // Two bytes for the line break, and one to see that there is more.
    let mut bytes = Zeroizing::new([0; MAX_PASSWORD_BYTES + 3]);
    let mut length = 0;
    while length < bytes.len() {
        match from.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => {
                return Err(MasterError::Io {
                    source_name: source_name(),
                    source,
                });
            }
        }
    }
    let line = &bytes[..length];
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > MAX_PASSWORD_BYTES {
        return Err(MasterError::TooLong {
            source_name: source_name(),
        });
    }
    let text = std::str::from_utf8(line).ok();
    let text = text.filter(|text| !text.contains(['\n', '\r', '\0']));
    match text {
        None => Err(MasterError::NotText {
            source_name: source_name(),
        }),
        Some("") => Err(MasterError::Empty {
            source_name: source_name(),
        }),
        Some(text) if text.starts_with("${") && text.ends_with('}') => {
            Err(MasterError::Unexpanded {
                source_name: source_name(),
            })
        }
        Some(text) => Ok(SecretString::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    type Expected = fn(&MasterError) -> bool;

    fn read(bytes: &[u8]) -> Result<String, MasterError> {
        let password = read_password(bytes, "a test")?;
        Ok(password.expose_secret().to_owned())
    }

    #[test]
    fn one_line_break_at_the_end_is_not_part_of_the_password() {
        let longest = "p".repeat(MAX_PASSWORD_BYTES);
        for (given, password) in [
            ("correct horse", "correct horse"),
            ("correct horse\n", "correct horse"),
            ("correct horse\r\n", "correct horse"),
            (" spaces stay ", " spaces stay "),
            ("pass${word}", "pass${word}"),
            (&format!("{longest}\r\n"), &longest),
        ] {
            assert_eq!(read(given.as_bytes()).unwrap(), password);
        }
    }

    #[test]
    fn what_can_be_no_password_is_an_error_that_does_not_repeat_it() {
        let too_long = "hunter2".repeat(200);
        let cases: [(&[u8], Expected); 6] = [
            (b"", |e| matches!(e, MasterError::Empty { .. })),
            (b"\n", |e| matches!(e, MasterError::Empty { .. })),
            (b"hunter2\xff", |e| matches!(e, MasterError::NotText { .. })),
            (b"hunter2\nhunter2\n", |e| {
                matches!(e, MasterError::NotText { .. })
            }),
            (b"${hunter2}\n", |e| {
                matches!(e, MasterError::Unexpanded { .. })
            }),
            (too_long.as_bytes(), |e| {
                matches!(e, MasterError::TooLong { .. })
            }),
        ];
        for (given, is_expected) in cases {
            let error = read(given).unwrap_err();
            assert!(is_expected(&error), "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert!(error.to_string().contains("a test"), "{error}");
        }
    }

    #[test]
    fn a_service_managers_file_is_read_where_there_is_one() {
        let directory = tempfile::tempdir().unwrap();
        assert!(from_directory(directory.path()).unwrap().is_none());
        std::fs::write(directory.path().join(CREDENTIAL_FILE), "battery staple\n").unwrap();
        let password = from_directory(directory.path()).unwrap().unwrap();
        assert_eq!(password.expose_secret(), "battery staple");
    }
}
