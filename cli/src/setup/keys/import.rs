//! Keys that stand in the environment and in `.env` files: shown by their names,
//! moved into the vault, and what then should be deleted.

use std::path::{Path, PathBuf};

use axis_proto::v1::Service;

use super::super::Setup;
use super::Key;
use crate::failure::Failure;
use crate::import::{self, Certainty, Findings, Found};
use crate::menu::{self, Choice};
use crate::output::warn;

/// The file that is looked at without being named.
const USUAL: &str = ".env";

/// Something found, and the file it stands in; none for the environment.
struct Candidate {
    found: Found,
    file: Option<PathBuf>,
}

impl Setup {
    /// Offers what lies about in plaintext, and imports what is chosen.
    pub(super) async fn import(&mut self, services: &[Service]) -> Result<(), Failure> {
        let candidates = self.candidates(services).await?;
        if candidates.is_empty() {
            return Ok(());
        }
        let chosen = self.choose_keys(candidates).await?;
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
        self.tidy(&moved).await
    }

    /// What is found and isn't in the vault yet.
    async fn candidates(&mut self, services: &[Service]) -> Result<Vec<Candidate>, Failure> {
        let mut all = Vec::new();
        let mut take = |findings: Findings, file: Option<&Path>| {
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
        let stored = self.stored().await?;
        let mut names: Vec<String> = stored.clone();
        all.retain(|candidate| {
            let name = candidate.found.credential();
            let is_new = candidate.found.certainty == Certainty::Named && !names.contains(&name);
            names.push(name);
            is_new
        });
        Ok(all)
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
        let mut files: Vec<&Path> = moved.iter().filter_map(|it| it.file.as_deref()).collect();
        files.dedup();
        for file in files {
            let names: Vec<String> = moved
                .iter()
                .filter(|it| it.file.as_deref() == Some(file))
                .flat_map(|it| it.found.variables.clone())
                .collect();
            let shown = file.display();
            let listed = names.join(", ");
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
            let lines: Vec<&str> = names.iter().map(String::as_str).collect();
            match import::dotenv::without_lines(file, &lines) {
                Ok(_) => self.done(&format!("Deleted from {shown}: {listed}"))?,
                Err(error) => {
                    warn(&error.to_string());
                    self.advise(format!("Delete these lines from {shown}: {listed}"));
                }
            }
        }
        let variables: Vec<String> = moved
            .iter()
            .filter(|it| it.file.is_none())
            .flat_map(|it| it.found.variables.clone())
            .collect();
        if !variables.is_empty() {
            let listed = variables.join(", ");
            self.advise(format!(
                "Take these out of your environment, where each program of yours can read them: {listed}\n\
                 They are usually set in ~/.profile, ~/.bashrc, ~/.zshrc or your MCP host's settings."
            ));
        }
        Ok(())
    }
}
