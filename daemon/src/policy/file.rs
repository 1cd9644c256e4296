//! Reading the policy file: whatever is there gets a word of its own.

use std::io::ErrorKind;
use std::path::Path;

use super::error::{Fault, PolicyError};
use super::source::MAX_BYTES;
use crate::yaml;
use axis_proto::regular::{self, Links, NotRead};

/// What was found where the policy should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A text.
    Text(String),
    /// Nothing: the file, or the directory it would be in, isn't there.
    Nothing,
    /// Something that can't be a policy.
    Unusable(PolicyError),
}

/// Reads what is at `path`.
pub(super) fn read(path: &Path) -> Found {
    let unusable = |fault| Found::Unusable(PolicyError::of_file(path, fault));
    match regular::read(path, MAX_BYTES, Links::Follow) {
        Ok(bytes) => match yaml::text(bytes, path) {
            Ok(text) => Found::Text(text),
            Err(place) => Found::Unusable(PolicyError::at(place, Fault::NotUtf8)),
        },
        Err(NotRead::Kind(kind)) => unusable(Fault::NotAFile { kind }),
        Err(NotRead::TooLarge) => unusable(Fault::TooLarge { limit: MAX_BYTES }),
        Err(NotRead::Io(error)) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Found::Nothing,
            _ => unusable(Fault::Unreadable {
                reason: error.to_string(),
            }),
        },
    }
}
