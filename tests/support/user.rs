//! Other users of the machine.

use std::path::Path;
use std::process::Command;

/// `program` as the user and group `uid` and in no other group, with a PATH and
/// nothing else in its environment. Only root can be somebody else.
pub fn as_user(uid: u32, program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={uid}"))
        .arg(format!("--regid={uid}"))
        .args(["--clear-groups", "--"])
        .arg(program.as_ref())
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    command
}
