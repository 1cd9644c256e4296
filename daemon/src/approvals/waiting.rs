//! One call that waits for an answer, alone or with others that ask the same.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::Approvals;
use super::entry::{Taken, Verdict};
use super::question::{ApprovalId, Question};
use super::standing::Joined;

/// What lets a host's window answer one question: nobody else knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostKey(u128);

impl HostKey {
    /// The key in those bytes; none where there aren't 16.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        bytes
            .try_into()
            .ok()
            .map(|it| Self(u128::from_be_bytes(it)))
    }

    /// Its bytes.
    pub fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

/// How a wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The call may go out, once, under this approval.
    Approved(ApprovalId),
    /// The owner said no; the reason may be empty.
    Rejected {
        /// In the owner's words.
        reason: String,
    },
    /// Nobody said anything for that long.
    Expired {
        /// How long.
        after: Duration,
    },
    /// The vault was locked meanwhile.
    Locked,
    /// It was approved, and another call that asked the same went out.
    Taken,
    /// Still nothing, and the call can't wait longer.
    Pending,
}

/// A call that waits. It is to end in [`Waiting::leave`]; dropped without, the
/// question stays until its time is over.
pub struct Waiting {
    approvals: Approvals,
    id: ApprovalId,
    question: Arc<Question>,
    is_new: bool,
    epoch: u64,
}

impl Waiting {
    pub(super) fn new(approvals: Approvals, joined: Joined, epoch: u64) -> Self {
        Self {
            approvals,
            id: joined.id,
            question: joined.question,
            is_new: joined.is_new,
            epoch,
        }
    }

    /// The question's id.
    pub fn id(&self) -> &ApprovalId {
        &self.id
    }

    /// The question, as it was asked first.
    pub fn question(&self) -> &Arc<Question> {
        &self.question
    }

    /// Whether this call is the one that asked first.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// A key with which the window of this call's host may answer, too.
    pub fn host_key(&self) -> HostKey {
        // a version-4 UUID is 122 bits of the system's randomness
        let key = HostKey(Uuid::new_v4().as_u128());
        self.approvals
            .standing()
            .let_host_answer(self.question.binding, &self.id, key);
        key
    }

    /// Waits for the answer, at most as long as `patience`.
    pub async fn answer(&self, patience: Option<Duration>) -> Ended {
        let until = patience.map(|patience| Instant::now() + patience);
        let mut changes = self.approvals.changes();
        loop {
            changes.mark_unchanged();
            if let Some(ended) = self.look() {
                return ended;
            }
            let impatience = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // its sender lives as long as `approvals`
                _ = changes.changed() => {}
                () = impatience => return self.look().unwrap_or(Ended::Pending),
            }
        }
    }

    /// Waits no more. Whether that withdraws the question: nobody else waits
    /// for its answer, and the client isn't to `come_back` for it.
    pub fn leave(self, comes_back: bool) -> bool {
        let mut standing = self.approvals.standing();
        if standing.epoch() != self.epoch {
            return false;
        }
        let withdrawn = standing.leave(self.question.binding, &self.id, comes_back);
        drop(standing);
        if withdrawn {
            self.approvals.changed();
        }
        withdrawn
    }

    fn look(&self) -> Option<Ended> {
        let moment = self.approvals.moment();
        let mut standing = self.approvals.standing();
        if standing.epoch() != self.epoch {
            return Some(Ended::Locked);
        }
        if let Some(grant) = standing.grant_for(&self.question, moment.now) {
            return Some(Ended::Approved(grant));
        }
        match standing.take_verdict(self.question.binding, &self.id, moment) {
            Taken::Nothing => None,
            Taken::Gone => Some(Ended::Taken),
            Taken::Said(Verdict::Approved) => Some(Ended::Approved(self.id.clone())),
            Taken::Said(Verdict::Rejected { reason }) => Some(Ended::Rejected { reason }),
            Taken::Said(Verdict::Expired { after }) => Some(Ended::Expired { after }),
        }
    }
}
