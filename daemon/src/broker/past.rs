//! What the audit log knows of calls made before, for the limits.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use super::Broker;
use crate::names::{Identity, ServiceName};
use crate::policy::{PastCall, Policy};

/// The least that limits look back: the window of a rate limit.
const RATE_WINDOW: Duration = Duration::from_mins(1);

impl Broker {
    /// Lets the limits know the calls that the audit log has on record, as far
    /// back as the policy looks; again, further back, when a later policy
    /// looks further. Blocking: it reads the log.
    pub fn remember_calls(&self) {
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let current = self.policy.current();
        let policy = current.policy.as_deref();
        let longest_ttl = policy.map(Policy::longest_ttl);
        let needed = longest_ttl.unwrap_or_default().max(RATE_WINDOW);
        if remembered.is_some_and(|known| needed <= known) {
            return;
        }
        let wall = self.clock.wall();
        let history = self
            .audit
            .history(wall.saturating_sub(needed).unwrap_or(wall));
        let now = self.clock.monotonic();
        if !history.intact {
            warn!("the audit log is not whole: every limit and cooldown counts as just used");
            self.limits.assume_used(now);
        }
        let past = history.calls.into_iter().filter_map(|call| {
            let started_ago = ago(wall, call.started_at);
            // what was remembered before is not counted twice
            if remembered.is_some_and(|known| started_ago <= known) {
                return None;
            }
            Some(PastCall {
                identity: Identity::parse(&call.identity).ok()?,
                service: ServiceName::parse(&call.service).ok()?,
                action: call.action,
                started_ago,
                // one whose end isn't on record may have ended just now
                succeeded_ago: call
                    .succeeded
                    .then(|| ago(wall, call.ended_at.unwrap_or(wall))),
            })
        });
        self.limits.rebuild(policy, past, now);
        *remembered = Some(needed);
        self.ready.store(true, Ordering::Release);
        info!(
            seconds = needed.as_secs(),
            "limits know the calls made before"
        );
    }

    /// The same after a change of the policy: nothing to do while the vault was
    /// never open, since that is when the log is read first.
    pub fn remember_further(&self) {
        if self.ready.load(Ordering::Acquire) {
            self.remember_calls();
        }
    }
}

/// How long ago `at` was when the wall clock is at `wall`. What has yet to come
/// by it, since it was set back, counts as of just now.
fn ago(wall: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(wall.duration_since(at)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_makes_no_call_older_than_it_is() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let made = at("2026-01-15T10:30:00Z");
        let minute = Duration::from_mins(1);
        for (wall, expected) in [
            ("2026-01-15T10:31:00Z", minute),
            ("2026-01-15T10:30:00Z", Duration::ZERO),
            ("2026-01-15T10:20:00Z", Duration::ZERO),
            ("1970-01-01T00:00:00Z", Duration::ZERO),
        ] {
            assert_eq!(ago(at(wall), made), expected, "{wall}");
        }
    }
}
