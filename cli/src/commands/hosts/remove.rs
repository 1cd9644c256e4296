//! `axis hosts remove`: takes Axis out of the files of MCP hosts.

use clap::Args;

use super::add::{Told, apply, show_plan};
use super::{Which, tell_failure};
use crate::failure::{Exit, Failure};
use crate::hosts::{
    Allowed, Applied, Effect, Environment, Host, Scope, known, plan_removal, standing,
};
use crate::output::{Output, Tone, printable};

/// Take Axis out of MCP hosts' files
///
/// Where nothing else has changed since Axis was added, the file is then byte
/// for byte what it was before; else its entry goes, and all else stays.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  axis hosts remove cursor\n  axis hosts remove claude-code --project\n  axis hosts remove --all --dry-run"
)]
pub struct Remove {
    #[command(flatten)]
    which: Which,
    /// All hosts that have Axis in their file
    #[arg(long)]
    all: bool,
    /// Also an entry called axis that starts something else
    #[arg(long)]
    force: bool,
}

impl Remove {
    /// Takes it out of each of them; one that fails keeps none of the others back.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let environment = Environment::of_process()?;
        let scope = self.which.scope(&environment)?;
        let hosts = if self.all {
            let has_ours = |host: &&Host| {
                let place = host.place(&environment, &scope);
                let standing = place.and_then(|place| standing(host, &place));
                standing.is_ok_and(|it| it.is_some_and(|it| it.is_ours()))
            };
            known()?.iter().filter(has_ours).collect()
        } else {
            self.which.named()?
        };
        if hosts.is_empty() {
            output.line("No host has Axis in its file.")?;
        }
        let mut exit = Exit::Done;
        for host in hosts {
            match self.take_from(output, &environment, &scope, host).await {
                Ok(()) => {}
                Err(Told::Host(error)) => {
                    tell_failure(host, &error);
                    exit = Exit::Failed;
                }
                Err(Told::All(failure)) => return Err(failure),
            }
        }
        Ok(exit)
    }

    async fn take_from(
        &self,
        output: Output,
        environment: &Environment,
        scope: &Scope,
        host: &'static Host,
    ) -> Result<(), Told> {
        let place = host.place(environment, scope)?;
        let allowed = Allowed {
            replacing: self.force,
            making_directory: false,
        };
        let edit = plan_removal(host, &place, allowed)?;
        if self.which.dry_run {
            show_plan(output, environment, host, &edit)?;
        } else {
            let applied = apply(edit).await?;
            show(output, environment, host, &applied)?;
        }
        Ok(())
    }
}

fn show(
    output: Output,
    environment: &Environment,
    host: &Host,
    applied: &Applied,
) -> Result<(), Failure> {
    let file = environment.shorten(&applied.file);
    let done = match &applied.effect {
        Effect::Absent => format!("axis isn't in {file}"),
        _ if applied.deleted => format!("removed, with {file}, in which nothing else was"),
        _ => format!("removed from {file}"),
    };
    let title = output.paint(Tone::Good, &host.title);
    output.line(format_args!("{title}: {}", printable(&done)))?;
    if let Some(backup) = &applied.backup {
        let backup = environment.shorten(backup);
        output.line(format_args!("  before: {}", printable(&backup)))?;
    }
    Ok(())
}
