//! What every Axis process does first: files only for the owner, no core
//! dumps, closed to debuggers and to `/proc/PID/{mem,environ,maps,fd}` readers
//! of the same user, no password in its environment.

use std::io;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, setrlimit, umask};

use crate::given;

/// The variable that tells the C library how axisd is to keep memory, and its
/// value; it is read before `main`, and never again. What is large gets pages of
/// its own, which go back to the system when it is freed. Left to itself glibc
/// raises that bound with each large answer, and keeps what they took in several
/// heaps: after a thousand answers of 1 MB 30 MB stay, and with these 6. (The
/// manual of glibc, "Memory Allocation Tunables".)
pub const ALLOCATOR: Option<(&str, &str)> = if cfg!(all(target_os = "linux", target_env = "gnu")) {
    Some((
        "GLIBC_TUNABLES",
        "glibc.malloc.mmap_threshold=262144:glibc.malloc.trim_threshold=1048576:glibc.malloc.arena_max=1",
    ))
} else {
    None
};

/// Applies the hardening to this process. It holds until the process execs
/// another program, which must call it again. What passwords it was given in
/// its environment, [`given`] has from then on.
///
/// # Errors
/// A system call that the kernel refused; a process that can't be hardened
/// must not go on to hold secrets.
pub fn process() -> io::Result<()> {
    process_without(&[])
}

/// The same; these variables are taken out of its environment, too, where the
/// system lets it do so.
///
/// # Errors
/// As for [`process`].
pub fn process_without(unwanted: &[&str]) -> io::Result<()> {
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

/// Whatever descriptors this process inherited beside the standard ones, the
/// programs that it starts don't.
pub fn hand_nothing_on() {
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
}
