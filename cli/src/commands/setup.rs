//! `axis setup`: from nothing to a first safe call.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::commands::call::DEFAULT_IDENTITY;
use crate::commands::hosts::identity;
use crate::failure::{Exit, Failure};
use crate::setup::{self, Access, Answers, Plan};

/// Set everything up: vault, keys, what agents may do, and your MCP hosts
///
/// Asks for one thing after the other and does each at once; Ctrl-C ends it at
/// any question and leaves nothing half done. Running it again goes on where
/// something is missing, and never takes away what is there.
///
/// With --yes nothing is asked: the master password comes from
/// AXIS_MASTER_PASSWORD, keys that stand in the environment are imported and
/// allowed to read, and MCP hosts, keychain and seal are left alone unless a
/// flag says otherwise.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    axis setup\n  \
    axis setup --service github\n  \
    AXIS_MASTER_PASSWORD=… axis setup --yes --host claude-code --seal\n  \
    axis setup --yes --service github --stdin --access write < token.txt")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Setup {
    /// Ask nothing: take what the flags say, and the defaults
    #[arg(long)]
    yes: bool,
    /// The name that your agents act under
    #[arg(long, value_name = "NAME", default_value = DEFAULT_IDENTITY, value_parser = identity)]
    identity: String,
    /// Store a key of this service, such as github
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Read that key from standard input
    #[arg(long, requires = "service")]
    stdin: bool,
    /// Send that key to this server instead, and to no other
    #[arg(long, value_name = "URL", requires = "service")]
    base_url: Option<String>,
    /// Import the keys in this file, too [default: .env, offered]
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// Import no keys from the environment or from files
    #[arg(long, conflicts_with_all = ["env_file", "delete_env_lines"])]
    no_import: bool,
    /// Delete the lines of the imported keys from those files
    #[arg(long)]
    delete_env_lines: bool,
    /// What agents may do with the services that have a key
    #[arg(long, value_name = "ACCESS")]
    access: Option<AccessWord>,
    /// Configure this MCP host (`axis hosts` names them)
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Configure every MCP host that is found
    #[arg(long)]
    all_hosts: bool,
    /// Keep the master password in the OS keychain
    #[arg(long)]
    keychain: bool,
    /// Don't keep it there
    #[arg(long, conflicts_with = "keychain")]
    no_keychain: bool,
    /// Seal the policy
    #[arg(long)]
    seal: bool,
    /// Don't seal it
    #[arg(long, conflicts_with = "seal")]
    no_seal: bool,
    /// Make up a master password, and show it once
    #[arg(long)]
    generate_password: bool,
    /// Don't ask the vendors whether they accept the keys
    #[arg(long)]
    no_check: bool,
}

/// What agents may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum AccessWord {
    /// Read
    Read,
    /// Read and write; deleting is never among it
    Write,
    /// Read, and write once you have approved each call
    Ask,
    /// Nothing yet
    None,
}

impl Setup {
    /// Goes through it.
    pub async fn run(self) -> Result<Exit, Failure> {
        let answer = |yes: bool, no: bool| if yes { Some(true) } else { no.then_some(false) };
        let answers = Answers {
            access: self.access.map(|word| match word {
                AccessWord::Read => Access::Read,
                AccessWord::Write => Access::Write,
                AccessWord::Ask => Access::Ask,
                AccessWord::None => Access::Nothing,
            }),
            keychain: answer(self.keychain, self.no_keychain),
            seal: answer(self.seal, self.no_seal),
            delete_env_lines: self.delete_env_lines.then_some(true),
        };
        setup::run(Plan {
            asks: !self.yes,
            identity: self.identity,
            service: self.service,
            from_stdin: self.stdin,
            base_url: self.base_url,
            env_files: self.env_file,
            imports: !self.no_import,
            hosts: self.host,
            all_hosts: self.all_hosts,
            generates_password: self.generate_password,
            checks: !self.no_check,
            answers,
        })
        .await
    }
}
