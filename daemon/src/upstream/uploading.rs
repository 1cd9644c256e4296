//! Notices an upstream that no longer takes the body which it is sent, and one
//! that has it all and doesn't answer.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::stream::STALL;

/// How long an upstream may take nothing of a body. Longer than the client may
/// let it wait, so that whoever stands still is told from the other; and what
/// lies in the system's buffers goes out through a slow line meanwhile.
pub(super) const UNREAD: Duration = STALL.saturating_mul(2);

/// How far a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Chunks of it are going out.
    Sending,
    /// All of it was handed to the connection.
    Sent,
}

/// The end of the body that goes out: it tells each chunk.
pub(super) struct Sending(watch::Sender<Stage>);

/// The end that watches it.
pub(super) struct Watched(watch::Receiver<Stage>);

/// Why there is no use in waiting longer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stalled {
    /// It takes nothing more of the body.
    Unread,
    /// It has the body, and doesn't answer.
    Unanswered,
}

/// Both ends for one body.
pub(super) fn watched() -> (Sending, Watched) {
    let (sender, receiver) = watch::channel(Stage::Sending);
    (Sending(sender), Watched(receiver))
}

impl Sending {
    /// Another chunk was taken.
    pub fn goes_on(&self) {
        self.0.send_replace(Stage::Sending);
    }

    /// The last one was.
    pub fn is_over(&self) {
        self.0.send_replace(Stage::Sent);
    }
}

impl Watched {
    /// Returns when the body has stood still for too long, or once it is out
    /// for `answer`. Never before the other end has seen a fault of its own.
    pub async fn stalled(mut self, answer: Duration) -> Stalled {
        loop {
            let stage = *self.0.borrow_and_update();
            let (patience, stalled) = match stage {
                Stage::Sending => (UNREAD, Stalled::Unread),
                Stage::Sent => (answer, Stalled::Unanswered),
            };
            match timeout(patience, self.0.changed()).await {
                Ok(Ok(())) => {}
                // nobody sends it any more, for whatever reason
                Ok(Err(_)) => {
                    sleep(answer).await;
                    return Stalled::Unanswered;
                }
                Err(_) => return stalled,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const ANSWER: Duration = Duration::from_secs(7);

    #[tokio::test(start_paused = true)]
    async fn a_body_that_goes_on_is_never_given_up_and_one_that_stands_still_is() {
        let (sending, watched) = watched();
        let began = Instant::now();
        let slow = async {
            for _ in 0..30 {
                sleep(UNREAD.saturating_sub(Duration::from_secs(1))).await;
                sending.goes_on();
            }
            began.elapsed()
        };
        let (went_on, stalled) = tokio::join!(slow, async {
            (watched.stalled(ANSWER).await, began.elapsed())
        });
        assert_eq!(stalled, (Stalled::Unread, went_on + UNREAD));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_out_is_answered_within_a_calls_time() {
        for is_dropped in [false, true] {
            let (sending, watched) = watched();
            let began = Instant::now();
            sending.is_over();
            let sending = (!is_dropped).then_some(sending);
            assert_eq!(watched.stalled(ANSWER).await, Stalled::Unanswered);
            assert_eq!(began.elapsed(), ANSWER, "{is_dropped}");
            drop(sending);
        }
    }
}
