//! The moment after axisd's start in which the vault may still open by itself:
//! whoever comes then waits for it, and isn't told that it is locked.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Whether the vault is about to be opened.
pub struct Opening(watch::Sender<bool>);

/// As long as it lives, others wait.
pub struct Pending(watch::Sender<bool>);

impl Opening {
    /// Nothing is pending yet.
    pub(super) fn new() -> Self {
        Self(watch::channel(false).0)
    }

    /// From now on others wait, until what this returns is dropped.
    pub fn begin(&self) -> Pending {
        self.0.send_replace(true);
        Pending(self.0.clone())
    }

    /// Waits until nothing is pending, `patience` at most.
    pub async fn settled(&self, patience: Duration) {
        if !*self.0.borrow() {
            return;
        }
        let mut pending = self.0.subscribe();
        // whatever came of it, the vault's state tells
        let _ = timeout(patience, pending.wait_for(|pending| !pending)).await;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn who_comes_while_it_is_pending_waits_and_others_do_not() {
        let opening = Opening::new();
        let began = tokio::time::Instant::now();
        opening.settled(LONG).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        let pending = opening.begin();
        opening.settled(Duration::from_secs(1)).await;
        assert_eq!(began.elapsed(), Duration::from_secs(1));
        tokio::join!(opening.settled(LONG), async {
            tokio::task::yield_now().await;
            drop(pending);
        });
        assert_eq!(began.elapsed(), Duration::from_secs(1));
    }
}
