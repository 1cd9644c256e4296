//! Not on Windows: what a sandbox gets to see there is no directory with a socket
//! in it, and a pipe's name is open to all.

use std::io;

use super::super::SocketError;
use super::{IdentityDirs, OpenTo, OwnListener, Place};

impl IdentityDirs {
    /// Whether a socket can be there: none can.
    ///
    /// # Errors
    /// Always.
    pub fn check(&self, identity: &str) -> Result<(), SocketError> {
        Err(self.refusal(identity))
    }

    fn refusal(&self, identity: &str) -> SocketError {
        SocketError::Io {
            path: self.socket(identity),
            source: io::Error::new(
                io::ErrorKind::Unsupported,
                "an identity has no socket of its own on Windows, where no directory of a sandbox can hold one",
            ),
        }
    }

    /// None.
    pub fn found(&self, _: usize) -> Vec<(String, OpenTo)> {
        Vec::new()
    }

    /// Refuses, as [`Self::check`] does.
    ///
    /// # Errors
    /// Always.
    pub fn listen(&self, identity: &str, _: OpenTo) -> Result<OwnListener, SocketError> {
        Err(self.refusal(identity))
    }

    /// Nothing is.
    pub fn is_in_place(&self, _: &str, _: Place) -> bool {
        false
    }
}
