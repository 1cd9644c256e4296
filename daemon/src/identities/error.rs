//! Why an identity got no socket of its own, or kept it.

use std::path::PathBuf;

use axis_proto::socket::SocketError;

use super::MAX_SOCKETS;
use crate::names::Identity;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// It has one.
    #[error("the identity {identity} has a socket of its own already, in {directory}")]
    Exists {
        /// The identity.
        identity: Identity,
        /// What is mounted for it.
        directory: PathBuf,
    },
    /// It has none.
    #[error("the identity {identity} has no socket of its own{}", near.as_deref().map(|near| format!(". {near}")).unwrap_or_default())]
    Unknown {
        /// The identity.
        identity: Identity,
        /// What may have been meant.
        near: Option<String>,
    },
    /// More than are served.
    #[error("{MAX_SOCKETS} identities have a socket of their own, and more are not served")]
    TooMany,
    /// `--uid` is for others.
    #[error("{uid} is your own uid, which comes in anyway: leave it out")]
    OwnUid {
        /// The uid.
        uid: u32,
    },
    /// The socket can't be where it would have to be.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// A later Axis wrote it.
    #[error(
        "what the vault holds of the identities' sockets can't be read ({0}): was it written by a newer Axis?"
    )]
    Unreadable(#[from] serde_json::Error),
    /// The list makes no text.
    #[error("the list of the identities' sockets can't be written: {0}")]
    Unwritable(serde_json::Error),
}
