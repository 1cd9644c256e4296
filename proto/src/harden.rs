//! What every Axis process does first: files only for the owner, no core
//! dumps, closed to debuggers and to `/proc/PID/{mem,environ,maps,fd}` readers
//! of the same user, no password in its environment.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io;

#[cfg(unix)]
use self::unix as here;
#[cfg(windows)]
use self::windows as here;

/// The variable that tells the C library how axisd is to keep memory, and its
/// value; it is read before `main`, and never again. What is large gets pages of
/// its own, which go back to the system when it is freed. Left to itself glibc
/// raises that bound with each large answer, and keeps what they took in several
/// heaps: after a thousand answers of 1 MB 30 MB stay, and with these 6. The bound is
/// above the largest piece (408 KiB) in which the HTTP client reads a body, which
/// would else meet fresh pages each time and take a third longer. (The
/// manual of glibc, "Memory Allocation Tunables".)
pub const ALLOCATOR: Option<(&str, &str)> = if cfg!(all(target_os = "linux", target_env = "gnu")) {
    Some((
        "GLIBC_TUNABLES",
        "glibc.malloc.mmap_threshold=524288:glibc.malloc.trim_threshold=1048576:glibc.malloc.arena_max=1",
    ))
} else {
    None
};

/// Applies the hardening to this process. It holds until the process execs
/// another program, which must call it again. What passwords it was given in
/// its environment, [`given`](crate::given) has from then on.
///
/// # Errors
/// A system call that the kernel refused; a process that can't be hardened
/// must not go on to hold secrets. On Windows none can, so it takes consent.
pub fn process() -> io::Result<()> {
    process_without(&[])
}

/// The same; these variables are taken out of its environment, too, where the
/// system lets it do so.
///
/// # Errors
/// As for [`process`].
pub fn process_without(unwanted: &[&str]) -> io::Result<()> {
    here::close(unwanted)
}

/// Whatever descriptors this process inherited beside the standard ones, the
/// programs that it starts don't.
pub fn hand_nothing_on() {
    here::hand_nothing_on();
}
