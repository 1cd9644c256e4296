//! `axis init`: the directories, the default policy and the vault.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use axis_proto::v1::vault_status::State;
use axis_proto::v1::{InitRequest, ShowPolicyRequest, StatusRequest, StatusResponse, VaultStatus};
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
/// it from AXIS_MASTER_PASSWORD. Running it again makes what is missing, such as
/// a policy file that is gone or empty, and changes nothing that is there.
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
            let path = Path::new(&policy.path);
            if !is_blank(path) || is_sealed(&mut daemon).await? {
                return already_there(output, &vault);
            }
            let password = prompt::master_password().await?;
            if path.is_symlink() || path.exists() {
                daemon.verify(&password).await?;
                make_way(path)?;
            }
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

/// Whether there is no policy in the file itself: axisd sees only later what
/// became of it. A file that can't be read has one.
fn is_blank(path: &Path) -> bool {
    match fs::read(path) {
        Ok(text) => text.trim_ascii().is_empty(),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// Whether the policy is in the vault: that is in force whatever the file says.
async fn is_sealed(daemon: &mut Daemon) -> Result<bool, Failure> {
    let shown = ask(daemon.admin.show_policy(ShowPolicyRequest {})).await?;
    Ok(shown.sealed)
}

/// Takes a blank file away: axisd writes over none.
fn make_way(path: &Path) -> Result<(), Failure> {
    if path.is_symlink() {
        let what = format!(
            "{} is a link to a file that is empty or gone",
            path.display()
        );
        return Err(Failure::new(Exit::Failed, what)
            .fix("write a policy where it leads to, or delete the link and then: axis init"));
    }
    fs::remove_file(path).map_err(|error| {
        let what = format!("{} can't be replaced: {error}", path.display());
        Failure::new(Exit::Failed, what)
    })
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
