//! Attempts with the master password: one at a time, and a wrong one holds up
//! the next, so that guessing gets one try a second, however many ask.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep, sleep_until};

use super::VaultError;

/// What a wrong password costs beside its derivation.
pub(super) const PAUSE: Duration = Duration::from_secs(1);
/// How many may wait or be at it.
const MAX_WAITING: usize = 32;

/// The gate all attempts pass.
pub(super) struct Attempts {
    pause: Duration,
    places: Semaphore,
    /// When the next one may begin.
    not_before: Arc<Mutex<Instant>>,
}

impl Attempts {
    pub fn new(pause: Duration) -> Self {
        Self {
            pause,
            places: Semaphore::new(MAX_WAITING),
            not_before: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// Runs `attempt` off the async threads when its turn comes. It runs to
    /// its end, and a wrong password counts, even if the caller has gone.
    pub async fn run<T: Send + 'static>(
        &self,
        attempt: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let _place = self
            .places
            .try_acquire()
            .map_err(|_| VaultError::TooManyAttempts)?;
        let mut not_before = Arc::clone(&self.not_before).lock_owned().await;
        sleep_until(*not_before).await;
        let pause = self.pause;
        let result = tokio::task::spawn_blocking(move || {
            let result = attempt();
            if is_wrong(&result) {
                *not_before = Instant::now() + pause;
            }
            result
        })
        .await
        .map_err(|_| VaultError::Stopping)?;
        if is_wrong(&result) {
            sleep(self.pause).await;
        }
        result
    }
}

fn is_wrong<T>(result: &Result<T, VaultError>) -> bool {
    result.as_ref().is_err_and(VaultError::is_wrong_password)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn wrong(attempts: &Attempts) -> Result<(), VaultError> {
        attempts.run(|| Err(VaultError::WrongPassword)).await
    }

    #[tokio::test(start_paused = true)]
    async fn guessing_gets_one_try_a_second_however_many_ask() {
        let attempts = Arc::new(Attempts::new(PAUSE));
        let began = Instant::now();
        let guesses: Vec<_> = (0..5)
            .map(|_| {
                let attempts = Arc::clone(&attempts);
                tokio::spawn(async move { wrong(&attempts).await })
            })
            .collect();
        for guess in guesses {
            assert!(guess.await.unwrap().is_err());
        }
        assert!(began.elapsed() >= 5 * PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_guesser_that_hangs_up_gains_nothing() {
        let attempts = Attempts::new(PAUSE);
        let began = Instant::now();
        let _ = tokio::time::timeout(Duration::from_millis(500), wrong(&attempts)).await;
        attempts.run(|| Ok(())).await.unwrap();
        assert!(began.elapsed() >= PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_password_waits_for_nothing_afterwards() {
        let attempts = Attempts::new(PAUSE);
        let began = Instant::now();
        for _ in 0..3 {
            attempts.run(|| Ok(())).await.unwrap();
        }
        assert!(began.elapsed() < PAUSE);
    }

    #[tokio::test]
    async fn the_queue_has_a_bound() {
        let attempts = Arc::new(Attempts::new(PAUSE));
        let held = Arc::clone(&attempts.not_before).lock_owned().await;
        let waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| {
                let attempts = Arc::clone(&attempts);
                tokio::spawn(async move { attempts.run(|| Ok(())).await })
            })
            .collect();
        while attempts.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = attempts.run(|| Ok(())).await;
        assert!(matches!(refused, Err(VaultError::TooManyAttempts)));
        drop(held);
        for attempt in waiting {
            attempt.await.unwrap().unwrap();
        }
    }
}
