//! As Linux and macOS do it.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{Access, Mode, OFlags};
use rustix::io::Errno;

use super::{FileId, ForOwnerAlone, Links, NotHeld, Stat};

/// Whether [`owner`] and [`mode`] say anything here.
pub const TELLS_RIGHTS: bool = true;

/// The bits of a mode that chmod(2) sets.
const MODE_BITS: u32 = 0o7777;
/// That of them by which the owner may write.
const OWNER_WRITES: u32 = 0o200;

/// The number of the user that this process acts as.
#[must_use]
pub fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whose a file is, by uid.
#[must_use]
pub fn owner(metadata: &Metadata) -> Option<u32> {
    Some(metadata.uid())
}

/// Who may do what with a file, as in chmod(2).
#[must_use]
pub fn mode(metadata: &Metadata) -> Option<u32> {
    Some(metadata.mode() & MODE_BITS)
}

impl Stat {
    /// What the path itself leads to; a link is not followed.
    ///
    /// # Errors
    /// Nothing is there, or the system said no.
    pub fn at(path: &Path) -> io::Result<Self> {
        fs::symlink_metadata(path).map(|metadata| Self::from(&metadata))
    }

    /// Of an open file or directory.
    ///
    /// # Errors
    /// The system said no.
    pub fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::from(&metadata))
    }
}

impl From<&Metadata> for Stat {
    fn from(metadata: &Metadata) -> Self {
        Self {
            is_file: metadata.is_file(),
            is_dir: metadata.is_dir(),
            may_be_written: metadata.mode() & OWNER_WRITES != 0,
            size: metadata.len(),
            id: FileId(metadata.dev(), metadata.ino()),
            owner: owner(metadata),
            mode: mode(metadata),
        }
    }
}

impl ForOwnerAlone for OpenOptions {
    fn for_owner_alone(&mut self) -> &mut Self {
        self.mode(0o600)
    }
}

impl ForOwnerAlone for DirBuilder {
    fn for_owner_alone(&mut self) -> &mut Self {
        self.mode(0o700)
    }
}

/// Sets who may do what with what lies at `path`, as in chmod(2).
///
/// # Errors
/// The system said no.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Who may do what with a file, to be given to the one that takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights(u32);

impl Rights {
    /// Its owner's alone.
    pub const OWNER_ALONE: Self = Self(0o600);

    /// Those of the file there.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self(metadata.mode() & MODE_BITS)
    }

    /// Gives them to an open file.
    ///
    /// # Errors
    /// The system said no.
    pub fn give(self, file: &File) -> io::Result<()> {
        file.set_permissions(Permissions::from_mode(self.0))
    }

    /// Whether the owner may write to it.
    #[must_use]
    pub fn may_be_written(self) -> bool {
        self.0 & OWNER_WRITES != 0
    }
}

/// Opens what lies at `path` for reading, without waiting: opening a pipe waits
/// for a writer unless told otherwise. What it is has to be looked at after.
///
/// # Errors
/// Nothing is there, or the system said no; of a link, [`is_link_refused`].
pub fn open_to_read(path: &Path, links: Links) -> io::Result<File> {
    let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    if links == Links::Refuse {
        flags |= OFlags::NOFOLLOW;
    }
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

/// Whether [`open_to_read`] failed since a link was there that it may not follow.
#[must_use]
pub fn is_link_refused(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

/// Whether it failed since a socket was there, which nobody can open.
#[must_use]
pub fn is_socket_refused(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NXIO.raw_os_error())
}

/// Reads at a place of the file, wherever others read or write.
///
/// # Errors
/// The system said no.
pub fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    file.read_at(buffer, at)
}

/// Fills `buffer` from a place of the file.
///
/// # Errors
/// The file ends before, or the system said no.
pub fn read_exact_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<()> {
    file.read_exact_at(buffer, at)
}

/// Opens a file that grows at its end, and holds it against every other process
/// that holds it so.
///
/// # Errors
/// Another one does, or the system said no.
pub fn open_to_append(path: &Path, options: &mut OpenOptions) -> Result<File, NotHeld> {
    let file = options
        .read(true)
        .append(true)
        .open(path)
        .map_err(NotHeld::Opening)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(NotHeld::ByAnother),
        Err(TryLockError::Error(error)) => Err(NotHeld::Locking(error)),
    }
}

/// Writes at the end of a file that [`open_to_append`] opened, which is at `end`.
/// How much of it.
///
/// # Errors
/// The system said no.
pub fn append(mut file: &File, bytes: &[u8], _end: u64) -> io::Result<usize> {
    file.write(bytes)
}

/// Whether the file system would let the file be written to.
///
/// # Errors
/// It would not.
pub fn may_write(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(path, Access::WRITE_OK)?)
}

/// The directory at `path`, whose names are on the disk once it is synced; none
/// where the system has no such thing.
///
/// # Errors
/// The system said no.
pub fn directory_to_sync(path: &Path) -> io::Result<Option<File>> {
    File::open(path).map(Some)
}

/// Whether what lies at `path` is a program, as far as a look tells.
#[must_use]
pub fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o111 != 0)
}

/// Standard input without a buffer of this process: one would keep a copy of what
/// is read for good.
///
/// # Errors
/// The system said no.
pub fn unbuffered_stdin() -> io::Result<File> {
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}
