//! `axis logs`: the audit log, for a person or as it is.

mod export;
mod head;
pub mod selection;
mod show;
pub mod stats;
mod verify;

use clap::{Args, Subcommand};

use crate::failure::{Exit, Failure};

/// Show the audit log, count, export and verify it
///
/// Every call and every act of yours, oldest first. Times are UTC. What agents
/// wrote is shown with its control characters escaped.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  axis logs --last 20\n  axis logs --tail\n  axis logs --decision deny --since 2h\n  axis logs --json | jq .reason\n  axis logs stats --since 24h\n  axis logs verify"
)]
pub struct Logs {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    show: show::Show,
}

#[derive(Debug, Subcommand)]
enum Act {
    Verify(verify::Verify),
    Head(head::Head),
    Stats(stats::Stats),
    Export(export::Export),
}

impl Logs {
    /// Whether it shows new lines until it is ended.
    pub fn goes_on(&self) -> bool {
        self.act.is_none() && self.show.tail
    }

    /// Does it; without a word of what, it shows the last lines.
    pub async fn run(self) -> Result<Exit, Failure> {
        match self.act {
            None => self.show.run().await,
            Some(Act::Verify(verify)) => verify.run().await,
            Some(Act::Head(head)) => head.run().await,
            Some(Act::Stats(stats)) => stats.run().await,
            Some(Act::Export(export)) => export.run().await,
        }
    }
}
