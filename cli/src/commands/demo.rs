//! `axis demo`: what Axis does, shown.

use clap::Args;

use crate::demo;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Show what Axis does, without configuring anything
///
/// Starts a real axisd with a vault of its own in a temporary directory, an
/// API on this machine that insists on a key, and an agent; shows what the
/// agent can do and what it can't see; cleans up. Nothing leaves this machine.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  axis demo")]
pub struct Demo {}

impl Demo {
    /// Shows it.
    pub async fn run(self) -> Result<Exit, Failure> {
        demo::run(Output::stdout()).await
    }
}
