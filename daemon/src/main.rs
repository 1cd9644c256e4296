//! `axisd`: arguments → configuration → [`axisd::daemon::run`], nothing else.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axis_proto::harden;
use axisd::clock::SystemClock;
use axisd::config::{Config, ConfigError, LogFormat};
use axisd::daemon::{self, Start};
use axisd::instance::Instance;
use axisd::paths::Paths;
use axisd::process;
use axisd::selection::worker;
use axisd::supervision::{HandedOver, StartedBy};
use axisd::vault::{Reserved, Vault, master};
use clap::Parser;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::prelude::*;
use zeroizing_alloc::ZeroAlloc;

/// How long what blocks may take to finish once all calls have ended, such as
/// a write of the keystore.
const LAST_WORK: Duration = Duration::from_secs(10);

/// Wipes all memory that is freed: the HTTP and gRPC libraries copy credential
/// and password into buffers that they don't wipe themselves.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

/// The Axis daemon. It holds the unlocked vault in memory and serves agents
/// (broker.sock) and the owner (admin.sock).
///
/// It usually needs no starting by hand: `axis` commands and `axis mcp` start
/// it. Under a service manager run it in the foreground as it is.
#[derive(Parser, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an argument's")]
#[command(
    version,
    after_help = "The master password is read from a pipe (--password-stdin), else from\n\
                  $CREDENTIALS_DIRECTORY/axis-master-password, else from AXIS_MASTER_PASSWORD\n\
                  (which is removed from the process at once), else from the OS keychain\n\
                  (`axis keychain set`), else the vault stays locked until `axis unlock`.\n\n\
                  Example:\n  axisd                          # in the foreground, log on stderr\n  \
                  AXIS_LOG=axisd=debug axisd     # more of it"
)]
struct Arguments {
    /// Read the master password from standard input, to its end
    #[arg(long)]
    password_stdin: bool,
    /// Started by a client: write the log to a file beside the audit log and leave the client's session
    #[arg(long, hide = true)]
    autostarted: bool,
    /// Started by itself, with an environment of its own
    #[arg(long, hide = true)]
    started_again: bool,
    /// Be no daemon: apply one jq expression that axisd sends on standard input
    #[arg(long, hide = true)]
    select: bool,
}

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the log may not be set up yet")]
            {
                eprintln!("error: {}", sentence(&error));
            }
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes, each told once: many a message ends in its cause.
fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !sentence.ends_with(&cause) {
            sentence.push_str(": ");
            sentence.push_str(&cause);
        }
    }
    sentence
}

fn start() -> anyhow::Result<()> {
    harden::process_without(&process::NOT_OBEYED)
        .context("this process can't be closed to others")?;
    let arguments = Arguments::parse();
    if arguments.select {
        return worker::answer().context("the expression can't be applied");
    }
    process::settle_environment(arguments.password_stdin, arguments.started_again)?;
    if arguments.autostarted && arguments.password_stdin {
        process::ask_for_password();
    }
    let by = StartedBy::find(arguments.autostarted);
    let sockets = HandedOver::take()?;
    harden::hand_nothing_on();
    let paths = Paths::from_environment()?;
    paths.create()?;
    let (config, refused) = settings(&paths)?;
    let password = master::from_sources(arguments.password_stdin)?;
    process::close_stdin().context("can't open /dev/null")?;
    // outlives the runtime: a listener removes its socket file when it goes,
    // which must not be a successor's
    let _instance = Instance::acquire(&paths)?;
    if arguments.autostarted {
        process::become_background(&paths.log)
            .with_context(|| format!("can't write {}", paths.log.display()))?;
    }
    log_to_stderr(&config)?;
    if let Some(refused) = refused {
        tracing::warn!("until the unlock, settings are the defaults: {refused}");
    }
    process::allow_many_connections();
    process::check_threads()?;
    // a call is handed to and fro between its connection, its task and its
    // upstream: on two threads each of these steps wakes a sleeping one, which
    // takes longer than the step. What computes for long leaves this thread.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let ended = runtime.block_on(daemon::run(
        &config,
        &paths,
        Start {
            password,
            by,
            sockets,
        },
    ));
    // a look at a file on a mount that never answers would keep it for ever
    runtime.shutdown_timeout(LAST_WORK);
    ended
}

/// The settings in daemon.yaml. Where they are sealed in the vault, a broken
/// file keeps nothing from starting: why it was refused comes along.
fn settings(paths: &Paths) -> Result<(Config, Option<ConfigError>), ConfigError> {
    match Config::load(&paths.daemon_yaml) {
        Ok(config) => Ok((config, None)),
        Err(refused) => {
            let vault = Vault::open(paths.keystore.clone(), Arc::new(SystemClock));
            if vault.has_reserved(Reserved::Seal) {
                return Ok((Config::default(), Some(refused)));
            }
            Err(refused)
        }
    }
}

fn log_to_stderr(config: &Config) -> anyhow::Result<()> {
    let filter = match std::env::var("AXIS_LOG") {
        Ok(text) if !text.is_empty() => text,
        _ => config.log.filter.clone(),
    };
    let filter = EnvFilter::try_new(&filter)
        .with_context(|| format!("AXIS_LOG or log.filter in daemon.yaml: {filter:?}"))?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(process::log)
        .with_ansi(process::stderr_is_terminal());
    let log = tracing_subscriber::registry()
        .with(filter)
        .with(filter_fn(|event| !may_print_headers(event)));
    match config.log.format {
        LogFormat::Human => log.with(lines).init(),
        LogFormat::Json => log.with(lines.json()).init(),
    }
    Ok(())
}

/// The HTTP crates' debug and trace events may hold headers, and with them a
/// credential: they are never written, whatever the filter says.
fn may_print_headers(event: &Metadata<'_>) -> bool {
    let room = event.target().split("::").next().unwrap_or_default();
    !room.starts_with("axis") && *event.level() > Level::INFO
}
