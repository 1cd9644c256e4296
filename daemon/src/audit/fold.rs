//! Folding a flood: of one connection's refusals in a minute the first are
//! recorded one by one, the rest in one line with their count.

use std::collections::HashMap;
use std::time::Duration;

use super::record::{CallRecord, OwnedCall, Refusal};

/// Recorded one by one in a minute, for each connection.
pub(super) const LINES_A_MINUTE: u32 = 60;
const MINUTE: Duration = Duration::from_mins(1);

/// One connection to a socket, for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub u64);

/// A [`Refusal`] that outlives its request.
#[derive(Clone, Debug)]
enum OwnedRefusal {
    Deny { reason: String },
    Pending { approval: String },
    Error { code: &'static str },
}

impl From<&Refusal<'_>> for OwnedRefusal {
    fn from(refusal: &Refusal<'_>) -> Self {
        match *refusal {
            Refusal::Deny { reason } => Self::Deny {
                reason: reason.to_owned(),
            },
            Refusal::Pending { approval } => Self::Pending {
                approval: approval.to_owned(),
            },
            Refusal::Error { code } => Self::Error { code },
        }
    }
}

/// Refusals that one line stands for; it shows the first of them.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) call: OwnedCall,
    refusal: OwnedRefusal,
    pub(super) count: u64,
}

impl Folded {
    pub(super) fn refusal(&self) -> Refusal<'_> {
        match &self.refusal {
            OwnedRefusal::Deny { reason } => Refusal::Deny { reason },
            OwnedRefusal::Pending { approval } => Refusal::Pending { approval },
            OwnedRefusal::Error { code } => Refusal::Error { code },
        }
    }
}

/// A minute of one connection.
struct Window {
    /// Monotonic.
    began: Duration,
    lines: u32,
    folded: Option<Folded>,
}

impl Window {
    fn is_over(&self, now: Duration) -> bool {
        now.saturating_sub(self.began) >= MINUTE
    }
}

/// What becomes of a refusal.
pub(super) struct Admission {
    /// The line of a minute that is over, to be written first.
    pub(super) ended: Option<Folded>,
    /// Whether this refusal gets a line of its own.
    pub(super) own_line: bool,
}

/// The minutes that are open now.
#[derive(Default)]
pub(super) struct Folds {
    windows: HashMap<ConnectionId, Window>,
}

impl Folds {
    /// Counts a refusal at `now` (monotonic).
    pub(super) fn admit(
        &mut self,
        connection: ConnectionId,
        now: Duration,
        call: &CallRecord<'_>,
        refusal: &Refusal<'_>,
    ) -> Admission {
        let fresh = || Window {
            began: now,
            lines: 0,
            folded: None,
        };
        let window = self.windows.entry(connection).or_insert_with(fresh);
        let mut ended = None;
        if window.is_over(now) {
            ended = std::mem::replace(window, fresh()).folded;
        }
        let own_line = window.lines < LINES_A_MINUTE;
        if own_line {
            window.lines += 1;
        } else {
            window
                .folded
                .get_or_insert_with(|| Folded {
                    call: call.into(),
                    refusal: refusal.into(),
                    count: 0,
                })
                .count += 1;
        }
        Admission { ended, own_line }
    }

    /// Ends the minutes that are over at `now`, and gives their lines.
    pub(super) fn ended(&mut self, now: Duration) -> Vec<Folded> {
        self.windows
            .extract_if(|_, window| window.is_over(now))
            .filter_map(|(_, window)| window.folded)
            .collect()
    }

    /// Ends a connection's minute.
    pub(super) fn close(&mut self, connection: ConnectionId) -> Option<Folded> {
        self.windows.remove(&connection)?.folded
    }

    /// Ends every minute.
    pub(super) fn close_all(&mut self) -> Vec<Folded> {
        self.windows
            .drain()
            .filter_map(|(_, window)| window.folded)
            .collect()
    }
}
