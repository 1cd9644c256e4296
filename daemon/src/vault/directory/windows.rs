//! As a handle that lets nobody rename or remove it: so its path leads to it for as
//! long as this lives.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use axis_proto::system::{self, Links, Stat};

/// CreateFile: a directory can be opened, too.
const BACKUP_SEMANTICS: u32 = 0x0200_0000;
/// CreateFile: what is in it may be read and written meanwhile.
const SHARE_READ_AND_WRITE: u32 = 0x1 | 0x2;

/// The directory.
pub(in super::super) struct Directory {
    path: PathBuf,
    held: File,
}

impl Directory {
    /// The one at `path`; none where nothing is.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let held = OpenOptions::new()
            .read(true)
            .share_mode(SHARE_READ_AND_WRITE)
            .custom_flags(BACKUP_SEMANTICS)
            .open(path);
        match held {
            Ok(held) => Ok(Some(Self {
                path: path.to_owned(),
                held,
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What it is.
    pub fn stat(&self) -> io::Result<Stat> {
        Stat::of(&self.held)
    }

    /// A file in it, to be read; none where nothing is. A link is refused.
    pub fn read(&self, name: &OsStr) -> io::Result<Option<File>> {
        match system::open_to_read(&self.path.join(name), Links::Refuse) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A file in it that can be locked, made where it is missing.
    pub fn lock_file(&self, name: &OsStr) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.path.join(name))
    }

    /// A new file in it.
    pub fn create(&self, name: &OsStr) -> io::Result<File> {
        File::create_new(self.path.join(name))
    }

    /// Gives a file a second name, which nothing has yet.
    pub fn link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        fs::hard_link(self.path.join(from), self.path.join(to))
    }

    /// Gives a file the name of another one, which is gone then.
    pub fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    /// Takes a file's name away.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    /// Nothing: NTFS keeps a journal of its names, and flushes no directory.
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "other systems do"
    )]
    pub fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
