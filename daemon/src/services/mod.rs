//! The catalogue in force: the services that are built in, and the owner's own,
//! in step with the files in `services/`.
//!
//! [`ServiceStore`] holds it; a reader takes one snapshot and never waits.

mod directory;
mod reading;
mod store;
mod watch;

pub use directory::MAX_FILES;
pub use store::{Change, Loaded, OnDisk, OwnFile, ServiceStore};
