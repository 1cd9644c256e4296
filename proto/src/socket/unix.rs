//! Unix sockets: a file each, and the kernel says who connects.

use std::env;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use interprocess::local_socket::tokio::prelude::*;
use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::local_socket::traits::StreamCommon;
use interprocess::local_socket::{GenericFilePath, ListenerOptions, ToFsName};
use interprocess::os::unix::uds_local_socket;

use super::{PeerProcess, SocketError};
use crate::shell;
use crate::system::own_user;

/// A socket's path must fit into `sockaddr_un` on every system we know.
pub(super) const MAX_PATH_BYTES: usize = 103;

/// What a service manager hands over.
pub type Held = UnixListener;

/// The mode of a directory that others may pass through, and not look into.
pub(super) const PASSABLE: u32 = 0o711;

/// Creates `path` for its owner alone, or checks that it is so.
pub(super) fn prepare_closed(path: &Path) -> Result<(), SocketError> {
    let io = |source| SocketError::Io {
        path: path.to_owned(),
        source,
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(io)?;
    let metadata = fs::symlink_metadata(path).map_err(io)?;
    let uid = own_user();
    if !metadata.is_dir() || metadata.uid() != uid {
        return Err(SocketError::UnsafeDirectory {
            path: path.to_owned(),
            problem: "is not a directory of this user".into(),
            fix: "remove it or set AXIS_SOCKET_DIR".into(),
        });
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 && mode != PASSABLE {
        return Err(SocketError::UnsafeDirectory {
            path: path.to_owned(),
            problem: format!("is open to others (mode {mode:04o})"),
            fix: format!("run: chmod 700 {}", shell::word(&path.to_string_lossy())),
        });
    }
    Ok(())
}

/// Binds a listener at `path` for the owner alone.
pub(super) fn bind(path: &Path) -> Result<Listener, SocketError> {
    let io = |source| SocketError::Io {
        path: path.to_owned(),
        source,
    };
    let name = path.to_fs_name::<GenericFilePath>().map_err(io)?;
    let listener = ListenerOptions::new()
        .name(name)
        .try_overwrite(true)
        .create_tokio()
        .map_err(io)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(io)?;
    Ok(listener)
}

/// Takes over one that is bound at `path`.
pub(super) fn adopt(listener: Held, path: &Path) -> Result<Listener, SocketError> {
    let io = |source| SocketError::Io {
        path: path.to_owned(),
        source,
    };
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(io)?;
    let listener = uds_local_socket::tokio::Listener::try_from(OwnedFd::from(listener));
    Ok(listener.map_err(io)?.into())
}

/// Connects to whoever listens at `path`.
pub(super) async fn connect(path: &Path) -> io::Result<Stream> {
    let name = path.to_fs_name::<GenericFilePath>()?;
    Stream::connect(name).await
}

/// Who is at the other end, as the kernel tells.
pub(super) fn peer(stream: &Stream) -> io::Result<PeerProcess> {
    let credentials = stream.peer_creds()?;
    let uid = credentials
        .euid()
        .ok_or_else(|| io::Error::other("the system doesn't say which user connects"))?;
    let pid = credentials.pid().and_then(|pid| u32::try_from(pid).ok());
    Ok(PeerProcess { uid, pid })
}

/// Hosts start shims with a stripped environment, so `XDG_RUNTIME_DIR` may be
/// missing though the session has one.
pub(super) fn runtime_directory() -> Option<PathBuf> {
    if let Some(dir) = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)
        && dir.is_absolute()
    {
        return Some(dir);
    }
    let uid = own_user();
    let dir = PathBuf::from(format!("/run/user/{uid}"));
    let metadata = fs::metadata(&dir).ok()?;
    (metadata.is_dir() && metadata.uid() == uid).then_some(dir)
}
