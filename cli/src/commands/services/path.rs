//! `axis services path`: where the owner's own files are.

use axis_proto::v1::ListServicesRequest;
use clap::Args;

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::prompt;

/// Print the directory of your own service files
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  axis services path")]
pub struct Path {}

impl Path {
    /// Prints it, as it is: for `$(axis services path)`.
    pub async fn run(self) -> Result<Exit, Failure> {
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let listed = ask(daemon.admin.list_services(ListServicesRequest {})).await?;
        Output::stdout().line(listed.directory)?;
        Ok(Exit::Done)
    }
}
