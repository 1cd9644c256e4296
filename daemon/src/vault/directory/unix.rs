//! As a descriptor, from which names are looked up.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use axis_proto::system::Stat;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

/// The directory.
pub(in super::super) struct Directory(File);

impl Directory {
    /// The one at `path`; none where nothing is.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(directory) => Ok(Some(Self(File::from(directory)))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Who may do what with it.
    pub fn stat(&self) -> io::Result<Stat> {
        Stat::of(&self.0)
    }

    /// A file in it, to be read; none where nothing is. A link is refused.
    pub fn read(&self, name: &OsStr) -> io::Result<Option<File>> {
        // NONBLOCK: opening a FIFO that someone put there must not hang.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match rustix::fs::openat(&self.0, name, flags, Mode::empty()) {
            Ok(file) => Ok(Some(File::from(file))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A file in it that can be locked, made where it is missing.
    pub fn lock_file(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.make(name, flags)
    }

    /// A new file in it.
    pub fn create(&self, name: &OsStr) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.make(name, flags)
    }

    fn make(&self, name: &OsStr, flags: OFlags) -> io::Result<File> {
        let file = rustix::fs::openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?;
        Ok(File::from(file))
    }

    /// Gives a file a second name, which nothing has yet.
    pub fn link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::linkat(
            &self.0,
            from,
            &self.0,
            to,
            AtFlags::empty(),
        )?)
    }

    /// Gives a file the name of another one, which is gone then.
    pub fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, from, &self.0, to)?)
    }

    /// Takes a file's name away.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Waits until its names are on the disk.
    pub fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.0)?)
    }
}
