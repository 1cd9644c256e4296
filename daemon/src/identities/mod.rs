//! Identities with a socket of their own: on it every caller is that identity,
//! whatever it claims. Its directory is what a sandbox gets to see.
//!
//! Which identities those are is sealed in the vault ([`SealedSockets`]), since
//! an agent could edit any file; [`OwnSockets`] serves them and keeps them in
//! their places.

mod error;
mod sealed;
mod serving;
#[cfg(test)]
mod tests;

pub use error::IdentityError;
pub use sealed::{MAX_SOCKETS, OwnSocket, SealedSockets};
pub use serving::{Entrance, OwnSockets, Served, SocketIdentity, Standing};
