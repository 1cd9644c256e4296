//! `axis services list`: the services in force.

use axis_proto::v1::{ListServicesRequest, ListServicesResponse, Service, ServiceFault};
use clap::Args;
use serde::Serialize;

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Cell, Output, Table, Tone, printable, warn};
use crate::prompt;

/// List the services, built in and of your own
///
/// Exits with 1 when one of your own files is broken; its last good version
/// stays in force.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  axis services list\n  axis services list --json")]
pub struct List {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// A service as a script sees it.
#[derive(Serialize)]
pub struct Entry<'a> {
    service: &'a str,
    title: &'a str,
    base_url: &'a str,
    auth: &'a str,
    /// Null where it is built in.
    file: Option<&'a str>,
    actions: Vec<ActionEntry<'a>>,
}

#[derive(Serialize)]
struct ActionEntry<'a> {
    action: &'a str,
    effect: &'a str,
}

impl<'a> Entry<'a> {
    /// What `service` says.
    pub fn of(service: &'a Service) -> Self {
        Self {
            service: &service.service,
            title: &service.title,
            base_url: &service.base_url,
            auth: &service.auth,
            file: Some(service.file.as_str()).filter(|file| !file.is_empty()),
            actions: service
                .actions
                .iter()
                .map(|action| ActionEntry {
                    action: &action.action,
                    effect: &action.effect,
                })
                .collect(),
        }
    }
}

impl List {
    /// Lists them.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let listed = ask(daemon.admin.list_services(ListServicesRequest {})).await?;
        if self.json {
            let entries: Vec<_> = listed.services.iter().map(Entry::of).collect();
            output.json(&entries)?;
        } else {
            show(output, &listed)?;
        }
        for fault in &listed.faults {
            warn(&words(fault));
        }
        for path in &listed.differing {
            warn(&format!(
                "{path} differs from what is sealed, which stays in force: axis policy seal"
            ));
        }
        Ok(if listed.faults.is_empty() {
            Exit::Done
        } else {
            Exit::Failed
        })
    }
}

/// What is wrong with a file, and what that means.
pub fn words(fault: &ServiceFault) -> String {
    if fault.kept.is_empty() {
        format!("a service file is not in force: {}", fault.error)
    } else {
        format!(
            "the last good version of {} stays in force: {}",
            fault.kept, fault.error
        )
    }
}

fn show(output: Output, listed: &ListServicesResponse) -> Result<(), Failure> {
    let rows: Vec<Vec<Cell>> = listed
        .services
        .iter()
        .map(|service| {
            vec![
                Cell::new(Tone::Strong, &service.service),
                Cell::plain(&service.title),
                Cell::plain(&service.actions.len().to_string()),
                Cell::plain(&service.auth),
                Cell::plain(&service.base_url),
                if service.file.is_empty() {
                    Cell::new(Tone::Faint, "built in")
                } else {
                    Cell::plain(&service.file)
                },
            ]
        })
        .collect();
    Table::new(&[
        "SERVICE",
        "TITLE",
        "ACTIONS",
        "AUTH",
        "BASE URL",
        "DEFINED IN",
    ])
    .print(output, &rows)?;
    if output.is_terminal() {
        output.line(format_args!(
            "\nYour own go into {} (docs/services.md says how)",
            printable(&listed.directory)
        ))?;
    }
    Ok(())
}
