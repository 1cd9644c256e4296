//! As Windows does it, as far as safe code reaches.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

use axis_proto::given;
use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose, CtrlShutdown};
use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};

use super::{Beyond, Bounds, NOT_OBEYED, ProcessError};

/// Where the log goes once there is nobody's standard error to write it to.
static LOG: OnceLock<File> = OnceLock::new();

/// Refuses to run with a variable that must not stay in its environment: nothing
/// here takes one out of it, and a program started without it would leave this one
/// behind with it.
///
/// # Errors
/// One of them is set.
pub fn settle_environment(_: bool, _: bool) -> Result<(), ProcessError> {
    let mut left_behind = NOT_OBEYED.iter().chain(&given::VARIABLES);
    match left_behind.find(|name| env::var_os(name).is_some()) {
        None => Ok(()),
        Some(name) => Err(ProcessError::Environment(name)),
    }
}

/// Nothing: what came on standard input was read to its end.
///
/// # Errors
/// None.
pub fn close_stdin() -> io::Result<()> {
    Ok(())
}

/// Lets `log` take the log, which starts anew once it is over 1 MiB. It was
/// started without the console of whoever did.
///
/// # Errors
/// It can't be written to.
pub fn become_background(log: &Path) -> io::Result<()> {
    let there = std::fs::metadata(log);
    if there.as_ref().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(io::Error::other("it is not a plain file"));
    }
    let large = there.is_ok_and(|metadata| metadata.len() > 1024 * 1024);
    let file = OpenOptions::new()
        .create(true)
        .append(!large)
        .write(true)
        .truncate(large)
        .open(log)?;
    // done once in a process
    let _ = LOG.set(file);
    Ok(())
}

/// What the log is written to.
pub fn log() -> Log {
    LOG.get().map_or(Log::Stderr, Log::File)
}

/// A place for the log.
#[derive(Debug)]
pub enum Log {
    /// Somebody reads it.
    Stderr,
    /// Beside the audit log.
    File(&'static File),
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stderr => io::stderr().write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stderr => io::stderr().flush(),
            Self::File(file) => file.flush(),
        }
    }
}

/// Nothing: there is no such limit.
pub fn allow_many_connections() {}

/// How many files this process may have open: as many as there is memory for.
pub fn most_files() -> Option<u64> {
    None
}

/// Whether readers of memory are kept out: nothing that safe code does does it.
pub fn is_closed() -> Option<bool> {
    None
}

/// How many bytes are free: not told here.
pub fn free_bytes(_: &Path) -> Option<u64> {
    None
}

/// The program of a process: not told here.
pub fn program_of(_: u32) -> Option<Arc<str>> {
    None
}

/// Time since some fixed moment; it goes on while the machine sleeps.
pub fn since_a_fixed_moment() -> Duration {
    // before any other, so that none comes out negative
    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGINNING.elapsed()
}

/// What tells axisd to end: Ctrl-C, Ctrl-Break, its console that closes, and the
/// system that shuts down.
pub struct Endings {
    interrupt: CtrlC,
    break_: CtrlBreak,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

impl Endings {
    /// From now on they no longer end the process by themselves.
    ///
    /// # Errors
    /// They can't be heard.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            break_: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    /// Waits for the next.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.break_.recv() => {}
            _ = self.close.recv() => {}
            _ = self.shutdown.recv() => {}
        }
    }
}

/// Nothing: only the program itself is ended, by whoever started it.
pub fn lead_a_group(_: &mut tokio::process::Command) {}

/// Nothing, as [`lead_a_group`] says.
pub fn kill_group(_: u32) {}

/// None: nothing here would hold it to its bounds.
///
/// # Errors
/// Always.
pub fn own_program() -> io::Result<PathBuf> {
    Err(unbounded())
}

/// Nothing: a process is called what its file is.
pub fn call(_: &mut tokio::process::Command, _: &str) {}

/// Refuses.
///
/// # Errors
/// Always.
pub fn confine(_: Bounds) -> io::Result<()> {
    Err(unbounded())
}

fn unbounded() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "on Windows nothing keeps an expression to its memory and its time",
    )
}

/// How a process went beyond what [`confine`] allows it: none runs.
pub fn beyond_bounds(_: ExitStatus) -> Option<Beyond> {
    None
}
