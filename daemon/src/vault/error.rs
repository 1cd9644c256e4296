//! What goes wrong in the vault, said to the owner.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;

use super::fault::Fault;
use super::previous::KEPT_DAYS;
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
    /// The secret isn't in the vault, and who asked can't read it elsewhere.
    #[error("the secret of {name} is read from another program, which this use of it can't be")]
    Elsewhere {
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
    /// A rotation to the password that the vault has.
    #[error("the new master password is the old one: choose another")]
    SamePassword,
    /// The password was right when the call came, and another call changed it.
    #[error(
        "the master password was changed by another `axis rotate` in the meantime: nothing else was changed"
    )]
    Rotated,
    /// Nothing that an undo could bring back.
    #[error(
        "there is no previous value of {name}: `axis add --replace` keeps the one that it replaces, for {KEPT_DAYS} days"
    )]
    NothingToUndo {
        /// The credential.
        name: CredentialName,
    },
    /// What an undo could have brought back was kept long enough.
    #[error(
        "the previous value of {name} was kept for {KEPT_DAYS} days, until {until}, and is gone"
    )]
    UndoExpired {
        /// The credential.
        name: CredentialName,
        /// Until when.
        until: Timestamp,
    },
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
    /// No number comes after the generation on record.
    #[error(
        "the audit log gives the keystore the highest generation there is, which someone made up, so nothing was written: run `axis unlock --accept-older`, or move the log away before `axis init`"
    )]
    NoGeneration,
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

impl VaultError {
    /// Whether a guess at the master password ends this way.
    #[must_use]
    pub fn is_wrong_password(&self) -> bool {
        matches!(self, Self::WrongPassword | Self::Rotated)
    }
}

fn add_arguments(name: &CredentialName) -> String {
    match &name.label {
        None => name.service.to_string(),
        Some(label) => format!("{} --label {label}", name.service),
    }
}
