//! Calls that wait for the owner's word, and the grants that spare later ones
//! the wait.
//!
//! [`Approvals`] is the whole of it, in memory alone: a lock or the daemon's end
//! forgets all. `question` is what the owner is asked, `waiting` a call that
//! waits, `standing` what is asked and granted at a moment, one `entry` a
//! question, `notifier` the desktop's notice.

mod entry;
mod error;
mod notifier;
mod question;
mod standing;
mod waiting;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

pub use self::error::{NotWaiting, TooMany};
pub use self::notifier::Notifier;
pub use self::question::{ApprovalId, Binding, Question};
pub use self::standing::{Grant, Lapsed, Open};
pub use self::waiting::{Ended, HostKey, Waiting};

use self::standing::{Moment, Standing};
use crate::clock::Clock;
use crate::names::Identity;

/// Longest grant, in seconds: what is to last longer is a rule of the policy.
pub const MAX_GRANT_S: u64 = 24 * 60 * 60;

/// All approvals of one axisd. Clones are the same.
#[derive(Clone)]
pub struct Approvals(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    timeout_ms: AtomicU64,
    standing: Mutex<Standing>,
    /// Counts what those who wait or look on want to know of.
    changes: watch::Sender<u64>,
}

/// What became of a question.
pub enum Asked {
    /// A grant covers it.
    Granted(ApprovalId),
    /// It waits, or its answer waits for it.
    Waiting(Waiting),
}

impl Approvals {
    /// Nothing asked yet; a question waits for at most `timeout`.
    pub fn new(clock: Arc<dyn Clock>, timeout: Duration) -> Self {
        let approvals = Self(Arc::new(Shared {
            clock,
            timeout_ms: AtomicU64::new(0),
            standing: Mutex::default(),
            changes: watch::channel(0).0,
        }));
        approvals.set_timeout(timeout);
        approvals
    }

    /// How long a question waits from now on.
    pub fn set_timeout(&self, timeout: Duration) {
        let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.0.timeout_ms.store(ms, Ordering::Relaxed);
    }

    /// How long a question waits.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.0.timeout_ms.load(Ordering::Relaxed))
    }

    /// Asks the owner, or joins those who asked the same already.
    ///
    /// # Errors
    /// So much waits already, or was asked in the last minute, that nobody
    /// could look at this, too.
    pub fn ask(&self, question: Question) -> Result<Asked, TooMany> {
        let moment = self.moment();
        let mut standing = self.standing();
        if let Some(grant) = standing.grant_for(&question, moment.now) {
            return Ok(Asked::Granted(grant));
        }
        let joined = standing.join(question, moment)?;
        let epoch = standing.epoch();
        drop(standing);
        if joined.is_new {
            self.changed();
        }
        Ok(Asked::Waiting(Waiting::new(self.clone(), joined, epoch)))
    }

    /// What waits, the oldest first.
    pub fn open(&self) -> Vec<Open> {
        self.standing().open(self.0.clock.monotonic())
    }

    /// The grants in force, the oldest first.
    pub fn grants(&self) -> Vec<Grant> {
        self.standing().grants(self.0.clock.monotonic())
    }

    /// Whether all of `ids` wait.
    ///
    /// # Errors
    /// One doesn't.
    pub fn check(&self, ids: &[ApprovalId]) -> Result<(), NotWaiting> {
        let now = self.0.clock.monotonic();
        self.standing().check(ids, now)
    }

    /// Lets all of `ids` go on, or none; with `lasting` also what the same
    /// identity asks of the same action for so long.
    ///
    /// # Errors
    /// One doesn't wait.
    pub fn approve(
        &self,
        ids: &[ApprovalId],
        lasting: Option<Duration>,
    ) -> Result<Vec<Arc<Question>>, NotWaiting> {
        let moment = self.moment();
        let approved = self.standing().approve(ids, lasting, moment)?;
        self.changed();
        Ok(approved)
    }

    /// Says no to all of `ids`, or to none; a grant's id ends the grant.
    ///
    /// # Errors
    /// One neither waits nor is a grant's.
    pub fn reject(
        &self,
        ids: &[ApprovalId],
        reason: &str,
    ) -> Result<Vec<(ApprovalId, Arc<Question>)>, NotWaiting> {
        let now = self.0.clock.monotonic();
        let rejected = self.standing().reject(ids, reason, now, self.timeout())?;
        self.changed();
        Ok(rejected)
    }

    /// The answer from the window of an MCP host that was asked with `key`.
    ///
    /// # Errors
    /// It doesn't wait, or nobody was asked with that key.
    pub fn answer_by_host(
        &self,
        id: &ApprovalId,
        key: &HostKey,
        approved: bool,
    ) -> Result<Arc<Question>, NotWaiting> {
        let now = self.0.clock.monotonic();
        let question = self
            .standing()
            .answer_by_host(id, key, approved, now, self.timeout())?;
        self.changed();
        Ok(question)
    }

    /// Forgets all: the vault is locked. How many questions and grants there
    /// were.
    pub fn clear(&self) -> (usize, usize) {
        let cleared = self.standing().clear();
        self.changed();
        cleared
    }

    /// Forgets what came over the own socket of `identity`, which is removed.
    pub fn forget(&self, identity: &Identity) {
        self.standing().forget(identity);
        self.changed();
    }

    /// To be called once a second: ends what nobody answered, and what was
    /// approved and never used.
    pub fn sweep(&self) -> Vec<Lapsed> {
        let now = self.0.clock.monotonic();
        let lapsed = self.standing().sweep(now, self.timeout());
        if !lapsed.is_empty() {
            self.changed();
        }
        lapsed
    }

    /// Hears of each change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    fn moment(&self) -> Moment {
        Moment {
            now: self.0.clock.monotonic(),
            wall: self.0.clock.wall(),
            timeout: self.timeout(),
        }
    }

    fn changed(&self) {
        self.0.changes.send_modify(|count| *count += 1);
    }

    // each change under the lock is whole before it is let go
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.0
            .standing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
