//! `axis init`: the directories, the default policy and the vault.

use axis_proto::v1::vault_status::State;
use axis_proto::v1::{InitRequest, StatusRequest, StatusResponse, VaultStatus};
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use tonic::{Code, Status};

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, warn};
use crate::prompt;

/// Make the vault, the directories and the default policy
///
/// Asks twice for the new master password (at least 8 characters), or takes
/// it from AXIS_MASTER_PASSWORD. Running it again makes what is missing and
/// changes nothing that is there.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  axis init")]
pub struct Init {}

impl Init {
    /// Makes the vault, unless there is one.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        // No password for a daemon that starts here: there is nothing to unlock.
        let (mut daemon, status) = Daemon::reach(None).await?;
        let vault = status.vault.clone().unwrap_or_default();
        if vault.state() != State::Absent {
            let policy = status.policy.unwrap_or_default();
            if policy.loaded || policy.error.is_some() {
                return already_there(output, &vault);
            }
            let password = prompt::master_password().await?;
            make(&daemon, password).await??;
            output.line(output.paint(Tone::Good, "The policy is made anew."))?;
            output.line(format_args!("  policy  {}", printable(&policy.path)))?;
            return Ok(Exit::Done);
        }
        let password = prompt::new_master_password().await?;
        match make(&daemon, password).await? {
            Ok(()) => {}
            Err(status) if status.code() == Code::AlreadyExists => {
                return already_there(output, &vault);
            }
            Err(status) => return Err(status.into()),
        }
        let status = ask(daemon.admin.status(StatusRequest {})).await?;
        made(output, &status)?;
        Ok(Exit::Done)
    }
}

/// Has axisd make what is missing.
async fn make(daemon: &Daemon, password: SecretString) -> Result<Result<(), Status>, Failure> {
    let request = InitRequest {
        master_password: password.expose_secret().to_owned(),
    };
    drop(password);
    let made = daemon.confide(async move |mut admin| admin.init(request).await);
    Ok(made.await?.map(|_| ()))
}

fn already_there(output: Output, vault: &VaultStatus) -> Result<Exit, Failure> {
    output.line(format_args!(
        "There is a vault already, at {}; nothing was changed.",
        printable(&vault.path)
    ))?;
    if !vault.detail.is_empty() {
        warn(&vault.detail);
    }
    Ok(Exit::Done)
}

fn made(output: Output, status: &StatusResponse) -> Result<(), Failure> {
    let vault = status.vault.clone().unwrap_or_default();
    let policy = status.policy.clone().unwrap_or_default();
    output.line(output.paint(Tone::Good, "The vault is made and unlocked."))?;
    output.line(format_args!("  vault   {}", printable(&vault.path)))?;
    output.line(format_args!("  policy  {}", printable(&policy.path)))?;
    output.line(
        "Nobody can recover a forgotten master password: keep it in your password manager.",
    )?;
    output.line("\nNext: axis add github")
}
