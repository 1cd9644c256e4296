//! Named pipes, as Windows has them. All programs of the machine see their names,
//! and whoever comes first may take one. So each listener takes a name that nobody
//! could know before, lets its owner in alone, and writes the name, and which
//! process it is, into a file where the socket would be: clients believe what is
//! in the user's own directory, and hold the pipe's server against it.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use interprocess::local_socket::tokio::prelude::*;
use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::local_socket::traits::StreamCommon;
use interprocess::local_socket::{GenericNamespaced, ListenerOptions, ToNsName};
use interprocess::os::windows::local_socket::ListenerOptionsExt;
use interprocess::os::windows::security_descriptor::SecurityDescriptor;
use widestring::{U16CStr, u16cstr};

use super::note::Note;
use super::{PeerProcess, SocketError};
use crate::regular::{self, Links, NotRead};
use crate::system::{Stat, make_private_directory, own_user};

/// The usual longest path here.
pub(super) const MAX_PATH_BYTES: usize = 259;

/// What a service manager hands over: none does.
#[derive(Clone, Copy, Debug)]
pub struct Held(Infallible);

/// The access list of a pipe: everything for its owner, nothing for anybody else,
/// nothing inherited.
const OWNER_ALONE: &U16CStr = u16cstr!("D:P(A;;GA;;;OW)");

/// Longer than any note, in bytes.
const MAX_NOTE_BYTES: usize = 256;

/// One for a pipe that is going to be this process's.
fn new_note() -> io::Result<Note> {
    let mut number = [0; 16];
    getrandom::fill(&mut number).map_err(io::Error::other)?;
    Ok(Note::new(std::process::id(), number))
}

/// The one at `path`.
fn read_note(path: &Path) -> io::Result<Note> {
    match regular::read(path, MAX_NOTE_BYTES, Links::Refuse) {
        Ok(bytes) => Note::read(&bytes).ok_or_else(|| no_note(path)),
        Err(NotRead::Io(error)) => Err(error),
        Err(NotRead::Kind(_) | NotRead::TooLarge) => Err(no_note(path)),
    }
}

/// Puts it into the socket's place in one step.
fn write_note(note: &Note, path: &Path) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, note.text())?;
    fs::rename(&beside, path)
}

fn no_note(path: &Path) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{} doesn't say where axisd listens", path.display()),
    )
}

/// Creates `path`, or checks that it is a directory. Who may enter it is what the
/// user's profile hands down, which isn't looked at.
pub(super) fn prepare_closed(path: &Path) -> Result<(), SocketError> {
    let io = |source| SocketError::Io {
        path: path.to_owned(),
        source,
    };
    make_private_directory(path).map_err(io)?;
    if Stat::at(path).map_err(io)?.is_dir() {
        return Ok(());
    }
    Err(SocketError::UnsafeDirectory {
        path: path.to_owned(),
        problem: "is not a directory of this user".into(),
        fix: "remove it or set AXIS_SOCKET_DIR".into(),
    })
}

/// Listens on a pipe of its own for its owner alone, and says at `path` which.
pub(super) fn bind(path: &Path) -> Result<Listener, SocketError> {
    let io = |source| SocketError::Io {
        path: path.to_owned(),
        source,
    };
    let note = new_note().map_err(io)?;
    let access = SecurityDescriptor::deserialize(OWNER_ALONE).map_err(io)?;
    let name = note.name.as_str().to_ns_name::<GenericNamespaced>();
    let listener = ListenerOptions::new()
        .name(name.map_err(io)?)
        .security_descriptor(access)
        .create_tokio()
        .map_err(io)?;
    write_note(&note, path).map_err(io)?;
    Ok(listener)
}

/// There is nothing to take over.
pub(super) fn adopt(listener: Held, _: &Path) -> Result<Listener, SocketError> {
    match listener.0 {}
}

/// Connects to the pipe that the file at `path` names, where it is still that of
/// the process that it names.
pub(super) async fn connect(path: &Path) -> io::Result<Stream> {
    let note = read_note(path)?;
    let name = note.name.as_str().to_ns_name::<GenericNamespaced>()?;
    let stream = Stream::connect(name).await?;
    if stream.peer_creds()?.pid() == Some(note.pid) {
        return Ok(stream);
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!(
            "the pipe that {} names is another process's by now",
            path.display()
        ),
    ))
}

/// Which process is at the other end. Its user is this one: the pipe's access list
/// lets nobody else in.
pub(super) fn peer(stream: &Stream) -> io::Result<PeerProcess> {
    Ok(PeerProcess {
        uid: own_user(),
        pid: stream.peer_creds()?.pid(),
    })
}

/// There is none of a session.
pub(super) fn runtime_directory() -> Option<PathBuf> {
    None
}
