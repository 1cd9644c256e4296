//! As Linux and macOS do it.

use std::env;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use axis_proto::given;
use axis_proto::harden::ALLOCATOR;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process_group, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

use super::{Beyond, Bounds, MAX_PASSWORD_BYTES, NOT_OBEYED, ProcessError};

const PASSWORD_VARIABLE: &str = "AXIS_MASTER_PASSWORD";

/// Starts this program again by its real path where its environment isn't as it
/// should be. That is where a variable that must not stay could not be taken out
/// in place (unsetting it would leave it readable in `/proc/PID/environ`), and
/// where the C library wasn't told how to keep memory, unless a password has
/// come: between its start and its hardening a process can be read, once is
/// enough. The password goes through a pipe on standard input, unless one comes
/// that way already or from the service manager.
///
/// `is_second` says that this is how it was started: what another program takes
/// out again is not asked for without end.
pub fn settle_environment(password_on_stdin: bool, is_second: bool) -> Result<(), ProcessError> {
    let left_behind = || NOT_OBEYED.iter().chain(&given::VARIABLES);
    let clean = left_behind().all(|name| env::var_os(name).is_none());
    let told =
        ALLOCATOR.is_none_or(|(name, value)| env::var_os(name).is_some_and(|it| it == value));
    let may_ask = !is_second && !password_on_stdin && !given::is_set(PASSWORD_VARIABLE);
    if clean && (told || !may_ask) {
        return Ok(());
    }
    let mut command = Command::new(env::current_exe().map_err(ProcessError::Exec)?);
    command.args(env::args_os().skip(1)).envs(ALLOCATOR);
    if !is_second {
        command.arg("--started-again");
    }
    for name in left_behind() {
        command.env_remove(name);
    }
    let from_service_manager = env::var_os("CREDENTIALS_DIRECTORY")
        .is_some_and(|dir| Path::new(&dir).join("axis-master-password").exists());
    let password = given::password(PASSWORD_VARIABLE).filter(|value| !value.is_empty());
    if let Some(password) = password
        && !password_on_stdin
        && !from_service_manager
    {
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(ProcessError::PasswordTooLong);
        }
        hand_over_on_stdin(&password).map_err(ProcessError::Exec)?;
        command.arg("--password-stdin");
    }
    Err(ProcessError::Exec(command.exec()))
}

fn hand_over_on_stdin(password: &[u8]) -> io::Result<()> {
    let (reader, writer) = rustix::pipe::pipe()?;
    rustix::io::write(&writer, password)?;
    rustix::stdio::dup2_stdin(&reader)?;
    Ok(())
}

/// Lets go of standard input, on which the password may have come.
pub fn close_stdin() -> io::Result<()> {
    let nothing = OpenOptions::new().read(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    Ok(())
}

/// Leaves the starter's session and its standard streams; `log` takes what
/// goes to stderr, and starts anew once it is over 1 MiB.
pub fn become_background(log: &Path) -> io::Result<()> {
    // fails only for a group's leader, as a shell makes it; that one has left already
    let _ = rustix::process::setsid();
    let there = std::fs::metadata(log);
    // opening a pipe would wait for someone to read from it
    if there.as_ref().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(io::Error::other("it is not a plain file"));
    }
    let large = there.is_ok_and(|metadata| metadata.len() > 1024 * 1024);
    let file = OpenOptions::new()
        .create(true)
        .append(!large)
        .write(true)
        .truncate(large)
        .mode(0o600)
        .open(log)?;
    rustix::stdio::dup2_stderr(&file)?;
    rustix::stdio::dup2_stdout(&file)?;
    Ok(())
}

/// What the log is written to.
pub fn log() -> io::Stderr {
    io::stderr()
}

/// Raises the soft limit of open files to the hard one: each connected shim
/// and each call in flight takes one.
pub fn allow_many_connections() {
    let limit = getrlimit(Resource::Nofile);
    // best effort: with the soft limit alone fewer clients can connect
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}

/// How many files this process may have open, where that is limited.
pub fn most_files() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Whether debuggers and readers of memory are kept out, and no dump is left;
/// `None` where the system has nothing by which a process could do that itself.
#[allow(
    clippy::unnecessary_wraps,
    reason = "on each system by itself it looks so"
)]
pub fn is_closed() -> Option<bool> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::process::{DumpableBehavior, dumpable_behavior};
        let leaves_no_core = getrlimit(Resource::Core).current == Some(0);
        let is_not_dumpable = matches!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
        Some(is_not_dumpable && leaves_no_core)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    None
}

/// How many bytes are free for this user where `directory` is.
pub fn free_bytes(directory: &Path) -> Option<u64> {
    let system = rustix::fs::statvfs(directory).ok()?;
    Some(system.f_bavail.saturating_mul(system.f_frsize))
}

/// The program of a process: its executable, or where that is closed to us
/// (Axis's own processes are), the first word of its command line.
pub fn program_of(pid: u32) -> Option<Arc<str>> {
    if let Ok(path) = std::fs::read_link(format!("/proc/{pid}/exe")) {
        return Some(path.to_string_lossy().into());
    }
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let word = line.split(|byte| *byte == 0).next()?;
    let word = &word[..word.len().min(256)];
    (!word.is_empty()).then(|| String::from_utf8_lossy(word).into())
}

/// Time since some fixed moment; it goes on while the machine sleeps, where the
/// system has such a clock.
pub fn since_a_fixed_moment() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let id = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let id = ClockId::Monotonic;
    let now = clock_gettime(id);
    Duration::new(
        now.tv_sec.try_into().unwrap_or(0),
        now.tv_nsec.try_into().unwrap_or(0),
    )
}

/// What tells axisd to end: SIGTERM and SIGINT.
pub struct Endings {
    terminate: Signals,
    interrupt: Signals,
}

impl Endings {
    /// From now on they no longer end the process by themselves.
    ///
    /// # Errors
    /// They can't be heard.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Lets a program that is going to be started lead a group of its own, which
/// [`kill_group`] ends.
pub fn lead_a_group(command: &mut tokio::process::Command) {
    command.process_group(0);
}

/// Ends all processes of the group that the process `leader` leads.
pub fn kill_group(leader: u32) {
    let leader = i32::try_from(leader).ok().and_then(Pid::from_raw);
    if let Some(leader) = leader {
        let _ = kill_process_group(leader, Signal::KILL);
    }
}

/// What runs this program once more, also where its file has been replaced
/// meanwhile, for something that is going to [`confine`] itself.
///
/// # Errors
/// Its file can't be found.
pub fn own_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        Ok(PathBuf::from("/proc/self/exe"))
    } else {
        env::current_exe()
    }
}

/// What it is called in a list of processes.
pub fn call(command: &mut tokio::process::Command, name: &str) {
    command.arg0(name);
}

/// What the kernel keeps this process to; it can't be undone. Over its memory
/// or its stack it aborts, over its time it is killed. It can write no file, and
/// start no process.
///
/// # Errors
/// The system said no.
pub fn confine(bounds: Bounds) -> io::Result<()> {
    for (resource, most) in [
        (Resource::As, bounds.memory_bytes),
        (Resource::Cpu, bounds.cpu_seconds),
        (Resource::Fsize, 0),
        (Resource::Nproc, 0),
    ] {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit)?;
    }
    Ok(())
}

/// How a process went beyond what [`confine`] allows it.
pub fn beyond_bounds(status: ExitStatus) -> Option<Beyond> {
    // SIGKILL and SIGXCPU
    const KILLED: [i32; 2] = [9, 24];
    let signal = status.signal()?;
    Some(if KILLED.contains(&signal) {
        Beyond::Time
    } else {
        Beyond::Memory
    })
}
