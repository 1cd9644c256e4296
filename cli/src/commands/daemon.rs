//! `axis daemon`: starts and stops axisd, and makes it a service.

mod install;
mod logs;
mod uninstall;

use std::time::Duration;

use axis_proto::socket::SocketDir;
use axis_proto::v1::vault_status::State;
use axis_proto::v1::{StatusResponse, StopRequest};
use clap::{Args, Subcommand};
use tokio::time::{Instant, sleep};

use crate::client::{self, ask, lock_is_held};
use crate::commands::status::state_word;
use crate::failure::{Exit, Failure};
use crate::launch;
use crate::output::{Output, Tone, tell};
use crate::prompt;

/// How long a stop may take: axisd lets calls in flight finish for 10 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(12);

/// After so long it is said what is waited for.
const STOP_SILENCE: Duration = Duration::from_secs(1);

/// How often the lock file is looked at.
const STOP_POLL: Duration = Duration::from_millis(20);

/// Start, stop or restart axisd, or make it a service
///
/// Commands that need axisd start it themselves, so this is for updates, for
/// trouble, and for those who want the system to start it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  axis daemon restart")]
pub struct Daemon {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Start axisd and wait until it answers
    ///
    /// It unlocks the vault when AXIS_MASTER_PASSWORD is set.
    #[command(after_help = "Example:\n  axis daemon start")]
    Start,
    /// Stop axisd; calls in flight may finish (10 s)
    ///
    /// The next call starts it again.
    #[command(after_help = "Example:\n  axis daemon stop")]
    Stop,
    /// Stop axisd and start it again
    ///
    /// The vault is locked afterwards, unless AXIS_MASTER_PASSWORD is set or the
    /// OS keychain keeps the master password.
    #[command(after_help = "Example:\n  axis daemon restart")]
    Restart,
    Install(install::Install),
    Uninstall(uninstall::Uninstall),
    Logs(logs::Logs),
}

impl Daemon {
    /// Whether it shows new lines until it is ended.
    pub fn goes_on(&self) -> bool {
        matches!(&self.act, Act::Logs(logs) if logs.tail)
    }

    /// Does it.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        match self.act {
            Act::Start => {
                if let Some(status) = running_without_start().await? {
                    output.line(format_args!(
                        "axisd is running already (process {}).",
                        status.pid
                    ))?;
                } else {
                    start(output).await?;
                }
            }
            Act::Stop => {
                let running = running_without_start().await?;
                let by = running.map(|status| status.started_by).unwrap_or_default();
                output.line(match stop().await? {
                    Some(pid) => format!("axisd (process {pid}) has stopped."),
                    None => "axisd was not running.".to_owned(),
                })?;
                if by == "system" {
                    output.line("It is started again by: sudo systemctl start axisd")?;
                }
                if by == "systemd" && somebody_listens() {
                    output.line(
                        "systemd still holds its sockets: the next call starts it again, unless you run: systemctl --user stop axisd.socket",
                    )?;
                }
            }
            Act::Restart => {
                stop().await?;
                start(output).await?;
            }
            Act::Install(install) => return install.run().await,
            Act::Uninstall(uninstall) => return uninstall.run().await,
            Act::Logs(logs) => return logs.run().await,
        }
        Ok(Exit::Done)
    }
}

async fn start(output: Output) -> Result<(), Failure> {
    let password = prompt::password_from_environment()?;
    launch::start_daemon(password.clone()).await?;
    let (mut daemon, mut status) = client::Daemon::reach(None).await?;
    if let Some(password) = password {
        status = daemon.give(&password, status).await?;
    }
    let StatusResponse { pid, vault, .. } = status;
    let state = vault.unwrap_or_default().state();
    output.line(format_args!(
        "{} (process {pid}); the vault is {}.",
        output.paint(Tone::Good, "axisd is running"),
        state_word(state)
    ))?;
    match state {
        State::Locked => output.line("Next: axis unlock"),
        State::Absent => output.line("Next: axis init"),
        State::Unlocked | State::Unspecified => Ok(()),
    }
}

/// Stops the axisd that runs, of whatever version, and waits for its end.
/// Returns its process id, or none where none ran.
async fn stop() -> Result<Option<u32>, Failure> {
    let dir = SocketDir::locate()?;
    // a socket that systemd holds answers by starting one
    if !lock_is_held(&dir)? {
        return Ok(None);
    }
    let Some((mut daemon, _)) = client::Daemon::running().await? else {
        return if lock_is_held(&dir)? {
            Err(still_there(
                "an axisd holds the lock file but doesn't answer",
                &dir,
            ))
        } else {
            Ok(None)
        };
    };
    let stopped = ask(daemon.admin.stop(StopRequest {})).await?;
    let deadline = Instant::now() + STOP_TIMEOUT;
    let mut silent_until = Some(Instant::now() + STOP_SILENCE);
    while lock_is_held(&dir)? {
        if silent_until.is_some_and(|until| Instant::now() >= until) {
            silent_until = None;
            tell("Waiting for calls in flight, 10 s at most.");
        }
        if Instant::now() >= deadline {
            let what = format!(
                "axisd (process {}) did not end within {} s",
                stopped.pid,
                STOP_TIMEOUT.as_secs()
            );
            return Err(still_there(&what, &dir).fix(format!("kill {}", stopped.pid)));
        }
        sleep(STOP_POLL).await;
    }
    Ok(Some(stopped.pid))
}

/// The status of the axisd that runs; none is started, not even by asking.
async fn running_without_start() -> Result<Option<StatusResponse>, Failure> {
    if !lock_is_held(&SocketDir::locate()?)? {
        return Ok(None);
    }
    Ok(client::Daemon::running().await?.map(|(_, status)| status))
}

/// Whether a service manager goes on listening where axisd was: its own socket
/// files go with axisd.
fn somebody_listens() -> bool {
    SocketDir::locate().is_ok_and(|dir| dir.broker().exists())
}

fn still_there(what: &str, dir: &SocketDir) -> Failure {
    Failure::new(Exit::Failed, what)
        .because(format!("The lock file is {}.", dir.lock_file().display()))
        .fix("wait a moment and try again, or end the process axisd")
}
