//! What every Axis process does first: files only for the owner, no core
//! dumps, closed to debuggers and to `/proc/PID/{mem,environ,maps,fd}` readers
//! of the same user.

use std::io;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, setrlimit, umask};

/// Applies the hardening to this process. It holds until the process execs
/// another program, which must call it again.
///
/// # Errors
/// A system call that the kernel refused; a process that can't be hardened
/// must not go on to hold secrets.
pub fn process() -> io::Result<()> {
    umask(Mode::RWXG | Mode::RWXO);
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}
