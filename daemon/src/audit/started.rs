//! A call in flight: whatever becomes of its code, its end comes on record.

use std::time::Duration;

use super::Audit;
use super::line::Record;
use super::record::{End, OwnedCall};
use super::writer::{Entry, Keep, SharedKey};

/// What a call's end says when its code never got to say it.
const NEVER_ENDED: &str = "internal_error";

/// A call on record as started. It must be given back to [`Audit::finished`];
/// dropped without, it is recorded as failed.
#[must_use = "a started call has to be finished"]
pub struct Started {
    pub(super) audit: Audit,
    pub(super) call: Option<OwnedCall>,
    pub(super) key: Option<SharedKey>,
    pub(super) seq: u64,
    /// Monotonic.
    pub(super) began: Duration,
}

impl Started {
    pub(super) fn end(&mut self, end: &End) {
        let Some(call) = self.call.take() else {
            return;
        };
        let now = self.audit.now();
        let entry = Entry {
            record: Record::finished(&call.borrow(), end, now),
            key: self.key.take(),
        };
        self.audit.writer().append_or_keep(entry, Keep::Always, now);
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let latency = self.audit.0.clock.monotonic().saturating_sub(self.began);
        self.end(&End {
            error: Some(NEVER_ENDED),
            latency,
            ..End::default()
        });
    }
}
