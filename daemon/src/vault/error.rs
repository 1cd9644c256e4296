//! What goes wrong in the vault, said to the owner.

use std::io;
use std::path::PathBuf;

use super::fault::Fault;
use super::state::WhyLocked;
use super::{MAX_SECRET_BYTES, MIN_PASSWORD_CHARACTERS};
use crate::names::CredentialName;

/// Why the vault didn't do what was asked. Nothing was written, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// No keystore yet.
    #[error("there is no keystore at {path} yet: run `axis init`")]
    Absent {
        /// Where it would be.
        path: PathBuf,
    },
    /// The vault is locked, and why.
    #[error("the vault is locked: {0}")]
    Locked(WhyLocked),
    /// Nothing is stored under that name.
    #[error(
        "no credential {name} is stored: add it with `axis add {}`",
        add_arguments(name)
    )]
    NoCredential {
        /// What was asked for.
        name: CredentialName,
    },
    /// The master password doesn't open the vault key.
    #[error(
        "the master password is wrong (if you are sure of it, the head of the keystore was edited: put a backup back)"
    )]
    WrongPassword,
    /// `init` where a keystore is.
    #[error("there is a keystore at {path} already; it was left as it is")]
    KeystoreExists {
        /// Where.
        path: PathBuf,
    },
    /// `add` without replace, of a name that is taken.
    #[error(
        "a credential {name} is stored already: give --replace to put the new one in its place"
    )]
    CredentialExists {
        /// The name.
        name: CredentialName,
    },
    /// A new master password of fewer than eight characters.
    #[error(
        "the master password has {characters} characters: at least {MIN_PASSWORD_CHARACTERS} are needed"
    )]
    PasswordTooShort {
        /// How many it has.
        characters: usize,
    },
    /// A new master password that could never be handed over.
    #[error("the master password is longer than 1024 bytes: choose a shorter one")]
    PasswordTooLong,
    /// An empty secret.
    #[error("the secret for {name} is empty: nothing was stored")]
    EmptySecret {
        /// For which credential.
        name: CredentialName,
    },
    /// A secret of more than [`MAX_SECRET_BYTES`].
    #[error(
        "the secret for {name} has {bytes} bytes, more than the {MAX_SECRET_BYTES} that a credential may have"
    )]
    SecretTooLong {
        /// For which credential.
        name: CredentialName,
        /// Its size.
        bytes: usize,
    },
    /// A credential that could be sent nowhere.
    #[error("the credential {name} has no host that it may be sent to: give --base-url")]
    NoHost {
        /// The credential.
        name: CredentialName,
    },
    /// The keystore would outgrow what is read back.
    #[error("the keystore would be larger than 16 MiB: revoke credentials that are not needed")]
    Full,
    /// Someone else wrote the file since this vault read it.
    #[error(
        "the keystore {path} was changed on disk since axisd read it, and was left as it is: run `axis unlock` to read it anew"
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The file isn't what it should be.
    #[error("the keystore {path} {fault}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The file or its directory is open to others, or isn't what it seems.
    #[error("{path} {problem}: {fix}")]
    Unsafe {
        /// The file or its directory.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What mends it.
        fix: String,
    },
    /// Another process holds the keystore's lock file.
    #[error("another process is writing the keystore (it holds {path}): try again when it is done")]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
    /// Attempts queue up, as a guesser's would.
    #[error("too many attempts with the master password are waiting: try again in a minute")]
    TooManyAttempts,
    /// `lock` came while the vault was being unlocked.
    #[error("the vault was locked again while it was being unlocked")]
    LockedMeanwhile,
    /// The system refused to read or write.
    #[error("can't {action} {path}: {source}")]
    Io {
        /// What was tried, such as "write".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The system has no randomness to give.
    #[error("the system gave no random bytes ({0}); nothing was stored")]
    NoRandomness(#[from] getrandom::Error),
    /// The daemon is going down.
    #[error("axisd is stopping: try again when it runs")]
    Stopping,
}

fn add_arguments(name: &CredentialName) -> String {
    match &name.label {
        None => name.service.to_string(),
        Some(label) => format!("{} --label {label}", name.service),
    }
}
