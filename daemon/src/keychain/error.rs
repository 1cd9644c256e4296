//! Why the OS keychain doesn't do what it was asked for.

use std::time::Duration;

/// Where else the master password may come from.
const OTHERWISE: &str = "without a keychain: axis unlock, AXIS_MASTER_PASSWORD, or the credential axis-master-password of a systemd service";

/// Why the keychain can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeychainError {
    /// Nobody is there to be asked.
    #[error("there is no OS keychain here: {0}")]
    Unreachable(String),
    /// It took the question and gave no answer.
    #[error("the OS keychain didn't answer within {} s", after.as_secs())]
    Silent {
        /// How long it was waited for.
        after: Duration,
    },
    /// It is locked, and nobody unlocked it; or it said no.
    #[error("the OS keychain is locked, or refuses: {0}")]
    Locked(String),
    /// More than one entry is this vault's.
    #[error(
        "the OS keychain keeps {0} passwords for this vault, and which one counts can't be told"
    )]
    Ambiguous(usize),
    /// What it keeps can't be a master password.
    #[error("what the OS keychain keeps for this vault can't be a master password")]
    Unreadable,
    /// It took the password and doesn't give it back.
    #[error("the OS keychain took the master password, but doesn't give it back")]
    NotKept,
    /// daemon.yaml says so.
    #[error("daemon.yaml says `keychain: false`: the OS keychain is not asked")]
    TurnedOff,
    /// Something else went wrong.
    #[error("the OS keychain failed: {0}")]
    Failed(String),
}

impl KeychainError {
    /// What to do.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Unreachable(_) | Self::Silent { .. } | Self::Failed(_) => OTHERWISE,
            Self::Locked(_) => {
                "unlock the keychain (log in at the desktop, or gnome-keyring-daemon --unlock), or do without it: axis unlock, AXIS_MASTER_PASSWORD, or the credential axis-master-password of a systemd service"
            }
            Self::Ambiguous(_) | Self::Unreadable | Self::NotKept => {
                "axis keychain delete, then axis keychain set"
            }
            Self::TurnedOff => "remove `keychain: false` from daemon.yaml",
        }
    }
}
