//! The keystore on disk: closed to others, written whole or not at all, by one
//! process at a time.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use axis_proto::shell;
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::VaultError;
use super::fault::Fault;

/// Far above any keystore; a larger file is not read into memory.
pub(super) const MAX_BYTES: usize = 16 * 1024 * 1024;
/// How long another writer is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// SHA-256 of a file's bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest([u8; 32]);

/// Where the keystore is.
pub(super) struct KeystoreFile {
    path: PathBuf,
}

/// The keystore's directory, checked, and its lock file held: nobody else
/// writes while this lives.
pub(super) struct Exclusive<'a> {
    file: &'a KeystoreFile,
    directory: OwnedFd,
    _lock: OwnedFd,
}

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl KeystoreFile {
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn damaged(&self, fault: Fault) -> VaultError {
        VaultError::Damaged {
            path: self.path.clone(),
            fault,
        }
    }

    /// The file's bytes, or `None` where there is no file.
    ///
    /// # Errors
    /// File or directory are open to others, are someone else's, or are no
    /// file and directory; or they can't be read.
    pub fn read(&self) -> Result<Option<Vec<u8>>, VaultError> {
        match self.open_directory()? {
            Some(directory) => self.read_in(&directory),
            None => Ok(None),
        }
    }

    /// Keeps other writers out; waits a few seconds for one that is at it.
    pub fn exclusive(&self) -> Result<Exclusive<'_>, VaultError> {
        let directory = self
            .open_directory()?
            .ok_or_else(|| self.io("open the directory of")(Errno::NOENT))?;
        let name = self.beside(".lock")?;
        let lock = rustix::fs::openat(
            &directory,
            &name,
            OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::RUSR | Mode::WUSR,
        )
        .map_err(self.io("open the lock file of"))?;
        let until = Instant::now() + LOCK_PATIENCE;
        loop {
            match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) if Instant::now() < until => {
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "it waits on a thread for blocking work"
                    )]
                    thread::sleep(Duration::from_millis(10));
                }
                Err(Errno::WOULDBLOCK) => {
                    return Err(VaultError::Busy {
                        path: self.path.with_file_name(name),
                    });
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(self.io("lock")(error)),
            }
        }
        Ok(Exclusive {
            file: self,
            directory,
            _lock: lock,
        })
    }

    /// Removes what a writer that was killed left beside the file. It is
    /// encrypted, so one that can't be removed is no error.
    pub fn tidy(&self) {
        let Ok(name) = self.beside(".tmp") else {
            return;
        };
        if fs::symlink_metadata(self.path.with_file_name(&name)).is_ok()
            && let Ok(exclusive) = self.exclusive()
        {
            let _ = exclusive.remove(&name);
        }
    }

    /// Makes the directory, for its owner alone, where it is missing.
    pub fn prepare_directory(&self) -> Result<(), VaultError> {
        let directory = self.directory();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|source| VaultError::Io {
                action: "create",
                path: directory.to_owned(),
                source,
            })
    }

    fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    /// The name of the file with `suffix` appended.
    fn beside(&self, suffix: &str) -> Result<std::ffi::OsString, VaultError> {
        let name = self.path.file_name().ok_or_else(|| VaultError::Unsafe {
            path: self.path.clone(),
            problem: "names no file".into(),
            fix: "set AXIS_KEYSTORE_PATH to a file's path".into(),
        })?;
        let mut name = name.to_owned();
        name.push(suffix);
        Ok(name)
    }

    fn open_directory(&self) -> Result<Option<OwnedFd>, VaultError> {
        let path = self.directory();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => {
                return Err(VaultError::Io {
                    action: "open",
                    path: path.to_owned(),
                    source: error.into(),
                });
            }
        };
        check_closed(path, &directory, FileType::Directory, 0o700)?;
        Ok(Some(directory))
    }

    fn read_in(&self, directory: &OwnedFd) -> Result<Option<Vec<u8>>, VaultError> {
        // NONBLOCK: opening a FIFO that someone put there must not hang.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match rustix::fs::openat(directory, self.beside("")?, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => {
                return Err(VaultError::Unsafe {
                    path: self.path.clone(),
                    problem: "is a symbolic link".into(),
                    fix: "set AXIS_KEYSTORE_PATH to the file itself".into(),
                });
            }
            Err(error) => return Err(self.io("open")(error)),
        };
        check_closed(&self.path, &file, FileType::RegularFile, 0o600)?;
        let mut bytes = Vec::new();
        let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
        File::from(file)
            .take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(self.std_io("read"))?;
        if bytes.len() > MAX_BYTES {
            return Err(self.damaged(Fault::TooLarge));
        }
        Ok(Some(bytes))
    }

    fn io(&self, action: &'static str) -> impl Fn(Errno) -> VaultError {
        let error = self.std_io(action);
        move |errno| error(errno.into())
    }

    fn std_io(&self, action: &'static str) -> impl Fn(io::Error) -> VaultError {
        let path = self.path.clone();
        move |source| VaultError::Io {
            action,
            path: path.clone(),
            source,
        }
    }
}

impl Exclusive<'_> {
    /// The file's bytes, as no other writer changes them any more.
    pub fn read(&self) -> Result<Option<Vec<u8>>, VaultError> {
        self.file.read_in(&self.directory)
    }

    /// Puts `bytes` where no file is; durable when it returns.
    ///
    /// # Errors
    /// [`VaultError::KeystoreExists`] when a file is there after all.
    pub fn create(&self, bytes: &[u8]) -> Result<(), VaultError> {
        let (temporary, name) = (self.write_temporary(bytes)?, self.file.beside("")?);
        // A link, unlike a rename, never replaces what came in between.
        let linked = rustix::fs::linkat(
            &self.directory,
            &temporary,
            &self.directory,
            &name,
            AtFlags::empty(),
        );
        let removed = self.remove(&temporary);
        match linked {
            Ok(()) => {
                removed?;
                self.sync_directory();
                Ok(())
            }
            Err(Errno::EXIST) => Err(VaultError::KeystoreExists {
                path: self.file.path.clone(),
            }),
            Err(error) => Err(self.file.io("create")(error)),
        }
    }

    /// Puts `bytes` in the file's place, whole or not at all; durable when it
    /// returns.
    pub fn replace(&self, bytes: &[u8]) -> Result<(), VaultError> {
        let (temporary, name) = (self.write_temporary(bytes)?, self.file.beside("")?);
        if let Err(error) =
            rustix::fs::renameat(&self.directory, &temporary, &self.directory, &name)
        {
            let _ = self.remove(&temporary);
            return Err(self.file.io("replace")(error));
        }
        self.sync_directory();
        Ok(())
    }

    /// Writes a file beside the keystore, of one name: so what a killed
    /// writer left is found and removed.
    fn write_temporary(&self, bytes: &[u8]) -> Result<std::ffi::OsString, VaultError> {
        let name = self.file.beside(".tmp")?;
        self.remove(&name)?;
        let mut file: File = rustix::fs::openat(
            &self.directory,
            &name,
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::RUSR | Mode::WUSR,
        )
        .map_err(self.file.io("write beside"))?
        .into();
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        if let Err(error) = written {
            let _ = self.remove(&name);
            return Err(self.file.std_io("write beside")(error));
        }
        Ok(name)
    }

    fn remove(&self, name: &std::ffi::OsStr) -> Result<(), VaultError> {
        match rustix::fs::unlinkat(&self.directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.file.io("remove the temporary file of")(error)),
        }
    }

    /// The new name is in place by now, so a refusal is said but is no failure
    /// of the write: some file systems can't sync a directory.
    fn sync_directory(&self) {
        if let Err(error) = rustix::fs::fsync(&self.directory) {
            tracing::warn!(%error, path = %self.file.path.display(),
                "the keystore's directory can't be synced: a power cut may bring the older file back");
        }
    }
}

/// Refuses what others could read or write, and what isn't the kind it should be.
fn check_closed(
    path: &Path,
    opened: &OwnedFd,
    kind: FileType,
    closed_mode: u32,
) -> Result<(), VaultError> {
    let unsafe_because = |problem: String, fix: String| VaultError::Unsafe {
        path: path.to_owned(),
        problem,
        fix,
    };
    let stat = rustix::fs::fstat(opened).map_err(|error| VaultError::Io {
        action: "look at",
        path: path.to_owned(),
        source: error.into(),
    })?;
    if FileType::from_raw_mode(stat.st_mode) != kind {
        return Err(unsafe_because(
            "is no regular file".into(),
            "set AXIS_KEYSTORE_PATH to another path".into(),
        ));
    }
    let user = rustix::process::geteuid().as_raw();
    if stat.st_uid != user {
        return Err(unsafe_because(
            format!("belongs to user {}, not to user {user}", stat.st_uid),
            "give it to this user (chown), or set AXIS_KEYSTORE_PATH".into(),
        ));
    }
    let mode = stat.st_mode & 0o7777;
    if mode & 0o077 != 0 {
        return Err(unsafe_because(
            format!("is open to others (mode {mode:04o})"),
            format!(
                "run: chmod {closed_mode:o} {}",
                shell::word(&path.to_string_lossy())
            ),
        ));
    }
    Ok(())
}
