//! `axis lock`: closes the vault.

use axis_proto::v1::LockRequest;
use clap::Args;

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Close the vault: no agent can act until `axis unlock`
///
/// Needs no password. A vault that you locked is opened by `axis unlock`
/// alone, not by an agent's side that happens to know the password.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  axis lock")]
pub struct Lock {}

impl Lock {
    /// Locks it. Works with an axisd of any version: it narrows.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let Some((mut daemon, _)) = Daemon::running().await? else {
            output.line("axisd is not running, so nothing is unlocked.")?;
            return Ok(Exit::Done);
        };
        let locked = ask(daemon.admin.lock(LockRequest {})).await?;
        output.line(if locked.was_unlocked {
            "The vault is locked."
        } else {
            "The vault was locked already."
        })?;
        Ok(Exit::Done)
    }
}
