//! A sliding minute of calls.

use std::collections::VecDeque;
use std::time::Duration;

use super::document::MAX_REQUESTS_PER_MINUTE;

/// The calls of one budget: those of the last 60 s, and those that have a
/// place but haven't started.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Oldest first; at most as many as the highest limit, which is all that
    /// any limit needs to know.
    started: VecDeque<Duration>,
    reserved: usize,
}

impl Window {
    /// How long a call counts.
    pub(super) const LENGTH: Duration = Duration::from_mins(1);

    const MOST: usize = MAX_REQUESTS_PER_MINUTE as usize;

    /// How long until one more call is within `limit`; none when it is now.
    pub(super) fn wait(&mut self, limit: u32, now: Duration) -> Option<Duration> {
        self.forget_old(now);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let surplus = (self.started.len() + self.reserved).checked_sub(limit)?;
        // Where it takes the end of a call that hasn't started, nobody knows.
        Some(self.started.get(surplus).map_or(Duration::ZERO, |start| {
            (*start + Self::LENGTH).saturating_sub(now)
        }))
    }

    /// Takes a place.
    pub(super) fn reserve(&mut self) {
        self.reserved += 1;
    }

    /// Gives a place back that wasn't used.
    pub(super) fn give_back(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
    }

    /// Turns a place into a call.
    pub(super) fn start(&mut self, now: Duration) {
        self.give_back();
        self.forget_old(now);
        // Two threads may read the clock in one order and arrive in the other.
        let latest = self.started.back().map_or(now, |last| now.max(*last));
        self.started.push_back(latest);
        self.forget_surplus();
    }

    /// Counts a call of the past, in any order.
    pub(super) fn insert(&mut self, start: Duration) {
        let place = self.started.partition_point(|other| *other <= start);
        self.started.insert(place, start);
        self.forget_surplus();
    }

    fn forget_old(&mut self, now: Duration) {
        while self
            .started
            .front()
            .is_some_and(|start| *start + Self::LENGTH <= now)
        {
            self.started.pop_front();
        }
    }

    fn forget_surplus(&mut self) {
        while self.started.len() > Self::MOST {
            self.started.pop_front();
        }
    }
}
