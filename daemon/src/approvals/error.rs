//! Why something about an approval isn't done.

use super::question::ApprovalId;

/// Most questions of one identity in a minute, answered or withdrawn ones
/// included.
pub(super) const MAX_ASKED_A_MINUTE: usize = 30;

/// Why a question wasn't taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooMany {
    /// Too many wait.
    #[error("{waiting} calls wait for the owner's approval already, and no more are taken")]
    Waiting {
        /// How many.
        waiting: usize,
    },
    /// The params of those that wait are too long together.
    #[error("the calls that wait hold more params than could be looked at")]
    Bytes,
    /// Too many were asked in the last minute.
    #[error(
        "too many approvals were asked for in the last minute ({MAX_ASKED_A_MINUTE} are the most of one identity)"
    )]
    Asked {
        /// Seconds until it may ask again.
        retry_after_s: u64,
    },
}

/// An id that names nothing that could be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no call waits under {:?}: it was answered, withdrawn or timed out, or never asked", .id.as_str()
)]
pub struct NotWaiting {
    /// The id.
    pub id: ApprovalId,
}
