//! Follows what the identity may do, for as long as the shim lives and
//! through every restart of axisd.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::link::Link;

/// The pauses between two attempts to find axisd again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What changed last: a number that grows with each change.
pub type Changes = watch::Receiver<u64>;

/// Counts the changes that a host should list the tools anew for. Never ends.
pub async fn follow(link: Arc<Link>, changes: watch::Sender<u64>, listed_blind: Arc<AtomicBool>) {
    let mut pause = FIRST_PAUSE;
    let mut known_before = false;
    // Only the first attempt may start a daemon: one that the owner stopped
    // later stays stopped until a call needs it.
    let mut start = true;
    loop {
        match link.watch(start).await {
            Ok(mut stream) => {
                let mut first = true;
                while let Ok(Some(message)) = stream.message().await {
                    pause = FIRST_PAUSE;
                    link.note_version(&message.daemon_version);
                    let blind = listed_blind.swap(false, Ordering::Relaxed);
                    if !first || known_before || blind {
                        changes.send_modify(|count| *count += 1);
                    }
                    if first {
                        link.offer_password().await;
                    }
                    first = false;
                    known_before = true;
                }
            }
            Err(failure) if start => tracing::warn!("{}", failure.message),
            Err(failure) => tracing::debug!("{}", failure.message),
        }
        start = false;
        tokio::select! {
            () = sleep(pause) => {}
            () = link.found() => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
