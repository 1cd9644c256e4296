//! Keys that stand in the environment and in `.env` files: shown by their names,
//! moved into the vault, and what then should be deleted.

use std::path::{Path, PathBuf};

use axis_proto::shell;
use axis_proto::v1::Service;

use super::super::Setup;
use super::Key;
use crate::failure::Failure;
use crate::import::{self, Certainty, Findings, Found, Skipped, Variable};
use crate::menu::{self, Choice};
use crate::output::warn;

/// The file that is looked at without being named.
const USUAL: &str = ".env";

/// Where variables come from.
const WHERE_SET: &str =
    "They are usually set in ~/.profile, ~/.bashrc, ~/.zshrc or your MCP host's settings.";

/// How many lines of a file that hold no key are named.
const MAX_SKIPPED: usize = 20;

/// Something found, and the file it stands in; none for the environment.
struct Candidate {
    found: Found,
    file: Option<PathBuf>,
}

/// What is found.
#[derive(Default)]
struct Candidates {
    /// What isn't in the vault yet.
    new: Vec<Candidate>,
    /// What has the name of one that is there, or of a new one.
    known: Vec<Candidate>,
}

impl Setup {
    /// Offers what lies about in plaintext, and imports what is chosen.
    pub(super) async fn import(&mut self, services: &[Service]) -> Result<(), Failure> {
        let Candidates { new, known } = self.candidates(services).await?;
        let chosen = if new.is_empty() {
            new
        } else {
            self.choose_keys(new).await?
        };
        if !chosen.is_empty() {
            // a wrong one ends it here, and not key by key
            self.password().await?;
        }
        let mut moved = Vec::new();
        for candidate in chosen {
            let found = &candidate.found;
            let key = Key {
                service: &found.service,
                label: &found.label,
                secret: &found.secret,
                base_url: "",
                confirmed_host: "",
                replace: false,
            };
            // one that can't be stored keeps no other from it
            match self.store(&key).await {
                Ok(added) => {
                    self.tell_stored(&added)?;
                    moved.push(candidate);
                }
                Err(failure) => warn(&format!("{}: {}", found.variable(), failure.sentence().0)),
            }
        }
        // the very same from another place was moved along
        let is_moved = |it: &Candidate| moved.iter().any(|other| it.found.is_same(&other.found));
        let (same, others): (Vec<_>, Vec<_>) = known.into_iter().partition(is_moved);
        moved.extend(same);
        self.tidy(&moved).await?;
        self.advise_known(&others).await
    }

    async fn candidates(&mut self, services: &[Service]) -> Result<Candidates, Failure> {
        let mut all = Vec::new();
        let mut take = |findings: Findings, file: Option<&Path>| {
            if let Some(file) = file {
                warn_of_skipped(file, &findings.skipped);
            }
            for found in findings.found {
                let file = file.map(Path::to_owned);
                all.push(Candidate { found, file });
            }
        };
        take(import::from_environment(services), None);
        for file in &self.plan.env_files {
            take(import::from_dotenv(file, services)?, Some(file));
        }
        // in a script only what is said counts: the directory may be anyone's
        if self.plan.asks && self.plan.env_files.is_empty() && Path::new(USUAL).is_file() {
            match import::from_dotenv(Path::new(USUAL), services) {
                Ok(findings) => take(findings, Some(Path::new(USUAL))),
                Err(error) => warn(&error.to_string()),
            }
        }
        all.retain(|candidate| candidate.found.certainty == Certainty::Named);
        let mut names = self.stored().await?;
        let mut candidates = Candidates::default();
        for candidate in all {
            let name = candidate.found.credential();
            if names.contains(&name) {
                candidates.known.push(candidate);
            } else {
                names.push(name);
                candidates.new.push(candidate);
            }
        }
        Ok(candidates)
    }

    async fn choose_keys(&self, candidates: Vec<Candidate>) -> Result<Vec<Candidate>, Failure> {
        if !self.plan.asks {
            return Ok(candidates);
        }
        let looks_right = candidates
            .iter()
            .enumerate()
            .filter(|(_, candidate)| candidate.found.shape_ok)
            .map(|(at, _)| at)
            .collect();
        let choices = candidates
            .into_iter()
            .map(|candidate| {
                let found = &candidate.found;
                let doubt = if found.shape_ok {
                    ""
                } else {
                    ", which doesn't look like one"
                };
                let line = format!(
                    "{} ({}) → {}{doubt}",
                    found.variable(),
                    found.origin,
                    found.credential()
                );
                Choice::new(candidate, &line)
            })
            .collect();
        let question = "These keys lie here in plaintext. Which move into the vault?";
        let chosen = menu::select_many(question, choices, looks_right).await?;
        Ok(chosen.unwrap_or_default())
    }

    /// Says which copies should go, and deletes lines when told to.
    async fn tidy(&mut self, moved: &[Candidate]) -> Result<(), Failure> {
        for (file, here) in by_file(moved) {
            let listed = names(&here);
            let shown = file.display();
            let delete = match self.plan.answers.delete_env_lines {
                Some(delete) => delete,
                None if !self.plan.asks => false,
                None => {
                    let question = format!("Delete these lines from {shown}? {listed}");
                    let help = "Whatever else reads them there won't find them any more";
                    menu::confirm(&crate::output::printable(&question), help, false).await?
                }
            };
            if !delete {
                self.advise(format!(
                    "Delete the plaintext copies in {shown}, which agents can read: {listed}"
                ));
                continue;
            }
            let lines: Vec<Variable> = here
                .iter()
                .flat_map(|it| it.found.variables.iter().cloned())
                .collect();
            match import::dotenv::without_lines(file, &lines) {
                Ok(taken) => {
                    if taken.lines > 0 {
                        self.done(&format!("Deleted from {shown}: {listed}"))?;
                    }
                    for (name, line) in taken.others {
                        let other =
                            format!("another value of {name} stays in {shown}, line {line}");
                        warn(&other);
                        self.advise(format!("Look at it, then delete it: {other}"));
                    }
                }
                Err(error) => {
                    warn(&error.to_string());
                    self.advise(format!("Delete these lines from {shown}: {listed}"));
                }
            }
        }
        let variables: Vec<&Candidate> = moved.iter().filter(|it| it.file.is_none()).collect();
        if !variables.is_empty() {
            self.advise(format!(
                "Take these out of your environment, where each program of yours can read them: {}\n{WHERE_SET}",
                names(&variables)
            ));
        }
        Ok(())
    }

    /// Says what stands in plaintext beside what the vault has: nobody can tell
    /// here whether it is the same.
    async fn advise_known(&mut self, known: &[Candidate]) -> Result<(), Failure> {
        if known.is_empty() {
            return Ok(());
        }
        let stored = self.stored().await?;
        let is_stored = |it: &&Candidate| stored.contains(&it.found.credential());
        let advice = |place: &str, here: &[&Candidate], source: &str| {
            let listed: Vec<String> = here.iter().map(|it| it.found.in_the_vault()).collect();
            format!(
                "Not stored from {place}, since there is a credential already: {}\n\
                 It may be another key, which this stores instead: axis import {source} --replace",
                listed.join(", ")
            )
        };
        for (file, mut here) in by_file(known) {
            here.retain(is_stored);
            let shown = file.display().to_string();
            if !here.is_empty() {
                self.advise(advice(&shown, &here, &shell::word(&shown)));
            }
        }
        let unset = known.iter().filter(|it| it.file.is_none());
        let here: Vec<&Candidate> = unset.filter(is_stored).collect();
        if !here.is_empty() {
            self.advise(advice("your environment", &here, "env"));
        }
        Ok(())
    }
}

/// Those of each file, in the order in which they were found.
fn by_file(candidates: &[Candidate]) -> Vec<(&Path, Vec<&Candidate>)> {
    let mut files: Vec<(&Path, Vec<&Candidate>)> = Vec::new();
    for candidate in candidates {
        let Some(file) = candidate.file.as_deref() else {
            continue;
        };
        match files.iter_mut().find(|(it, _)| *it == file) {
            Some((_, here)) => here.push(candidate),
            None => files.push((file, vec![candidate])),
        }
    }
    files
}

fn names(candidates: &[&Candidate]) -> String {
    let names: Vec<&str> = (candidates.iter())
        .flat_map(|it| it.found.names())
        .collect();
    names.join(", ")
}

/// What isn't a key, or can't be read as one: a quote that is never closed hides
/// the line.
fn warn_of_skipped(file: &Path, skipped: &[Skipped]) {
    let file = file.display();
    for one in skipped.iter().take(MAX_SKIPPED) {
        warn(&format!("{file}: {}: {}", one.variable, one.why));
    }
    if let Some(more @ 1..) = skipped.len().checked_sub(MAX_SKIPPED) {
        warn(&format!("{file}: … and {more} more"));
    }
}
