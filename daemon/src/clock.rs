//! Time as the daemon reads it: one clock that nobody can set, for limits and
//! cooldowns, and the wall clock for records. Tests hand in their own.

#[cfg(test)]
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use crate::process;

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Time since some fixed moment; goes on while the machine sleeps, and is
    /// not moved by a change of the wall clock.
    fn monotonic(&self) -> Duration;
    /// The wall clock, for records.
    fn wall(&self) -> Timestamp;
}

/// The system's clocks.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        process::since_a_fixed_moment()
    }

    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that a test moves by hand.
#[cfg(test)]
#[derive(Debug)]
pub struct ManualClock {
    monotonic_ms: AtomicU64,
    wall_ms: AtomicI64,
}

#[cfg(test)]
impl ManualClock {
    /// Starts at an arbitrary monotonic moment and the given wall time.
    pub fn starting_at(wall: Timestamp) -> Self {
        Self {
            monotonic_ms: AtomicU64::new(1_000_000_000),
            wall_ms: AtomicI64::new(wall.as_millisecond()),
        }
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.monotonic_ms.fetch_add(ms, Ordering::SeqCst);
        self.wall_ms
            .fetch_add(i64::try_from(ms).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Sets the wall clock forward or back; no time passes.
    pub fn step_wall(&self, by: jiff::SignedDuration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

#[cfg(test)]
impl Clock for ManualClock {
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.monotonic_ms.load(Ordering::SeqCst))
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_millisecond(self.wall_ms.load(Ordering::SeqCst))
            .unwrap_or(Timestamp::UNIX_EPOCH)
    }
}
