//! Where the two sockets are, how a client connects and how the daemon
//! listens. The only place that knows.

#[cfg(any(test, windows))]
mod note;
mod own;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use interprocess::local_socket::tokio::prelude::*;
pub use interprocess::local_socket::tokio::{Listener, Stream};
use tonic::transport::{Channel, Endpoint};

/// A listener that a service manager holds for axisd; there is none on Windows.
pub use self::here::Held;
use self::here::{MAX_PATH_BYTES, prepare_closed};
pub use self::own::{IdentityDirs, OpenTo, OwnListener, Place};
#[cfg(unix)]
use self::unix as here;
#[cfg(windows)]
use self::windows as here;
use crate::places::Places;
use crate::system::own_user;
use crate::v1::admin_client::AdminClient;
use crate::v1::broker_client::BrokerClient;
use crate::{MAX_FRAME_BYTES, MAX_MESSAGE_BYTES};

/// Why a socket can't be used. Each variant is a sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The path doesn't fit into a socket address.
    #[error(
        "the socket path {path} is {length} bytes long; the system allows {MAX_PATH_BYTES}: set AXIS_SOCKET_DIR to a shorter directory"
    )]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// Neither the environment nor the user database names a home.
    #[error("no home directory is known for this user: set HOME or AXIS_HOME")]
    NoHome,
    /// An `AXIS_…` directory that is not absolute; nothing is resolved from the working directory.
    #[error("{variable} must be an absolute path, but is {value:?}")]
    NotAbsolute {
        /// The environment variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// An `AXIS_…` directory that is something else.
    #[error("{variable} is {path}, which is no directory")]
    NotADirectory {
        /// The environment variable.
        variable: &'static str,
        /// Its value.
        path: PathBuf,
    },
    /// The directory belongs to someone else or is open to others.
    #[error("the socket directory {path} {problem}; {fix}")]
    UnsafeDirectory {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// The command that mends it.
        fix: String,
    },
    /// The system said no.
    #[error("{path}: {source}")]
    Io {
        /// What was touched.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

/// The file beside the sockets that an axisd holds.
pub const LOCK_FILE: &str = "axisd.lock";

/// The directory that holds `broker.sock`, `admin.sock` and `axisd.lock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketDir(PathBuf);

impl SocketDir {
    /// Finds the directory: `AXIS_SOCKET_DIR`, else `$AXIS_HOME/run`, else
    /// `$XDG_RUNTIME_DIR/axis` (or `/run/user/UID/axis` where that is the
    /// user's), else `run/` beside the audit log. Nothing is created.
    pub fn locate() -> Result<Self, SocketError> {
        if let Some(dir) = directory_variable("AXIS_SOCKET_DIR")? {
            return Ok(Self(dir));
        }
        if let Some(home) = directory_variable("AXIS_HOME")? {
            return Ok(Self::in_home(&home));
        }
        if let Some(runtime) = here::runtime_directory() {
            return Ok(Self(runtime.join("axis")));
        }
        Ok(Self(Places::from_environment()?.state.join("run")))
    }

    /// The directory of an axisd whose AXIS_HOME is `home`, whatever this
    /// process's environment says.
    pub fn in_home(home: &Path) -> Self {
        Self(home.join("run"))
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What an agent's side may reach.
    pub fn broker(&self) -> PathBuf {
        self.0.join("broker.sock")
    }

    /// What only the owner may reach.
    pub fn admin(&self) -> PathBuf {
        self.0.join("admin.sock")
    }

    /// Held by the axisd that serves the sockets, for as long as it lives.
    pub fn lock_file(&self) -> PathBuf {
        self.0.join(LOCK_FILE)
    }

    /// The directories of those identities that have a socket of their own.
    pub fn identities(&self) -> IdentityDirs {
        IdentityDirs(self.0.join("identity"))
    }

    /// Creates the directory for its owner alone, or checks that the one
    /// that is there is the owner's and closed to others. Others may pass
    /// through it (mode 0711) where a system user of its own runs axisd: then
    /// they reach what is open to them in `identity/`.
    pub fn prepare(&self) -> Result<(), SocketError> {
        prepare_closed(&self.0)
    }
}

/// The broker socket a client should use: `AXIS_SOCKET` where it is set (a
/// sandboxed shim has nothing else), else the one in the socket directory.
pub fn broker_socket() -> Result<PathBuf, SocketError> {
    match absolute_variable("AXIS_SOCKET")? {
        Some(path) => Ok(path),
        None => Ok(SocketDir::locate()?.broker()),
    }
}

/// A broker client on the socket at `path`. It connects at the first call and
/// again after the daemon was restarted.
pub fn broker_client(path: &Path) -> Result<BrokerClient<Channel>, SocketError> {
    Ok(BrokerClient::new(channel(path, Server::Anyone)?)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES))
}

/// An admin client on the socket at `path`. It connects at the first call, and
/// only to a process of this user: the master password goes there.
pub fn admin_client(path: &Path) -> Result<AdminClient<Channel>, SocketError> {
    Ok(AdminClient::new(channel(path, Server::SameUser)?)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES))
}

/// Binds a listener at `path` for the owner alone. A socket file that is
/// already there is replaced: only the holder of the lock file may call this.
pub fn listen(path: &Path) -> Result<Listener, SocketError> {
    check_length(path)?;
    here::bind(path)
}

/// Serves a listener that a service manager has bound at `path` for us, with the
/// mode that [`listen`] gives its own. The file stays when we end: the service
/// manager goes on listening there.
pub fn adopt(listener: Held, path: &Path) -> Result<Listener, SocketError> {
    here::adopt(listener, path)
}

/// The next connection to `listener`.
pub async fn accept(listener: &Listener) -> io::Result<Stream> {
    listener.accept().await
}

/// The process at the other end of a connection, as the kernel tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerProcess {
    /// Its effective user; on Windows, who may connect is this one.
    pub uid: u32,
    /// Its process id, where the system tells.
    pub pid: Option<u32>,
}

/// Who is at the other end of `stream`.
///
/// # Errors
/// The system doesn't say.
pub fn peer(stream: &Stream) -> io::Result<PeerProcess> {
    here::peer(stream)
}

/// Who may serve a socket that a client connects to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    /// No secret goes there, and a sandbox may map users.
    Anyone,
    /// Nobody else may listen in.
    SameUser,
}

fn channel(path: &Path, server: Server) -> Result<Channel, SocketError> {
    check_length(path)?;
    let path = path.to_owned();
    // The URI is never resolved: the connector below opens the socket.
    Ok(Endpoint::from_static("http://axisd")
        .connect_timeout(Duration::from_secs(5))
        .max_frame_size(MAX_FRAME_BYTES)
        .connect_with_connector_lazy(tower::service_fn(move |_| {
            let path = path.clone();
            async move {
                let stream = here::connect(&path).await?;
                if server == Server::SameUser {
                    refuse_others(&stream, &path)?;
                }
                Ok::<_, io::Error>(TokioIo::new(stream))
            }
        })))
}

fn refuse_others(stream: &Stream, path: &Path) -> io::Result<()> {
    let uid = peer(stream)?.uid;
    if uid == own_user() {
        return Ok(());
    }
    let problem = format!("{} is served by another user, uid {uid}", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, problem))
}

fn check_length(path: &Path) -> Result<(), SocketError> {
    let length = path.as_os_str().len();
    if length > MAX_PATH_BYTES {
        return Err(SocketError::PathTooLong {
            path: path.to_owned(),
            length,
        });
    }
    Ok(())
}

/// The value of a variable that names a directory, which need not be there yet.
pub(crate) fn directory_variable(variable: &'static str) -> Result<Option<PathBuf>, SocketError> {
    let named = absolute_variable(variable)?;
    match named {
        Some(path) if path.metadata().is_ok_and(|found| !found.is_dir()) => {
            Err(SocketError::NotADirectory { variable, path })
        }
        named => Ok(named),
    }
}

/// The value of a path variable; empty counts as unset.
pub fn absolute_variable(variable: &'static str) -> Result<Option<PathBuf>, SocketError> {
    let Some(value) = env::var_os(variable).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let path = PathBuf::from(value);
    if path.is_absolute() {
        return Ok(Some(path));
    }
    Err(SocketError::NotAbsolute {
        variable,
        value: path.display().to_string(),
    })
}
