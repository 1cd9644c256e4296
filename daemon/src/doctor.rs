//! The checks of `axis doctor`: what stands between this machine and a safe
//! call, each with the command that mends it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use axis_proto::shell;
use jiff::SignedDuration;

use crate::owner::Owner;
use crate::owner::sealing::Difference;
use crate::paths::parent;
use crate::vault::{VaultState, WhyLocked};

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it is.
    pub state: State,
    /// In words.
    pub message: String,
    /// The command that mends it; empty where there is nothing to mend.
    pub fix: String,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, but the owner should know.
    Warn,
    /// Calls fail until it is mended.
    Fail,
}

/// The isolation level that this machine is at (docs/security.md): agent and
/// daemon are processes of the same user, and policy is a file of that user.
pub const LEVEL: u32 = 1;

fn ok(name: &'static str, message: impl Into<String>) -> Check {
    Check {
        name,
        state: State::Ok,
        message: message.into(),
        fix: String::new(),
    }
}

fn warn(name: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Check {
    Check {
        name,
        state: State::Warn,
        message: message.into(),
        fix: fix.into(),
    }
}

fn fail(name: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Check {
    Check {
        state: State::Fail,
        ..warn(name, message, fix)
    }
}

/// Runs all checks. None of them touches the network.
pub fn checks(owner: &Owner) -> Vec<Check> {
    let mut checks = vec![
        ok(
            "daemon",
            format!(
                "axisd {} runs as process {}",
                axis_proto::VERSION,
                std::process::id()
            ),
        ),
        hardening(),
        directories(owner),
        vault(owner),
        credentials(owner),
        secret_pages(owner),
    ];
    checks.extend(sources(owner));
    checks.extend(clock(owner));
    checks.extend(unsealed(owner));
    checks.extend(policy(owner));
    checks.extend(seal(owner));
    checks.extend(services(owner));
    checks.extend(audit(owner));
    checks
}

fn hardening() -> Check {
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};
    let closed = matches!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    let no_core = getrlimit(Resource::Core).current == Some(0);
    if closed && no_core {
        ok(
            "process",
            "axisd is closed to debuggers and leaves no core dumps",
        )
    } else {
        fail(
            "process",
            "axisd can be read by other processes of this user",
            "axis daemon restart",
        )
    }
}

fn directories(owner: &Owner) -> Check {
    // through that of the sockets others may pass, where axisd is a user of its own
    let open: Vec<&Path> = [
        (parent(&owner.paths.keystore), 0o077),
        (parent(&owner.paths.audit), 0o077),
        (owner.paths.sockets.path(), 0o066),
    ]
    .into_iter()
    .filter(|(dir, others)| {
        fs::metadata(dir).is_ok_and(|metadata| metadata.permissions().mode() & others != 0)
    })
    .map(|(dir, _)| dir)
    .collect();
    let Some(first) = open.first() else {
        return ok(
            "directories",
            "keystore, audit log and sockets are closed to other users",
        );
    };
    fail(
        "directories",
        format!("{} is open to other users", first.display()),
        format!("chmod 700 {}", shell::word(&first.to_string_lossy())),
    )
}

fn vault(owner: &Owner) -> Check {
    let path = owner.paths.keystore.display();
    match owner.broker.vault.state() {
        VaultState::Absent => fail("vault", format!("there is no {path} yet"), "axis init"),
        VaultState::Unlocked { generation, .. } => ok(
            "vault",
            format!("unlocked; {path} is at generation {generation}"),
        ),
        VaultState::Locked(why) => {
            let fix = match &why {
                WhyLocked::NeverUnlocked | WhyLocked::ByOwner => "axis unlock",
                WhyLocked::Older { .. } | WhyLocked::LogGone | WhyLocked::LogReplaced => {
                    "axis unlock --accept-older"
                }
                WhyLocked::Damaged(_) => "",
            };
            fail("vault", format!("locked: {why}"), fix)
        }
    }
}

fn credentials(owner: &Owner) -> Check {
    match owner.broker.vault.names().len() {
        0 if matches!(
            owner.broker.vault.state(),
            VaultState::Absent | VaultState::Locked(WhyLocked::Damaged(_))
        ) =>
        {
            warn("credentials", "there is no vault to look into", "")
        }
        0 => warn(
            "credentials",
            "the vault holds no credential",
            "axis add github",
        ),
        count => ok("credentials", format!("{count} stored")),
    }
}

/// What is read where the owner keeps it, and couldn't be. Why it couldn't is
/// said without a word of the program's.
fn sources(owner: &Owner) -> Vec<Check> {
    let broker = &owner.broker;
    let sourced = broker.vault.sourced();
    if sourced.is_empty() {
        return Vec::new();
    }
    let unread = sourced.iter().filter_map(|sourced| {
        let error = broker.sources.trouble(sourced)?;
        let name = sourced.name();
        Some(fail(
            "source",
            format!("{name} can't be read where it is kept: {error}"),
            "unlock the password manager, or store it anew: axis add SERVICE --replace --source …",
        ))
    });
    let unread: Vec<Check> = unread.collect();
    if unread.is_empty() {
        let count = sourced.len();
        return vec![ok("source", format!("{count} read where they are kept"))];
    }
    unread
}

fn secret_pages(owner: &Owner) -> Check {
    match owner.broker.vault.unlocked_pages() {
        0 => ok(
            "memory",
            "credentials lie in locked memory that is left out of dumps",
        ),
        count => warn(
            "memory",
            format!("{count} secrets lie in memory that may be swapped out"),
            "ulimit -l unlimited",
        ),
    }
}

/// Signatures and tokens are refused where the clocks don't agree.
fn clock(owner: &Owner) -> Vec<Check> {
    let skewed = owner.broker.upstream.clock_skew();
    let say = |(host, ahead): (&String, &SignedDuration)| {
        let minutes = ahead.as_mins();
        let how = if minutes > 0 { "ahead of" } else { "behind" };
        warn(
            "clock",
            format!(
                "this machine's clock is {} minutes {how} that of {host}: signed requests and tokens are refused there",
                minutes.abs()
            ),
            "timedatectl set-ntp true",
        )
    };
    skewed.iter().map(say).collect()
}

/// Refresh tokens that would be lost with this process.
fn unsealed(owner: &Owner) -> Vec<Check> {
    let unsealed = owner.broker.authoriser.unsealed();
    let say = |(name, reason)| {
        fail(
            "refresh tokens",
            format!(
                "the new refresh token of {name} is in memory alone, since it can't be sealed: {reason}"
            ),
            "axis status",
        )
    };
    unsealed.iter().map(say).collect()
}

fn policy(owner: &Owner) -> Vec<Check> {
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
        (Some(error), _) => checks.push(fail("policy", error.to_string(), "axis status")),
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
fn seal(owner: &Owner) -> Vec<Check> {
    const SEAL: &str = "axis policy seal";
    let standing = owner.sealing.standing();
    if let Some(fault) = standing.fault {
        let message = format!("what is sealed is not in force, so no call goes out: {fault}");
        return vec![fail("seal", message, SEAL)];
    }
    if !standing.is_sealed {
        let mut checks = vec![warn(
            "seal",
            "policy, services and daemon.yaml are not sealed: whatever an agent writes into them counts",
            SEAL,
        )];
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

fn services(owner: &Owner) -> Vec<Check> {
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

fn audit(owner: &Owner) -> Vec<Check> {
    let status = owner.broker.audit.status();
    let path = status.path.display();
    let mut checks = vec![if status.writable {
        ok("audit log", format!("{path} can be written"))
    } else {
        fail(
            "audit log",
            format!("{path} can't be written: every call is refused"),
            "axis status",
        )
    }];
    for warning in status.warnings {
        checks.push(warn("audit record", warning, "axis logs verify"));
    }
    checks
}
