//! What axisd does to its own process and to those that it starts: it leaves the
//! master password's environment behind, its client's session, and the usual limit
//! of open files and the C library's way of keeping memory; it hears when it is to
//! end, and holds to their limits what runs for it.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::env;
use std::io::{self, IsTerminal};
use std::sync::Mutex;

#[cfg(unix)]
pub use self::unix::*;
#[cfg(windows)]
pub use self::windows::*;

/// Variables by which whoever starts axisd could choose other root certificates.
pub const NOT_OBEYED: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// A pipe holds this much without a reader; a master password is shorter.
const MAX_PASSWORD_BYTES: usize = 1024;

/// What couldn't be done to the process.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The variable holds more than any password.
    #[error("AXIS_MASTER_PASSWORD is longer than {MAX_PASSWORD_BYTES} bytes")]
    PasswordTooLong,
    /// Other programs of the user have used up what it may start.
    #[error(
        "this user may start no more threads, of which axisd needs {THREADS}; end other programs, or raise the limit (ulimit -u, or TasksMax= of a service): {0}"
    )]
    Threads(io::Error),
    /// The system lets nobody take it out of the environment.
    #[error(
        "{0} can't be taken out of axisd's environment here, where other programs read it: unset it; a password can be typed at `axis unlock`, or come with --password-stdin"
    )]
    Environment(&'static str),
    /// The re-execution failed.
    #[error("axisd can't start itself again with an environment of its own: {0}")]
    Exec(#[source] io::Error),
}

/// Tells the client that starts this axisd that no other process can read what
/// comes through the pipe: before that the client sends no password.
pub fn ask_for_password() {
    use io::Write;
    let mut stdout = io::stdout().lock();
    // one that doesn't listen sends it anyway
    let _ = stdout.write_all(b"closed\n").and_then(|()| stdout.flush());
}

/// Whether a person reads the log.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none()
}

/// What an expression may take of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// Time of a processor, in seconds.
    pub cpu_seconds: u64,
}

/// What of its bounds a process went beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// It took too long.
    Time,
    /// It took too much memory, or recursed too deeply.
    Memory,
}

/// Threads that axisd needs beside its first one: the runtime's, those that
/// look after files, and some for what blocks.
const THREADS: usize = 8;

/// Makes sure that this user may start the threads that axisd needs from the
/// beginning: where one can't be had, the runtime would panic.
///
/// # Errors
/// It may not.
pub fn check_threads() -> Result<(), ProcessError> {
    let gate = Mutex::new(());
    std::thread::scope(|scope| {
        // all of them at once
        let _shut = gate.lock();
        for _ in 0..THREADS {
            std::thread::Builder::new()
                .spawn_scoped(scope, || drop(gate.lock()))
                .map_err(ProcessError::Threads)?;
        }
        Ok(())
    })
}
