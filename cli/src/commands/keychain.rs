//! `axis keychain`: lets the OS keychain keep the master password.

use axis_proto::v1::vault_status::State;
use axis_proto::v1::{
    DeleteKeychainRequest, KeychainStatusRequest, KeychainStatusResponse, SetKeychainRequest,
};
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, tell, warn};
use crate::prompt;

/// Let the OS keychain keep the master password, so that axisd unlocks itself
///
/// The keychain is the Secret Service on Linux (GNOME Keyring, KWallet), the
/// login keychain on macOS, the Credential Manager on Windows. axisd asks it
/// once, when it starts. This command itself never reads the password there.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  axis keychain set\n  axis keychain status\n  axis keychain delete"
)]
pub struct Keychain {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    status: Show,
}

#[derive(Debug, Subcommand)]
enum Act {
    Status(Show),
    /// Put the master password into the OS keychain
    ///
    /// It costs some safety: while your keychain is open, any program that runs
    /// as you can ask it for the password. Type it instead (`axis unlock`) where
    /// that matters to you.
    #[command(after_help = "Example:\n  axis keychain set")]
    Set,
    /// Remove the master password from the OS keychain
    ///
    /// Needs no password. A vault that is unlocked stays so until `axis lock` or
    /// the end of axisd.
    #[command(after_help = "Example:\n  axis keychain delete")]
    Delete,
}

/// Show whether there is an OS keychain here, and whether it keeps the password
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  axis keychain status\n  axis keychain status --json")]
struct Show {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    available: bool,
    stored: bool,
    detail: &'a str,
    fix: &'a str,
    service: &'a str,
    account: &'a str,
}

impl Keychain {
    /// Does it; without a word of what, it shows the status.
    pub async fn run(self) -> Result<Exit, Failure> {
        match self.act {
            None => self.status.run().await,
            Some(Act::Status(status)) => status.run().await,
            Some(Act::Set) => set().await,
            Some(Act::Delete) => delete().await,
        }
    }
}

impl Show {
    async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let status = asked(&mut daemon).await?;
        if self.json {
            output.json(&Document {
                available: status.available,
                stored: status.stored,
                detail: &status.detail,
                fix: &status.fix,
                service: "axis",
                account: &status.account,
            })?;
            return Ok(Exit::Done);
        }
        let (tone, word) = match (status.available, status.stored) {
            (true, true) => (Tone::Good, "set"),
            (true, false) => (Tone::Plain, "not set"),
            (false, _) => (Tone::Warn, "not available"),
        };
        output.line(format_args!("keychain   {}", output.paint(tone, word)))?;
        output.line(format_args!("           {}", printable(&status.detail)))?;
        if !status.fix.is_empty() {
            output.line(format_args!("           {}", printable(&status.fix)))?;
        }
        Ok(Exit::Done)
    }
}

async fn asked(daemon: &mut Daemon) -> Result<KeychainStatusResponse, Failure> {
    ask(daemon.admin.keychain_status(KeychainStatusRequest {})).await
}

async fn set() -> Result<Exit, Failure> {
    let output = Output::stdout();
    let (mut daemon, status) = Daemon::reach(prompt::password_from_environment()?).await?;
    if status.vault.unwrap_or_default().state() == State::Absent {
        return Err(Failure::new(Exit::Unavailable, "there is no vault yet").fix("axis init"));
    }
    // that it can't be kept is told before the password is typed
    let keychain = asked(&mut daemon).await?;
    if !keychain.available {
        return Err(Failure::new(Exit::Unavailable, keychain.detail).fix(keychain.fix));
    }
    let password = prompt::master_password().await?;
    let request = SetKeychainRequest {
        master_password: password.expose_secret().to_owned(),
    };
    drop(password);
    let kept = daemon
        .confide(async move |mut admin| admin.set_keychain(request).await)
        .await??;
    output.line(output.paint(
        Tone::Good,
        "The OS keychain keeps the master password: axisd unlocks the vault by itself when it starts.",
    ))?;
    output.line(format_args!(
        "  the entry: service axis, account {}",
        printable(&kept.account)
    ))?;
    warn(
        "while your keychain is open, any program that runs as you can ask it for the password, and with it change what agents may do",
    );
    tell("`axis keychain delete` takes it out again; then you type it: axis unlock");
    Ok(Exit::Done)
}

async fn delete() -> Result<Exit, Failure> {
    let output = Output::stdout();
    let (mut daemon, _) = Daemon::reach(None).await?;
    let deleted = ask(daemon.admin.delete_keychain(DeleteKeychainRequest {})).await?;
    output.line(if deleted.was_stored {
        "The OS keychain keeps the master password no more: after the next start of axisd, unlock the vault with axis unlock."
    } else {
        "The OS keychain kept no master password of this vault."
    })?;
    Ok(Exit::Done)
}
