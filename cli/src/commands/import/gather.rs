//! Reads a source, and asks for what it takes to open it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axis_proto::v1::Service;
use secrecy::{ExposeSecret, SecretString};
use tokio::task::spawn_blocking;

use crate::failure::{Exit, Failure};
use crate::hosts;
use crate::import::environment;
use crate::import::export::{self, Manager};
use crate::import::keystore_v1::{self, KeystoreV1};
use crate::import::pass::Store;
use crate::import::{Assigned, Findings, ImportError, Item, Known, Skipped, Source, dotenv};
use crate::output::{Progress, printable};
use crate::prompt;

/// The credentials in `source`.
pub async fn from(
    source: &Source,
    services: &[Service],
    assigned: &[Assigned],
    only: &[String],
) -> Result<Findings, Failure> {
    let known = Known::of(services);
    let (items, mut faults) = match source {
        Source::Dotenv(path) => dotenv::items(path)?,
        Source::Environment => (environment::items(), Vec::new()),
        Source::OnePassword(path) => (read_export(path, Manager::OnePassword).await?, Vec::new()),
        Source::Bitwarden(path) => (read_export(path, Manager::Bitwarden).await?, Vec::new()),
        Source::Pass(folder) => from_pass(folder.as_deref(), &known, assigned, only).await?,
        Source::AxisAsv(path) => from_axis_asv(path).await?,
        Source::Host(name) => (from_host(&host_file(name)?)?, Vec::new()),
    };
    let base = match source {
        Source::Dotenv(path) => path.parent().unwrap_or(Path::new("")),
        _ => Path::new(""),
    };
    let mut findings = known.sort(items, assigned, base);
    findings.skipped.append(&mut faults);
    Ok(findings)
}

/// The file of an MCP host, by the host's name or its own.
pub fn host_file(name: &str) -> Result<PathBuf, Failure> {
    let file = match hosts::file_of(name)? {
        Some(file) => file,
        None if name.contains(['/', '.']) || Path::new(name).exists() => name.into(),
        None => {
            let what = format!("there is no MCP host and no file {:?}", printable(name));
            return Err(Failure::new(Exit::Usage, what).fix("axis hosts list"));
        }
    };
    if file.exists() {
        return Ok(file);
    }
    Err(ImportError::NotThere { path: file }.into())
}

/// The variables and headers of the servers in a host's file.
pub fn from_host(file: &Path) -> Result<Vec<Item>, Failure> {
    let values = hosts::values(file)?;
    let items = values.into_iter().map(|it| {
        let place = format!("{}, server {}", file.display(), it.server);
        let value = it.value.expose_secret();
        if it.is_header {
            Item::titled(&format!("{} {}", it.server, it.name), place, value)
        } else {
            Item::variable(&it.name, place, value)
        }
    });
    Ok(items.collect())
}

async fn read_export(path: &Path, manager: Manager) -> Result<Vec<Item>, Failure> {
    let path = path.to_owned();
    let read = spawn_blocking(move || export::items(&path, manager)).await;
    Ok(read.map_err(|error| Failure::new(Exit::Failed, error.to_string()))??)
}

async fn from_pass(
    folder: Option<&str>,
    known: &Known,
    assigned: &[Assigned],
    only: &[String],
) -> Result<(Vec<Item>, Vec<Skipped>), Failure> {
    let store = Store::find()?;
    let mut wanted = only.to_vec();
    wanted.extend(assigned.iter().map(|one| one.variable.clone()));
    let chosen = store.chosen(folder, &wanted, known);
    if chosen.is_empty() {
        let what = match folder {
            Some(folder) => format!("the password store has no entry in {folder}"),
            None => "no entry of the password store has a name that speaks of a service".into(),
        };
        return Err(Failure::new(Exit::Failed, what)
            .because(format!("It has {} entries.", store.names.len()))
            .fix("name a folder, or an entry: axis import pass --as api/token=github"));
    }
    let progress = Progress::new();
    Ok(store.open(&chosen, |words| progress.says(words)).await?)
}

/// Opens every entry that the password opens.
///
/// # Errors
/// It opens none: then it is the wrong one.
async fn from_axis_asv(path: &Path) -> Result<(Vec<Item>, Vec<Skipped>), Failure> {
    let KeystoreV1 {
        entries,
        mut faults,
    } = keystore_v1::read(path)?;
    if entries.is_empty() {
        return Ok((Vec::new(), faults));
    }
    let password = Arc::new(prompt::import_password("The password of axis-asv: ").await?);
    let place = path.display().to_string();
    let progress = Progress::new();
    let (mut items, count) = (Vec::new(), entries.len());
    for (at, entry) in entries.into_iter().enumerate() {
        progress.says(&format!("Opening {} ({} of {count}) …", entry.name, at + 1));
        let name = entry.name.clone();
        // a key derivation each, beside the terminal, so that Ctrl-C ends it
        let opened = open(entry, password.clone()).await?;
        match opened {
            Ok(secret) => items.push(Item::of_service(&name, place.as_str(), secret)),
            Err(why) => faults.push(Skipped {
                variable: name,
                why,
            }),
        }
    }
    drop(progress);
    if items.is_empty() {
        let what = format!("the password opens none of the {count} entries in {place}");
        return Err(Failure::new(Exit::Failed, what)
            .because("It is the password that axis-asv asked for, not that of this vault.")
            .fix("axis import axis-asv, or set AXIS_IMPORT_PASSWORD"));
    }
    Ok((items, faults))
}

async fn open(
    entry: keystore_v1::SealedEntry,
    password: Arc<SecretString>,
) -> Result<Result<SecretString, String>, Failure> {
    let opened = spawn_blocking(move || {
        let secret = entry.open(&password).map_err(|error| error.to_string())?;
        // what axis-asv takes from a paste may end with a line break
        Ok(SecretString::from(
            secret.expose_secret().trim_end_matches(['\r', '\n']),
        ))
    });
    opened
        .await
        .map_err(|error| Failure::new(Exit::Failed, error.to_string()))
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        let exit = match &error {
            ImportError::NotThere { .. } | ImportError::NotAFile { .. } => Exit::Usage,
            _ => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}
