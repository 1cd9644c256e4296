//! On Unix: a directory is its descriptor, and what is in it is named from there.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::Kind;

/// How a directory is opened that is only gone through: Linux asks for no right
/// to list it.
#[cfg(target_os = "linux")]
const THROUGH: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const THROUGH: OFlags = OFlags::RDONLY;

/// A directory that is held open.
#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

impl Folder {
    /// Opens the directory that `path` leads to.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = THROUGH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::openat(CWD, path, flags, Mode::empty())?))
    }

    /// Opens `path`, which is absolute, and follows no link on the way.
    pub(super) fn open_plainly(path: &Path) -> io::Result<Self> {
        let root = Path::new("/");
        Self::open(root)?.beneath(path.strip_prefix(root).unwrap_or(path))
    }

    /// The directory that `way` leads to from here, step by step and over no
    /// link, whatever others put there meanwhile.
    pub(super) fn beneath(&self, way: &Path) -> io::Result<Self> {
        let flags = THROUGH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut folder = self.0.try_clone()?;
        for step in way {
            let next = rustix::fs::openat(&folder, step, flags, Mode::empty());
            folder = next.map_err(|error| match error {
                Errno::NOTDIR | Errno::LOOP => {
                    io::Error::other(format!("{} is no directory, or a link", step.display()))
                }
                error => error.into(),
            })?;
        }
        Ok(Self(folder))
    }

    /// What `name` stands for, if it is there.
    pub(super) fn kind(&self, name: &OsStr) -> io::Result<Option<Kind>> {
        let there = match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(None),
            there => there?,
        };
        Ok(Some(match FileType::from_raw_mode(there.st_mode) {
            FileType::RegularFile => Kind::Plain,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Link,
            _ => Kind::Other,
        }))
    }

    /// Opens a file for reading; never waits for the other end of a pipe.
    pub(super) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.0, name, flags, Mode::empty())?;
        Ok(file.into())
    }

    /// Makes a new file for its owner alone.
    pub(super) fn create_file(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?;
        Ok(file.into())
    }

    /// Puts `from` into the place of `to`.
    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, from, &self.0, to)?)
    }

    /// Removes a file.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }
}

/// Reads bytes of `file` from `offset` on, wherever others read.
///
/// # Errors
/// The system's.
pub fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(bytes, offset)
}
