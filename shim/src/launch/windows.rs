//! On Windows.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use tokio::process::Command;

/// What a daemon keeps of its starter's environment, besides `AXIS_*`: where the
/// system and the user's files are, without which hardly any program runs.
const KEPT_VARIABLES: [&str; 9] = [
    "SystemRoot",
    "SystemDrive",
    "USERPROFILE",
    "USERNAME",
    "APPDATA",
    "LOCALAPPDATA",
    "TEMP",
    "TMP",
    "TZ",
];

/// CreateProcess: without the console of its starter, which ends with it …
const DETACHED_PROCESS: u32 = 0x8;
/// … and without the Ctrl-C that is typed there.
const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;

/// Whether a daemon keeps the variable, by its whole name.
pub(super) fn is_kept(name: &str) -> bool {
    KEPT_VARIABLES
        .iter()
        .any(|kept| kept.eq_ignore_ascii_case(name))
}

/// The daemon's PATH: where the system's own programs are.
pub(super) fn fixed_path() -> OsString {
    let root =
        env::var_os("SystemRoot").map_or_else(|| PathBuf::from(r"C:\Windows"), PathBuf::from);
    root.join("System32").into_os_string()
}

/// Takes it out of its starter's console.
pub(super) fn detach(command: &mut Command) {
    command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP);
}
