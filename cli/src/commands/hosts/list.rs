//! `axis hosts list`: the known MCP hosts, which are here, and which use Axis.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{key_patterns, warn_of};
use crate::failure::{Exit, Failure};
use crate::hosts::{
    Entry, Environment, Host, PlaintextSecret, Scope, Standing, known, secrets, standing,
};
use crate::output::{Cell, Output, Table, Tone, tell, warn};

/// List the known MCP hosts, and which of them use Axis
///
/// In a project its files are listed, too, where they exist.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  axis hosts list\n  axis hosts list --json")]
pub struct List {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// One file of one host.
struct Row {
    host: &'static Host,
    scope: Scope,
    found: bool,
    file: PathBuf,
    exists: bool,
    standing: Result<Option<Standing>, String>,
}

#[derive(Serialize)]
struct Document<'a> {
    host: &'a str,
    title: &'a str,
    scope: &'static str,
    found: bool,
    file: &'a Path,
    file_exists: bool,
    configured: Option<Configured<'a>>,
    problem: Option<&'a str>,
    secrets: Vec<Secret<'a>>,
    source: &'a str,
}

#[derive(Serialize)]
struct Configured<'a> {
    identity: Option<&'a str>,
    command: &'a str,
    is_axis: bool,
    exists: bool,
    is_this_program: bool,
}

#[derive(Serialize)]
struct Secret<'a> {
    server: &'a str,
    variable: &'a str,
    service: Option<&'a str>,
    is_master_password: bool,
    is_in_file: bool,
    backup: Option<&'a Path>,
}

impl List {
    /// Lists them.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let environment = Environment::of_process()?;
        let project = environment.project(None);
        let rows = rows(&environment, &project)?;
        let patterns = key_patterns().await;
        let secrets = secrets(&environment, Some(&project), &patterns);
        if self.json {
            let this = this_program(&environment);
            let documents: Vec<_> = rows
                .iter()
                .map(|row| row.document(this.as_deref(), &secrets))
                .collect();
            output.json(&documents)?;
        } else {
            let this = this_program(&environment);
            show(output, &environment, &rows, this.as_deref(), &secrets)?;
        }
        Ok(Exit::Done)
    }
}

fn this_program(environment: &Environment) -> Option<String> {
    let entry = Entry::of_this_program("", environment).ok()?;
    Some(entry.program)
}

/// Every host once, and the files of the project that exist.
fn rows(environment: &Environment, project: &Path) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for host in known()? {
        let found = host.found(environment).is_some();
        let mut of_user = None;
        for scope in [Scope::User, Scope::Project(project.to_owned())] {
            let Ok(place) = host.place(environment, &scope) else {
                continue;
            };
            let exists = place.exists();
            // in the home directory both are one
            let is_shown = exists && of_user.as_ref() != Some(&place.file);
            if matches!(scope, Scope::Project(_)) && !is_shown {
                continue;
            }
            of_user = Some(place.file.clone());
            rows.push(Row {
                host,
                found,
                exists,
                standing: standing(host, &place).map_err(|error| error.to_string()),
                file: place.file,
                scope,
            });
        }
    }
    Ok(rows)
}

impl Row {
    fn document<'a>(&'a self, this: Option<&str>, secrets: &'a [PlaintextSecret]) -> Document<'a> {
        let standing = self.standing.as_ref().ok().and_then(Option::as_ref);
        Document {
            host: &self.host.id,
            title: &self.host.title,
            scope: match self.scope {
                Scope::User => "user",
                Scope::Project(_) => "project",
            },
            found: self.found,
            file: &self.file,
            file_exists: self.exists,
            configured: standing.map(|standing| Configured {
                identity: standing.identity(),
                command: &standing.command,
                is_axis: standing.is_ours(),
                exists: Path::new(&standing.command).exists(),
                is_this_program: this == Some(standing.command.as_str()),
            }),
            problem: self.standing.as_ref().err().map(String::as_str),
            secrets: self
                .secrets(secrets)
                .map(|secret| Secret {
                    server: &secret.server,
                    variable: &secret.variable,
                    service: secret.service.as_deref(),
                    is_master_password: secret.is_master,
                    is_in_file: secret.is_in_file,
                    backup: secret.backup.as_deref(),
                })
                .collect(),
            source: &self.host.source,
        }
    }

    fn secrets<'a>(
        &'a self,
        secrets: &'a [PlaintextSecret],
    ) -> impl Iterator<Item = &'a PlaintextSecret> {
        secrets
            .iter()
            .filter(|secret| secret.host == self.host.id && secret.file == self.file)
    }

    fn configured(&self, this: Option<&str>) -> Cell {
        let standing = match &self.standing {
            Err(_) => return Cell::new(Tone::Bad, "can't be read"),
            Ok(None) => return Cell::new(Tone::Faint, "no"),
            Ok(Some(standing)) => standing,
        };
        let identity = standing.identity().unwrap_or("unknown");
        let command = &standing.command;
        if !standing.is_ours() {
            Cell::new(Tone::Warn, &format!("another program: {command}"))
        } else if !Path::new(command).exists() {
            Cell::new(Tone::Bad, &format!("as {identity}; {command} is gone"))
        } else if this != Some(command.as_str()) {
            Cell::new(Tone::Warn, &format!("as {identity}; starts {command}"))
        } else {
            Cell::new(Tone::Good, &format!("as {identity}"))
        }
    }
}

fn show(
    output: Output,
    environment: &Environment,
    rows: &[Row],
    this: Option<&str>,
    secrets: &[PlaintextSecret],
) -> Result<(), Failure> {
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| {
            let found = match (&row.scope, row.found) {
                (Scope::Project(_), _) => Cell::plain("project"),
                (Scope::User, true) => Cell::new(Tone::Good, "yes"),
                (Scope::User, false) => Cell::new(Tone::Faint, "no"),
            };
            let count = row.secrets(secrets).count();
            let plain = match count {
                0 => Cell::plain(""),
                count => Cell::new(Tone::Warn, &count.to_string()),
            };
            vec![
                Cell::new(Tone::Strong, &row.host.id),
                found,
                row.configured(this),
                plain,
                Cell::plain(&environment.shorten(&row.file)),
            ]
        })
        .collect();
    Table::new(&["HOST", "FOUND", "USES AXIS", "PLAIN SECRETS", "FILE"]).print(output, &cells)?;
    for row in rows {
        if let Err(problem) = &row.standing {
            warn(problem);
        }
    }
    warn_of(environment, secrets);
    let without: Vec<&str> = rows
        .iter()
        .filter(|row| row.found && row.scope == Scope::User && matches!(row.standing, Ok(None)))
        .map(|row| row.host.id.as_str())
        .collect();
    if !without.is_empty() && output.is_terminal() {
        tell(format_args!("\nNext: axis hosts add {}", without.join(" ")));
    }
    Ok(())
}
