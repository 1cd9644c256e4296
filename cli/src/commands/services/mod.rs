//! `axis services`: which APIs there are, and the owner's own.

mod import;
pub mod list;
mod path;
pub mod show;
mod validate;

use clap::{Args, Subcommand};

use crate::failure::{Exit, Failure};

/// Show the services, and add services of your own
///
/// A service is an API that Axis can call, described by a YAML file. Some are
/// built in; your own lie in a directory of yours (`axis services path`) and
/// are in force as soon as they are saved.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  axis services\n  axis services show github\n  axis services validate acme.yaml\n  axis services import https://api.example.com/openapi.json"
)]
pub struct Services {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    list: list::List,
}

#[derive(Debug, Subcommand)]
enum Act {
    List(list::List),
    Show(show::Show),
    Validate(validate::Validate),
    Import(import::Import),
    Path(path::Path),
}

impl Services {
    /// Does it; without a word of what, it lists.
    pub async fn run(self) -> Result<Exit, Failure> {
        match self.act {
            None => self.list.run().await,
            Some(Act::List(list)) => list.run().await,
            Some(Act::Show(show)) => show.run().await,
            Some(Act::Validate(validate)) => validate.run().await,
            Some(Act::Import(import)) => import.run().await,
            Some(Act::Path(path)) => path.run().await,
        }
    }
}
