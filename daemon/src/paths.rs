//! Where Axis keeps its files: the system's usual places, or all under
//! `AXIS_HOME`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use axis_proto::places::Places;
use axis_proto::shell;
use axis_proto::socket::{SocketDir, SocketError, absolute_variable};
use axis_proto::system::{self, own_user};

/// Every file and directory of one installation.
#[derive(Debug, Clone)]
pub struct Paths {
    /// `policy.yaml`
    pub policy: PathBuf,
    /// `daemon.yaml`
    pub daemon_yaml: PathBuf,
    /// `services/`, with the owner's own definitions
    pub services: PathBuf,
    /// `keystore.json`
    pub keystore: PathBuf,
    /// `audit.jsonl`
    pub audit: PathBuf,
    /// What an axisd that a client started writes its log to.
    pub log: PathBuf,
    /// `broker.sock`, `admin.sock`
    pub sockets: SocketDir,
}

/// Why the files can't be where they should.
#[derive(Debug, thiserror::Error)]
pub enum PathsError {
    /// The environment names no usable place.
    #[error(transparent)]
    Environment(#[from] SocketError),
    /// A directory that others may enter, or that is someone else's.
    #[error("{path} {problem}; {fix}")]
    Unsafe {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What mends it.
        fix: String,
    },
    /// The system said no.
    #[error("can't make the directory {path}: {source}")]
    Io {
        /// The directory.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

impl Paths {
    /// Reads `AXIS_HOME`, `AXIS_POLICY_PATH`, `AXIS_KEYSTORE_PATH`,
    /// `AXIS_SOCKET_DIR` and the system's directories. Nothing is created.
    pub fn from_environment() -> Result<Self, PathsError> {
        let Places {
            config,
            data,
            state,
        } = Places::from_environment()?;
        Ok(Self {
            policy: absolute_variable("AXIS_POLICY_PATH")?
                .unwrap_or_else(|| config.join("policy.yaml")),
            daemon_yaml: config.join("daemon.yaml"),
            services: config.join("services"),
            keystore: absolute_variable("AXIS_KEYSTORE_PATH")?
                .unwrap_or_else(|| data.join("keystore.json")),
            audit: state.join("audit.jsonl"),
            log: state.join("axisd.log"),
            sockets: SocketDir::locate()?,
        })
    }

    /// Makes the directories that are missing, each for its owner alone.
    ///
    /// # Errors
    /// A directory that holds secrets or records and is open to others is
    /// refused, with the command that mends it.
    pub fn create(&self) -> Result<(), PathsError> {
        for file in [&self.policy, &self.daemon_yaml] {
            make_directory(parent(file))?;
        }
        make_directory(&self.services)?;
        for file in [&self.keystore, &self.audit] {
            make_directory(parent(file))?;
            check_private(parent(file))?;
        }
        self.sockets.prepare()?;
        Ok(())
    }
}

/// The directory a file stands in.
pub fn parent(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("/"))
}

fn make_directory(path: &Path) -> Result<(), PathsError> {
    system::make_private_directory(path).map_err(|source| PathsError::Io {
        path: path.to_owned(),
        source,
    })
}

fn check_private(path: &Path) -> Result<(), PathsError> {
    let metadata = fs::metadata(path).map_err(|source| PathsError::Io {
        path: path.to_owned(),
        source,
    })?;
    if let Some(uid) = system::owner(&metadata)
        && uid != own_user()
    {
        return Err(PathsError::Unsafe {
            path: path.to_owned(),
            problem: format!("belongs to uid {uid}, not to you"),
            fix: "choose a directory of your own".into(),
        });
    }
    if let Some(mode) = system::mode(&metadata)
        && mode & 0o077 != 0
    {
        let mode = mode & 0o777;
        return Err(PathsError::Unsafe {
            path: path.to_owned(),
            problem: format!("is open to others (mode {mode:04o})"),
            fix: format!("run: chmod 700 {}", shell::word(&path.to_string_lossy())),
        });
    }
    Ok(())
}
