//! The log file: opened for appending by one axisd alone, closed to others,
//! and looked at before each append, so that what someone else does to it shows.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axis_proto::shell;
use axis_proto::system::{self, ForOwnerAlone, NotHeld, Stat, own_user};

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
        if !stat.is_file() {
            return Err(AuditUnavailable::NotAFile {
                path: path.to_owned(),
            });
        }
        check_rights(path, &stat, own_user())?;
        Self::hold(path, &mut OpenOptions::new()).map(Some)
    }

    /// Makes the file, and its directory where that is missing.
    pub(super) fn create(path: &Path) -> Result<Self, AuditUnavailable> {
        prepare_directory(path)?;
        let log = Self::hold(path, OpenOptions::new().create_new(true).for_owner_alone())?;
        // a record that survives a power cut needs a name that does
        if let Some(directory) = path.parent() {
            system::sync_directory(directory)
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
            OpenOptions::new().create_new(true).for_owner_alone(),
        )?;
        Ok(Self {
            path: path.to_owned(),
            ..log
        })
    }

    fn hold(path: &Path, options: &mut OpenOptions) -> Result<Self, AuditUnavailable> {
        let file = system::open_to_append(path, options).map_err(|error| match error {
            NotHeld::ByAnother => AuditUnavailable::Held {
                path: path.to_owned(),
            },
            NotHeld::Opening(error) => AuditUnavailable::io(path, "opened")(error),
            NotHeld::Locking(error) => AuditUnavailable::io(path, "locked")(error),
        })?;
        let opened = Stat::of(&file).map_err(AuditUnavailable::io(path, "looked at"))?;
        Ok(Self {
            path: path.to_owned(),
            file: Arc::new(file),
            size: opened.size(),
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
        if stat.id() != self.opened.id() {
            return Ok(Sight::Other("it was replaced".into()));
        }
        let size = stat.size();
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
        check_rights(
            &self.path,
            &stat,
            self.opened.owner().unwrap_or_else(own_user),
        )?;
        Ok(Sight::Ours)
    }

    /// Whether the file system would take a line now. The next line would tell
    /// as well, so this is only for who asks before there is one.
    pub(super) fn probe(&self) -> Result<(), AuditUnavailable> {
        system::may_write(&self.path).map_err(|_| AuditUnavailable::ReadOnly {
            path: self.path.clone(),
        })
    }

    /// Hands one whole line to the kernel, or leaves the file as it was.
    pub(super) fn append(&mut self, line: &[u8]) -> Result<(), AuditUnavailable> {
        if self.overhang {
            self.cut(self.size)?;
        }
        let (mut rest, mut end) = (line, self.size);
        while !rest.is_empty() {
            match self.write(rest, end) {
                Ok(0) => return Err(self.give_up(io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    rest = rest.get(written..).unwrap_or_default();
                    end += u64::try_from(written).unwrap_or(0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.give_up(error)),
            }
        }
        self.size = end;
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
    fn write(&self, bytes: &[u8], end: u64) -> io::Result<usize> {
        system::append(&self.file, bytes, end)
    }

    #[cfg(test)]
    fn write(&self, bytes: &[u8], end: u64) -> io::Result<usize> {
        let left = self.room.saturating_sub(self.file.metadata()?.len());
        let fitting = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if fitting == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        system::append(&self.file, &bytes[..fitting], end)
    }
}

/// Refuses a directory that others can read or write.
pub(super) fn check_directory(log: &Path) -> Result<(), AuditUnavailable> {
    let Some(directory) = log.parent() else {
        return Ok(());
    };
    let metadata = match fs::metadata(directory) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(AuditUnavailable::io(directory, "looked at")(error)),
    };
    check_owner(directory, system::owner(&metadata), own_user())?;
    check_closed(directory, system::mode(&metadata), "700")
}

fn prepare_directory(log: &Path) -> Result<(), AuditUnavailable> {
    if let Some(directory) = log.parent() {
        system::make_private_directory(directory)
            .map_err(AuditUnavailable::io(directory, "made"))?;
    }
    check_directory(log)
}

fn check_rights(path: &Path, stat: &Stat, owner: u32) -> Result<(), AuditUnavailable> {
    check_owner(path, stat.owner(), owner)?;
    check_closed(path, stat.mode(), "600")?;
    // root may write whatever the mode says; the owner's wish counts all the same
    if !stat.may_be_written() {
        return Err(AuditUnavailable::ReadOnly {
            path: path.to_owned(),
        });
    }
    Ok(())
}

fn check_owner(path: &Path, found: Option<u32>, owner: u32) -> Result<(), AuditUnavailable> {
    match found {
        Some(uid) if uid != owner => Err(AuditUnavailable::ForeignOwner {
            path: path.to_owned(),
            uid,
        }),
        _ => Ok(()),
    }
}

fn check_closed(
    path: &Path,
    mode: Option<u32>,
    wanted: &'static str,
) -> Result<(), AuditUnavailable> {
    match mode {
        Some(mode) if mode & 0o077 != 0 => Err(AuditUnavailable::OpenToOthers {
            path: path.to_owned(),
            mode: format!("{:04o}", mode & 0o777),
            wanted,
        }),
        _ => Ok(()),
    }
}

/// What the path itself leads to, links not followed.
fn stat(path: &Path) -> Result<Option<Stat>, AuditUnavailable> {
    match Stat::at(path) {
        Ok(stat) => Ok(Some(stat)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(AuditUnavailable::io(path, "looked at")(error)),
    }
}
