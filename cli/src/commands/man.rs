//! `axis man`: the manual pages, for whoever makes a package of Axis.

use std::fs::DirBuilder;
use std::path::PathBuf;

use clap::Args;

use crate::failure::{Exit, Failure};
use crate::help;
use crate::output::{Output, printable};

/// Write the manual pages, one for each command
///
/// For packages: the pages say what --help says.
#[derive(Debug, Args)]
#[command(hide = true, after_help = "Example:\n  axis man packaging/man/man1")]
pub struct Man {
    /// The directory that they are written to; it is made where it isn't there
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,
}

impl Man {
    /// Writes them.
    #[expect(clippy::unused_async, reason = "all commands are called alike")]
    pub async fn run(self) -> Result<Exit, Failure> {
        let unwritable = |error: std::io::Error| {
            let what = format!("{} can't be written: {error}", self.directory.display());
            Failure::new(Exit::Failed, what)
        };
        DirBuilder::new()
            .recursive(true)
            .create(&self.directory)
            .map_err(unwritable)?;
        let command = help::for_manual();
        clap_mangen::generate_to(command, &self.directory).map_err(unwritable)?;
        Output::stdout().line(format_args!(
            "Wrote the manual pages into {}.",
            printable(&self.directory.display().to_string())
        ))?;
        Ok(Exit::Done)
    }
}
