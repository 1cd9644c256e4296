//! `axis mcp`: the MCP server that agents talk to.

use std::io::{IsTerminal, stdin};

use clap::Args;

use crate::failure::{Exit, Failure};
use crate::launch;
use crate::output::tell;

/// Serve an agent over MCP on standard input and output
///
/// This is what an MCP host starts. It holds nothing: every call goes to
/// axisd, which decides. AXIS_IDENTITY names the agent for your policy.
///
/// AXIS_FILES says where an agent's save_to and body_file may lead: wherever you
/// may (on, or unset), nowhere (off), or into one directory (its absolute path).
/// An agent in a sandbox that this runs outside of needs off or a directory.
#[derive(Debug, Args)]
#[command(after_help = "Example, in an MCP host's configuration:\n  \
    {\"command\": \"/usr/local/bin/axis\", \"args\": [\"mcp\"], \"env\": {\"AXIS_IDENTITY\": \"local-dev\"}}\n\n\
    By hand:\n  axis mcp")]
pub struct Mcp {}

impl Mcp {
    /// Serves until the host closes standard input.
    pub async fn run(self) -> Result<Exit, Failure> {
        if stdin().is_terminal() {
            tell("axis mcp waits for an MCP host's JSON-RPC on standard input. Ctrl-D ends it.");
        }
        launch::serve_mcp().await?;
        Ok(Exit::Done)
    }
}
