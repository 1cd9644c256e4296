//! The service manager of this system, asked through its own command.

use std::process::Stdio;
use std::time::Duration;

use axis_proto::system::own_user;
use axis_proto::{LAUNCHD_LABEL, given, shell};
use tokio::process::Command;
use tokio::time::timeout;

use super::{Installation, UnitFile, launchd, systemd};
use crate::failure::{Exit, Failure};

/// How long the service manager may take. Stopping axisd lets calls in flight
/// finish, for 10 s.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who runs services here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// A user's own systemd.
    Systemd,
    /// macOS.
    Launchd,
}

/// A command for the service manager.
#[derive(Debug, PartialEq, Eq)]
pub struct Order {
    words: Vec<String>,
    /// It may fail: what it ends may not be there.
    may_fail: bool,
}

impl Manager {
    /// The one of this system.
    pub fn of_this_system() -> Result<Self, Failure> {
        if cfg!(target_os = "linux") {
            Ok(Self::Systemd)
        } else if cfg!(target_os = "macos") {
            Ok(Self::Launchd)
        } else {
            Err(
                Failure::new(Exit::Failed, "axis knows no service manager of this system")
                    .because("Commands that need axisd start it themselves."),
            )
        }
    }

    /// The word by which axisd says that it was started by it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Launchd => "launchd",
        }
    }

    /// The files that make axisd a service.
    pub fn files(self, installation: &Installation) -> Result<Vec<UnitFile>, Failure> {
        match self {
            Self::Systemd => systemd::files(installation),
            Self::Launchd => launchd::files(installation),
        }
    }

    /// What puts the files in force.
    pub fn to_install(self, files: &[UnitFile]) -> Vec<Order> {
        match self {
            Self::Systemd => vec![
                Order::systemctl(&["daemon-reload"]),
                // of an earlier installation: a socket can't change while it is served
                Order::systemctl(&["stop", "axisd.socket", "axisd.service"]).that_may_fail(),
                Order::systemctl(&["enable", "--now", "axisd.socket"]),
            ],
            Self::Launchd => {
                let mut orders = vec![bootout()];
                orders.extend(files.iter().map(|file| {
                    let path = file.path.display().to_string();
                    Order::new(&["launchctl", "bootstrap", &domain(), &path])
                }));
                orders
            }
        }
    }

    /// What ends the service, before its files go.
    pub fn to_stop(self) -> Vec<Order> {
        match self {
            Self::Systemd => vec![Order::systemctl(&[
                "disable",
                "--now",
                "axisd.socket",
                "axisd.service",
            ])],
            Self::Launchd => vec![bootout()],
        }
    }

    /// What makes it forget the files that are gone.
    pub fn to_forget(self) -> Vec<Order> {
        match self {
            Self::Systemd => vec![Order::systemctl(&["daemon-reload"])],
            Self::Launchd => Vec::new(),
        }
    }
}

fn domain() -> String {
    format!("gui/{}", own_user())
}

fn bootout() -> Order {
    let service = format!("{}/{LAUNCHD_LABEL}", domain());
    Order::new(&["launchctl", "bootout", &service]).that_may_fail()
}

impl Order {
    fn new(words: &[&str]) -> Self {
        Self {
            words: words.iter().map(|&word| word.to_owned()).collect(),
            may_fail: false,
        }
    }

    fn systemctl(arguments: &[&str]) -> Self {
        let mut order = Self::new(&["systemctl", "--user"]);
        order
            .words
            .extend(arguments.iter().map(|&word| word.to_owned()));
        order
    }

    fn that_may_fail(self) -> Self {
        Self {
            may_fail: true,
            ..self
        }
    }

    /// As one types it.
    pub fn line(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|word| shell::word(word)).collect();
        words.join(" ")
    }

    /// Gives it.
    pub async fn give(&self) -> Result<(), Failure> {
        let failed = |why: String| {
            Failure::new(Exit::Unavailable, format!("`{}` failed", self.line())).because(why)
        };
        let Some((program, arguments)) = self.words.split_first() else {
            return Ok(());
        };
        let mut command = Command::new(program);
        given::keep_from(command.as_std_mut());
        let ended = command
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let ended = match timeout(PATIENCE, ended).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(error)) => return Err(failed(format!("{program}: {error}"))),
            Err(_) => {
                return Err(failed(format!(
                    "it took longer than {} s",
                    PATIENCE.as_secs()
                )));
            }
        };
        if ended.status.success() || self.may_fail {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
        Err(failed(if said.is_empty() {
            ended.status.to_string()
        } else {
            said
        }))
    }
}

/// Where the log of a service is shown, and by what.
pub fn journal(last: usize, follow: bool) -> Command {
    let mut command = Command::new("journalctl");
    given::keep_from(command.as_std_mut());
    command
        .args(["--user", "--unit", "axisd.service", "--no-pager", "--lines"])
        .arg(last.to_string());
    if follow {
        command.arg("--follow");
    }
    command
}
