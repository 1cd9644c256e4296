//! A call between its start and its end: whatever becomes of its code, its end
//! comes on record, and it is counted while it lasts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Broker;
use super::outcome::Code;
use crate::audit::{self, Audit, Started};
use crate::clock::Clock;

/// A call that is on record as started and not yet as finished.
pub(super) struct Underway<'a> {
    audit: &'a Audit,
    clock: &'a dyn Clock,
    record: Option<Started>,
    began: Duration,
}

impl<'a> Underway<'a> {
    /// A call that `record` says has started; it arrived at `began`.
    pub(super) fn new(broker: &'a Broker, record: Started, began: Duration) -> Self {
        Self {
            audit: &broker.audit,
            clock: &*broker.clock,
            record: Some(record),
            began,
        }
    }

    /// Puts the call's end on record; when that was.
    pub(super) fn ended(mut self, end: audit::End) -> Duration {
        self.finish(end)
    }

    fn finish(&mut self, mut end: audit::End) -> Duration {
        let now = self.clock.monotonic();
        end.latency = now.saturating_sub(self.began);
        if let Some(record) = self.record.take() {
            self.audit.finished(record, &end);
        }
        now
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        if self.record.is_none() {
            return;
        }
        let code = if std::thread::panicking() {
            Code::InternalError
        } else {
            Code::Cancelled
        };
        let error = Some(code.as_str());
        self.finish(audit::End {
            error,
            ..audit::End::default()
        });
    }
}

/// One call on the counter of calls in flight.
pub(super) struct InFlight<'a>(&'a AtomicU64);

impl<'a> InFlight<'a> {
    pub(super) fn count(counter: &'a AtomicU64) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
