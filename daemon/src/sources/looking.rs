//! Looks at files that may never answer, such as on a mount whose server is
//! gone: off the async threads, a few at once, and nobody waits for ever.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::error::SourceError;

/// How long whoever asked waits for a look.
pub(super) const LOOK: Duration = Duration::from_secs(5);

/// So many looks at once. One that hangs keeps its place until it ends, so that
/// what hangs is never more than that.
pub(super) struct Looks {
    places: Arc<Semaphore>,
    patience: Duration,
}

impl Default for Looks {
    fn default() -> Self {
        Self::at_once(1)
    }
}

impl Looks {
    pub fn at_once(places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            patience: LOOK,
        }
    }

    /// What `look` sees, which looks at `program` among others.
    pub async fn look<T: Send + 'static>(
        &self,
        program: &str,
        look: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        let mut has_place = false;
        let looked = timeout(self.patience, async {
            let place = Arc::clone(&self.places).acquire_owned().await;
            has_place = true;
            spawn_blocking(move || {
                let _place = place;
                look()
            })
            .await
        });
        match looked.await {
            Ok(Ok(looked)) => looked,
            Ok(Err(_)) => Err(SourceError::stopping(program)),
            Err(_) if has_place => Err(SourceError::Unanswered {
                program: program.to_owned(),
                seconds: self.patience.as_secs(),
            }),
            Err(_) => Err(SourceError::Busy(self.patience)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_look_that_hangs_keeps_its_place_and_nobody_waits_for_ever() {
        let looks = Looks {
            patience: Duration::from_millis(50),
            ..Looks::at_once(2)
        };
        let (mut answers, mut begun) = (Vec::new(), 0);
        for _ in 0..2 {
            let (answer, asked) = mpsc::channel::<()>();
            answers.push(answer);
            let hung = looks.look("/mnt/op", move || {
                let _ = asked.recv();
                Ok(())
            });
            begun += 1;
            let error = hung.await.unwrap_err();
            assert!(matches!(error, SourceError::Unanswered { .. }), "{error}");
        }
        assert_eq!(begun, 2);
        // the third isn't begun at all
        let (third, was_begun) = mpsc::channel();
        let busy = looks.look("/bin/op", move || {
            let _ = third.send(());
            Ok(())
        });
        assert!(matches!(busy.await, Err(SourceError::Busy(_))));
        assert!(was_begun.recv().is_err());
        // others have places of their own
        assert_eq!(Looks::default().look("/bin/op", || Ok(1)).await, Ok(1));
        // and what answers at last makes room again
        answers.clear();
        let patient = Looks {
            patience: LOOK,
            places: Arc::clone(&looks.places),
        };
        assert_eq!(patient.look("/bin/op", || Ok(2)).await, Ok(2));
    }
}
