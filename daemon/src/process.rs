//! What axisd does to its own process: it leaves the master password's
//! environment behind, its client's session, the usual limit of open files and
//! the C library's way of keeping memory.

use std::env;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use axis_proto::given;
use axis_proto::harden::ALLOCATOR;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const PASSWORD_VARIABLE: &str = "AXIS_MASTER_PASSWORD";

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
    /// The re-execution failed.
    #[error("axisd can't start itself again with an environment of its own: {0}")]
    Exec(#[source] io::Error),
}

/// Starts this program again by its real path where its environment isn't as it
/// should be. That is where a variable that must not stay could not be taken out
/// in place (unsetting it would leave it readable in `/proc/PID/environ`), and
/// where the C library wasn't told how to keep memory, unless a password has
/// come: between its start and its hardening a process can be read, once is
/// enough. The password goes through a pipe on standard input, unless one comes
/// that way already or from the service manager.
pub fn settle_environment(password_on_stdin: bool) -> Result<(), ProcessError> {
    let left_behind = || NOT_OBEYED.iter().chain(&given::VARIABLES);
    let clean = left_behind().all(|name| env::var_os(name).is_none());
    let told =
        ALLOCATOR.is_none_or(|(name, value)| env::var_os(name).is_some_and(|it| it == value));
    if clean && (told || password_on_stdin || given::is_set(PASSWORD_VARIABLE)) {
        return Ok(());
    }
    let mut command = Command::new(env::current_exe().map_err(ProcessError::Exec)?);
    command.args(env::args_os().skip(1)).envs(ALLOCATOR);
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

/// Tells the client that starts this axisd that no other process can read what
/// comes through the pipe: before that the client sends no password.
pub fn ask_for_password() {
    use io::Write;
    let mut stdout = io::stdout().lock();
    // one that doesn't listen sends it anyway
    let _ = stdout.write_all(b"closed\n").and_then(|()| stdout.flush());
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

/// Whether a person reads the log.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none()
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
