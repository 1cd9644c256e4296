//! `axis`: the owner's command line, and with `axis mcp` the agent's door.
//! A client of axisd; it holds no secrets beyond the moment of passing them on.

mod client;
mod commands;
mod completion;
mod dashboard;
mod demo;
mod doctor;
mod export;
mod failure;
mod fetch;
mod help;
mod hosts;
mod import;
mod launch;
mod menu;
mod output;
mod policy_file;
mod prompt;
mod service;
mod setup;
mod system;

use std::process::ExitCode;

use clap::{FromArgMatches, Parser};
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::prelude::*;
use zeroizing_alloc::ZeroAlloc;

use crate::commands::Command;
use crate::failure::{Exit, Failure};
use crate::output::{stderr_is_coloured, tell};
use crate::system::Interrupts;

/// Wipes all memory that is freed: libraries copy what the owner typed into
/// buffers that they don't wipe themselves.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

/// An agent secrets vault: agents act with credentials that they never see.
///
/// One daemon, axisd, holds the credentials, decides by your policy what each
/// agent may do, makes the call itself and keeps the record. This command is
/// how you, the owner, talk to it; agents use `axis mcp`.
#[derive(Debug, Parser)]
#[command(
    name = "axis",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "New here? `axis demo` shows what Axis does, without configuring anything.\n\
        Begin with:  axis setup",
    after_long_help = "New here? `axis demo` shows what Axis does, without configuring anything.\n\
        Begin with:  axis setup\n\n\
        Exit codes: 0 done, 1 failed, 2 wrong usage (a service, an action or a file that\n\
        isn't there, too), 3 daemon or vault not available, 4 denied.\n\n\
        Environment: AXIS_MASTER_PASSWORD (instead of the prompt),\n\
        AXIS_NEW_MASTER_PASSWORD (the same for `axis rotate`), AXIS_IMPORT_PASSWORD\n\
        (another vault's, for `axis import`), AXIS_IDENTITY, AXIS_HOME,\n\
        AXIS_POLICY_PATH, AXIS_KEYSTORE_PATH, AXIS_SOCKET_DIR, AXIS_SOCKET,\n\
        AXIS_FILES (for `axis mcp`), AXIS_AUTOSTART, AXIS_LOG, NO_COLOR."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let hardened = axis_proto::harden::process().map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("this process can't be closed to others: {error}"),
        )
    });
    axis_proto::harden::hand_nothing_on();
    let ended = hardened.and_then(|()| {
        if completion::answer(help::command)? {
            return Ok(Exit::Done);
        }
        let command = Command::asked();
        write_logs(&command);
        run(command)
    });
    let exit = match ended {
        Ok(exit) => exit,
        Err(failure) => {
            if let Failure::Told(_) = failure {
                tell(&failure);
            }
            failure.exit()
        }
    };
    ExitCode::from(exit as u8)
}

impl Command {
    /// What the arguments ask for. Hosts keep a shim for each of their sessions,
    /// and building the whole command line costs each of those memory.
    fn asked() -> Self {
        if std::env::args_os().skip(1).eq(["mcp"]) {
            return Self::Mcp(commands::mcp::Mcp {});
        }
        let matches = help::command().try_get_matches().unwrap_or_else(|error| {
            let typed: Vec<String> = std::env::args_os()
                .skip(1)
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            help::pointed(error, &typed).exit()
        });
        Cli::from_arg_matches(&matches)
            .unwrap_or_else(|error| error.exit())
            .command
    }
}

fn run(command: Command) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("can't start: {error}")))?;
    let ended = runtime.block_on(async {
        // ending by returning restores the terminal, cancels a call and lets the
        // demo clean up
        let mut interrupts = Interrupts::listen().map_err(|error| {
            Failure::new(Exit::Failed, format!("can't listen for signals: {error}"))
        })?;
        if let Command::Mcp(mcp) = command {
            return tokio::select! {
                biased;
                // A host that ends it this way has nothing more to hear, but
                // what is half written has to go.
                () = interrupts.any() => Ok(Exit::Done),
                ended = mcp.run() => ended,
            };
        }
        // ending it is how one is done with it
        let is_ended_so = command.is_view();
        tokio::select! {
            // First, so that it listens before anything can be typed.
            biased;
            () = interrupts.any() => if is_ended_so {
                Ok(Exit::Done)
            } else {
                Err(Failure::cancelled())
            },
            ended = command.run() => ended,
        }
    });
    menu::restore_terminal();
    // A thread may still wait for stdin.
    runtime.shutdown_background();
    ended
}

/// Logs go to stderr: warnings of the shim, and what `AXIS_LOG` asks for.
fn write_logs(command: &Command) {
    let filter = std::env::var("AXIS_LOG").unwrap_or_default();
    let filter = if !filter.is_empty() {
        EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("warn"))
    } else if matches!(command, Command::Mcp(_)) {
        EnvFilter::new("warn")
    } else {
        return;
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(filter_fn(|event| !may_print_messages(event)))
        .with(
            tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_ansi(stderr_is_coloured()),
        )
        .init();
}

/// The HTTP crates' debug and trace events may hold headers and messages, and
/// with them a password: they are never written, whatever the filter says.
fn may_print_messages(event: &Metadata<'_>) -> bool {
    let room = event.target().split("::").next().unwrap_or_default();
    !room.starts_with("axis") && *event.level() > Level::INFO
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_help_with_an_example() {
        fn check(command: &clap::Command, path: &str) {
            assert!(command.get_about().is_some(), "{path} says nothing");
            if !command.has_subcommands() || command.get_name() == "logs" {
                let help = command.get_after_help().map(ToString::to_string);
                assert!(
                    help.is_some_and(|help| help.contains(&format!("  {path}"))),
                    "{path} shows no example"
                );
            }
            for inner in command.get_subcommands() {
                check(inner, &format!("{path} {}", inner.get_name()));
            }
        }
        check(&Cli::command(), "axis");
    }

    #[test]
    fn a_mistyped_command_gets_a_suggestion() {
        for (typed, meant) in [("statsu", "status"), ("revok", "revoke"), ("demoo", "demo")] {
            let error = Cli::try_parse_from(["axis", typed]).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(meant), "{error}");
        }
    }
}
