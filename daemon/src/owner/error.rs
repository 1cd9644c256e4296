//! Why an act of the owner wasn't done.

use std::io;

use super::sealing::SealingError;
use crate::approvals::{MAX_GRANT_S, NotWaiting};
use crate::host::BaseUrlError;
use crate::identities::IdentityError;
use crate::keychain::KeychainError;
use crate::names::ServiceName;
use crate::paths::PathsError;
use crate::sources::{MAX_TTL_S, SourceError, Unread};
use crate::vault::VaultError;

/// Why an act wasn't done.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// The vault said no.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Not in the catalogue.
    #[error("{0}")]
    UnknownService(String),
    /// The text can't be a credential.
    #[error("the credential {problem}")]
    Secret {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The base URL can't be used.
    #[error(transparent)]
    BaseUrl(#[from] BaseUrlError),
    /// Nobody has said that the key may go there.
    #[error(
        "the service {service} isn't built in: its file says that the key goes to {host}, which nobody confirmed; nothing was stored"
    )]
    Unconfirmed {
        /// The service.
        service: ServiceName,
        /// Where its file says it is.
        host: String,
    },
    /// The file has changed since the owner was asked.
    #[error(
        "the file of the service {service} now says that the key goes to {host}, not to {confirmed} as you confirmed; nothing was stored"
    )]
    OtherHost {
        /// The service.
        service: ServiceName,
        /// Where its file says it is.
        host: String,
        /// What the owner was shown.
        confirmed: String,
    },
    /// A credential can't be kept where its owner wants to.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It could not be read there now.
    #[error("the credential can't be read where it is kept, so nothing was stored: {0}")]
    SourceUnread(Unread),
    /// Nobody has said that this may be run.
    #[error("nobody confirmed that `{command}` is to be run; nothing was stored")]
    UnconfirmedCommand {
        /// What would be run.
        command: String,
    },
    /// A value that is used for ever needn't be read.
    #[error("a credential that was read is used for {MAX_TTL_S} s (24 h) at most, not {ttl_s} s")]
    TtlTooLong {
        /// How long it was to be used.
        ttl_s: u64,
    },
    /// A shim may not undo the owner's lock.
    #[error("the owner has locked the vault")]
    LockedByOwner,
    /// Nothing is done that can't be recorded.
    #[error("nothing was done, since it can't be put on record: {0}")]
    Unrecordable(String),
    /// The log can't be read, so the keystore's age can't be told.
    #[error("the audit log can't be read, so whether the keystore is the newest can't be told")]
    LogUnreadable,
    /// The log can't be shown.
    #[error("the audit log can't be read: {0}")]
    Logs(#[from] io::Error),
    /// Some of the log can't be read; what can was given.
    #[error("lines may be missing, since not all of the audit log can be read: {0}")]
    Unread(io::Error),
    /// As many read the log as may.
    #[error("others read the audit log now, as many as may at once; try again when they are done")]
    LogBusy,
    /// The log isn't read to its end.
    #[error("axisd ends: lines are missing after these")]
    Stopping,
    /// A directory or the default policy can't be made.
    #[error(transparent)]
    Files(#[from] PathsError),
    /// Nothing waits under an id.
    #[error(transparent)]
    NotWaiting(#[from] NotWaiting),
    /// None, or more than one entry of the password decides.
    #[error("{count} approvals can't be answered at once; name 1 to {most}")]
    ApprovalCount {
        /// The most.
        most: usize,
        /// How many were named.
        count: usize,
    },
    /// What is to last that long is no approval.
    #[error(
        "an approval can last {MAX_GRANT_S} s (24 h) at most, not {lasts_s} s; what is to be allowed for longer is a rule of the policy, with `until`"
    )]
    GrantTooLong {
        /// How long it was to last.
        lasts_s: u64,
    },
    /// An agent needn't read that much.
    #[error("the reason is longer than {most} characters")]
    ReasonTooLong {
        /// The most.
        most: usize,
    },
    /// Nothing was sealed or unsealed.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// It is about an identity's own socket.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The OS keychain didn't do it.
    #[error(transparent)]
    Keychain(#[from] KeychainError),
    /// A task of axisd's own failed.
    #[error("axisd failed in this request; its log says more")]
    Crashed,
}

impl OwnerError {
    /// What to do, where the message doesn't say.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unread(_) => Some("axis logs verify"),
            Self::SourceUnread(_) => {
                Some("make it readable there, or store it unread with --no-check")
            }
            Self::LockedByOwner => Some("axis unlock"),
            Self::NotWaiting(_) => Some("axis approvals"),
            Self::Sealing(SealingError::Changed | SealingError::NotSealed) => {
                Some("axis policy seal")
            }
            Self::Keychain(error) => Some(error.fix()),
            Self::Unrecordable(_) | Self::LogUnreadable => Some("axis doctor"),
            _ => None,
        }
    }
}
