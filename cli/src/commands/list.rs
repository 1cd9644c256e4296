//! `axis list`: what is in the vault, secrets aside.

use axis_proto::v1::vault_status::State;
use axis_proto::v1::{ListCredentialsRequest, ListCredentialsResponse, VaultStatus};
use clap::Args;
use serde::Serialize;

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Cell, Output, Table, Tone, tell, warn};
use crate::prompt;

/// List the stored credentials
///
/// Shows names, hosts and times, never a secret. The hosts are sealed with the
/// secret: while the vault is locked they are not known.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  axis list\n  axis list --json")]
pub struct List {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    unlocked: bool,
    credentials: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    service: &'a str,
    label: Option<&'a str>,
    hosts: &'a [String],
    created_at: &'a str,
    updated_at: &'a str,
}

impl List {
    /// Lists them.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, status) = Daemon::reach(prompt::password_from_environment()?).await?;
        let vault = status.vault.unwrap_or_default();
        let listed = ask(daemon.admin.list_credentials(ListCredentialsRequest {})).await?;
        if self.json {
            output.json(&document(&listed))?;
        } else {
            show(output, &listed, &vault)?;
        }
        Ok(Exit::Done)
    }
}

fn document(listed: &ListCredentialsResponse) -> Document<'_> {
    Document {
        unlocked: listed.unlocked,
        credentials: listed
            .credentials
            .iter()
            .map(|credential| Entry {
                name: &credential.name,
                service: &credential.service,
                label: Some(credential.label.as_str()).filter(|label| !label.is_empty()),
                hosts: &credential.hosts,
                created_at: &credential.created_at,
                updated_at: &credential.updated_at,
            })
            .collect(),
    }
}

fn show(
    output: Output,
    listed: &ListCredentialsResponse,
    vault: &VaultStatus,
) -> Result<(), Failure> {
    if listed.credentials.is_empty() {
        // A keystore that can't be read looks empty, too.
        match vault.state() {
            State::Unlocked | State::Unspecified => {
                tell("No credentials yet. Next: axis add github");
            }
            State::Absent => tell("There is no vault yet. Next: axis init"),
            State::Locked => warn(&vault.detail),
        }
        return Ok(());
    }
    let rows: Vec<Vec<Cell>> = listed
        .credentials
        .iter()
        .map(|credential| {
            let hosts = if listed.unlocked {
                Cell::plain(&credential.hosts.join(", "))
            } else {
                Cell::new(Tone::Faint, "(locked)")
            };
            vec![
                Cell::new(Tone::Strong, &credential.name),
                hosts,
                Cell::plain(&credential.created_at),
                Cell::plain(&credential.updated_at),
            ]
        })
        .collect();
    Table::new(&["CREDENTIAL", "HOSTS", "ADDED", "CHANGED"]).print(output, &rows)
}
