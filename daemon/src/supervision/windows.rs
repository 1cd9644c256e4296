//! No service manager here starts axisd.

use std::path::PathBuf;

use axis_proto::socket::Held;

use super::HandedOverError;

/// None.
#[expect(clippy::unnecessary_wraps, reason = "on other systems it can fail")]
pub(super) fn handed_over() -> Result<Vec<(PathBuf, Held)>, HandedOverError> {
    Ok(Vec::new())
}

/// Nobody is told.
pub fn ready() {}

/// Nobody is told.
pub fn stopping() {}
