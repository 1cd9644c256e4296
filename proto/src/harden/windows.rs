//! Windows: a process of the same user may read the memory of this one, and no
//! safe code keeps it from that. So nothing of Axis begins there unless whoever
//! starts it says that they know.

use std::{env, io};

/// Says that whoever starts this knows what isn't kept here.
const CONSENT: &str = "AXIS_UNVERIFIED_SYSTEM";

/// Refuses, unless it is wanted all the same.
pub(super) fn close(_: &[&str]) -> io::Result<()> {
    if env::var_os(CONSENT).is_some_and(|value| value == "1") {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        format!(
            "Axis was never run on Windows, where any program of this user can read its memory; \
             set {CONSENT}=1 to run it all the same, with nothing in it that you couldn't lose"
        ),
    ))
}

/// Nothing: handles aren't inherited here unless each is meant to be.
pub(super) fn hand_nothing_on() {}
