//! On Windows: a directory is its path. Links are looked for on the way, but one
//! that takes a directory's place at that moment is followed.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::windows::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::Kind;

/// A link is opened itself, and then is no plain file.
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;

/// A directory.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The directory that `path` leads to.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if !fs::metadata(path)?.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        Ok(Self(path.to_owned()))
    }

    /// The directory `path`, on the way to which no link was.
    pub(super) fn open_plainly(path: &Path) -> io::Result<Self> {
        Self::open(path)
    }

    /// The directory that `way` leads to from here, over no link.
    pub(super) fn beneath(&self, way: &Path) -> io::Result<Self> {
        let mut path = self.0.clone();
        for step in way {
            path.push(step);
            if !fs::symlink_metadata(&path)?.is_dir() {
                return Err(io::Error::other(format!(
                    "{} is no directory, or a link",
                    step.display()
                )));
            }
        }
        Ok(Self(path))
    }

    /// What `name` stands for, if it is there.
    pub(super) fn kind(&self, name: &OsStr) -> io::Result<Option<Kind>> {
        let kind = match fs::symlink_metadata(self.0.join(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            there => there?.file_type(),
        };
        Ok(Some(if kind.is_symlink() {
            Kind::Link
        } else if kind.is_dir() {
            Kind::Directory
        } else if kind.is_file() {
            Kind::Plain
        } else {
            Kind::Other
        }))
    }

    /// Opens a file for reading.
    pub(super) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true);
        options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
        options.open(self.0.join(name))
    }

    /// Makes a new file.
    pub(super) fn create_file(&self, name: &OsStr) -> io::Result<File> {
        File::create_new(self.0.join(name))
    }

    /// Puts `from` into the place of `to`.
    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    /// Removes a file.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }
}

/// Reads bytes of `file` from `offset` on.
///
/// # Errors
/// The system's.
pub fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(bytes, offset)
}
