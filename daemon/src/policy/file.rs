//! Reading the policy file: a bounded read of a regular file, nothing else.

use std::fs::{self, FileType};
use std::io::{self, Read};
use std::path::Path;

use super::error::{Fault, PolicyError};
use super::source::MAX_BYTES;
use crate::yaml::Source;

/// What was found where the policy should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A text.
    Text(String),
    /// Nothing: the file, or the directory it would be in, isn't there.
    Nothing,
    /// Something that can't be a policy.
    Unusable(PolicyError),
}

/// Reads what is at `path`.
pub(super) fn read(path: &Path) -> Found {
    match read_bytes(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Found::Text(text),
            Err(error) => Found::Unusable(not_utf8(path, &error)),
        },
        Err(Refused::Fault(fault)) => Found::Unusable(PolicyError::of_file(path, fault)),
        Err(Refused::Io(error)) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Found::Nothing,
            _ => Found::Unusable(PolicyError::of_file(
                path,
                Fault::Unreadable {
                    reason: error.to_string(),
                },
            )),
        },
    }
}

enum Refused {
    Fault(Fault),
    Io(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Refused> {
    // Looked at before it is opened, since opening a device can do things; and
    // again after, in case it was exchanged in between.
    only_regular(fs::metadata(path)?.file_type())?;
    let file = open_without_waiting(path)?;
    only_regular(file.metadata()?.file_type())?;
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_BYTES {
        return Err(Refused::Fault(Fault::TooLarge { limit: MAX_BYTES }));
    }
    Ok(bytes)
}

/// Opening a pipe for reading waits for a writer unless told otherwise.
fn open_without_waiting(path: &Path) -> io::Result<fs::File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(fs::File::from(rustix::fs::open(
        path,
        flags,
        Mode::empty(),
    )?))
}

fn only_regular(kind: FileType) -> Result<(), Refused> {
    if kind.is_file() {
        return Ok(());
    }
    Err(Refused::Fault(Fault::NotAFile {
        kind: if kind.is_dir() {
            "a directory"
        } else {
            "a pipe, a socket or a device"
        },
    }))
}

fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> PolicyError {
    let valid = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes());
    let before = &error.as_bytes()[..valid];
    let line_start = before
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    let line = before.split(|b| *b == b'\n').count();
    let column = String::from_utf8_lossy(&before[line_start..])
        .chars()
        .count()
        + 1;
    PolicyError::at(
        Source::new(&text, path).place_at(line, column, 1),
        Fault::NotUtf8,
    )
}
