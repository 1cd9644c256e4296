//! The connection to axisd: plain calls instead of gRPC.

use std::fs::{self, File, TryLockError};
use std::future::Future;
use std::io::ErrorKind;
use std::time::Duration;

use axis_proto::VERSION;
use axis_proto::socket::{SocketDir, SocketError, admin_client, broker_client};
use axis_proto::v1::admin_client::AdminClient;
use axis_proto::v1::broker_client::BrokerClient;
use axis_proto::v1::vault_status::State;
use axis_proto::v1::{StatusRequest, StatusResponse, UnlockRequest, VerifyPasswordRequest};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::failure::{Exit, Failure, is_unreachable};
use crate::launch;
use crate::output::Progress;

/// How long axisd may take to answer the owner. The longest answer is that of
/// `add`, which asks an upstream (connecting 10 s, a call 120 s).
const ANSWER_TIMEOUT: Duration = Duration::from_secs(150);

/// How long axisd may take to say that it is there.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may take to close.
const CLOSING: Duration = Duration::from_millis(100);

/// What takes no longer is not worth a word.
const UNREMARKABLE: Duration = Duration::from_millis(500);

/// A running axisd.
pub struct Daemon {
    /// What the owner may ask.
    pub admin: AdminClient<Channel>,
    /// What an agent may ask.
    pub broker: BrokerClient<Channel>,
    sockets: SocketDir,
}

impl Daemon {
    /// The running axisd and its status; starts one where none runs.
    /// `password` is for an axisd that is started here, and for no other.
    pub async fn reach(password: Option<SecretString>) -> Result<(Self, StatusResponse), Failure> {
        let (daemon, status) = Self::running_or_started(password).await?;
        check_version(&status.version)?;
        Ok((daemon, status))
    }

    /// Like [`Self::reach`], but takes an axisd of whatever version.
    pub async fn running_or_started(
        password: Option<SecretString>,
    ) -> Result<(Self, StatusResponse), Failure> {
        // where a service manager holds the socket, asking is what starts it
        let ran_before = lock_is_held(&SocketDir::locate()?)?;
        if let Some((mut daemon, status)) = Self::running().await? {
            let status = match password {
                Some(password) if !ran_before => daemon.give(&password, status).await?,
                _ => status,
            };
            return Ok((daemon, status));
        }
        launch::ensure_daemon(password).await?;
        Self::running().await?.ok_or_else(|| {
            Failure::new(Exit::Unavailable, "axisd was started but doesn't answer")
                .fix("axis doctor")
        })
    }

    /// Gives the password to an axisd that has just been started by a service
    /// manager, which has none to give; its status after that. A wrong one leaves
    /// the vault locked, as it does when a client starts axisd with it.
    pub async fn give(
        &mut self,
        password: &SecretString,
        status: StatusResponse,
    ) -> Result<StatusResponse, Failure> {
        let is_locked = status
            .vault
            .as_ref()
            .is_some_and(|vault| vault.state() == State::Locked);
        if !is_locked || status.started_by == "client" {
            return Ok(status);
        }
        let request = UnlockRequest {
            master_password: password.expose_secret().to_owned(),
            accept_older: false,
            only_if_never_locked: true,
        };
        let given = self.confide(async move |mut admin| admin.unlock(request).await);
        if given.await?.is_err() {
            return Ok(status);
        }
        ask(self.admin.status(StatusRequest {})).await
    }

    /// Makes a call that holds a secret, over a connection of its own: what was
    /// sent last stays in a connection's buffers for as long as that is open.
    pub async fn confide<T>(
        &self,
        call: impl AsyncFnOnce(AdminClient<Channel>) -> Result<Response<T>, Status>,
    ) -> Result<Result<T, Status>, Failure> {
        let running = Handle::current().metrics();
        let tasks = running.num_alive_tasks();
        let answer = within_time(call(admin_client(&self.sockets.admin())?)).await?;
        let closed = async {
            while running.num_alive_tasks() > tasks {
                sleep(Duration::from_millis(1)).await;
            }
        };
        // the answer doesn't hang on it
        let _ = timeout(CLOSING, closed).await;
        Ok(answer)
    }

    /// Whether it is the master password.
    pub async fn verify(&self, password: &SecretString) -> Result<(), Failure> {
        let request = VerifyPasswordRequest {
            master_password: password.expose_secret().to_owned(),
        };
        self.confide(async move |mut admin| admin.verify_password(request).await)
            .await??;
        Ok(())
    }

    /// The axisd that runs, of whatever version; none is started, but by a
    /// service manager that holds its sockets.
    pub async fn running() -> Result<Option<(Self, StatusResponse)>, Failure> {
        Self::at(&SocketDir::locate()?).await
    }

    /// The axisd that serves the sockets in `dir`, where one does.
    pub async fn at(dir: &SocketDir) -> Result<Option<(Self, StatusResponse)>, Failure> {
        let mut daemon = Self {
            admin: admin_client(&dir.admin())?,
            broker: broker_client(&dir.broker())?,
            sockets: dir.clone(),
        };
        match timeout(STATUS_TIMEOUT, daemon.admin.status(StatusRequest {})).await {
            Ok(Ok(status)) => Ok(Some((daemon, status.into_inner()))),
            Ok(Err(status)) if is_unreachable(&status) => Ok(None),
            Ok(Err(status)) => Err(status.into()),
            Err(_) => Err(hanging(dir)),
        }
    }
}

/// Waits for an answer of axisd.
pub async fn ask<T>(
    answer: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Failure> {
    Ok(within_time(answer).await??)
}

/// Waits for an answer whose status the caller looks at.
pub async fn within_time<T>(
    answer: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<Result<T, Status>, Failure> {
    tokio::select! {
        biased;
        answered = timeout(ANSWER_TIMEOUT, answer) => match answered {
            Ok(answer) => Ok(answer.map(Response::into_inner)),
            Err(_) => Err(silent(ANSWER_TIMEOUT)),
        },
        never = tell_of_waiting() => never,
    }
}

/// Says on a terminal that something takes its time, until it is dropped.
async fn tell_of_waiting<T>() -> T {
    let began = Instant::now();
    sleep(UNREMARKABLE).await;
    let progress = Progress::new();
    loop {
        progress.says(&format!(
            "Waiting for axisd … {} s",
            began.elapsed().as_secs()
        ));
        sleep(Duration::from_secs(1)).await;
    }
}

/// Whether some axisd lives: it holds its lock file for as long as it does.
pub fn lock_is_held(dir: &SocketDir) -> Result<bool, Failure> {
    let path = dir.lock_file();
    let unreadable =
        |error: std::io::Error| Failure::new(Exit::Failed, format!("{}: {error}", path.display()));
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(unreadable(error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(unreadable(error)),
    }
}

/// Client and daemon talk only when they are of one version.
pub fn check_version(daemon: &str) -> Result<(), Failure> {
    if daemon == VERSION {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Unavailable,
        format!("the running axisd is version {daemon}, but this axis is version {VERSION}"),
    )
    .fix("axis daemon restart"))
}

/// An axisd that answers nothing isn't stopped by asking it to.
fn hanging(dir: &SocketDir) -> Failure {
    let failure = silent(STATUS_TIMEOUT);
    // the process that holds the lock has noted itself in it
    let noted = fs::read_to_string(dir.lock_file()).ok();
    match noted.and_then(|text| text.trim().parse::<u32>().ok()) {
        Some(pid) => failure
            .because(
                "It is stopped, or hangs. What is on record stays whole, and the next command starts it again.",
            )
            .fix(format!("kill -9 {pid}")),
        None => failure,
    }
}

fn silent(waited: Duration) -> Failure {
    Failure::new(
        Exit::Unavailable,
        format!("axisd didn't answer within {} s", waited.as_secs()),
    )
    .fix("axis daemon restart")
}

impl From<SocketError> for Failure {
    fn from(error: SocketError) -> Self {
        let exit = match &error {
            SocketError::NotAbsolute { .. }
            | SocketError::NotADirectory { .. }
            | SocketError::PathTooLong { .. }
            | SocketError::NoHome => Exit::Usage,
            SocketError::UnsafeDirectory { .. } | SocketError::Io { .. } => Exit::Unavailable,
        };
        Self::new(exit, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_names_the_command_that_mends_it() {
        assert!(check_version(VERSION).is_ok());
        let failure = check_version("0.0.9").unwrap_err();
        assert_eq!(failure.exit(), Exit::Unavailable);
        assert!(failure.to_string().ends_with("fix: axis daemon restart"));
    }
}
