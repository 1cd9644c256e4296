//! `axis hosts add`: writes Axis into the files of MCP hosts.

use std::path::Path;

use axis_proto::shell;
use axis_proto::socket::{absolute_variable, broker_client};
use axis_proto::v1::ListActionsRequest;
use axis_proto::v1::broker_client::BrokerClient;
use clap::Args;
use tokio::task::spawn_blocking;
use tonic::transport::Channel;

use super::{Which, key_patterns, tell_failure, warn_of};
use crate::client::{Daemon, ask};
use crate::commands::identity::listed;
use crate::failure::{Exit, Failure};
use crate::hosts::{
    Allowed, Applied, Edit, Effect, Entry, Environment, Host, HostsError, Scope, doubt, known,
    plan, secrets_in,
};
use crate::output::{Output, Tone, printable, warn};

/// Let MCP hosts start `axis mcp` for their agents
///
/// Writes the absolute path of this program, the identity, and where Axis is if
/// that isn't the usual place; never a password. Run again, it changes what
/// differs, and keeps keys of yours in the entry.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  axis hosts add claude-code\n  axis hosts add cursor vscode --identity editor\n  axis hosts add claude-code --project --dry-run\n  axis hosts add --all"
)]
pub struct Add {
    #[command(flatten)]
    which: Which,
    /// All hosts that are found on this machine
    #[arg(long)]
    all: bool,
    /// The name under which policy knows the agents of these hosts
    #[arg(long, value_name = "NAME", default_value = "local-dev", value_parser = identity)]
    identity: String,
    /// Also where the host isn't found, and where another program's entry is
    /// called axis
    #[arg(long)]
    force: bool,
}

impl Add {
    /// Adds it to each of them; one that fails keeps none of the others back.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let environment = Environment::of_process()?;
        let scope = self.which.scope(&environment)?;
        let entry = Entry::of_this_program(&self.identity, &environment)?;
        let hosts = if self.all {
            let here: Vec<&Host> = (known()?.iter())
                .filter(|host| host.found(&environment).is_some())
                .filter(|host| scope == Scope::User || host.has_project_scope())
                .collect();
            if here.is_empty() {
                return Err(
                    Failure::new(Exit::Failed, "no MCP host is found on this machine")
                        .fix("axis hosts list shows which are known; axis hosts add HOST --force"),
                );
            }
            here
        } else {
            self.which.named()?
        };
        if let Some(why) = doubt(&entry.program) {
            warn(&format!(
                "hosts will start {}, but {why}: install axis and axisd first",
                entry.program
            ));
        }
        let mut exit = Exit::Done;
        let mut changed = Vec::new();
        for host in hosts {
            match self
                .add_to(output, &environment, &scope, host, &entry)
                .await
            {
                Ok(file) => changed.push((host, file)),
                Err(Told::Host(error)) => {
                    tell_failure(host, &error);
                    exit = Exit::Failed;
                }
                Err(Told::All(failure)) => return Err(failure),
            }
        }
        let patterns = key_patterns().await;
        for (host, file) in &changed {
            warn_of(&environment, &secrets_in(host, file, &patterns));
        }
        if !changed.is_empty() {
            self.warn_of_policy().await;
        }
        Ok(exit)
    }

    async fn add_to(
        &self,
        output: Output,
        environment: &Environment,
        scope: &Scope,
        host: &'static Host,
        entry: &Entry,
    ) -> Result<std::path::PathBuf, Told> {
        let place = host.place(environment, scope)?;
        let is_found = host.found(environment).is_some();
        if *scope == Scope::User && !is_found && !self.force {
            return Err(HostsError::NotFound {
                title: host.title.clone(),
                id: host.id.clone(),
                looked_for: host.signs(environment),
            }
            .into());
        }
        let allowed = Allowed {
            replacing: self.force,
            making_directory: true,
        };
        let edit = plan(host, &place, entry.clone(), allowed)?;
        let file = edit.file().to_owned();
        if self.which.dry_run {
            show_plan(output, environment, host, &edit)?;
        } else {
            let applied = apply(edit).await?;
            self.show(output, environment, host, scope, &applied)?;
        }
        Ok(file)
    }

    fn show(
        &self,
        output: Output,
        environment: &Environment,
        host: &Host,
        scope: &Scope,
        applied: &Applied,
    ) -> Result<(), Failure> {
        let file = environment.shorten(&applied.file);
        let done = match &applied.effect {
            Effect::Unchanged => format!("was there already, in {file}"),
            Effect::Updated(_) => format!("brought in line in {file}"),
            Effect::Replaced => format!("put in the place of another entry in {file}"),
            _ => format!("added to {file}"),
        };
        let title = output.paint(Tone::Good, &host.title);
        output.line(format_args!(
            "{title}: {}, as identity {}",
            printable(&done),
            printable(&self.identity)
        ))?;
        if let Effect::Updated(words) = &applied.effect {
            for words in words {
                output.line(format_args!("  {}", printable(words)))?;
            }
        }
        if let Some(backup) = &applied.backup {
            let backup = environment.shorten(backup);
            output.line(format_args!("  before: {}", printable(&backup)))?;
        }
        if applied.effect != Effect::Unchanged {
            output.line(format_args!("  next: {}", host.after))?;
            if matches!(scope, Scope::Project(_)) {
                output.line(
                    "  the path in it is this machine's: think before you commit that file",
                )?;
            }
        }
        Ok(())
    }

    /// An identity that policy allows nothing is one whose every call is denied.
    async fn warn_of_policy(&self) {
        let identity = &self.identity;
        match self.standing().await {
            None | Some(Standing::Allowed) => {}
            Some(Standing::Nothing) => warn(&format!(
                "the policy allows {identity} nothing yet, so all of its calls are denied: \
                 axis allow SERVICE ACTION --identity {identity}"
            )),
            Some(Standing::OnItsOwn(socket)) => warn(&format!(
                "the policy allows {identity} something on its own socket alone, and here it \
                 isn't given that, so all of its calls are denied. Set it for this command: \
                 AXIS_SOCKET={}",
                shell::word(&socket)
            )),
        }
    }

    /// What policy allows on the socket that the host will use; none where nobody
    /// answers.
    async fn standing(&self) -> Option<Standing> {
        if let Some(path) = absolute_variable("AXIS_SOCKET").ok()? {
            let is_allowed = self.is_allowed(broker_client(&path).ok()?).await?;
            return Some(if is_allowed {
                Standing::Allowed
            } else {
                Standing::Nothing
            });
        }
        let (mut daemon, _) = Daemon::running().await.ok()??;
        if self.is_allowed(daemon.broker.clone()).await? {
            return Some(Standing::Allowed);
        }
        let identities = listed(&mut daemon).await.ok()?.identities;
        let own = (identities.into_iter())
            .find(|it| it.identity == self.identity)
            .and_then(|it| it.socket);
        let Some(own) = own.filter(|own| own.problem.is_empty()) else {
            return Some(Standing::Nothing);
        };
        let broker = broker_client(Path::new(&own.path)).ok()?;
        Some(match self.is_allowed(broker).await {
            Some(true) => Standing::OnItsOwn(own.path),
            _ => Standing::Nothing,
        })
    }

    /// Whether it may do anything there; none where nobody answers.
    async fn is_allowed(&self, mut broker: BrokerClient<Channel>) -> Option<bool> {
        let request = ListActionsRequest {
            identity: self.identity.clone(),
            ..ListActionsRequest::default()
        };
        let listed = ask(broker.list_actions(request)).await.ok()?;
        let mut actions = listed.services.iter().flat_map(|service| &service.actions);
        Some(actions.any(|action| action.allowed))
    }
}

/// What an identity may do where the host will ask.
enum Standing {
    /// Something.
    Allowed,
    /// Nothing.
    Nothing,
    /// Nothing there, but something on its own socket, which is this.
    OnItsOwn(String),
}

/// What ends with one host, and what ends the command.
pub(super) enum Told {
    Host(HostsError),
    All(Failure),
}

impl From<HostsError> for Told {
    fn from(error: HostsError) -> Self {
        Self::Host(error)
    }
}

impl From<Failure> for Told {
    fn from(failure: Failure) -> Self {
        Self::All(failure)
    }
}

/// The change, not made.
pub(super) fn show_plan(
    output: Output,
    environment: &Environment,
    host: &Host,
    edit: &Edit,
) -> Result<(), Failure> {
    let file = environment.shorten(edit.file());
    let would = match &edit.effect {
        Effect::Unchanged => "is there already, nothing would change in",
        Effect::Absent => "isn't there, nothing would change in",
        Effect::Removed => "would be taken out of",
        Effect::Added => "would be added to",
        Effect::Updated(_) => "would be brought in line in",
        Effect::Replaced => "would take the place of another entry in",
    };
    output.line(format_args!(
        "{}: axis {would} {}",
        host.title,
        printable(&file)
    ))?;
    for line in edit.diff() {
        let tone = match line.chars().next() {
            Some('+') => Tone::Good,
            Some('-') => Tone::Bad,
            Some('@') => Tone::Faint,
            _ => Tone::Plain,
        };
        output.line(output.paint(tone, &printable(&line)))?;
    }
    Ok(())
}

/// Makes the change where waiting for a lock keeps nobody from Ctrl-C.
pub(super) async fn apply(edit: Edit) -> Result<Applied, Told> {
    match spawn_blocking(move || edit.apply()).await {
        Ok(applied) => Ok(applied?),
        Err(error) => Err(Failure::new(Exit::Failed, format!("it broke off: {error}")).into()),
    }
}

/// What policy takes as an identity, in lowercase as it compares them.
pub fn identity(text: &str) -> Result<String, String> {
    let mut bytes = text.bytes();
    let is_well_formed = text.len() <= 64
        && bytes
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if is_well_formed {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(
            "use up to 64 of a-z, 0-9, \"_\" and \"-\", starting with a letter or a digit"
                .to_owned(),
        )
    }
}
