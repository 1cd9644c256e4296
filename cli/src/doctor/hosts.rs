//! Of the MCP hosts: which use Axis, whether the program that they start is
//! there, and secrets that stand in their files.

use std::path::Path;

use axis_proto::v1::{Check, Service};

use super::{fail, ok, warn};
use crate::hosts::{self, Environment, KeyPatterns};

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
                format!("axis hosts add {}", host.id),
            )),
            Ok(Some(_)) => configured.push(host.title.as_str()),
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
        .map(|secret| {
            let file = environment.shorten(&secret.file);
            if secret.is_master {
                return warn(
                    "hosts' files",
                    format!("{file} holds the master password, which agents can read there"),
                    format!(
                        "delete {} from it, and type the password: axis unlock",
                        secret.variable
                    ),
                );
            }
            warn(
                "hosts' files",
                format!(
                    "{file} holds a secret in plaintext: {} of the server {}",
                    secret.variable, secret.server
                ),
                format!("axis import host {}, then delete it there", secret.host),
            )
        })
        .collect()
}
