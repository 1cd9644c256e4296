//! `axis import`: brings credentials that stand elsewhere into the vault.

mod aftermath;
mod choice;
mod gather;
mod policy;
mod survey;
mod view;

use axis_proto::v1::vault_status::State;
use axis_proto::v1::{
    AddCredentialRequest, ListCredentialsRequest, ListServicesRequest, Service, Verdict,
    VerifyPasswordRequest,
};
use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use self::aftermath::Deletion;
use self::choice::Candidate;
use self::view::Outcome;
use crate::client::{Daemon, ask, within_time};
use crate::failure::{Exit, Failure};
use crate::import::{Assigned, Source, WORDS};
use crate::output::{Output, Progress, printable, tell};
use crate::prompt;

/// Bring credentials that stand elsewhere into the vault
///
/// SOURCE is a .env file, or one of: env (the environment), axis-asv (its vault
/// and its policy), pass (the password store), 1password or bitwarden (a CSV
/// export), host (an MCP host's file). Without one it says what it finds here.
///
/// Shows the names of what it found, never a value, asks, and stores what you
/// choose, each sealed to its service's hosts. The source stays as it is; what
/// should be deleted there is said in the end.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    axis import .env\n  \
    axis import env --only GITHUB_TOKEN,OPENAI_API_KEY\n  \
    axis import axis-asv\n  \
    axis import host cursor\n  \
    axis import 1password export.csv --dry-run\n  \
    axis import .env --as MY_KEY=github/work")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Import {
    /// A .env file, or env, axis-asv, pass, 1password, bitwarden, host
    source: Option<String>,
    /// Its file; of pass a folder of the store, of host a host's name, too
    path: Option<String>,
    /// Import all that is sure, without asking
    #[arg(long)]
    yes: bool,
    /// Only these, without asking which
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Yes, a key for a service of my own may go to this host
    #[arg(long, value_name = "HOST")]
    confirm_host: Vec<String>,
    /// This name holds a credential of that service
    #[arg(long = "as", value_name = "NAME=SERVICE[/LABEL]")]
    assigned: Vec<String>,
    /// Show what would be imported, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Also store keys whose service has a credential already, in its place
    #[arg(long)]
    replace: bool,
    /// Don't ask the services whether they accept the credentials
    #[arg(long)]
    no_check: bool,
    /// Take the lines that were imported out of the .env file
    #[arg(long)]
    delete_lines: bool,
    /// Of axis-asv: where its policy is; else it is looked for in ./config
    #[arg(long, value_name = "FILE")]
    policy: Option<String>,
    /// Of axis-asv: leave its policy alone
    #[arg(long, conflicts_with = "policy")]
    no_policy: bool,
}

impl Import {
    /// Finds, shows, asks, stores.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let source = self.source()?;
        let assigned = assigned(&self.assigned)?;
        let (mut daemon, status) = Daemon::reach(prompt::password_from_environment()?).await?;
        let vault = status.vault.unwrap_or_default();
        if vault.state() == State::Absent {
            return Err(Failure::new(Exit::Unavailable, "there is no vault yet").fix("axis init"));
        }
        let services = ask(daemon.admin.list_services(ListServicesRequest {}))
            .await?
            .services;
        for one in &assigned {
            refuse_unknown(&services, &one.service)?;
        }
        let Some(source) = source else {
            return survey::show(output, &services);
        };
        let findings = gather::from(&source, &services, &assigned, &self.only).await?;
        let listed = ask(daemon.admin.list_credentials(ListCredentialsRequest {})).await?;
        let mut candidates = choice::candidates(findings.found, &listed.credentials, &services);
        view::found(output, &source, &candidates, self.replace)?;
        view::skipped(&findings.skipped, findings.others);
        choice::refuse_missing(&candidates, &findings.skipped, &self.only, &assigned)?;
        if self.dry_run {
            self.merge_policy(output, &mut daemon, &source, &services, None)
                .await?;
            tell("Nothing was changed: this was a dry run.");
            return Ok(Exit::Done);
        }
        let wish = choice::Wish {
            yes: self.yes,
            only: &self.only,
            assigned: &assigned,
            replace: self.replace,
        };
        let chosen = if candidates.is_empty() {
            Vec::new()
        } else {
            choice::choose(&candidates, &wish).await?
        };
        let mut at = 0..;
        let mut kept = Vec::new();
        for candidate in std::mem::take(&mut candidates) {
            if at.next().is_some_and(|at| chosen.contains(&at)) {
                candidates.push(candidate);
            } else if candidate.is_kept(&wish) {
                kept.push(candidate);
            }
        }
        choice::confirm_hosts(&mut candidates, &self.confirm_host).await?;
        let password = Self::password(&mut daemon, &candidates).await?;
        let outcomes = match &password {
            Some(password) => self.store(&mut daemon, password, &candidates).await?,
            None => Vec::new(),
        };
        view::outcomes(output, &outcomes)?;
        let imported: Vec<&Candidate> = candidates
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| outcome.is_stored())
            .map(|(candidate, _)| candidate)
            .collect();
        self.merge_policy(output, &mut daemon, &source, &services, password)
            .await?;
        let deletion = match (self.delete_lines, self.yes) {
            (true, _) => Deletion::Wanted,
            (false, false) => Deletion::Asked,
            (false, true) => Deletion::Unasked,
        };
        aftermath::tell_leftovers(&source, &imported, &kept, deletion).await?;
        if vault.state() == State::Locked && !imported.is_empty() {
            output.line("The vault is still locked. Next: axis unlock")?;
        }
        if outcomes.iter().all(Outcome::is_stored) {
            Ok(Exit::Done)
        } else {
            Ok(Exit::Failed)
        }
    }

    fn source(&self) -> Result<Option<Source>, Failure> {
        let Some(word) = &self.source else {
            return Ok(None);
        };
        let source = Source::parse(word, self.path.as_deref()).map_err(|error| {
            Failure::new(Exit::Usage, error.to_string())
                .because(format!("Sources are: a .env file, {}", WORDS.join(", ")))
                .fix("axis import --help")
        })?;
        let is_asv = matches!(source, Source::AxisAsv(_));
        if !is_asv && (self.policy.is_some() || self.no_policy) {
            let what = "--policy and --no-policy belong to: axis import axis-asv";
            return Err(Failure::new(Exit::Usage, what));
        }
        if self.delete_lines && !matches!(source, Source::Dotenv(_)) {
            let what = "--delete-lines is for .env files; every other source is left as it is";
            return Err(Failure::new(Exit::Usage, what));
        }
        Ok(Some(source))
    }

    /// The master password, once it is known to be the right one; none where
    /// nothing is to be stored.
    async fn password(
        daemon: &mut Daemon,
        candidates: &[Candidate],
    ) -> Result<Option<SecretString>, Failure> {
        if candidates.is_empty() {
            return Ok(None);
        }
        let password = prompt::master_password().await?;
        ask(daemon.admin.verify_password(VerifyPasswordRequest {
            master_password: password.expose_secret().to_owned(),
        }))
        .await?;
        Ok(Some(password))
    }

    async fn merge_policy(
        &self,
        output: Output,
        daemon: &mut Daemon,
        source: &Source,
        services: &[Service],
        password: Option<SecretString>,
    ) -> Result<(), Failure> {
        if self.no_policy || !matches!(source, Source::AxisAsv(_)) {
            return Ok(());
        }
        let wish = policy::Wish {
            path: self.policy.as_deref(),
            yes: self.yes,
            dry_run: self.dry_run,
        };
        policy::merge(output, daemon, services, &wish, password).await
    }

    /// Stores them one by one; one that can't be stored loses no other.
    async fn store(
        &self,
        daemon: &mut Daemon,
        password: &SecretString,
        candidates: &[Candidate],
    ) -> Result<Vec<Outcome>, Failure> {
        let progress = Progress::new();
        let mut outcomes = Vec::new();
        for (at, candidate) in candidates.iter().enumerate() {
            let act = if self.no_check {
                "Storing"
            } else {
                "Storing and checking"
            };
            progress.says(&format!(
                "{act} {} ({} of {}) …",
                candidate.found.credential(),
                at + 1,
                candidates.len()
            ));
            outcomes.push(self.store_one(daemon, password, candidate).await?);
        }
        Ok(outcomes)
    }

    async fn store_one(
        &self,
        daemon: &mut Daemon,
        password: &SecretString,
        candidate: &Candidate,
    ) -> Result<Outcome, Failure> {
        let found = &candidate.found;
        let request = AddCredentialRequest {
            master_password: password.expose_secret().to_owned(),
            service: found.service.clone(),
            label: found.label.clone(),
            secret: found.secret.expose_secret().to_owned(),
            replace: self.replace,
            check: !self.no_check,
            confirmed_host: candidate.confirmed_host.clone(),
            ..AddCredentialRequest::default()
        };
        let answer = within_time(daemon.admin.add_credential(request)).await?;
        let name = found.credential();
        Ok(match answer {
            Ok(added) => Outcome {
                credential: name,
                state: match added.verdict() {
                    Verdict::Accepted => view::State::Accepted,
                    Verdict::Refused => view::State::Refused,
                    Verdict::Unknown | Verdict::Unspecified => view::State::Stored,
                },
                remarks: added.warnings,
            },
            Err(status) if crate::failure::is_unreachable(&status) => return Err(status.into()),
            Err(status) => Outcome {
                credential: name,
                state: view::State::Failed,
                remarks: vec![status.message().to_owned()],
            },
        })
    }
}

/// The owner's own words on what is what.
fn assigned(words: &[String]) -> Result<Vec<Assigned>, Failure> {
    let read = |word: &String| {
        let (variable, credential) = word.split_once('=')?;
        let (service, label) = credential.split_once('/').unwrap_or((credential, ""));
        let is_named = !variable.is_empty() && !service.is_empty();
        is_named.then(|| Assigned {
            variable: variable.to_owned(),
            service: service.to_owned(),
            label: label.to_ascii_lowercase(),
        })
    };
    words
        .iter()
        .map(|word| {
            read(word).ok_or_else(|| {
                let word = printable(word);
                Failure::new(
                    Exit::Usage,
                    format!("--as {word} is not of the form NAME=SERVICE"),
                )
                .fix("for example: --as MY_KEY=github, or --as MY_KEY=github/work")
            })
        })
        .collect()
}

fn refuse_unknown(services: &[Service], name: &str) -> Result<(), Failure> {
    let is_it = |service: &Service| service.service.eq_ignore_ascii_case(name);
    if services.iter().any(is_it) {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        format!("there is no service {:?}", printable(name)),
    )
    .fix("axis services list"))
}
