//! `axis import` without a source: what there is to import here.

use std::path::Path;

use axis_proto::v1::Service;

use crate::failure::{Exit, Failure};
use crate::hosts;
use crate::import::pass::Store;
use crate::import::{Findings, Known, asv_keystore, from_dotenv, from_environment, keystore_v1};
use crate::output::{Cell, Output, Table, Tone, tell};

/// The `.env` files that are looked at.
const DOTENV: [&str; 4] = [".env", ".env.local", ".env.development", ".envrc"];

/// Says where something is; nothing is asked for, and nothing is opened.
pub fn show(output: Output, services: &[Service]) -> Result<Exit, Failure> {
    let mut rows = Vec::new();
    let mut add = |place: &str, count: usize, command: &str| {
        if count > 0 {
            rows.push(vec![
                Cell::plain(place),
                Cell::plain(&count.to_string()),
                Cell::new(Tone::Strong, command),
            ]);
        }
    };
    let count = |findings: &Findings| findings.found.len();
    add(
        "the environment",
        count(&from_environment(services)),
        "axis import env",
    );
    for name in DOTENV {
        if let Ok(findings) = from_dotenv(Path::new(name), services) {
            add(name, count(&findings), &format!("axis import {name}"));
        }
    }
    if let Ok(path) = asv_keystore()
        && let Ok(keystore) = keystore_v1::read(&path)
    {
        let place = path.display().to_string();
        add(&place, keystore.entries.len(), "axis import axis-asv");
    }
    if let Ok(store) = Store::find() {
        let known = Known::of(services);
        let entries = store.chosen(None, &[], &known).len();
        add("the password store", entries, "axis import pass");
    }
    for host in hosts::known().unwrap_or_default() {
        let Ok(Some(file)) = hosts::file_of(&host.id) else {
            continue;
        };
        if let Ok(items) = super::gather::from_host(&file) {
            let found = Known::of(services).sort(items, &[], Path::new("")).found;
            let command = format!("axis import host {}", host.id);
            add(&file.display().to_string(), found.len(), &command);
        }
    }
    if rows.is_empty() {
        tell("Nothing to import was found: not in the environment, ./.env, axis-asv's vault,");
        tell("the password store, or MCP hosts' files.");
        tell("Name what you have: axis import --help");
        return Ok(Exit::Done);
    }
    Table::new(&["PLACE", "CREDENTIALS", "COMMAND"]).print(output, &rows)?;
    Ok(Exit::Done)
}
