//! systemd, and whoever else hands sockets over as it does.

use std::path::{Path, PathBuf};

use axis_proto::socket::Held;
use listenfd::ListenFd;
use sd_notify::NotifyState;
use tracing::debug;

use super::HandedOverError;

/// The sockets that were handed over to this process, and where each listens.
pub(super) fn handed_over() -> Result<Vec<(PathBuf, Held)>, HandedOverError> {
    let mut handed = ListenFd::from_env();
    let mut sockets = Vec::with_capacity(handed.len());
    for index in 0..handed.len() {
        let socket = handed
            .take_unix_listener(index)
            .map_err(HandedOverError::NotASocket)?;
        if let Some(socket) = socket {
            let address = socket.local_addr().map_err(HandedOverError::NotASocket)?;
            let path = address.as_pathname().unwrap_or(Path::new("?"));
            sockets.push((path.to_owned(), socket));
        }
    }
    Ok(sockets)
}

/// Tells systemd, where it listens, that axisd serves.
pub fn ready() {
    tell(NotifyState::Ready);
}

/// Tells systemd that axisd ends.
pub fn stopping() {
    tell(NotifyState::Stopping);
}

fn tell(state: NotifyState<'_>) {
    // whoever doesn't hear it finds out by its own means
    if let Err(error) = sd_notify::notify(&[state]) {
        debug!(%error, "the service manager can't be told");
    }
}
