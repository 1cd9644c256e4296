//! What comes and goes beside a call in chunks: an upload, a body that is saved
//! instead of held, word of how far the answer is.

use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::uploading::Sending;

/// How long either end of a stream may let the other wait.
pub(super) const STALL: Duration = Duration::from_mins(1);
/// Longest chunk that is handed on, in bytes.
pub(super) const CHUNK: usize = 256 * 1024;
/// The least time between two words of progress.
const PROGRESS_PAUSE: Duration = Duration::from_millis(250);

/// The streams of one call; most calls have none.
#[derive(Default)]
pub struct Streams {
    /// The request's body, where it comes in chunks.
    pub upload: Option<Upload>,
    /// Whether the body of a good answer goes into `parts` instead of into memory.
    pub save: bool,
    /// Whether `parts` hears how far the answer is.
    pub progress: bool,
    /// Where to. Its other end decides how fast.
    pub parts: Option<mpsc::Sender<Part>>,
}

impl Streams {
    /// What they mean for the request.
    pub fn plan(&self) -> Plan {
        Plan {
            upload: self.upload.as_ref().map(|upload| upload.size),
            save: self.save,
        }
    }

    /// Whether the call is a plain one: request and answer are held whole.
    pub fn is_plain(&self) -> bool {
        self.upload.is_none() && !self.save && !self.progress
    }
}

/// What a call's streams mean for its request.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The size of the body that comes in chunks, where there is one.
    pub upload: Option<u64>,
    /// Whether the answer is handed on unread.
    pub save: bool,
}

/// What a call tells before its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// How far the answer is.
    Progress {
        /// Its bytes so far, decoded.
        bytes: u64,
        /// Its events so far, if it is a stream of them.
        events: Option<u64>,
    },
    /// A body begins.
    Head {
        /// Its type, guarded.
        content_type: Option<String>,
        /// Its size by the upstream's account, if it is sent as it is.
        size: Option<u64>,
    },
    /// The next bytes of the body, decoded and guarded.
    Body(Bytes),
    /// Nothing was sent yet: it waits for an approval.
    Waiting {
        /// The approval's id.
        approval: String,
        /// What the client is to ask in its host's window, where it may.
        question: Option<HostQuestion>,
    },
}

/// A question for the window of an MCP host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostQuestion {
    /// What to show.
    pub text: String,
    /// What the answer has to come with.
    pub key: [u8; 16],
}

/// Why a body didn't come whole from its sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// It ended too early.
    #[error("the upload ended after {came} of {size} bytes")]
    Short {
        /// Bytes that came.
        came: u64,
        /// Bytes that were announced.
        size: u64,
    },
    /// More came than announced.
    #[error("the upload is longer than the {size} bytes that were announced")]
    Long {
        /// Bytes that were announced.
        size: u64,
    },
    /// Nothing came for too long.
    #[error("the upload stood still for {} s", STALL.as_secs())]
    Stalled,
    /// The stream broke.
    #[error("the upload broke off: {0}")]
    Broken(String),
}

type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, UploadError>> + Send>>;

/// A body that comes in chunks, of a size that is known before.
pub struct Upload {
    size: u64,
    chunks: Chunks,
}

impl Upload {
    /// A body of `size` bytes out of `chunks`, which are pulled as fast as the
    /// upstream takes them.
    pub fn new(
        size: u64,
        chunks: impl Stream<Item = Result<Bytes, UploadError>> + Send + 'static,
    ) -> Self {
        Self {
            size,
            chunks: Box::pin(chunks),
        }
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The chunks; an error where they aren't `size` bytes together.
    /// `sending` is told of each.
    pub(super) fn checked(
        self,
        sending: Sending,
    ) -> impl Stream<Item = Result<Bytes, UploadError>> + Send + 'static {
        let size = self.size;
        let begun = (self.chunks, 0, sending);
        stream::try_unfold(begun, move |(mut chunks, came, sending)| async move {
            sending.goes_on();
            let next = timeout(STALL, chunks.next())
                .await
                .map_err(|_| UploadError::Stalled)?;
            match next {
                None if came < size => Err(UploadError::Short { came, size }),
                None => {
                    sending.is_over();
                    Ok(None)
                }
                Some(chunk) => {
                    let chunk = chunk?;
                    let came = u64::try_from(chunk.len())
                        .ok()
                        .and_then(|length| came.checked_add(length))
                        .filter(|came| *came <= size)
                        .ok_or(UploadError::Long { size })?;
                    Ok(Some((chunk, (chunks, came, sending))))
                }
            }
        })
    }
}

/// Nobody takes what the call tells.
#[derive(Debug)]
pub(super) struct NotTaken;

/// The sending end of a body.
pub(super) struct Delivery<'a> {
    parts: &'a mpsc::Sender<Part>,
    /// Bytes handed on.
    pub sent: u64,
}

impl<'a> Delivery<'a> {
    pub fn new(parts: &'a mpsc::Sender<Part>) -> Self {
        Self { parts, sent: 0 }
    }

    pub async fn begin(
        &self,
        content_type: Option<String>,
        size: Option<u64>,
    ) -> Result<(), NotTaken> {
        self.tell(Part::Head { content_type, size }).await
    }

    /// Hands `bytes` on, at the pace of whoever takes them.
    pub async fn hand_on(&mut self, mut bytes: Bytes) -> Result<(), NotTaken> {
        while !bytes.is_empty() {
            let chunk = bytes.split_to(bytes.len().min(CHUNK));
            self.sent += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            self.tell(Part::Body(chunk)).await?;
        }
        Ok(())
    }

    async fn tell(&self, part: Part) -> Result<(), NotTaken> {
        match timeout(STALL, self.parts.send(part)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(NotTaken),
        }
    }
}

/// Tells how far an answer is, now and then; whoever doesn't listen misses it.
pub(super) struct Ticker<'a> {
    parts: Option<&'a mpsc::Sender<Part>>,
    told: Option<Instant>,
    bytes: u64,
    events: Option<EventCounter>,
}

impl<'a> Ticker<'a> {
    pub fn new(parts: Option<&'a mpsc::Sender<Part>>, content_type: Option<&str>) -> Self {
        let are_events = content_type.is_some_and(|kind| kind.starts_with("text/event-stream"));
        Self {
            parts,
            told: None,
            bytes: 0,
            events: are_events.then(EventCounter::default),
        }
    }

    /// `more` of the answer has come.
    pub fn came(&mut self, more: &[u8]) {
        let Some(parts) = self.parts else { return };
        self.bytes += u64::try_from(more.len()).unwrap_or(0);
        if let Some(events) = &mut self.events {
            events.count(more);
        }
        let now = Instant::now();
        let is_soon = |told| now.saturating_duration_since(told) < PROGRESS_PAUSE;
        if more.is_empty() || self.told.is_some_and(is_soon) {
            return;
        }
        self.told = Some(now);
        let events = self.events.as_ref().map(|events| events.ended);
        // a full channel has older news in it
        let _ = parts.try_send(Part::Progress {
            bytes: self.bytes,
            events,
        });
    }
}

/// Counts the events of a stream: each ends in an empty line.
#[derive(Default)]
struct EventCounter {
    ended: u64,
    in_line: bool,
    in_event: bool,
}

impl EventCounter {
    fn count(&mut self, text: &[u8]) {
        for byte in text {
            match byte {
                b'\r' => {}
                b'\n' if self.in_line => {
                    self.in_line = false;
                    self.in_event = true;
                }
                b'\n' => {
                    self.ended += u64::from(self.in_event);
                    self.in_event = false;
                }
                _ => self.in_line = true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::uploading::watched;
    use super::*;

    async fn uploaded(size: u64, chunks: &[&'static str]) -> Result<String, UploadError> {
        let chunks: Vec<_> = chunks
            .iter()
            .map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())))
            .collect();
        let mut checked = Box::pin(Upload::new(size, stream::iter(chunks)).checked(watched().0));
        let mut whole = Vec::new();
        while let Some(chunk) = checked.next().await {
            whole.extend_from_slice(&chunk?);
        }
        Ok(String::from_utf8(whole).unwrap())
    }

    #[tokio::test]
    async fn an_upload_is_as_long_as_it_was_announced() {
        assert_eq!(uploaded(6, &["abc", "", "def"]).await.unwrap(), "abcdef");
        assert_eq!(uploaded(0, &[]).await.unwrap(), "");
        assert_eq!(
            uploaded(7, &["abc", "def"]).await,
            Err(UploadError::Short { came: 6, size: 7 })
        );
        assert_eq!(
            uploaded(5, &["abc", "def"]).await,
            Err(UploadError::Long { size: 5 })
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_that_stands_still_is_given_up() {
        let mut checked = Box::pin(Upload::new(1, stream::pending()).checked(watched().0));
        assert_eq!(checked.next().await, Some(Err(UploadError::Stalled)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_nobody_takes_is_given_up() {
        let (parts, _taker) = mpsc::channel(1);
        let mut delivery = Delivery::new(&parts);
        let body = Bytes::from(vec![0; 3 * CHUNK]);
        assert!(delivery.hand_on(body).await.is_err());
    }

    #[test]
    fn events_are_counted_however_they_are_cut() {
        let text = b": hello\n\nevent: a\ndata: 1\n\ndata: 2\r\n\r\n\n\ndata: 3\n";
        for size in [1, 2, 3, 7, text.len()] {
            let mut counter = EventCounter::default();
            text.chunks(size).for_each(|chunk| counter.count(chunk));
            assert_eq!(counter.ended, 3, "{size}");
        }
    }
}
