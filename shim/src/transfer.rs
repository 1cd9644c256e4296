//! The agent's own files beside a call: an answer's body that is saved, and a
//! request's body that is read, chunk by chunk. They are opened with the rights
//! of this process, which are the agent's; axisd sees no path.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use axis_proto::v1::execute_request::Part as RequestPart;
use axis_proto::v1::execute_response::Part as ResponsePart;
use axis_proto::v1::outcome::End;
use axis_proto::v1::{Call, ExecuteRequest, Outcome, Progress, Waiting};
use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_stream::wrappers::ReceiverStream;

use crate::answer::Failure;
use crate::files::{Part, Place, Reach, read_at, reason};

/// Bytes of a file that are read at once.
const CHUNK: usize = 128 * 1024;
/// Chunks that may wait for the slower end.
const WAITING: usize = 4;

/// A file that an answer's body goes to. It is written under another name
/// beside its place, which it takes when it is complete; dropped before, it is
/// gone.
struct Saving {
    unfinished: Part,
    chunks: mpsc::Sender<Bytes>,
    writing: JoinHandle<io::Result<Written>>,
}

struct Written {
    size: u64,
    sha256: String,
}

/// What the agent gets instead of the body.
#[derive(Debug, Serialize)]
struct Saved {
    path: String,
    size: u64,
    sha256: String,
}

impl Saving {
    /// Makes ready to write `path`. A file that is there is replaced in the end.
    ///
    /// # Errors
    /// `invalid_params`: there can't be a file. All that can be wrong with it is
    /// found here: when the answer has come it is too late.
    pub fn begin(reach: &Reach, path: &str) -> Result<Self, Failure> {
        let begun =
            (reach.place(path)).and_then(|place| place.begin().map_err(|error| reason(&error)));
        let (file, unfinished) = begun.map_err(|why| wrong("save_to", path, &why))?;
        let (chunks, came) = mpsc::channel(WAITING);
        Ok(Self {
            unfinished,
            chunks,
            writing: spawn_blocking(|| write(file, came)),
        })
    }

    /// Adds the next bytes, as fast as the disk takes them.
    ///
    /// # Errors
    /// They can't be written.
    pub async fn add(&mut self, chunk: Bytes) -> Result<(), Failure> {
        if self.chunks.send(chunk).await.is_ok() {
            return Ok(());
        }
        // the writer has gone before its time
        match (&mut self.writing).await {
            Ok(Err(error)) => Err(self.unwritten(&error)),
            _ => Err(self.unwritten(&io::Error::other("its writer broke off"))),
        }
    }

    /// Puts the complete file into its place.
    ///
    /// # Errors
    /// It can't be written.
    pub async fn finish(self) -> Result<Saved, Failure> {
        let Self {
            unfinished,
            chunks,
            writing,
        } = self;
        drop(chunks);
        let written = match writing.await {
            Ok(written) => written,
            Err(error) => Err(io::Error::other(error)),
        };
        let path = unfinished.path().to_owned();
        let placed = written.and_then(|written| {
            unfinished.finish()?;
            Ok(written)
        });
        let written = placed.map_err(|error| unwritten(&path, &error))?;
        Ok(Saved {
            path: path.display().to_string(),
            size: written.size,
            sha256: written.sha256,
        })
    }

    fn unwritten(&self, error: &io::Error) -> Failure {
        unwritten(self.unfinished.path(), error)
    }
}

fn write(mut file: File, mut came: mpsc::Receiver<Bytes>) -> io::Result<Written> {
    let mut digest = Sha256::new();
    let mut size = 0;
    while let Some(chunk) = came.blocking_recv() {
        file.write_all(&chunk)?;
        digest.update(&chunk);
        size += u64::try_from(chunk.len()).map_err(io::Error::other)?;
    }
    Ok(Written {
        size,
        sha256: hex::encode(digest.finalize()),
    })
}

/// A file that is a request's body, open since it was looked at.
#[derive(Clone, Debug)]
pub struct BodyFile {
    file: Arc<File>,
    size: u64,
}

impl BodyFile {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// `invalid_params`: it is no file that can be read.
    fn find(reach: &Reach, path: &str) -> Result<Self, Failure> {
        let open = |place: Place| {
            let file = place.open()?;
            let size = file.metadata()?.len();
            let file = Arc::new(file);
            Ok(Self { file, size })
        };
        let found = (reach.place(path))
            .and_then(|place| open(place).map_err(|error: io::Error| reason(&error)));
        found.map_err(|why| wrong("body_file", path, &why))
    }

    /// Sends its bytes, as fast as axisd takes them. A file that has become
    /// shorter, or that can't be read, ends too early, which axisd notices.
    fn send(&self, chunks: &mpsc::Sender<ExecuteRequest>) {
        let mut sent = 0;
        while sent < self.size {
            let left = usize::try_from(self.size - sent).unwrap_or(CHUNK);
            let mut chunk = vec![0; left.min(CHUNK)];
            // its place in the file is its own: the call may be sent again
            match read_at(&self.file, &mut chunk, sent) {
                Ok(length @ 1..) => {
                    chunk.truncate(length);
                    sent += u64::try_from(length).unwrap_or(u64::MAX);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Ok(0) | Err(_) => return,
            }
            let part = Some(RequestPart::Body(chunk.into()));
            if chunks.blocking_send(ExecuteRequest { part }).is_err() {
                return;
            }
        }
    }
}

/// A call's head, and the file that is its body behind it.
pub fn messages(call: Call, body: Option<BodyFile>) -> ReceiverStream<ExecuteRequest> {
    let (sender, taken) = mpsc::channel(WAITING);
    let head = ExecuteRequest {
        part: Some(RequestPart::Call(call)),
    };
    // the channel has room for it, and its other end stands below
    let _ = sender.try_send(head);
    if let Some(body) = body {
        spawn_blocking(move || body.send(&sender));
    }
    ReceiverStream::new(taken)
}

/// The files of one call, and what its answer is made of.
pub struct Files {
    reach: Reach,
    save_to: Option<String>,
    body: Option<BodyFile>,
}

impl Files {
    /// Looks at the files, before anything is asked.
    ///
    /// # Errors
    /// `invalid_params`: one can't be read, or lies where `reach` doesn't lead.
    pub fn find(
        reach: &Reach,
        save_to: Option<String>,
        body_file: Option<&str>,
    ) -> Result<Self, Failure> {
        let body = body_file.map(|path| BodyFile::find(reach, path));
        Ok(Self {
            reach: reach.clone(),
            save_to,
            body: body.transpose()?,
        })
    }

    /// `call` with what it needs to say of its files.
    #[must_use]
    pub fn announced_in(&self, call: Call) -> Call {
        Call {
            save: self.save_to.is_some(),
            body_size: self.body.as_ref().map(|body| body.size),
            ..call
        }
    }

    /// The file that is the body.
    pub fn body(&self) -> Option<BodyFile> {
        self.body.clone()
    }

    /// Makes ready for the answer.
    ///
    /// # Errors
    /// `invalid_params`: there can't be a file.
    pub fn receiver(&self) -> Result<Receiver, Failure> {
        let saving = self.save_to.as_deref();
        let saving = saving.map(|path| Saving::begin(&self.reach, path));
        Ok(Receiver {
            saving: saving.transpose()?,
            has_files: !self.reach.is_nowhere(),
            saved: 0,
            announced: None,
        })
    }
}

/// Takes one answer in.
pub struct Receiver {
    saving: Option<Saving>,
    has_files: bool,
    saved: u64,
    announced: Option<u64>,
}

impl Receiver {
    /// Takes the next part in: the outcome is the last one, and what else has
    /// happened is told in words.
    ///
    /// # Errors
    /// The file can't be written.
    pub async fn take(&mut self, part: ResponsePart) -> Result<Taken, Failure> {
        match part {
            ResponsePart::Progress(Progress { bytes, events }) => Ok(Taken::News(match events {
                Some(events) => format!("{events} events"),
                None => amount(bytes),
            })),
            ResponsePart::Waiting(waiting) => Ok(Taken::Waiting(waiting)),
            ResponsePart::Head(head) => {
                self.announced = head.size;
                Ok(Taken::Nothing)
            }
            ResponsePart::Body(chunk) => {
                self.saved += u64::try_from(chunk.len()).unwrap_or(0);
                if let Some(saving) = &mut self.saving {
                    saving.add(chunk).await?;
                }
                let so_far = amount(self.saved);
                Ok(Taken::News(match self.announced {
                    Some(size) => format!("{so_far} of {}", amount(size)),
                    None => so_far,
                }))
            }
            ResponsePart::Outcome(mut outcome) => {
                if let Some(End::Success(success)) = &mut outcome.end {
                    if let Some(saving) = self.saving.take() {
                        let saved = saving.finish().await?;
                        success.result = serde_json::to_vec(&saved)
                            .map_err(|error| Failure::new("internal_error", error.to_string()))?
                            .into();
                    }
                    if !self.has_files {
                        success.hint = success.hint.take().map(|hint| without_files(&hint));
                    }
                }
                Ok(Taken::Outcome(outcome))
            }
        }
    }
}

/// What a part of an answer was.
pub enum Taken {
    /// Nothing to tell.
    Nothing,
    /// How far the answer is.
    News(String),
    /// Nothing was sent yet: it waits for an approval.
    Waiting(Waiting),
    /// Its end.
    Outcome(Outcome),
}

/// A hint of axisd's for an agent that has no files: it names `save_to` beside
/// `select` where a result is long.
fn without_files(hint: &str) -> String {
    hint.replace(", or save_to to put it into a file", "")
}

fn amount(bytes: u64) -> String {
    const KILO: u64 = 1000;
    match bytes {
        0..KILO => format!("{bytes} bytes"),
        KILO..1_000_000 => format!("{} kB", bytes / KILO),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

fn wrong(argument: &str, path: &str, why: &str) -> Failure {
    Failure::new(
        "invalid_params",
        format!("{argument} can't be {path:?}: {why}; nothing was sent"),
    )
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        "internal_error",
        format!(
            "the answer came, but {} could not be written: {}; no file was left",
            path.display(),
            reason(error)
        ),
    )
}
