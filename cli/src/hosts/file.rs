//! A host's file on the disk: read whole, and replaced whole, only while it is
//! still what was read, and only where it is this user's own.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use axis_proto::system::{self, Links, Rights, own_user};

use super::error::HostsError;
use crate::system::{directory_to_lock, keep_group};

/// The largest file that is read, in MiB; ~/.claude.json grows to a few.
const LIMIT_MIB: u64 = 64;
/// How long another `axis hosts` is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether it is done.
const LOOK: Duration = Duration::from_millis(20);
/// What a backup is called after.
const BACKUP: &str = "axis-backup";
/// What some programs begin a text with.
const BOM: &str = "\u{feff}";

/// A file as it was at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Its name, as the host knows it.
    pub named: PathBuf,
    /// Where it really lies, whatever links lead there.
    target: PathBuf,
    /// What it held; none where there was none.
    bytes: Option<Vec<u8>>,
    rights: Rights,
}

impl Snapshot {
    /// Reads it.
    ///
    /// # Errors
    /// It is no regular text file, or it or its directory is somebody else's.
    pub fn read(named: &Path) -> Result<Self, HostsError> {
        let target = target(named)?;
        let bytes = read_whole(&target)?;
        let rights = match &bytes {
            Some((_, metadata)) => Rights::of(metadata),
            // It may come to hold secrets of other servers.
            None => Rights::OWNER_ALONE,
        };
        Ok(Self {
            named: named.to_owned(),
            target,
            bytes: bytes.map(|(bytes, _)| bytes),
            rights,
        })
    }

    /// Whether there was one.
    pub fn existed(&self) -> bool {
        self.bytes.is_some()
    }

    /// Its text without a byte order mark; empty where there was none.
    pub fn text(&self) -> Result<&str, HostsError> {
        let bytes = self.bytes.as_deref().unwrap_or_default();
        let text = std::str::from_utf8(bytes).map_err(|_| HostsError::NotText {
            file: self.named.clone(),
        })?;
        Ok(text.strip_prefix(BOM).unwrap_or(text))
    }

    /// The bytes of `text` in its place: with the mark that was there.
    fn bytes_of(&self, text: &str) -> Vec<u8> {
        let had_bom = self
            .bytes
            .as_deref()
            .is_some_and(|it| it.starts_with(BOM.as_bytes()));
        let bom = if had_bom { BOM } else { "" };
        [bom.as_bytes(), text.as_bytes()].concat()
    }

    /// Whether the file is still what was read.
    pub fn is_current(&self) -> Result<bool, HostsError> {
        let now = read_whole(&self.target)?;
        Ok(now.map(|(bytes, _)| bytes) == self.bytes)
    }

    /// Whether it may be written, said before anything is.
    ///
    /// # Errors
    /// It or its directory is read-only, or the directory isn't there.
    pub fn check_writable(&self, may_make_directory: bool) -> Result<(), HostsError> {
        let directory = parent(&self.target);
        match fs::metadata(directory) {
            Ok(metadata) if !Rights::of(&metadata).may_be_written() => {
                return Err(HostsError::ReadOnly {
                    path: directory.to_owned(),
                });
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !may_make_directory {
                    return Err(HostsError::NoDirectory {
                        directory: directory.to_owned(),
                    });
                }
            }
            Err(source) => return Err(at(directory)(source)),
        }
        if self.existed() && !self.rights.may_be_written() {
            return Err(HostsError::ReadOnly {
                path: self.target.clone(),
            });
        }
        Ok(())
    }

    /// Puts `text` in its place, where it is still what was read. Gives whether
    /// it was.
    pub fn replace(&self, text: &str) -> Result<bool, HostsError> {
        let directory = parent(&self.target);
        let new = written(directory, &self.target, &self.bytes_of(text), self.rights)?;
        if !self.is_current()? {
            return Ok(false);
        }
        new.persist(&self.target)
            .map_err(|error| at(&self.target)(error.error))?;
        sync(directory)?;
        Ok(true)
    }

    /// Deletes it, where it is still what was read. Gives whether it was.
    pub fn delete(&self) -> Result<bool, HostsError> {
        if !self.is_current()? {
            return Ok(false);
        }
        fs::remove_file(&self.target).map_err(at(&self.target))?;
        sync(parent(&self.target))?;
        Ok(true)
    }

    /// Where its backup lies: beside its name, not beside what a link leads to,
    /// which may be a checkout that others see.
    pub fn backup_path(&self) -> PathBuf {
        let mut name = self.named.clone().into_os_string();
        name.push(".");
        name.push(BACKUP);
        PathBuf::from(name)
    }

    /// The backup that lies there; a link in its place is not followed.
    pub fn backup(&self) -> Option<Self> {
        let path = self.backup_path();
        let metadata = fs::symlink_metadata(&path).ok()?;
        if !metadata.is_file() {
            return None;
        }
        Self::read(&path).ok()
    }

    /// Keeps what was read as the backup; only its owner may read that.
    pub fn back_up(&self) -> Result<Option<PathBuf>, HostsError> {
        let Some(bytes) = &self.bytes else {
            return Ok(None);
        };
        let path = self.backup_path();
        let directory = parent(&path);
        let new = written(directory, &path, bytes, Rights::OWNER_ALONE)?;
        new.persist(&path).map_err(|error| at(&path)(error.error))?;
        sync(directory)?;
        Ok(Some(path))
    }

    /// Removes the backup, which has done its work.
    pub fn drop_backup(&self) -> Result<(), HostsError> {
        let path = self.backup_path();
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(at(&path)(error)),
        }
    }

    /// Keeps others that do as we do away, until it is dropped.
    pub fn lock(&self, may_make_directory: bool) -> Result<File, HostsError> {
        let directory = parent(&self.target);
        if may_make_directory {
            fs::create_dir_all(directory).map_err(at(directory))?;
        }
        let file = directory_to_lock(directory).map_err(at(directory))?;
        let until = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "files are changed on a thread of their own"
                    )]
                    std::thread::sleep(LOOK);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(HostsError::Locked {
                        directory: directory.to_owned(),
                        waited_s: PATIENCE.as_secs(),
                    });
                }
                Err(TryLockError::Error(error)) => return Err(at(directory)(error)),
            }
        }
    }
}

/// Where `named` really lies. A link that leads nowhere yet is followed, too.
fn target(named: &Path) -> Result<PathBuf, HostsError> {
    match named.canonicalize() {
        Ok(target) => return Ok(target),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(at(named)(error)),
    }
    let beside = match fs::read_link(named) {
        Ok(link) => parent(named).join(link),
        Err(_) => named.to_owned(),
    };
    Ok(match (parent(&beside).canonicalize(), beside.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => beside,
    })
}

fn read_whole(target: &Path) -> Result<Option<(Vec<u8>, fs::Metadata)>, HostsError> {
    check_owner(parent(target))?;
    let file = match system::open_to_read(target, Links::Follow) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(target)(error)),
    };
    let metadata = file.metadata().map_err(at(target))?;
    if !metadata.is_file() {
        return Err(HostsError::NotRegular {
            file: target.to_owned(),
        });
    }
    check_uid(target, &metadata)?;
    let limit = LIMIT_MIB << 20;
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(at(target))?;
    if bytes.len() as u64 > limit {
        return Err(HostsError::TooLarge {
            file: target.to_owned(),
            limit: LIMIT_MIB,
        });
    }
    Ok(Some((bytes, metadata)))
}

fn check_owner(path: &Path) -> Result<(), HostsError> {
    match fs::metadata(path) {
        Ok(metadata) => check_uid(path, &metadata),
        // What isn't there is made by us; its parent has to be ours.
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => check_owner(parent),
            _ => Ok(()),
        },
        Err(error) => Err(at(path)(error)),
    }
}

fn check_uid(path: &Path, metadata: &fs::Metadata) -> Result<(), HostsError> {
    match system::owner(metadata) {
        Some(uid) if uid != own_user() => Err(HostsError::Foreign {
            path: path.to_owned(),
            uid,
        }),
        _ => Ok(()),
    }
}

/// A temporary file with these bytes on the disk, to be renamed.
fn written(
    directory: &Path,
    target: &Path,
    bytes: &[u8],
    rights: Rights,
) -> Result<tempfile::NamedTempFile, HostsError> {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let mut new = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".axis-new")
        .tempfile_in(directory)
        .map_err(at(directory))?;
    new.write_all(bytes).map_err(at(new.path()))?;
    if let Ok(metadata) = fs::metadata(target) {
        keep_group(new.as_file(), &metadata);
    }
    rights.give(new.as_file()).map_err(at(new.path()))?;
    new.as_file().sync_all().map_err(at(new.path()))?;
    Ok(new)
}

fn sync(directory: &Path) -> Result<(), HostsError> {
    system::sync_directory(directory).map_err(at(directory))
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> HostsError {
    let path = path.to_owned();
    move |source| HostsError::Io { path, source }
}
