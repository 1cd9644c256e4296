//! One question, and what was said to it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::question::{ApprovalId, Question};
use super::standing::{Lapsed, Open};
use super::waiting::HostKey;

/// What was said to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Approved,
    Rejected { reason: String },
    Expired { after: Duration },
}

/// A question, and what was said to it.
pub(super) struct Entry {
    pub id: ApprovalId,
    pub question: Arc<Question>,
    pub asked_at: Timestamp,
    pub expires_at: Timestamp,
    pub expires: Duration,
    /// And until when it is kept for a call that comes for it.
    pub verdict: Option<(Verdict, Duration)>,
    pub waiting: usize,
    pub hosts: Vec<HostKey>,
}

/// What one of the waiting calls finds.
pub(super) enum Taken {
    /// Nothing was said yet.
    Nothing,
    /// This, and it is for this call.
    Said(Verdict),
    /// The question is gone: another call took the answer.
    Gone,
}

impl Entry {
    pub fn is_open(&self, now: Duration) -> bool {
        self.verdict.is_none() && now < self.expires
    }

    pub fn shown(&self) -> Open {
        Open {
            id: self.id.clone(),
            question: Arc::clone(&self.question),
            asked_at: self.asked_at,
            expires_at: self.expires_at,
        }
    }

    pub fn lapsed(&self, was_approved: bool) -> Lapsed {
        Lapsed {
            id: self.id.clone(),
            question: Arc::clone(&self.question),
            was_approved,
        }
    }
}
