//! Of what agents may do: policy, seal, services, approvals and own sockets.

use super::{Check, Level, fail, ok, warn};
use crate::owner::Owner;
use crate::owner::sealing::Difference;

pub(super) fn policy(owner: &Owner) -> Vec<Check> {
    let path = owner.paths.policy.display();
    let current = owner.broker.policy.current();
    let mut checks = Vec::new();
    if owner.broker.is_withheld() {
        return vec![warn(
            "policy",
            "it is sealed in the vault, which is locked: the unlock puts it in force",
            "axis unlock",
        )];
    }
    match (&current.error, &current.policy) {
        (Some(error), _) => checks.push(fail("policy", error.to_string(), "axis policy edit")),
        (None, None) => checks.push(fail(
            "policy",
            format!("there is no {path}: every call is denied"),
            "axis init",
        )),
        (None, Some(policy)) if current.is_sealed => checks.push(ok(
            "policy",
            format!("the sealed one is in force, rules: {}", policy.rule_count()),
        )),
        (None, Some(policy)) => checks.push(ok(
            "policy",
            format!("{path} is in force, rules: {}", policy.rule_count()),
        )),
    }
    for warning in owner.broker.policy_warnings() {
        checks.push(warn("policy rules", warning, ""));
    }
    checks
}

/// Whether an agent could change what is in force by editing files.
pub(super) fn seal(owner: &Owner, level: Level) -> Vec<Check> {
    const SEAL: &str = "axis policy seal";
    let standing = owner.sealing.standing();
    if let Some(fault) = standing.fault {
        let message = format!("what is sealed is not in force, so no call goes out: {fault}");
        return vec![fail("seal", message, SEAL)];
    }
    if !standing.is_sealed {
        let mut checks = vec![match level {
            Level::OwnUser => ok(
                "seal",
                "policy, services and daemon.yaml are not sealed; only axisd's own user writes them",
            ),
            _ => warn(
                "seal",
                "policy, services and daemon.yaml are not sealed: whatever an agent writes into them counts",
                SEAL,
            ),
        }];
        if owner.broker.settings.load().upstream.ca_file.is_some() {
            checks.push(warn(
                "certificates",
                "upstream.ca_file in daemon.yaml doesn't count yet: certificates that any program of yours could have written there could read every call; they count once they are sealed",
                SEAL,
            ));
        }
        return checks;
    }
    if standing.differences.is_empty() {
        return vec![ok("seal", "policy, services and daemon.yaml are sealed")];
    }
    let say = |file: &Difference| {
        let name = &file.name;
        let path = file.path.display();
        let message = format!("{name} differs from what is sealed, which stays in force: {path}");
        warn("seal", message, SEAL)
    };
    standing.differences.iter().map(say).collect()
}

pub(super) fn services(owner: &Owner) -> Vec<Check> {
    let services = &owner.broker.services;
    let current = services.current();
    let mut checks = Vec::new();
    for file in &current.files {
        let Some(error) = &file.error else { continue };
        checks.push(match &file.service {
            Some(service) => warn(
                "services",
                format!(
                    "the last good version of {} is in force: {error}",
                    service.name()
                ),
                "axis services list",
            ),
            None => fail("services", error.to_string(), "axis services list"),
        });
    }
    if checks.is_empty() {
        let own = current.files.len();
        let message = match own {
            0 => "those that are built in; none of your own".to_owned(),
            _ => format!("of your own: {own}, in {}", services.directory().display()),
        };
        checks.push(ok("services", message));
    }
    checks
}

/// Whether calls wait for the owner.
pub(super) fn approvals(owner: &Owner) -> Check {
    match owner.broker.approvals.open().len() {
        0 => ok("approvals", "no call waits for you"),
        1 => warn("approvals", "a call waits for you", "axis approvals"),
        count => warn(
            "approvals",
            format!("{count} calls wait for you"),
            "axis approvals",
        ),
    }
}

/// Own sockets that aren't served.
pub(super) fn own_sockets(owner: &Owner) -> Vec<Check> {
    let standing = owner.own_sockets.standing();
    let count = standing.sockets.len();
    let mut checks: Vec<Check> = standing
        .sockets
        .iter()
        .filter_map(|served| {
            let problem = served.problem.as_ref()?;
            Some(fail(
                "own sockets",
                format!("{} is not served: {problem}", served.socket.identity),
                "axis identity list",
            ))
        })
        .collect();
    if checks.is_empty() {
        checks.push(match count {
            0 => ok("own sockets", "no identity has a socket of its own"),
            1 => ok(
                "own sockets",
                "one identity has a socket of its own, and is served",
            ),
            _ => ok(
                "own sockets",
                format!("{count} identities have their own, and are served"),
            ),
        });
    }
    checks
}
