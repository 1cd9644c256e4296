//! The agent's own files beside a call: an answer's body that is saved, and a
//! request's body that is read, chunk by chunk. They are opened with the rights
//! of this process, which are the agent's; axisd sees no path.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use axis_proto::places::Places;
use axis_proto::socket::{SocketDir, absolute_variable};
use axis_proto::v1::execute_request::Part;
use axis_proto::v1::execute_response::Part as ResponsePart;
use axis_proto::v1::outcome::End;
use axis_proto::v1::{Call, ExecuteRequest, Outcome, Progress, Waiting};
use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_stream::wrappers::ReceiverStream;

use crate::answer::Failure;

/// Bytes of a file that are read at once.
const CHUNK: usize = 128 * 1024;
/// Chunks that may wait for the slower end.
const WAITING: usize = 4;

/// A file that an answer's body goes to. It is written under another name
/// beside its place, which it takes when it is complete; dropped before, it is
/// gone.
struct Saving {
    path: PathBuf,
    unfinished: TempPath,
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
    /// Makes ready to write `path`, which is looked for from the working
    /// directory. A file that is there is replaced in the end.
    ///
    /// # Errors
    /// `invalid_params`: there can't be a file.
    pub fn begin(path: &str) -> Result<Self, Failure> {
        let path = place(path).map_err(|why| wrong("save_to", path, &why))?;
        let directory = path.parent().unwrap_or(Path::new("/"));
        let (file, unfinished) = tempfile::Builder::new()
            .prefix(".axis-")
            .suffix(".part")
            .tempfile_in(directory)
            .map_err(|error| wrong("save_to", &path.display().to_string(), &reason(&error)))?
            .into_parts();
        let (chunks, came) = mpsc::channel(WAITING);
        Ok(Self {
            path,
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
            path,
            unfinished,
            chunks,
            writing,
        } = self;
        drop(chunks);
        let written = match writing.await {
            Ok(written) => written,
            Err(error) => Err(io::Error::other(error)),
        };
        let placed = written.and_then(|written| {
            unfinished.persist(&path).map_err(|error| error.error)?;
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
        unwritten(&self.path, error)
    }
}

/// Where the file is to be, as an absolute path. All that can be wrong with it
/// is found here: when the answer has come it is too late.
fn place(path: &str) -> Result<PathBuf, String> {
    let absolute = std::path::absolute(path).map_err(|error| reason(&error))?;
    if path.ends_with(['/', '\\']) || absolute.file_name().is_none() {
        return Err("it names no file".to_owned());
    }
    let place = match fs::metadata(&absolute) {
        Ok(there) if there.is_dir() => return Err("it is a directory".to_owned()),
        Ok(there) if !there.is_file() => return Err("it is no plain file".to_owned()),
        // a link stays one: what it leads to is replaced
        Ok(_) => fs::canonicalize(&absolute).map_err(|error| reason(&error))?,
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(reason(&error)),
        Err(_) if fs::symlink_metadata(&absolute).is_ok() => {
            return Err("it is a link that leads nowhere".to_owned());
        }
        Err(_) => absolute,
    };
    if is_of_axis(&place) {
        return Err(OF_AXIS.to_owned());
    }
    Ok(place)
}

/// What is said of a file that [`is_of_axis`].
const OF_AXIS: &str = "it is among Axis's own files, which no call reads or writes";

/// Whether `path` is among the files that policy, keys and records are in. An
/// agent that has nothing but calls can't get at them; one that has a shell
/// needs no call for that.
fn is_of_axis(path: &Path) -> bool {
    // what isn't there yet lies in a directory that is
    let Some(real) = fs::canonicalize(path).ok().or_else(|| {
        let directory = fs::canonicalize(path.parent()?).ok()?;
        Some(directory.join(path.file_name()?))
    }) else {
        return false;
    };
    let places = Places::from_environment().ok();
    let places = places.map(|it| [it.config, it.data, it.state]);
    let sockets = SocketDir::locate().ok();
    let named = ["AXIS_POLICY_PATH", "AXIS_KEYSTORE_PATH"];
    let named = named.map(|name| absolute_variable(name).ok().flatten());
    places
        .into_iter()
        .flatten()
        .chain(sockets.map(|it| it.path().to_owned()))
        .chain(named.into_iter().flatten())
        .filter_map(|own| fs::canonicalize(own).ok())
        .any(|own| real.starts_with(own))
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

/// A file that is a request's body.
#[derive(Clone, Debug)]
pub struct BodyFile {
    path: PathBuf,
    size: u64,
}

impl BodyFile {
    /// Looks at `path` from the working directory.
    ///
    /// # Errors
    /// `invalid_params`: it is no file that can be read.
    fn find(path: &str) -> Result<Self, Failure> {
        let found = std::path::absolute(path).and_then(|absolute| {
            // a pipe would wait for someone to write into it
            if !fs::metadata(&absolute)?.is_file() {
                return Err(io::Error::other("it is no plain file"));
            }
            if is_of_axis(&absolute) {
                return Err(io::Error::other(OF_AXIS));
            }
            let size = File::open(&absolute)?.metadata()?.len();
            Ok(Self {
                path: absolute,
                size,
            })
        });
        found.map_err(|error| wrong("body_file", path, &reason(&error)))
    }

    /// Sends its bytes, as fast as axisd takes them. A file that has become
    /// shorter, or that can't be read, ends too early, which axisd notices.
    fn send(&self, chunks: &mpsc::Sender<ExecuteRequest>) {
        let Ok(file) = File::open(&self.path) else {
            return;
        };
        let mut file = file.take(self.size);
        let most = u64::try_from(CHUNK).unwrap_or(0);
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            match (&mut file).take(most).read_to_end(&mut chunk) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return,
            }
            let part = Some(Part::Body(chunk.into()));
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
        part: Some(Part::Call(call)),
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
    save_to: Option<String>,
    body: Option<BodyFile>,
}

impl Files {
    /// Looks at the files, before anything is asked.
    ///
    /// # Errors
    /// `invalid_params`: one can't be read.
    pub fn find(save_to: Option<String>, body_file: Option<&str>) -> Result<Self, Failure> {
        let body = body_file.map(BodyFile::find).transpose()?;
        Ok(Self { save_to, body })
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
        let saving = self.save_to.as_deref().map(Saving::begin).transpose()?;
        Ok(Receiver {
            saving,
            saved: 0,
            announced: None,
        })
    }
}

/// Takes one answer in.
pub struct Receiver {
    saving: Option<Saving>,
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
                if let (Some(End::Success(success)), Some(saving)) =
                    (&mut outcome.end, self.saving.take())
                {
                    let saved = saving.finish().await?;
                    success.result = serde_json::to_vec(&saved)
                        .map_err(|error| Failure::new("internal_error", error.to_string()))?
                        .into();
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

/// The system's words alone: the path stands before them.
fn reason(error: &io::Error) -> String {
    if let Some(code) = error.raw_os_error() {
        return io::Error::from_raw_os_error(code).to_string();
    }
    // the crate `tempfile` puts the name behind them that it tried
    let text = error.to_string();
    let words = text.split(" at path ").next();
    words.unwrap_or_default().to_owned()
}
