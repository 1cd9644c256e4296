//! Starts an axisd where none runs: from the directory of this program, in an
//! environment of its own, and waits until it answers.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use axis_proto::socket::{self, LOCK_FILE, SocketError};
use axis_proto::v1::ListActionsRequest;
use axis_proto::{given, harden};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};
use tonic::Code;

#[cfg(unix)]
use self::unix as here;
#[cfg(windows)]
use self::windows as here;
use crate::settings;

/// The daemon's file name.
const PROGRAM: &str = "axisd";

/// How long a daemon may take until it answers.
const START_TIMEOUT: Duration = Duration::from_secs(5);

/// How long after the end of our own child another's daemon may take to answer,
/// or to hold the lock: of two that start at once one ends.
const OTHERS_TIMEOUT: Duration = Duration::from_millis(1500);

/// How long a new process may take until it has closed itself to others.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The most that is repeated of what a failed daemon wrote, in bytes.
const MAX_LAST_WORDS: u64 = 4096;

/// The pause between two looks whether it answers.
const POLL: Duration = Duration::from_millis(8);

/// That a daemon answers, and whose doing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launched {
    /// It ran before, or someone else started it at the same moment.
    AlreadyRunning,
    /// It was started by this call.
    Started,
}

/// Why no daemon answers. Each variant is a sentence for a person.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The sockets' place can't be told.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// `AXIS_AUTOSTART=0`.
    #[error(
        "axisd does not run, and AXIS_AUTOSTART=0 forbids to start it: run `axis daemon start`"
    )]
    TurnedOff,
    /// `AXIS_SOCKET` is set: the daemon is on the other side of a sandbox.
    #[error(
        "nobody answers on the socket that AXIS_SOCKET names: the owner must start axisd (`axis daemon start`, outside the sandbox)"
    )]
    OthersDaemon,
    /// The running program has no path.
    #[error("axisd can't be found: the path of this program is unknown ({0})")]
    NoOwnPath(io::Error),
    /// There is no axisd beside this program.
    #[error("axisd is not at {path}: install axis and axisd into one directory")]
    NotFound {
        /// Where it should be.
        path: PathBuf,
    },
    /// The system would not start it.
    #[error("{path} can't be started: {source}")]
    Spawn {
        /// The daemon's path.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// It ended before it answered.
    #[error("{path} ended ({status}) before it answered{}", because(said))]
    Ended {
        /// The daemon's path.
        path: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to stderr.
        said: String,
    },
    /// It runs but does not answer.
    #[error("{path} was started but did not answer within 5 s on {socket}: run `axis doctor`")]
    NoAnswer {
        /// The daemon's path.
        path: PathBuf,
        /// The socket.
        socket: PathBuf,
    },
}

/// One daemon to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The daemon's binary.
    pub program: PathBuf,
    /// The broker socket that it will answer on.
    pub socket: PathBuf,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Handed to it through a pipe.
    pub password: Option<SecretString>,
}

/// Makes sure that a daemon answers: starts one where none does, unless
/// `AXIS_AUTOSTART=0` or `AXIS_SOCKET` is set, and waits up to 5 s for it.
/// Needs a tokio runtime with I/O and time.
pub async fn ensure_daemon(password: Option<SecretString>) -> Result<Launched, LaunchError> {
    let socket = socket::broker_socket()?;
    if answers(&socket).await {
        return Ok(Launched::AlreadyRunning);
    }
    if settings::has_own_socket() {
        return Err(LaunchError::OthersDaemon);
    }
    if !settings::autostart_wanted() {
        return Err(LaunchError::TurnedOff);
    }
    Launch::locate(socket, password)?.run().await
}

impl Launch {
    /// The daemon beside this program, whatever PATH says.
    pub fn locate(socket: PathBuf, password: Option<SecretString>) -> Result<Self, LaunchError> {
        let own = env::current_exe()
            .and_then(|path| path.canonicalize())
            .map_err(LaunchError::NoOwnPath)?;
        let program = own.with_file_name(format!("{PROGRAM}{}", env::consts::EXE_SUFFIX));
        if !program.is_file() {
            return Err(LaunchError::NotFound { path: program });
        }
        Ok(Self {
            program,
            socket,
            environment: kept_environment(env::vars_os()),
            password,
        })
    }

    /// Starts the daemon and waits until one answers. It leaves the session of
    /// its starter and outlives it.
    pub async fn run(self) -> Result<Launched, LaunchError> {
        let mut child = self.spawn()?;
        if let (Some(password), Some(mut pipe)) = (&self.password, child.stdin.take()) {
            closed(&mut child).await;
            // A daemon that lost the race for the lock doesn't read it.
            let _ = pipe.write_all(password.expose_secret().as_bytes()).await;
        }
        let mut deadline = Instant::now() + START_TIMEOUT;
        let (mut ended, mut patient) = (None, false);
        loop {
            if answers(&self.socket).await {
                if ended.is_some() {
                    return Ok(Launched::AlreadyRunning);
                }
                // Waited for, so that its end leaves no zombie.
                tokio::spawn(async move { child.wait().await });
                return Ok(Launched::Started);
            }
            if ended.is_none()
                && let Ok(Some(status)) = child.try_wait()
            {
                ended = Some(status);
                deadline = deadline.min(Instant::now() + OTHERS_TIMEOUT);
            }
            if Instant::now() >= deadline {
                if ended.is_none() || patient || !another_comes_up(&self.socket) {
                    break;
                }
                patient = true;
                deadline = Instant::now() + START_TIMEOUT;
            }
            sleep(POLL).await;
        }
        if let Some(status) = ended {
            return Err(LaunchError::Ended {
                path: self.program,
                status,
                said: last_words(&mut child).await,
            });
        }
        tokio::spawn(async move { child.wait().await });
        Err(LaunchError::NoAnswer {
            path: self.program,
            socket: self.socket,
        })
    }

    fn spawn(&self) -> Result<Child, LaunchError> {
        // what this process inherited and std doesn't know of stays here
        harden::hand_nothing_on();
        let mut command = Command::new(&self.program);
        command
            .arg("--autostarted")
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .envs(harden::ALLOCATOR)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if self.password.is_some() {
            command
                .arg("--password-stdin")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped());
        }
        here::detach(&mut command);
        command.spawn().map_err(|source| LaunchError::Spawn {
            path: self.program.clone(),
            source,
        })
    }
}

/// Whether a daemon holds the lock beside `socket`: of many that are started at
/// once all others end, and the one takes its time where the machine is busy.
fn another_comes_up(socket: &Path) -> bool {
    let lock = File::open(socket.with_file_name(LOCK_FILE));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Waits until a daemon that was just started says that no other process can
/// read its pipes any more, or has ended. One that says nothing gets the
/// password all the same.
async fn closed(child: &mut Child) {
    if let Some(mut stdout) = child.stdout.take() {
        let mut word = [0];
        let _ = timeout(CLOSE_TIMEOUT, stdout.read(&mut word)).await;
    }
}

fn because(said: &str) -> String {
    match said.trim_start_matches("error: ") {
        "" => ": run it in a terminal to see why".to_owned(),
        said => format!(": {said}"),
    }
}

/// What a daemon that couldn't start wrote before it had its log.
async fn last_words(child: &mut Child) -> String {
    let mut words = Vec::new();
    if let Some(pipe) = child.stderr.take() {
        // it has ended: what it wrote is in the pipe
        let _ = timeout(POLL, pipe.take(MAX_LAST_WORDS).read_to_end(&mut words)).await;
    }
    String::from_utf8_lossy(&words).trim().to_owned()
}

/// Whether a daemon answers on this socket, with whatever answer.
pub async fn answers(socket: &Path) -> bool {
    let Ok(mut client) = socket::broker_client(socket) else {
        return false;
    };
    let question = client.list_actions(ListActionsRequest {
        identity: settings::UNKNOWN_IDENTITY.to_owned(),
        // a list takes its turn among those of others
        service: Some("axisd".to_owned()),
        action: Some("answers".to_owned()),
    });
    match timeout(Duration::from_secs(1), question).await {
        Ok(Ok(_)) => true,
        Ok(Err(status)) => status.code() != Code::Unavailable,
        Err(_) => false,
    }
}

fn kept_environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Vec<(OsString, OsString)> {
    variables
        // an empty one, such as a host may leave behind, hides what would be found without it
        .filter(|(name, value)| is_kept(name) && !value.is_empty())
        .chain([("PATH".into(), here::fixed_path())])
        .collect()
}

fn is_kept(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    !given::VARIABLES.contains(&name)
        && (here::is_kept(name)
            || ["LC_", "XDG_", "AXIS_"]
                .iter()
                .any(|prefix| name.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_started_daemon_keeps_only_the_allow_list() {
        for (name, kept) in [
            ("HOME", true),
            ("LC_ALL", true),
            ("XDG_RUNTIME_DIR", true),
            ("AXIS_HOME", true),
            ("AXIS_MASTER_PASSWORD", false),
            ("AXIS_NEW_MASTER_PASSWORD", false),
            ("AXIS_IMPORT_PASSWORD", false),
            ("LD_PRELOAD", false),
            ("HTTPS_PROXY", false),
            ("SSL_CERT_FILE", false),
            ("PATH", false),
            ("LANGUAGE", false),
            ("home", false),
        ] {
            assert_eq!(is_kept(OsStr::new(name)), kept, "{name}");
        }
        let environment = kept_environment(
            [
                ("PATH", "/tmp/evil"),
                ("TZ", "UTC"),
                ("DBUS_SESSION_BUS_ADDRESS", ""),
            ]
            .into_iter()
            .map(|(name, value)| (name.into(), value.into())),
        );
        assert_eq!(
            environment,
            [
                ("TZ".into(), "UTC".into()),
                ("PATH".into(), here::fixed_path())
            ]
        );
    }
}
