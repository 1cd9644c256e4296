//! Files that hold secrets, read whole: bounded, never from a pipe or a
//! device, and wiped when they are done with.

use std::io::ErrorKind;
use std::path::Path;

use axis_proto::regular::{self, Links, NotRead};
use zeroize::Zeroizing;

use super::ImportError;

/// The text of the file at `path`, without a byte order mark.
///
/// # Errors
/// It isn't there, isn't a file, is larger than `limit`, or isn't UTF-8.
pub fn text(path: &Path, limit: usize) -> Result<Zeroizing<String>, ImportError> {
    let bytes = Zeroizing::new(bytes(path, limit)?);
    let text = std::str::from_utf8(&bytes).map_err(|error| ImportError::NotText {
        path: path.to_owned(),
        at: error.valid_up_to(),
    })?;
    if let Some(at) = text.find('\0') {
        return Err(ImportError::NotText {
            path: path.to_owned(),
            at,
        });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok(Zeroizing::new(text.to_owned()))
}

/// The bytes of the file at `path`.
pub fn bytes(path: &Path, limit: usize) -> Result<Vec<u8>, ImportError> {
    regular::read(path, limit, Links::Follow).map_err(|error| match error {
        NotRead::Kind(kind) => ImportError::NotAFile {
            path: path.to_owned(),
            kind,
        },
        NotRead::TooLarge => ImportError::TooLarge {
            path: path.to_owned(),
            limit,
        },
        NotRead::Io(error) if error.kind() == ErrorKind::NotFound => ImportError::NotThere {
            path: path.to_owned(),
        },
        NotRead::Io(error) => ImportError::Unreadable {
            path: path.to_owned(),
            error,
        },
    })
}
