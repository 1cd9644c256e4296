//! What the shim takes from its environment, read once at its start.

use std::path::PathBuf;
use std::sync::Arc;
use std::{env, fmt, str};

use axis_proto::given;
use axis_proto::pages::SecretPages;
use axis_proto::socket::{self, SocketDir, SocketError};

use crate::files::{self, Reach};

/// The name of a shim that was given none.
pub const UNKNOWN_IDENTITY: &str = "unknown";

/// Everything that differs from one shim to the next.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Under which name the agent acts.
    pub identity: Identity,
    /// The broker's socket, or why there is none to be found.
    pub broker_socket: Result<PathBuf, String>,
    /// The owner's socket; a shim that was given one broker socket has none.
    pub admin_socket: Option<PathBuf>,
    /// Whether an axisd may be started where none runs.
    pub autostart: bool,
    /// Where the agent's files may lie, or what is wrong with what says so.
    pub files: Result<Reach, String>,
    /// The master password, for an axisd that never had one.
    pub password: Password,
}

/// The agent's name as the host passed it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A name; whether it is a good one is axisd's to say.
    Named(String),
    /// A variable that the host did not expand.
    Unexpanded(String),
}

/// `AXIS_MASTER_PASSWORD` as the host passed it on.
#[derive(Clone, Debug)]
pub enum Password {
    /// Not set.
    Absent,
    /// Set.
    Given(KeptPassword),
    /// A variable that the host did not expand.
    Unexpanded,
}

/// A password in pages of its own, for as long as the shim lives: each axisd
/// that it starts needs it.
#[derive(Clone)]
pub struct KeptPassword(Arc<SecretPages>);

impl KeptPassword {
    /// The password. Whoever copies it out must wipe the copy.
    pub fn expose(&self) -> &str {
        // a password is made from text only
        str::from_utf8(self.0.bytes()).unwrap_or_default()
    }
}

impl fmt::Debug for KeptPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptPassword")
    }
}

impl Settings {
    /// Reads `AXIS_IDENTITY`, `AXIS_SOCKET`, `AXIS_SOCKET_DIR`, `AXIS_HOME`,
    /// `AXIS_AUTOSTART`, `AXIS_FILES` and `AXIS_MASTER_PASSWORD`.
    pub fn from_env() -> Self {
        let own_socket = has_own_socket();
        Self {
            identity: Identity::parse(&env::var("AXIS_IDENTITY").unwrap_or_default()),
            broker_socket: socket::broker_socket().map_err(|error: SocketError| error.to_string()),
            admin_socket: (!own_socket)
                .then(|| SocketDir::locate().ok().map(|dir| dir.admin()))
                .flatten(),
            autostart: !own_socket && autostart_wanted(),
            files: Reach::parse(&env::var_os(files::VARIABLE).unwrap_or_default()),
            password: Password::from_env(),
        }
    }
}

impl Identity {
    /// An empty name counts as none.
    pub fn parse(text: &str) -> Self {
        match text.trim() {
            "" => Self::Named(UNKNOWN_IDENTITY.to_owned()),
            text if is_unexpanded(text) => Self::Unexpanded(text.to_owned()),
            text => Self::Named(text.to_owned()),
        }
    }

    /// The name, or a sentence that says why there is none.
    pub fn name(&self) -> Result<&str, String> {
        match self {
            Self::Named(name) => Ok(name),
            Self::Unexpanded(text) => Err(format!(
                "AXIS_IDENTITY is {text:?}: the MCP host passed the variable on without expanding it; write the identity itself into the host's configuration, for example AXIS_IDENTITY=local-dev"
            )),
        }
    }
}

impl Password {
    /// Taken out of the environment, where it doesn't stay.
    fn from_env() -> Self {
        let password = given::take("AXIS_MASTER_PASSWORD").map_or(Self::Absent, Self::of);
        given::forget();
        password
    }

    /// An empty password, or one that is no text, counts as none.
    pub fn of(pages: SecretPages) -> Self {
        match str::from_utf8(pages.bytes()) {
            Ok("") | Err(_) => Self::Absent,
            Ok(text) if is_unexpanded(text) => Self::Unexpanded,
            Ok(_) => Self::Given(KeptPassword(Arc::new(pages))),
        }
    }

    /// The password, where one was given.
    pub fn secret(&self) -> Option<&KeptPassword> {
        match self {
            Self::Given(secret) => Some(secret),
            Self::Absent | Self::Unexpanded => None,
        }
    }
}

/// Whether the environment names one broker socket, as a sandbox's does.
pub(crate) fn has_own_socket() -> bool {
    env::var_os("AXIS_SOCKET").is_some_and(|value| !value.is_empty())
}

/// Whether the environment leaves starting a daemon on.
pub(crate) fn autostart_wanted() -> bool {
    env::var_os("AXIS_AUTOSTART").is_none_or(|value| value != "0")
}

/// `${NAME}` as a whole: what hosts pass on when they expand nothing.
fn is_unexpanded(text: &str) -> bool {
    text.starts_with("${") && text.ends_with('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_a_name_unknown_or_an_unexpanded_variable() {
        for (text, expected) in [
            ("", Identity::Named("unknown".into())),
            ("  ", Identity::Named("unknown".into())),
            ("local-dev", Identity::Named("local-dev".into())),
            ("${AXIS_ID}", Identity::Unexpanded("${AXIS_ID}".into())),
            (
                "${env:AXIS_ID}",
                Identity::Unexpanded("${env:AXIS_ID}".into()),
            ),
        ] {
            assert_eq!(Identity::parse(text), expected, "{text:?}");
        }
        let sentence = Identity::parse("${A}").name().unwrap_err();
        assert!(
            sentence.contains("${A}") && sentence.contains("without expanding"),
            "{sentence}"
        );
    }

    #[test]
    fn a_password_is_never_shown_and_an_unexpanded_variable_is_none() {
        let parse = |text: &str| Password::of(SecretPages::copy_of(text.as_bytes()));
        let given = parse("correct horse");
        assert_eq!(given.secret().unwrap().expose(), "correct horse");
        assert!(!format!("{given:?}").contains("horse"));
        assert!(matches!(parse("${PW}"), Password::Unexpanded));
        assert!(matches!(parse(""), Password::Absent));
    }
}
