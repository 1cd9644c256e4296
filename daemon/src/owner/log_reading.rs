//! The audit log for its owner. Reading a large one takes a thread for a while,
//! and whoever can reach the socket can ask for it: so only so many read at once.

use std::num::NonZeroI64;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc};
use tokio::time::timeout;

use super::{Owner, OwnerError};
use crate::audit::{Audit, Filter, Found, LogHead, Pinned, Stats, Verification};

/// Searches, counts and verifications at once.
const READERS: usize = 16;
/// Exports at once; whoever takes one may take his time.
const EXPORTS: usize = 4;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an export may take nothing of what it asked for.
const STALLED: Duration = Duration::from_mins(5);
/// Chunks that wait for an export.
const WAITING_CHUNKS: usize = 4;
/// How many lines go in one chunk, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// Who reads the log now.
pub(super) struct LogReading {
    readers: Arc<Semaphore>,
    exports: Arc<Semaphore>,
}

impl LogReading {
    pub(super) fn new() -> Self {
        Self {
            readers: Arc::new(Semaphore::new(READERS)),
            exports: Arc::new(Semaphore::new(EXPORTS)),
        }
    }
}

/// Whether an asker still waits for an answer.
type Wanted<'a> = &'a (dyn Fn() -> bool + Sync);

impl Owner {
    /// The last lines of the audit log that `filter` takes, and where asked all
    /// those to come.
    pub async fn logs(
        &self,
        last: u32,
        follow: bool,
        filter: Arc<Filter>,
    ) -> Result<(Found, Option<broadcast::Receiver<Bytes>>), OwnerError> {
        // subscribed first: a line in between may come twice, none is missed
        let new = follow.then(|| self.broker.audit.follow());
        let count = usize::try_from(last).unwrap_or(usize::MAX);
        let last = self
            .read_log(move |audit, wanted| audit.last(count, &filter, wanted))
            .await?;
        Ok((last, new))
    }

    /// The last line of the audit log.
    pub async fn logs_head(&self) -> Result<LogHead, OwnerError> {
        self.read_log(|audit, _| audit.head()).await
    }

    /// Counts the calls in the audit log that `filter` takes; also by stretches
    /// of time, so many ms each, where that is asked for.
    pub async fn logs_stats(
        &self,
        filter: Filter,
        stretch_ms: Option<NonZeroI64>,
    ) -> Result<Stats, OwnerError> {
        self.read_log(move |audit, wanted| audit.stats(&filter, stretch_ms, wanted))
            .await
    }

    /// Checks the audit log from end to end, and looks for a pinned line.
    pub async fn verify_logs(&self, pinned: Option<Pinned>) -> Result<Verification, OwnerError> {
        self.read_log(move |audit, wanted| audit.verify(pinned, wanted))
            .await
    }

    /// All lines of the audit log that `filter` takes, oldest first, in chunks
    /// with newlines between them. The last may be the reason why there may be
    /// others.
    pub async fn export_logs(
        &self,
        filter: Arc<Filter>,
    ) -> Result<mpsc::Receiver<Result<Bytes, OwnerError>>, OwnerError> {
        let turn = turn(&self.log_reading.exports).await?;
        let (sender, chunks) = mpsc::channel(WAITING_CHUNKS);
        let (audit, stopping) = (self.broker.audit.clone(), self.stopping.clone());
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            // to whoever takes nothing for long, or is gone, nothing is sent
            let send = |chunk| {
                runtime
                    .block_on(sender.send_timeout(chunk, STALLED))
                    .is_ok()
            };
            let mut lines: Vec<u8> = Vec::with_capacity(CHUNK_BYTES);
            let read = audit.each(&filter, &mut |line| {
                if stopping.is_cancelled() {
                    return false;
                }
                if !lines.is_empty() && lines.len() + line.len() >= CHUNK_BYTES {
                    let chunk = Bytes::copy_from_slice(&lines);
                    lines.clear();
                    if !send(Ok(chunk)) {
                        return false;
                    }
                }
                if !lines.is_empty() {
                    lines.push(b'\n');
                }
                lines.extend_from_slice(line);
                true
            });
            if !lines.is_empty() && !send(Ok(lines.into())) {
                return;
            }
            let fault = match read {
                _ if stopping.is_cancelled() => Some(OwnerError::Stopping),
                Ok(unread) => unread.map(OwnerError::Unread),
                Err(error) => Some(OwnerError::Unread(error)),
            };
            if let Some(fault) = fault {
                send(Err(fault));
            }
        });
        Ok(chunks)
    }

    /// Reads the log in its turn, for as long as whoever asked is there.
    async fn read_log<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Audit, Wanted<'_>) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, OwnerError> {
        let turn = turn(&self.log_reading.readers).await?;
        let audit = self.broker.audit.clone();
        let interest = Arc::new(());
        let asker = Arc::downgrade(&interest);
        let result = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            read(&audit, &|| asker.strong_count() > 0)
        });
        let result = result.await.map_err(|_| OwnerError::Crashed)??;
        drop(interest);
        Ok(result)
    }
}

async fn turn(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, OwnerError> {
    match timeout(PATIENCE, Arc::clone(of).acquire_owned()).await {
        Ok(Ok(turn)) => Ok(turn),
        Ok(Err(_)) | Err(_) => Err(OwnerError::LogBusy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_so_many_read_at_once_and_the_others_are_told() {
        let reading = LogReading::new();
        let mut turns = Vec::new();
        for _ in 0..EXPORTS {
            turns.push(turn(&reading.exports).await.unwrap());
        }
        let refused = turn(&reading.exports).await;
        assert!(matches!(refused, Err(OwnerError::LogBusy)));
        // others who read have their own turns
        let _reader = turn(&reading.readers).await.unwrap();
        turns.pop();
        turns.push(turn(&reading.exports).await.unwrap());
    }
}
