//! On Unix.

use std::ffi::OsString;

use tokio::process::Command;

/// The PATH of a daemon that was started here.
const FIXED_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What a daemon keeps of its starter's environment, besides `LC_*`, `XDG_*`
/// and `AXIS_*`.
const KEPT_VARIABLES: [&str; 6] = [
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "TZ",
    "DBUS_SESSION_BUS_ADDRESS",
];

/// Whether a daemon keeps the variable, by its whole name.
pub(super) fn is_kept(name: &str) -> bool {
    KEPT_VARIABLES.contains(&name)
}

/// The daemon's PATH.
pub(super) fn fixed_path() -> OsString {
    FIXED_PATH.into()
}

/// Nothing: axisd leaves its starter's session itself.
pub(super) fn detach(_: &mut Command) {}
