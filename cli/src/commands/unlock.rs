//! `axis unlock`: opens the vault.

use axis_proto::v1::UnlockRequest;
use axis_proto::v1::vault_status::State;
use clap::Args;
use secrecy::ExposeSecret;

use crate::client::Daemon;
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone};
use crate::prompt;

/// Open the vault with the master password
///
/// The credentials stay in the memory of axisd until `axis lock` or its end.
/// An older keystore that was put back, or one whose audit log is gone, stays
/// locked until you accept that.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  axis unlock")]
pub struct Unlock {
    /// Accept a keystore that is older than the audit log says, or whose log is gone
    #[arg(long)]
    accept_older: bool,
}

impl Unlock {
    /// Unlocks it.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (daemon, status) = Daemon::reach(None).await?;
        match status.vault.unwrap_or_default().state() {
            State::Unlocked => {
                output.line("The vault is unlocked already.")?;
                return Ok(Exit::Done);
            }
            State::Absent => {
                return Err(
                    Failure::new(Exit::Unavailable, "there is no vault yet").fix("axis init")
                );
            }
            State::Locked | State::Unspecified => {}
        }
        let password = prompt::master_password().await?;
        let request = UnlockRequest {
            master_password: password.expose_secret().to_owned(),
            accept_older: self.accept_older,
            only_if_never_locked: false,
        };
        drop(password);
        let unlocked = daemon
            .confide(async move |mut admin| admin.unlock(request).await)
            .await??;
        output.line(output.paint(
            Tone::Good,
            &match unlocked.credentials {
                1 => "The vault is unlocked: 1 credential.".to_owned(),
                count => format!("The vault is unlocked: {count} credentials."),
            },
        ))?;
        Ok(Exit::Done)
    }
}
