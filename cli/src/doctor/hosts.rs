//! Of the MCP hosts: which use Axis, whether the program that they start is
//! there, and secrets that stand in their files.

use std::path::Path;

use axis_proto::shell;
use axis_proto::v1::{Check, Service};

use super::{fail, ok, warn};
use crate::commands::call::DEFAULT_IDENTITY;
use crate::hosts::{self, Environment, Host, KeyPatterns, PlaintextSecret, Standing};

pub(super) fn checks(services: &[Service]) -> Vec<Check> {
    let (Ok(environment), Ok(known)) = (Environment::of_process(), hosts::known()) else {
        return vec![warn(
            "hosts",
            "there is no home directory to look for MCP hosts in",
            "",
        )];
    };
    let mut checks = Vec::new();
    let mut configured = Vec::new();
    for host in known {
        let Some(place) = host.found(&environment) else {
            continue;
        };
        match hosts::standing(host, &place) {
            Ok(Some(standing)) if !Path::new(&standing.command).is_file() => checks.push(fail(
                "hosts",
                format!(
                    "{} starts {}, which is not there",
                    host.title, standing.command
                ),
                "axis doctor --fix",
            )),
            Ok(Some(standing)) => {
                configured.push(host.title.as_str());
                checks.extend(unconfined(host, &standing));
            }
            Ok(None) => {}
            Err(error) => checks.push(warn(
                "hosts",
                format!("{}: {error}", host.title),
                "axis hosts list",
            )),
        }
    }
    if configured.is_empty() && checks.is_empty() {
        checks.push(warn(
            "hosts",
            "no MCP host here uses Axis yet",
            "axis hosts list",
        ));
    } else if !configured.is_empty() {
        checks.push(ok(
            "hosts",
            format!("configured: {}", configured.join(", ")),
        ));
    }
    checks.extend(secrets(&environment, services));
    checks
}

/// An entry from before `AXIS_FILES`, or one that somebody wrote by hand.
fn unconfined(host: &Host, standing: &Standing) -> Option<Check> {
    let socket = standing.unconfined()?;
    let identity = standing.identity().unwrap_or(DEFAULT_IDENTITY);
    Some(warn(
        "hosts",
        format!(
            "{} starts axis mcp on the socket of one identity, but not AXIS_FILES: where axis mcp runs outside of its agent's sandbox, calls write and send files that the sandbox keeps",
            host.title
        ),
        format!(
            "AXIS_SOCKET={} axis hosts add {} --identity {}",
            shell::word(socket),
            host.id,
            shell::word(identity)
        ),
    ))
}

fn secrets(environment: &Environment, services: &[Service]) -> Vec<Check> {
    let mut patterns = KeyPatterns::default();
    for service in services {
        let variables: Vec<String> = service
            .environment
            .iter()
            .flat_map(|names| names.split(':').map(str::to_owned))
            .collect();
        patterns.learn(&service.service, &variables, &service.credential_pattern);
    }
    let found = hosts::secrets(environment, None, &patterns);
    if found.is_empty() {
        return vec![ok(
            "hosts' files",
            "no secret in plaintext was found in them",
        )];
    }
    found
        .iter()
        .map(|secret| plaintext(environment, secret))
        .collect()
}

fn plaintext(environment: &Environment, secret: &PlaintextSecret) -> Check {
    let about = "hosts' files";
    let (server, variable) = (&secret.server, &secret.variable);
    let remove = (secret.backup.as_ref())
        .map(|path| format!("rm {}", shell::word(&path.display().to_string())));
    let file = match &secret.backup {
        Some(backup) if !secret.is_in_file => environment.shorten(backup),
        _ => environment.shorten(&secret.file),
    };
    let found = if secret.is_master {
        format!("{file} holds the master password, which agents can read there")
    } else {
        format!("{file} holds a secret in plaintext: {variable} of the server {server}")
    };
    let fix = match (remove, secret.is_in_file, secret.is_master) {
        (Some(remove), false, true) => format!("{remove}, then: axis rotate"),
        (Some(remove), false, false) => remove,
        (remove, _, is_master) => {
            let copy = remove.map(|remove| format!(", and its copy: {remove}"));
            let copy = copy.unwrap_or_default();
            if is_master {
                format!("delete {variable} from it, and type the password: axis unlock{copy}")
            } else {
                format!(
                    "axis import host {}, and once that has stored it delete it there{copy}",
                    secret.host
                )
            }
        }
    };
    warn(about, found, fix)
}
