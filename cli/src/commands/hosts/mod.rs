//! `axis hosts`: MCP hosts on this machine, and Axis in their files.

mod add;
mod list;
mod remove;

use std::path::PathBuf;

pub use self::add::identity;
use axis_proto::shell;
use axis_proto::v1::ListServicesRequest;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::hosts::{Environment, Host, HostsError, KeyPatterns, PlaintextSecret, Scope, known};
use crate::output::{tell, warn};

/// Configure MCP hosts to use Axis: Claude Code, Cursor, Codex and others
///
/// Writes an entry `axis` that starts `axis mcp` into a host's own file, and
/// keeps all else that stands there: other servers, comments, the order. The
/// file is backed up first. What it finds of keys in plain text it names, never
/// shows.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  axis hosts\n  axis hosts add claude-code\n  axis hosts remove claude-code"
)]
pub struct Hosts {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    list: list::List,
}

#[derive(Debug, Subcommand)]
enum Act {
    List(list::List),
    Add(add::Add),
    Remove(remove::Remove),
}

impl Hosts {
    /// Does it; without a word of what, it lists.
    pub async fn run(self) -> Result<Exit, Failure> {
        match self.act {
            None => self.list.run().await,
            Some(Act::List(list)) => list.run().await,
            Some(Act::Add(add)) => add.run().await,
            Some(Act::Remove(remove)) => remove.run().await,
        }
    }
}

/// Which hosts, and for whom.
#[derive(Debug, Args)]
struct Which {
    /// The hosts, as `axis hosts` names them
    #[arg(
        value_name = "HOST",
        required_unless_present = "all",
        conflicts_with = "all",
        value_parser = names(),
        hide_possible_values = true
    )]
    hosts: Vec<String>,
    /// For the work in one project only: that of the working directory, or in DIR
    #[arg(
        long,
        value_name = "DIR",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        value_parser = project
    )]
    project: Option<Project>,
    /// Show how the file would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Which {
    /// The hosts by name, each once.
    fn named(&self) -> Result<Vec<&'static Host>, HostsError> {
        let is_meant = |host: &&Host| self.hosts.contains(&host.id);
        Ok(known()?.iter().filter(is_meant).collect())
    }

    fn scope(&self, environment: &Environment) -> Result<Scope, Failure> {
        let directory = match &self.project {
            None => return Ok(Scope::User),
            Some(Project::Here) => environment.project(None),
            Some(Project::At(directory)) => environment.project(Some(directory)),
        };
        if directory.is_dir() {
            return Ok(Scope::Project(directory));
        }
        let what = format!("there is no directory {}", directory.display());
        Err(Failure::new(Exit::Usage, what))
    }
}

/// Which project.
#[derive(Debug, Clone)]
enum Project {
    /// That of the working directory.
    Here,
    At(PathBuf),
}

#[expect(clippy::unnecessary_wraps, reason = "what clap takes as a parser")]
fn project(directory: &str) -> Result<Project, String> {
    Ok(if directory.is_empty() {
        Project::Here
    } else {
        Project::At(PathBuf::from(directory))
    })
}

fn names() -> PossibleValuesParser {
    // Where the list is wrong, running the command says so.
    let hosts = known().unwrap_or_default();
    PossibleValuesParser::new(hosts.iter().map(|host| host.id.as_str()))
}

/// What tells keys from other texts: with the words of the services in force,
/// where axisd runs; none is started for it.
async fn key_patterns() -> KeyPatterns {
    let mut patterns = KeyPatterns::default();
    let Ok(Some((mut daemon, _))) = Daemon::running().await else {
        return patterns;
    };
    if let Ok(listed) = ask(daemon.admin.list_services(ListServicesRequest::default())).await {
        for service in &listed.services {
            patterns.learn(
                &service.service,
                &service.environment,
                &service.credential_pattern,
            );
        }
    }
    patterns
}

/// Names what stands in plain text, and what to do.
fn warn_of(environment: &Environment, secrets: &[PlaintextSecret]) {
    for secret in secrets {
        warn(&warning(environment, secret));
    }
}

fn warning(environment: &Environment, secret: &PlaintextSecret) -> String {
    let (server, variable) = (&secret.server, &secret.variable);
    let whose = match (&secret.service, secret.is_master) {
        (_, true) => "the master password".to_owned(),
        (Some(service), false) => format!("a key of {service}"),
        (None, false) => "a secret".to_owned(),
    };
    let backup = (secret.backup.as_ref()).map(|path| shell::word(&path.display().to_string()));
    if let (false, Some(path), Some(backup)) = (secret.is_in_file, &secret.backup, &backup) {
        let rotate = if secret.is_master {
            "; and change it with `axis rotate`"
        } else {
            ", once the vault has it"
        };
        return format!(
            "{whose} still stands in plain text in {} (server {server}, {variable}), the copy of \
             a file before Axis was written into it, where every agent reads it: \
             `rm {backup}`{rotate}",
            environment.shorten(path)
        );
    }
    let file = environment.shorten(&secret.file);
    let copy = match backup {
        Some(backup) => format!(", and with `rm {backup}` from the copy beside it"),
        None => String::new(),
    };
    if secret.is_master {
        return format!(
            "{whose} stands in {file} (server {server}, {variable}), where every agent reads \
             it: delete it there{copy} and change it with `axis rotate`; `axis unlock` asks \
             you for it instead"
        );
    }
    format!(
        "{whose} stands in plain text in {file} (server {server}, {variable}), where every \
         agent reads it: `axis import host {}` brings it into the vault; once it is stored, \
         delete it there{copy}",
        source(environment, secret)
    )
}

/// What `axis import host` knows the file by.
fn source(environment: &Environment, secret: &PlaintextSecret) -> String {
    let mut hosts = known().unwrap_or_default().iter();
    let host = hosts.find(|host| host.id == secret.host);
    let of_user = host.and_then(|host| host.place(environment, &Scope::User).ok());
    if of_user.is_some_and(|place| place.file == secret.file) {
        secret.host.clone()
    } else {
        shell::word(&secret.file.display().to_string())
    }
}

/// Tells a failure of one host among several.
fn tell_failure(host: &Host, error: &HostsError) {
    let sentence = error.to_string();
    let sentence = if sentence.starts_with(&host.title) {
        sentence
    } else {
        format!("{}: {sentence}", host.title)
    };
    let failure = Failure::new(Exit::Failed, sentence);
    tell(match error.fix() {
        Some(fix) => failure.fix(fix),
        None => failure,
    });
}
