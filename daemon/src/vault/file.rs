//! The keystore on disk: closed to others, written whole or not at all, by one
//! process at a time.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use axis_proto::shell;
use axis_proto::system::{self, Stat, own_user};
use sha2::{Digest as _, Sha256};

use super::VaultError;
use super::directory::Directory;
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
    directory: Directory,
    _lock: File,
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
            .ok_or_else(|| self.io("open the directory of")(io::ErrorKind::NotFound.into()))?;
        let name = self.beside(".lock")?;
        let lock = directory
            .lock_file(&name)
            .map_err(self.io("open the lock file of"))?;
        let until = Instant::now() + LOCK_PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "it waits on a thread for blocking work"
                    )]
                    thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(VaultError::Busy {
                        path: self.path.with_file_name(name),
                    });
                }
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(TryLockError::Error(error)) => return Err(self.io("lock")(error)),
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
        system::make_private_directory(directory).map_err(|source| VaultError::Io {
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
    fn beside(&self, suffix: &str) -> Result<OsString, VaultError> {
        let name = self.path.file_name().ok_or_else(|| VaultError::Unsafe {
            path: self.path.clone(),
            problem: "names no file".into(),
            fix: "set AXIS_KEYSTORE_PATH to a file's path".into(),
        })?;
        let mut name = name.to_owned();
        name.push(suffix);
        Ok(name)
    }

    fn open_directory(&self) -> Result<Option<Directory>, VaultError> {
        let path = self.directory();
        let io = |action| {
            move |source| VaultError::Io {
                action,
                path: path.to_owned(),
                source,
            }
        };
        let Some(directory) = Directory::open(path).map_err(io("open"))? else {
            return Ok(None);
        };
        let found = directory.stat().map_err(io("look at"))?;
        check_closed(path, &found, found.is_dir(), 0o700)?;
        Ok(Some(directory))
    }

    fn read_in(&self, directory: &Directory) -> Result<Option<Vec<u8>>, VaultError> {
        let file = match directory.read(&self.beside("")?) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(None),
            Err(error) if system::is_link_refused(&error) => {
                return Err(VaultError::Unsafe {
                    path: self.path.clone(),
                    problem: "is a symbolic link".into(),
                    fix: "set AXIS_KEYSTORE_PATH to the file itself".into(),
                });
            }
            Err(error) => return Err(self.io("open")(error)),
        };
        let found = Stat::of(&file).map_err(self.io("look at"))?;
        check_closed(&self.path, &found, found.is_file(), 0o600)?;
        let mut bytes = Vec::new();
        let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
        file.take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(self.io("read"))?;
        if bytes.len() > MAX_BYTES {
            return Err(self.damaged(Fault::TooLarge));
        }
        Ok(Some(bytes))
    }

    fn io(&self, action: &'static str) -> impl Fn(io::Error) -> VaultError {
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
        let linked = self.directory.link(&temporary, &name);
        let removed = self.remove(&temporary);
        match linked {
            Ok(()) => {
                removed?;
                self.sync_directory();
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(VaultError::KeystoreExists {
                    path: self.file.path.clone(),
                })
            }
            Err(error) => Err(self.file.io("create")(error)),
        }
    }

    /// Puts `bytes` in the file's place, whole or not at all; durable when it
    /// returns.
    pub fn replace(&self, bytes: &[u8]) -> Result<(), VaultError> {
        let (temporary, name) = (self.write_temporary(bytes)?, self.file.beside("")?);
        if let Err(error) = self.directory.rename(&temporary, &name) {
            let _ = self.remove(&temporary);
            return Err(self.file.io("replace")(error));
        }
        self.sync_directory();
        Ok(())
    }

    /// Writes a file beside the keystore, of one name: so what a killed
    /// writer left is found and removed.
    fn write_temporary(&self, bytes: &[u8]) -> Result<OsString, VaultError> {
        let name = self.file.beside(".tmp")?;
        self.remove(&name)?;
        let mut file = (self.directory.create(&name)).map_err(self.file.io("write beside"))?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        if let Err(error) = written {
            let _ = self.remove(&name);
            return Err(self.file.io("write beside")(error));
        }
        Ok(name)
    }

    fn remove(&self, name: &OsStr) -> Result<(), VaultError> {
        match self.directory.remove(name) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.file.io("remove the temporary file of")(error)),
        }
    }

    /// The new name is in place by now, so a refusal is said but is no failure
    /// of the write: some file systems can't sync a directory.
    fn sync_directory(&self) {
        if let Err(error) = self.directory.sync() {
            tracing::warn!(%error, path = %self.file.path.display(),
                "the keystore's directory can't be synced: a power cut may bring the older file back");
        }
    }
}

/// Refuses what others could read or write, and what isn't the kind it should be.
fn check_closed(
    path: &Path,
    found: &Stat,
    is_its_kind: bool,
    closed_mode: u32,
) -> Result<(), VaultError> {
    let unsafe_because = |problem: String, fix: String| VaultError::Unsafe {
        path: path.to_owned(),
        problem,
        fix,
    };
    if !is_its_kind {
        return Err(unsafe_because(
            "is no regular file".into(),
            "set AXIS_KEYSTORE_PATH to another path".into(),
        ));
    }
    let user = own_user();
    if let Some(owner) = found.owner()
        && owner != user
    {
        return Err(unsafe_because(
            format!("belongs to user {owner}, not to user {user}"),
            "give it to this user (chown), or set AXIS_KEYSTORE_PATH".into(),
        ));
    }
    if let Some(mode) = found.mode()
        && mode & 0o077 != 0
    {
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
