//! What the systems that Axis is written for do differently, as far as more than
//! one room needs it: whose a file is and who else may reach it, which file it is,
//! opening one without being led astray. The same names on each system, a file a
//! system.
//!
//! What a system can't tell is `None`, never a guess: [`TELLS_RIGHTS`] says
//! whether a check that found nothing has looked at all.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io;
use std::path::Path;

#[cfg(unix)]
pub use self::unix::*;
#[cfg(windows)]
pub use self::windows::*;

/// Whether a symbolic link at a path's end may be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// To whatever file it leads to.
    Follow,
    /// It is refused.
    Refuse,
}

/// Tells a file or directory from all others that are there at the same time:
/// device and inode, or what the system has instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId(u64, u64);

/// What there is at a path or behind an open file, looked at once.
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    is_file: bool,
    is_dir: bool,
    may_be_written: bool,
    size: u64,
    id: FileId,
    owner: Option<u32>,
    mode: Option<u32>,
}

impl Stat {
    /// Whether it is a plain file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.is_file
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.is_dir
    }

    /// Whether its owner wants it written to, whoever we are.
    #[must_use]
    pub fn may_be_written(&self) -> bool {
        self.may_be_written
    }

    /// Its length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Which one it is.
    #[must_use]
    pub fn id(&self) -> FileId {
        self.id
    }

    /// Whose it is, by uid.
    #[must_use]
    pub fn owner(&self) -> Option<u32> {
        self.owner
    }

    /// Who may do what with it, as in chmod(2).
    #[must_use]
    pub fn mode(&self) -> Option<u32> {
        self.mode
    }
}

/// Why a file can't be held for writing.
#[derive(Debug)]
pub enum NotHeld {
    /// It can't be opened.
    Opening(io::Error),
    /// Another process holds it.
    ByAnother,
    /// It can't be locked.
    Locking(io::Error),
}

/// Makes what comes new for this user alone, where the system has no other way
/// than to say so at the beginning.
pub trait ForOwnerAlone {
    /// Says so.
    fn for_owner_alone(&mut self) -> &mut Self;
}

/// Waits until the names in a directory are on the disk, where the system has such
/// a thing.
///
/// # Errors
/// The system said no: some file systems can't.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    match directory_to_sync(path)? {
        Some(directory) => directory.sync_all(),
        None => Ok(()),
    }
}

/// Makes a directory, and those above it that are missing, for this user alone.
///
/// # Errors
/// The system said no.
pub fn make_private_directory(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .for_owner_alone()
        .create(path)
}
