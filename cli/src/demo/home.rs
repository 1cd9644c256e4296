//! The demo's own Axis: a temporary AXIS_HOME, and a real axisd in it with one
//! credential and a policy.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use axis_proto::socket::SocketDir;
use axis_proto::v1::{
    AddCredentialRequest, AddCredentialResponse, InitRequest, ListActionsRequest, StatusRequest,
    StopRequest,
};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::IDENTITY;
use super::child::OwnedChild;
use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::system::program_file;

/// How long axisd may take to start, and a policy to become live.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(10);

/// What the agent may do: read repositories, twice a minute.
pub const POLICY: &str = "\
policies:
  - identity: demo-agent
    rateLimit:
      requestsPerMinute: 2
    allow:
      - service: github
        actions: [\"repos.get\"]
";

/// The fields are dropped in this order: first the process, then its files.
pub struct Home {
    axisd: OwnedChild,
    /// The running axisd.
    pub daemon: Daemon,
    dir: TempDir,
}

impl Home {
    /// Makes the directory, starts axisd in it and makes the vault.
    pub async fn start(password: &SecretString) -> Result<Self, Failure> {
        let dir = tempfile::Builder::new()
            .prefix("axis-demo-")
            .tempdir()
            .map_err(|error| {
                Failure::new(
                    Exit::Failed,
                    format!("can't make a temporary directory: {error}"),
                )
            })?;
        let program = beside_axis()?;
        let log = dir.path().join("axisd.log");
        let stderr = fs::File::create(&log)
            .map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", log.display())))?;
        let mut axisd = OwnedChild::start(
            Command::new(&program)
                .arg("--password-stdin")
                .env_clear()
                .env("AXIS_HOME", dir.path())
                .env("HOME", dir.path())
                .current_dir(dir.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(stderr),
        )
        .map_err(|error| {
            Failure::new(
                Exit::Failed,
                format!("can't start {}: {error}", program.display()),
            )
            .fix("put axisd beside axis: both belong in one directory")
        })?;
        if let (Some(mut stdin), _, _) = axisd.pipes() {
            // An axisd that doesn't read it has ended, which is told below.
            let _ = stdin.write_all(password.expose_secret().as_bytes()).await;
        }
        let mut daemon = answering(&mut axisd, dir.path(), &log).await?;
        ask(daemon.admin.init(InitRequest {
            master_password: password.expose_secret().to_owned(),
        }))
        .await?;
        Ok(Self { axisd, daemon, dir })
    }

    /// The AXIS_HOME.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Stores the key for github, to be sent to `base_url` alone.
    pub async fn add_key(
        &mut self,
        password: &SecretString,
        key: &SecretString,
        base_url: &str,
    ) -> Result<AddCredentialResponse, Failure> {
        ask(self.daemon.admin.add_credential(AddCredentialRequest {
            master_password: password.expose_secret().to_owned(),
            service: "github".to_owned(),
            label: String::new(),
            secret: key.expose_secret().to_owned(),
            base_url: base_url.to_owned(),
            replace: false,
            check: true,
            confirmed_host: String::new(),
            ..AddCredentialRequest::default()
        }))
        .await
    }

    /// Saves the policy and waits until axisd lives by it.
    pub async fn set_policy(&mut self) -> Result<(), Failure> {
        let status = ask(self.daemon.admin.status(StatusRequest {})).await?;
        let path = PathBuf::from(status.policy.unwrap_or_default().path);
        fs::write(&path, POLICY)
            .map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", path.display())))?;
        let deadline = Instant::now() + PATIENCE;
        while !self.policy_is_live().await? {
            if Instant::now() > deadline {
                return Err(Failure::new(
                    Exit::Failed,
                    "axisd did not take up the policy that was saved",
                ));
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    async fn policy_is_live(&mut self) -> Result<bool, Failure> {
        let listed = ask(self.daemon.broker.list_actions(ListActionsRequest {
            identity: IDENTITY.to_owned(),
            service: Some("github".to_owned()),
            action: None,
        }))
        .await?;
        Ok(listed
            .services
            .iter()
            .flat_map(|service| &service.actions)
            .any(|action| action.action == "repos.get" && action.allowed))
    }

    /// Ends axisd and removes the directory.
    pub async fn end(mut self) -> Result<(), Failure> {
        ask(self.daemon.admin.stop(StopRequest {})).await?;
        let failed =
            |error: std::io::Error| Failure::new(Exit::Failed, format!("can't clean up: {error}"));
        let Self { axisd, dir, .. } = self;
        axisd.wait_or_kill().await.map_err(failed)?;
        dir.close().map_err(failed)
    }
}

/// The axisd that belongs to this axis; PATH is never asked.
fn beside_axis() -> Result<PathBuf, Failure> {
    let axis = env::current_exe().map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("this program's own path is not known: {error}"),
        )
    })?;
    Ok(axis.with_file_name(program_file("axisd")))
}

async fn answering(axisd: &mut OwnedChild, home: &Path, log: &Path) -> Result<Daemon, Failure> {
    let sockets = SocketDir::in_home(home);
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some((daemon, _)) = Daemon::at(&sockets).await? {
            return Ok(daemon);
        }
        let ended = axisd.ended().map_err(|error| {
            Failure::new(Exit::Failed, format!("axisd can't be watched: {error}"))
        })?;
        if let Some(status) = ended {
            let said = fs::read_to_string(log).unwrap_or_default();
            return Err(
                Failure::new(Exit::Failed, format!("axisd ended at its start: {status}"))
                    .because(said),
            );
        }
        if Instant::now() > deadline {
            return Err(Failure::new(
                Exit::Failed,
                format!("axisd didn't answer within {} s", PATIENCE.as_secs()),
            ));
        }
        sleep(POLL).await;
    }
}
