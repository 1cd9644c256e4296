//! `axis add`: stores a credential.

mod source;

use axis_proto::shell;
use axis_proto::v1::vault_status::State;
use axis_proto::v1::{
    AddCredentialRequest, AddCredentialResponse, Credential, ListActionsRequest,
    ListCredentialsRequest, ServiceActions, ShowServiceRequest,
};
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tonic::Code;

use crate::client::{Daemon, ask, within_time};
use crate::commands::call::DEFAULT_IDENTITY;
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, tell, warn};
use crate::prompt;

/// Labels that are proposed, as long as they are free.
const LABELS: [&str; 4] = ["work", "personal", "second", "other"];

/// Store a credential for a service
///
/// Asks for the master password and then for the secret, both without echo.
/// The secret is sealed together with the hosts it may be sent to. Its shape
/// is checked, and the upstream is asked whether it accepts it; neither keeps
/// a secret from being stored, only said.
///
/// A service that isn't built in is only a file that says where its key goes:
/// the host is shown and has to be confirmed, unless --base-url names it.
///
/// With --source the secret stays where it is, in 1Password, Bitwarden, pass or
/// behind a command of your own: only where it is read from is sealed. What will
/// be run is shown and has to be confirmed. --stdin then reads what lets the
/// program in: a service account's token (op) or a session key (bw).
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    axis add github\n  \
    axis add github --label work --stdin < token.txt\n  \
    axis add github --source op://Work/GitHub/token\n  \
    axis add github --base-url https://github.example.com/api/v3")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Add {
    /// The service, such as github
    service: String,
    /// Keep it beside the one without a label, under this name, such as work
    #[arg(long, default_value = "", hide_default_value = true)]
    label: String,
    /// Read the secret from standard input (a trailing newline is dropped)
    #[arg(long)]
    stdin: bool,
    /// Send the credential to this server instead, and to no other [default: with --replace
    /// where the one before went, else the service's own]
    #[arg(
        long,
        value_name = "URL",
        default_value = "",
        hide_default_value = true
    )]
    base_url: String,
    /// Yes, the host in the file of a service of my own, or the command of a source, is the right one
    #[arg(long)]
    yes: bool,
    /// Replace the credential that is there
    #[arg(long)]
    replace: bool,
    /// Don't ask the upstream whether it accepts the credential
    #[arg(long)]
    no_check: bool,
    #[command(flatten)]
    source: source::Elsewhere,
    /// Whoever types the secret here is told that it has no place here.
    #[arg(hide = true, num_args = 0.., value_name = "NOTHING")]
    more: Vec<String>,
}

impl Add {
    /// Finds out all that can be wrong before the secret is typed, then stores it.
    pub async fn run(self) -> Result<Exit, Failure> {
        if !self.more.is_empty() {
            return Err(Failure::new(
                Exit::Usage,
                "a secret is never an argument: the shell's history and the process table would show it",
            )
            .because("If that was a real secret, replace it at its vendor.")
            .fix("axis add SERVICE, or axis add SERVICE --stdin"));
        }
        let output = Output::stdout();
        let (mut daemon, status) = Daemon::reach(prompt::password_from_environment()?).await?;
        let vault = status.vault.unwrap_or_default();
        if vault.state() == State::Absent {
            return Err(Failure::new(Exit::Unavailable, "there is no vault yet").fix("axis init"));
        }
        let service = self.find_service(&mut daemon).await?;
        let replaced = self.replaced(&mut daemon).await?;
        let confirmed_host = self.confirm_host(&mut daemon, replaced.as_ref()).await?;
        let confirmed = self.source.confirmed(&mut daemon, self.yes).await?;

        let password = prompt::master_password().await?;
        daemon.verify(&password).await?;
        let secret = if self.stdin {
            prompt::secret_from_stdin()?
        } else if confirmed.is_some() {
            SecretString::default()
        } else {
            prompt::secret(&format!("Secret for {}: ", printable(&self.service))).await?
        };
        let request = AddCredentialRequest {
            master_password: password.expose_secret().to_owned(),
            service: self.service,
            label: self.label,
            secret: secret.expose_secret().to_owned(),
            base_url: self.base_url,
            replace: self.replace,
            check: !self.no_check,
            confirmed_host,
            source: self.source.source,
            program: self.source.program,
            ttl_s: self.source.ttl,
            confirmed_command: confirmed.unwrap_or_default(),
        };
        drop((password, secret));
        let added = daemon
            .confide(async move |mut admin| admin.add_credential(request).await)
            .await??;
        show(output, &added)?;
        if vault.state() == State::Locked {
            output.line("The vault is still locked. Next: axis unlock")?;
        }
        next_step(output, &mut daemon, &added, service.as_ref()).await?;
        Ok(Exit::Done)
    }

    /// A mistyped service is told before anything secret is typed.
    async fn find_service(&self, daemon: &mut Daemon) -> Result<Option<ServiceActions>, Failure> {
        let known = within_time(daemon.broker.list_actions(ListActionsRequest {
            identity: DEFAULT_IDENTITY.to_owned(),
            service: Some(self.service.clone()),
            action: None,
        }))
        .await?;
        match known {
            Ok(known) => Ok(known.services.into_iter().next()),
            Err(status) if status.code() == Code::NotFound => {
                // the owner is told more, such as of a file that isn't sealed yet
                let request = ShowServiceRequest {
                    service: self.service.clone(),
                };
                let told = within_time(daemon.admin.show_service(request)).await?;
                let told = told.err().unwrap_or(status);
                Err(Failure::new(Exit::Usage, told.message()))
            }
            Err(status) => Err(status.into()),
        }
    }

    /// The host in the file of a service that isn't built in, once the owner
    /// has said yes to it; empty where nothing has to be asked.
    async fn confirm_host(
        &self,
        daemon: &mut Daemon,
        replaced: Option<&Credential>,
    ) -> Result<String, Failure> {
        let shown = ask(daemon.admin.show_service(ShowServiceRequest {
            service: self.service.clone(),
        }))
        .await?;
        let service = shown.service.unwrap_or_default();
        // a base URL stands for the host, but not for where tokens come from
        let has_own = replaced.is_some_and(|it| !it.base_url.is_empty());
        let hosts = if self.base_url.is_empty() && !has_own {
            service.host
        } else {
            service.token_host
        };
        if service.file.is_empty() || hosts.is_empty() {
            return Ok(String::new());
        }
        let (name, host) = (printable(&service.service), printable(&hosts));
        tell(format_args!("The service {name} isn't built in."));
        tell(format_args!(
            "  defined in         {}",
            printable(&service.file)
        ));
        tell(format_args!("  the key will go to {host}"));
        if replaced.is_some_and(|it| it.hosts.is_empty()) && self.base_url.is_empty() {
            tell(
                "  or, if the one that it replaces was stored with --base-url, only to that server",
            );
        }
        let fix = format!("look at the host, then: axis add {name} --yes");
        let question = format!("Is {host} right?");
        if self.yes || prompt::confirms(&question, &fix).await? {
            return Ok(hosts);
        }
        Err(Failure::new(
            Exit::Failed,
            "the host was not confirmed; nothing was stored",
        )
        .fix("correct base_url in its file, or name the right one with --base-url"))
    }

    /// The credential that is to be replaced, where there is one.
    async fn replaced(&self, daemon: &mut Daemon) -> Result<Option<Credential>, Failure> {
        let listed = ask(daemon.admin.list_credentials(ListCredentialsRequest {})).await?;
        let is_it = |credential: &&Credential| {
            credential.service.eq_ignore_ascii_case(&self.service)
                && credential.label.eq_ignore_ascii_case(&self.label)
        };
        let taken = listed.credentials.iter().find(is_it);
        let Some(taken) = taken.filter(|_| !self.replace) else {
            return Ok(taken.cloned());
        };
        let is_free = |label: &&&str| {
            !listed.credentials.iter().any(|credential| {
                credential.service.eq_ignore_ascii_case(&self.service)
                    && credential.label.eq_ignore_ascii_case(label)
            })
        };
        let free = LABELS.iter().find(is_free).unwrap_or(&"NAME");
        let which = if self.label.is_empty() {
            "a label"
        } else {
            "another label"
        };
        Err(Failure::new(
            Exit::Failed,
            format!("{} has a credential already", taken.name),
        )
        .because(format!(
            "Another one can be kept beside it under {which}: --label {free}"
        ))
        .fix(self.replacing(&taken.service)))
    }

    /// The same command, which replaces what is there: of the label and for the
    /// server that were named, or it would be another credential.
    fn replacing(&self, service: &str) -> String {
        let mut command = format!("axis add {}", shell::word(service));
        for (option, value) in [
            ("--label", &self.label),
            ("--base-url", &self.base_url),
            ("--source", &self.source.source),
            ("--program", &self.source.program),
        ] {
            if !value.is_empty() {
                command = format!("{command} {option} {}", shell::word(value));
            }
        }
        command + " --replace"
    }
}

fn show(output: Output, added: &AddCredentialResponse) -> Result<(), Failure> {
    let verb = if added.replaced { "Replaced" } else { "Stored" };
    output.line(output.paint(Tone::Good, &format!("{verb} {}.", printable(&added.name))))?;
    output.line(format_args!(
        "  only ever sent to  {}",
        printable(&added.hosts.join(", "))
    ))?;
    if let Some(checked) = &added.checked {
        output.line(format_args!("  checked            {}", printable(checked)))?;
    }
    for warning in &added.warnings {
        warn(warning);
    }
    Ok(())
}

async fn next_step(
    output: Output,
    daemon: &mut Daemon,
    added: &AddCredentialResponse,
    service: Option<&ServiceActions>,
) -> Result<(), Failure> {
    if let Some((_, label)) = added.name.split_once('/') {
        let label = printable(label);
        return output.line(format_args!(
            "\nCalls use it where a rule of the policy says `credential: {label}`."
        ));
    }
    let Some(service) = service else {
        return Ok(());
    };
    let name = printable(&service.service);
    if let Some(action) = service.actions.iter().find(|action| action.allowed) {
        let action = &action.action;
        return output.line(format_args!(
            "\nPolicy lets {DEFAULT_IDENTITY} use it. Try:\n  axis call {name} {}{}",
            printable(action),
            example(daemon, &service.service, action).await?
        ));
    }
    let Some(first) = service.actions.first() else {
        return Ok(());
    };
    output.line(format_args!(
        "\nPolicy doesn't let {DEFAULT_IDENTITY} use it yet. In policy.yaml, under its `allow:`"
    ))?;
    output.line(format_args!("  - service: {name}"))?;
    output.line(format_args!(
        "    actions: [\"{}\"]",
        printable(&first.action)
    ))
}

/// The params of an example call, as words of a command line.
async fn example(daemon: &mut Daemon, service: &str, action: &str) -> Result<String, Failure> {
    let listed = ask(daemon.broker.list_actions(ListActionsRequest {
        identity: DEFAULT_IDENTITY.to_owned(),
        service: Some(service.to_owned()),
        action: Some(action.to_owned()),
    }))
    .await?;
    let example = listed.detail.unwrap_or_default().example;
    Ok(words(&serde_json::from_slice(&example).unwrap_or_default()))
}

fn words(params: &Map<String, Value>) -> String {
    let word = |(key, value): (&String, &Value)| {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        format!(" {}", shell::word(&format!("{key}={value}")))
    };
    params.iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_can_be_pasted_into_a_shell() {
        let params = serde_json::json!({"owner": "octocat", "title": "It doesn't start", "n": [1]});
        assert_eq!(
            words(params.as_object().unwrap()),
            r" owner=octocat 'title=It doesn'\''t start' 'n=[1]'"
        );
    }
}
