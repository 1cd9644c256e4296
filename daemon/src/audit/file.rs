//! The log file: opened for appending by one axisd alone, closed to others,
//! and looked at before each append, so that what someone else does to it shows.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axis_proto::shell;
use rustix::fs::{Access, FileType, Mode, Stat};
use rustix::io::Errno;

use super::segments;

/// Why nothing can be recorded; calls are refused until it is mended.
#[derive(Debug, thiserror::Error)]
pub enum AuditUnavailable {
    /// Two axisd on one log would break its chain.
    #[error("the audit log {path} is held by another axisd; end that one first")]
    Held {
        /// The log.
        path: PathBuf,
    },
    /// File or directory could be read or changed by others.
    #[error(
        "{path} is open to other users (mode {mode}); run: chmod {wanted} {}",
        shell::word(&path.to_string_lossy())
    )]
    OpenToOthers {
        /// The file or directory.
        path: PathBuf,
        /// The mode it has, in octal.
        mode: String,
        /// The mode it should have.
        wanted: &'static str,
    },
    /// The owner, or the file system, lets nobody write.
    #[error(
        "the audit log {path} is read-only; run: chmod 600 {}, or make its file system writable",
        shell::word(&path.to_string_lossy())
    )]
    ReadOnly {
        /// The log.
        path: PathBuf,
    },
    /// A link, a directory, a pipe.
    #[error("{path} is not a plain file, so it can't be the audit log; move it away")]
    NotAFile {
        /// What should be the log.
        path: PathBuf,
    },
    /// It belongs to another user.
    #[error("{path} belongs to user {uid}, not to axisd's; move it away or change its owner")]
    ForeignOwner {
        /// The file or directory.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// Nothing was opened yet.
    #[error("the audit log {path} is not open")]
    NotOpen {
        /// The log.
        path: PathBuf,
    },
    /// The audit key is gone: the vault was locked.
    #[error(
        "the vault is locked, so the call can't be recorded with the audit key; run: axis unlock"
    )]
    Locked,
    /// The disk is full.
    #[error("no space is left for the audit log {path}; free some, and calls work again")]
    NoSpace {
        /// The log.
        path: PathBuf,
    },
    /// The system said no.
    #[error("the audit log {path} can't be {doing}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's word.
        source: io::Error,
    },
    /// The disk didn't confirm in time.
    #[error("the disk of the audit log {path} didn't confirm a record within {seconds} s")]
    Slow {
        /// The log.
        path: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
}

impl AuditUnavailable {
    pub(super) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { path },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            _ => Self::Io {
                path,
                doing,
                source,
            },
        }
    }
}

/// What the path leads to, compared with the file that we hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Our file, as we left it.
    Ours,
    /// Nothing.
    Gone,
    /// Something else; how it differs, in words.
    Other(String),
}

/// The open log.
pub(super) struct LogFile {
    path: PathBuf,
    file: Arc<File>,
    /// As it was when it was opened.
    opened: Stat,
    /// Where our last whole line ends.
    size: u64,
    /// Part of a line stands after `size`, and couldn't be cut off yet.
    overhang: bool,
    /// How large the file may grow, for tests of a full disk.
    #[cfg(test)]
    pub(super) room: u64,
}

impl LogFile {
    /// Opens the file that is there; `None` when there is none.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, AuditUnavailable> {
        let Some(stat) = stat(path)? else {
            return Ok(None);
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(AuditUnavailable::NotAFile {
                path: path.to_owned(),
            });
        }
        check_rights(path, &stat, rustix::process::geteuid().as_raw())?;
        Self::hold(path, OpenOptions::new().read(true).append(true)).map(Some)
    }

    /// Makes the file, and its directory where that is missing.
    pub(super) fn create(path: &Path) -> Result<Self, AuditUnavailable> {
        prepare_directory(path)?;
        let log = Self::hold(
            path,
            OpenOptions::new()
                .read(true)
                .append(true)
                .create_new(true)
                .mode(0o600),
        )?;
        // a record that survives a power cut needs a name that does
        if let Some(directory) = path.parent() {
            File::open(directory)
                .and_then(|directory| directory.sync_all())
                .map_err(AuditUnavailable::io(directory, "written to disk"))?;
        }
        Ok(log)
    }

    /// Makes the file that becomes the log at `path` when it is rotated. One
    /// that an earlier attempt left is none of the log.
    pub(super) fn prepare(path: &Path) -> Result<Self, AuditUnavailable> {
        let prepared = segments::prepared(path);
        match fs::remove_file(&prepared) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(AuditUnavailable::io(&prepared, "removed")(error));
            }
            _ => {}
        }
        let log = Self::hold(
            &prepared,
            OpenOptions::new()
                .read(true)
                .append(true)
                .create_new(true)
                .mode(0o600),
        )?;
        Ok(Self {
            path: path.to_owned(),
            ..log
        })
    }

    fn hold(path: &Path, options: &OpenOptions) -> Result<Self, AuditUnavailable> {
        let file = options
            .open(path)
            .map_err(AuditUnavailable::io(path, "opened"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(AuditUnavailable::Held {
                    path: path.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => {
                return Err(AuditUnavailable::io(path, "locked")(error));
            }
        }
        let opened = rustix::fs::fstat(&file)
            .map_err(|error| AuditUnavailable::io(path, "looked at")(error.into()))?;
        Ok(Self {
            path: path.to_owned(),
            file: Arc::new(file),
            size: length(&opened),
            opened,
            overhang: false,
            #[cfg(test)]
            room: u64::MAX,
        })
    }

    /// For reading at positions and for syncing.
    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Where the last whole line ends, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Compares what the path leads to with what we wrote.
    ///
    /// # Errors
    /// The file is still ours, but may not be written to as it stands.
    pub(super) fn look(&self) -> Result<Sight, AuditUnavailable> {
        let Some(stat) = stat(&self.path)? else {
            return Ok(Sight::Gone);
        };
        if (stat.st_dev, stat.st_ino) != (self.opened.st_dev, self.opened.st_ino) {
            return Ok(Sight::Other("it was replaced".into()));
        }
        let size = length(&stat);
        if size < self.size {
            return Ok(Sight::Other(format!(
                "it was cut from {} to {size} bytes",
                self.size
            )));
        }
        if size > self.size && !self.overhang {
            return Ok(Sight::Other(format!(
                "someone else wrote {} bytes to it",
                size - self.size
            )));
        }
        check_rights(&self.path, &stat, self.opened.st_uid)?;
        Ok(Sight::Ours)
    }

    /// Whether the file system would take a line now. The next line would tell
    /// as well, so this is only for who asks before there is one.
    pub(super) fn probe(&self) -> Result<(), AuditUnavailable> {
        rustix::fs::access(&self.path, Access::WRITE_OK).map_err(|_| AuditUnavailable::ReadOnly {
            path: self.path.clone(),
        })
    }

    /// Hands one whole line to the kernel, or leaves the file as it was.
    pub(super) fn append(&mut self, line: &[u8]) -> Result<(), AuditUnavailable> {
        if self.overhang {
            self.cut(self.size)?;
        }
        let mut rest = line;
        while !rest.is_empty() {
            match self.write(rest) {
                Ok(0) => return Err(self.give_up(io::ErrorKind::WriteZero.into())),
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.give_up(error)),
            }
        }
        self.size += u64::try_from(line.len()).unwrap_or(0);
        Ok(())
    }

    /// No torn line stays behind: the next one would be glued to it.
    fn give_up(&mut self, error: io::Error) -> AuditUnavailable {
        self.overhang = self.cut(self.size).is_err();
        AuditUnavailable::io(&self.path, "written to")(error)
    }

    /// Drops everything after `size`.
    pub(super) fn cut(&mut self, size: u64) -> Result<(), AuditUnavailable> {
        self.file.set_len(size).map_err(AuditUnavailable::io(
            &self.path,
            "cut to its last whole line",
        ))?;
        self.size = size;
        self.overhang = false;
        Ok(())
    }

    #[cfg(not(test))]
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.file).write(bytes)
    }

    #[cfg(test)]
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.room.saturating_sub(self.file.metadata()?.len());
        let fitting = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if fitting == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        (&*self.file).write(&bytes[..fitting])
    }
}

/// Refuses a directory that others can read or write.
pub(super) fn check_directory(log: &Path) -> Result<(), AuditUnavailable> {
    let Some(directory) = log.parent() else {
        return Ok(());
    };
    let stat = match rustix::fs::stat(directory) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(AuditUnavailable::io(directory, "looked at")(error.into())),
    };
    check_owner(directory, &stat, rustix::process::geteuid().as_raw())?;
    check_closed(directory, &stat, "700")
}

fn prepare_directory(log: &Path) -> Result<(), AuditUnavailable> {
    if let Some(directory) = log.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(AuditUnavailable::io(directory, "made"))?;
    }
    check_directory(log)
}

fn check_rights(path: &Path, stat: &Stat, owner: u32) -> Result<(), AuditUnavailable> {
    check_owner(path, stat, owner)?;
    check_closed(path, stat, "600")?;
    // root may write whatever the mode says; the owner's wish counts all the same
    if !Mode::from_raw_mode(stat.st_mode).contains(Mode::WUSR) {
        return Err(AuditUnavailable::ReadOnly {
            path: path.to_owned(),
        });
    }
    Ok(())
}

fn check_owner(path: &Path, stat: &Stat, owner: u32) -> Result<(), AuditUnavailable> {
    if stat.st_uid == owner {
        return Ok(());
    }
    Err(AuditUnavailable::ForeignOwner {
        path: path.to_owned(),
        uid: stat.st_uid,
    })
}

fn check_closed(path: &Path, stat: &Stat, wanted: &'static str) -> Result<(), AuditUnavailable> {
    let mode = Mode::from_raw_mode(stat.st_mode);
    if !mode.intersects(Mode::RWXG | Mode::RWXO) {
        return Ok(());
    }
    Err(AuditUnavailable::OpenToOthers {
        path: path.to_owned(),
        mode: format!("{:04o}", mode.bits() & 0o777),
        wanted,
    })
}

/// What the path itself leads to, links not followed.
fn stat(path: &Path) -> Result<Option<Stat>, AuditUnavailable> {
    match rustix::fs::lstat(path) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(AuditUnavailable::io(path, "looked at")(error.into())),
    }
}

fn length(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}
