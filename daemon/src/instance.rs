//! One axisd at a time: over the sockets, and over the files that it writes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use axis_proto::system::ForOwnerAlone;

use crate::paths::{Paths, parent};

/// Held for as long as this process may serve the sockets and write the files.
#[derive(Debug)]
pub struct Instance {
    _locks: Vec<File>,
}

/// Why this axisd may not start.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// Another one runs.
    #[error(
        "axisd is already running as process {pid}: it holds {lock}; stop it with: axis daemon stop"
    )]
    Running {
        /// Its process id as it wrote it down, or `?`.
        pid: String,
        /// The lock file.
        lock: PathBuf,
    },
    /// It can keep no record there.
    #[error(
        "{path} lies on a read-only file system, and without a record axisd makes no call; make it writable (mount -o remount,rw), or set AXIS_HOME to a directory that is"
    )]
    ReadOnly {
        /// The lock file.
        path: PathBuf,
    },
    /// The system said no.
    #[error("can't lock {path}: {source}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

impl Instance {
    /// Takes the locks beside the sockets, the keystore and the audit log. The
    /// kernel frees them when this process ends, however it ends.
    pub fn acquire(paths: &Paths) -> Result<Self, InstanceError> {
        let mut files = vec![
            paths.sockets.lock_file(),
            parent(&paths.keystore).join("axisd.lock"),
            parent(&paths.audit).join("axisd.lock"),
        ];
        files.sort();
        files.dedup();
        let locks = files
            .iter()
            .map(|file| lock(file))
            .collect::<Result<_, _>>()?;
        Ok(Self { _locks: locks })
    }
}

fn lock(path: &Path) -> Result<File, InstanceError> {
    let io = |source: io::Error| {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem => InstanceError::ReadOnly { path },
            _ => InstanceError::Io { path, source },
        }
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .for_owner_alone()
        .open(path)
        .map_err(io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // the holder's own note; without it the message still names the file
            let _ = file.take(32).read_to_string(&mut pid);
            let pid = pid.trim();
            return Err(InstanceError::Running {
                pid: if pid.is_empty() { "?" } else { pid }.to_owned(),
                lock: path.to_owned(),
            });
        }
        Err(TryLockError::Error(source)) => return Err(io(source)),
    }
    file.set_len(0).map_err(io)?;
    file.rewind().map_err(io)?;
    writeln!(file, "{}", std::process::id()).map_err(io)?;
    Ok(file)
}
