//! Reading a regular file, bounded: never a pipe or a device, whose opening
//! can do things or wait for ever, and never more than a limit.

use std::fs::{self, FileType};
use std::io::{self, Read};
use std::path::Path;

pub use crate::system::Links;
use crate::system::open_to_read;

/// Why a file wasn't read.
#[derive(Debug)]
pub enum NotRead {
    /// It is something else than a file; what, such as `a directory`.
    Kind(&'static str),
    /// It is longer than the limit.
    TooLarge,
    /// The system said no.
    Io(io::Error),
}

impl From<io::Error> for NotRead {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The content of the file at `path`, at most `limit` bytes.
///
/// # Errors
/// [`NotRead`]; [`NotRead::Io`] also where nothing is there.
pub fn read(path: &Path, limit: usize, links: Links) -> Result<Vec<u8>, NotRead> {
    // Looked at before it is opened, since opening a device can do things; and
    // again after, in case it was exchanged in between.
    let metadata = match links {
        Links::Follow => fs::metadata(path)?,
        Links::Refuse => fs::symlink_metadata(path)?,
    };
    only_regular(metadata.file_type())?;
    let file = open_to_read(path, links)?;
    only_regular(file.metadata()?.file_type())?;
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(NotRead::TooLarge);
    }
    Ok(bytes)
}

fn only_regular(kind: FileType) -> Result<(), NotRead> {
    if kind.is_file() {
        return Ok(());
    }
    Err(NotRead::Kind(if kind.is_dir() {
        "a directory"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else {
        "a pipe, a socket or a device"
    }))
}
