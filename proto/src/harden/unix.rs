//! As Linux and macOS let a process do it.

use std::io;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, setrlimit, umask};

use crate::given;

/// Closes this process, and takes the variables out of its environment.
pub(super) fn close(unwanted: &[&str]) -> io::Result<()> {
    // only until the process is closed can it be opened, even by itself
    let memory = given::memory(unwanted);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    umask(Mode::RWXG | Mode::RWXO);
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    if let Some(memory) = memory {
        // where that is forbidden they stay as they were given
        let _ = given::take_out(&memory, unwanted);
    }
    Ok(())
}

/// Keeps inherited descriptors from the programs that this process starts.
pub(super) fn hand_nothing_on() {
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
}
