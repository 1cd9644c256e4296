//! `axis reject`: says no to calls that wait.

use axis_proto::v1::RejectRequest;
use clap::Args;

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::prompt;

/// Say no to calls that wait, or end a grant
///
/// Needs no password, since it only narrows what agents can do. The reason is
/// told to the agent.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    axis reject k7f2qd9a\n  \
    axis reject k7f2qd9a --reason \"not in this repository\"")]
pub struct Reject {
    /// The approvals or grants, as `axis approvals` shows them
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    /// Why not; at most 500 characters
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    reason: String,
}

impl Reject {
    /// Rejects all or none.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let rejected = ask(daemon.admin.reject(RejectRequest {
            ids: self.ids,
            reason: self.reason,
        }))
        .await?
        .rejected;
        output.line(match rejected {
            1 => "Rejected.".to_owned(),
            count => format!("Rejected: {count}."),
        })?;
        Ok(Exit::Done)
    }
}
