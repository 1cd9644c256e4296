//! `axis identity`: identities that have a socket of their own.

mod add;
mod list;
mod remove;

use axis_proto::v1::{ListIdentitiesRequest, ListIdentitiesResponse};
use clap::{Args, Subcommand};

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};

/// Give identities a socket of their own, for agents in sandboxes
///
/// On the general socket the identity is the client's word: any process of
/// yours can claim any. On an identity's own socket every caller is that
/// identity. Its directory is what you mount into the sandbox or container of
/// the agent, and nothing else of Axis.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  axis identity add ci-runner\n  axis identity list\n  axis identity remove ci-runner"
)]
pub struct Identity {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    list: list::List,
}

#[derive(Debug, Subcommand)]
enum Act {
    List(list::List),
    Add(add::Add),
    Remove(remove::Remove),
}

impl Identity {
    /// Does it; without a word of what, it lists.
    pub async fn run(self) -> Result<Exit, Failure> {
        match self.act {
            None => self.list.run().await,
            Some(Act::List(list)) => list.run().await,
            Some(Act::Add(add)) => add.run().await,
            Some(Act::Remove(remove)) => remove.run().await,
        }
    }
}

pub async fn listed(daemon: &mut Daemon) -> Result<ListIdentitiesResponse, Failure> {
    ask(daemon.admin.list_identities(ListIdentitiesRequest {})).await
}
