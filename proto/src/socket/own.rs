//! The sockets of identities: one directory each, which is what a sandbox gets
//! to see, with the socket in it and nothing else.
//!
//! Whoever is in the sandbox may do in that directory what they like. So
//! nothing here follows a link out of it, and a new socket is made beside the
//! directory, where they can't reach, and then moved in.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::fs;
use std::io;
use std::path::PathBuf;

use super::{Listener, SocketError};
use crate::system::FileId;

/// The directory that holds a directory for each identity with a socket of its
/// own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityDirs(pub(super) PathBuf);

/// Who may connect to an identity's own socket, as far as the file system
/// says. The directories above let no other user of this machine in, so what
/// opens this one is that it is mounted somewhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenTo {
    /// The owner's own processes.
    Owner,
    /// A sandbox whose processes have another uid here.
    Others,
}

/// A socket in its place.
pub struct OwnListener {
    /// Where connections come in.
    pub listener: Listener,
    /// Which files those are.
    pub place: Place,
}

/// Tells one directory and the socket in it from any others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place([FileId; 2]);

impl IdentityDirs {
    /// What is mounted into the sandbox of this identity's agent.
    pub fn directory(&self, identity: &str) -> PathBuf {
        self.0.join(identity)
    }

    /// The socket on which every caller is this identity.
    pub fn socket(&self, identity: &str) -> PathBuf {
        self.directory(identity).join("broker.sock")
    }

    /// Removes the socket of `identity`; the directory stays.
    pub fn remove_socket(&self, identity: &str) {
        // one that is gone already is as good
        let _ = fs::remove_file(self.socket(identity));
    }

    /// Removes the directory of `identity` with the socket in it.
    ///
    /// # Errors
    /// It holds something else, which stays.
    pub fn remove(&self, identity: &str) -> Result<(), SocketError> {
        self.remove_socket(identity);
        let directory = self.directory(identity);
        match fs::remove_dir(&directory) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(SocketError::Io {
                path: directory,
                source,
            }),
            _ => Ok(()),
        }
    }
}
