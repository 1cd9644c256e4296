//! `axis daemon uninstall`: axisd is no service any more.

use clap::Args;

use crate::failure::{Exit, Failure};
use crate::output::{Output, printable, warn};
use crate::service::{Installation, Manager};

/// Take axisd back from the system's service manager
///
/// It is stopped. Vault, policy and log stay as they are, and the next call
/// starts axisd without the service manager.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  axis daemon uninstall")]
pub struct Uninstall {}

impl Uninstall {
    /// Removes the files, wherever they come from.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let manager = Manager::of_this_system()?;
        let files = manager.files(&Installation::here()?)?;
        if !files.iter().any(|file| file.path.exists()) {
            output.line("axisd is no service here.")?;
            return Ok(Exit::Done);
        }
        let mut unheard = None;
        for order in manager.to_stop() {
            unheard = order.give().await.err().or(unheard);
        }
        for file in files {
            if file.remove()? {
                output.line(format_args!(
                    "removed {}",
                    printable(&file.path.display().to_string())
                ))?;
            }
        }
        for order in manager.to_forget() {
            unheard = order.give().await.err().or(unheard);
        }
        if let Some(failure) = unheard {
            // where it doesn't run it has nothing to forget
            warn(&failure.sentence().0);
        }
        output
            .line("axisd is no service any more. Your vault and your log are where they were.")?;
        Ok(Exit::Done)
    }
}
