//! Calls whose first message is still on its way. Each may hold as much memory
//! as a message may be long, so they have a deadline, and a client that begins
//! many without sending them loses the oldest: not the calls of others, which
//! are read as soon as they are begun.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tonic::{Status, Streaming};

/// How long a first message may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// So many may be on their way together …
const AT_ONCE: usize = 64;
/// … and those above only while the oldest is younger than this: many honest
/// clients may begin at the same moment.
const YOUNG: Duration = Duration::from_millis(200);

/// All calls that are being read.
#[derive(Default)]
pub struct Heads(Mutex<Reading>);

#[derive(Default)]
struct Reading {
    next: u64,
    oldest_first: VecDeque<Head>,
}

struct Head {
    number: u64,
    began: Instant,
    given_up: Arc<Notify>,
}

impl Heads {
    /// The first message of `stream`; `None` where it ends without one.
    ///
    /// # Errors
    /// It isn't one, or it took too long.
    pub async fn first<T>(&self, stream: &mut Streaming<T>) -> Result<Option<T>, Status> {
        let (place, given_up) = self.begin();
        let read = tokio::select! {
            read = timeout(DEADLINE, stream.message()) => read.ok(),
            () = given_up.notified() => None,
        };
        drop(place);
        read.unwrap_or_else(|| {
            Err(Status::deadline_exceeded(
                "the call was begun, but its first message didn't come: begin it again",
            ))
        })
    }

    fn begin(&self) -> (Place<'_>, Arc<Notify>) {
        let began = Instant::now();
        let given_up = Arc::<Notify>::default();
        let mut reading = self.reading();
        while reading.oldest_first.len() >= AT_ONCE
            && let Some(oldest) = reading.oldest_first.front()
            && began.saturating_duration_since(oldest.began) >= YOUNG
        {
            oldest.given_up.notify_one();
            reading.oldest_first.pop_front();
        }
        let number = reading.next;
        reading.next += 1;
        reading.oldest_first.push_back(Head {
            number,
            began,
            given_up: given_up.clone(),
        });
        drop(reading);
        let heads = self;
        (Place { heads, number }, given_up)
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        // each change is one step: a panic leaves nothing half-done
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call among those being read.
struct Place<'a> {
    heads: &'a Heads,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut reading = self.heads.reading();
        let numbers = &mut reading.oldest_first;
        if let Ok(at) = numbers.binary_search_by_key(&self.number, |head| head.number) {
            numbers.remove(at);
        }
    }
}
