//! The owner's word on calls that wait.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tracing::info;

use super::{Owner, OwnerError};
use crate::approvals::{ApprovalId, MAX_GRANT_S, Question};
use crate::audit::{Peer, Stage};
use crate::broker::Answered;

/// Most approvals that one entry of the password decides.
const MAX_AT_ONCE: usize = 64;
/// Longest reason of a rejection, in characters.
const MAX_REASON_CHARS: usize = 500;

impl Owner {
    /// Lets the calls of all `ids` go out, or none; `lasts_s` above 0 also what
    /// the same identity asks of the same action for so many seconds.
    pub async fn approve(
        &self,
        password: SecretString,
        ids: &[ApprovalId],
        lasts_s: u64,
        by: &Peer,
    ) -> Result<Vec<Arc<Question>>, OwnerError> {
        check_count(ids)?;
        if lasts_s > MAX_GRANT_S {
            return Err(OwnerError::GrantTooLong { lasts_s });
        }
        self.recordable()?;
        // a mistyped id is told before a derivation is spent on it
        self.broker.approvals.check(ids)?;
        self.verify_password(password, by).await?;
        let lasts = (lasts_s > 0).then(|| Duration::from_secs(lasts_s));
        let approved = self.broker.approvals.approve(ids, lasts)?;
        for (id, question) in ids.iter().zip(&approved) {
            let answered = Answered {
                lasts,
                ..Answered::by_owner(Stage::Approved, by)
            };
            self.broker.record_answer(id, question, &answered);
        }
        info!(calls = approved.len(), "the owner approved");
        Ok(approved)
    }

    /// Says no to the calls of all `ids`, or to none; a grant's id ends it. How
    /// many calls and grants that were.
    pub fn reject(&self, ids: &[ApprovalId], reason: &str, by: &Peer) -> Result<usize, OwnerError> {
        check_count(ids)?;
        let reason = reason.trim();
        if reason.chars().count() > MAX_REASON_CHARS {
            return Err(OwnerError::ReasonTooLong {
                most: MAX_REASON_CHARS,
            });
        }
        let rejected = self.broker.approvals.reject(ids, reason)?;
        for (id, question) in &rejected {
            let answered = Answered {
                reason: (!reason.is_empty()).then_some(reason),
                ..Answered::by_owner(Stage::Rejected, by)
            };
            self.broker.record_answer(id, question, &answered);
        }
        info!(calls = rejected.len(), "the owner rejected");
        Ok(rejected.len())
    }
}

fn check_count(ids: &[ApprovalId]) -> Result<(), OwnerError> {
    if (1..=MAX_AT_ONCE).contains(&ids.len()) {
        return Ok(());
    }
    Err(OwnerError::ApprovalCount {
        most: MAX_AT_ONCE,
        count: ids.len(),
    })
}
