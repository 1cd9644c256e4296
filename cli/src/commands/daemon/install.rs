//! `axis daemon install`: makes axisd a service of the system.

use axis_proto::v1::StatusResponse;
use axis_proto::v1::vault_status::State;
use clap::Args;

use super::{running_without_start, stop};
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, tell};
use crate::service::{Installation, Manager, Order, UnitFile};

/// Let the system's service manager start axisd
///
/// On Linux that is your own systemd: it holds the sockets, and the first call
/// starts axisd. On macOS it is launchd, which starts it when you log in. An
/// axisd that an agent's side started could have been started in an environment
/// of its making; one that the service manager starts is not.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  axis daemon install\n  axis daemon install --dry-run")]
pub struct Install {
    /// Print the files and the commands, and do nothing
    #[arg(long)]
    dry_run: bool,
}

impl Install {
    /// Installs it; again where it is installed already.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let manager = Manager::of_this_system()?;
        let files = manager.files(&Installation::here()?)?;
        if self.dry_run {
            return show(output, manager, &files);
        }
        let running = running_without_start().await?;
        let is_service = running
            .as_ref()
            .is_some_and(|status| status.started_by == manager.word());
        if is_service && files.iter().all(UnitFile::stands) {
            output.line("axisd is a service already, and runs.")?;
            return Ok(Exit::Done);
        }
        for file in &files {
            if !file.stands() {
                file.write()?;
                output.line(format_args!(
                    "wrote {}",
                    printable(&file.path.display().to_string())
                ))?;
            }
        }
        let orders = manager.to_install(&files);
        // before anything is stopped: where no service manager runs, nothing is
        let by_hand = |failure| by_hand(failure, &orders);
        let (first, others) = orders.split_at(1);
        for order in first {
            order.give().await.map_err(by_hand)?;
        }
        let unlocked = end_running(output, running, manager).await?;
        for order in others {
            order.give().await.map_err(by_hand)?;
        }
        output.line(output.paint(
            Tone::Good,
            match manager {
                Manager::Systemd => "axisd is a service now: the first call starts it.",
                Manager::Launchd => "axisd is a service now: it runs from the login on.",
            },
        ))?;
        if unlocked {
            output.line("The vault is locked again. Next: axis unlock")?;
        }
        Ok(Exit::Done)
    }
}

fn show(output: Output, manager: Manager, files: &[UnitFile]) -> Result<Exit, Failure> {
    for file in files {
        output.line(format_args!(
            "# {}",
            printable(&file.path.display().to_string())
        ))?;
        output.line(&file.text)?;
    }
    output.line("# and then")?;
    for order in manager.to_install(files) {
        output.line(printable(&order.line()))?;
    }
    Ok(Exit::Done)
}

/// Ends an axisd that isn't the service. Whether the vault was unlocked in it.
async fn end_running(
    output: Output,
    running: Option<StatusResponse>,
    manager: Manager,
) -> Result<bool, Failure> {
    let Some(status) = running else {
        return Ok(false);
    };
    let unlocked = status.vault.unwrap_or_default().state() == State::Unlocked;
    if status.started_by != manager.word()
        && let Some(pid) = stop().await?
    {
        output.line(format_args!(
            "axisd (process {pid}), which was no service, has stopped."
        ))?;
    }
    Ok(unlocked)
}

/// What is left to do where the service manager can't be reached, as in a
/// container or over `su`.
fn by_hand(failure: Failure, orders: &[Order]) -> Failure {
    tell("The files are written, but the service manager doesn't follow. When it runs, give it:");
    let lines: Vec<_> = orders.iter().map(Order::line).collect();
    failure.fix(lines.join("\n"))
}
