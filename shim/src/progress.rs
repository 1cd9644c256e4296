//! Word to the host of a call that takes long: only where the host gave a
//! token for it, and not too often.

use std::time::Duration;

use axis_proto::v1::Waiting;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::{Peer, RoleServer};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// The least time between two notifications.
const PAUSE: Duration = Duration::from_millis(500);
/// A call of which nothing is heard is told of this often: hosts give up what
/// is silent for a minute.
const SILENCE: Duration = Duration::from_secs(10);

/// How far a call is, in words, and what it is asked about.
#[derive(Default)]
pub struct News {
    words: watch::Sender<String>,
    waiting: watch::Sender<Option<Waiting>>,
}

impl News {
    /// Tells whoever reports.
    pub fn tell(&self, text: String) {
        self.words.send_replace(text);
    }

    /// The call waits for an approval.
    pub fn waits(&self, waiting: Waiting) {
        self.tell(format!(
            "waiting for the owner's approval {}: axis approvals",
            waiting.approval_id
        ));
        self.waiting.send_replace(Some(waiting));
    }

    /// The next thing that the call comes to be asked about.
    pub async fn question(&self) -> Waiting {
        let mut waiting = self.waiting.subscribe();
        // what was told before this is looked at first
        waiting.mark_changed();
        loop {
            // the sender lives as long as this does
            let _ = waiting.changed().await;
            let mut told = None;
            // what is taken is no news: told of it, this would wake itself on and on
            self.waiting.send_if_modified(|waiting| {
                told = waiting.take();
                false
            });
            if let Some(told) = told {
                return told;
            }
        }
    }

    /// Notifies the host as long as the call lasts; never returns. What counts
    /// up is the seconds that have passed, since a call may tell of bytes and
    /// of events.
    pub async fn report(&self, peer: &Peer<RoleServer>, token: Option<ProgressToken>) {
        let Some(token) = token else {
            return std::future::pending().await;
        };
        let began = Instant::now();
        let mut heard = self.words.subscribe();
        loop {
            // the sender lives as long as this does
            let _ = timeout(SILENCE, heard.changed()).await;
            let text = heard.borrow_and_update().clone();
            let text = if text.is_empty() {
                "waiting for the service".to_owned()
            } else {
                text
            };
            let passed = began.elapsed().as_secs_f64();
            let progress = ProgressNotificationParam::new(token.clone(), passed).with_message(text);
            // a host that can't be told is gone, and ends the call itself
            let _ = peer.notify_progress(progress).await;
            sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn who_waits_for_a_question_sleeps_until_there_is_one() {
        let news = Arc::new(News::default());
        let asked = news.clone();
        let waits = tokio::spawn(async move {
            let mut question = pin!(asked.question());
            let mut looks = 0;
            let told = poll_fn(|context| {
                looks += 1;
                question.as_mut().poll(context)
            });
            let told = told.await.approval_id;
            (told, looks)
        });
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        news.waits(Waiting {
            approval_id: "apr_1".into(),
            ..Waiting::default()
        });
        // once in the beginning, and once when there is something
        assert_eq!(waits.await.unwrap(), ("apr_1".to_owned(), 2));
    }
}
