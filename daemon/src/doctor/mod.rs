//! The checks of `axis doctor`: what stands between this machine and a safe
//! call, each with the command that mends it.

mod account;
mod files;
mod level;
mod online;
mod policy;
mod record;
mod vault;

use std::path::PathBuf;

pub use self::level::{Footing, Level};
use crate::audit::Peer;
use crate::owner::Owner;

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
    /// What `axis doctor --fix` may close to other users; nobody loses anything
    /// by that.
    pub close: Vec<PathBuf>,
}

/// What is looked at beside the usual.
#[derive(Debug, Clone, Copy)]
pub struct Questions<'a> {
    /// Each credential's upstream is asked whether it accepts it.
    pub online: bool,
    /// Whoever asks.
    pub by: &'a Peer,
}

/// What came out.
pub struct Report {
    /// The checks.
    pub checks: Vec<Check>,
    /// The isolation level of docs/security.md.
    pub level: Level,
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

fn ok(name: &'static str, message: impl Into<String>) -> Check {
    Check {
        name,
        state: State::Ok,
        message: message.into(),
        fix: String::new(),
        close: Vec::new(),
    }
}

fn warn(name: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Check {
    Check {
        name,
        state: State::Warn,
        message: message.into(),
        fix: fix.into(),
        close: Vec::new(),
    }
}

fn fail(name: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Check {
    Check {
        state: State::Fail,
        ..warn(name, message, fix)
    }
}

/// Runs all checks. Only with `online` does any of them touch the network.
pub async fn examine(owner: &Owner, questions: Questions<'_>) -> Report {
    let footing = Footing::of(owner).await;
    let mut checks = vec![
        ok(
            "daemon",
            format!(
                "axisd {} runs as process {}",
                axis_proto::VERSION,
                std::process::id()
            ),
        ),
        files::hardening(),
        files::descriptors(),
        files::directories(owner),
        files::keystore(owner),
        files::space(owner),
        files::sockets(owner),
        vault::vault(owner),
        vault::credentials(owner),
    ];
    checks.extend(vault::ages(owner));
    checks.extend(vault::sources(owner));
    checks.push(vault::secret_pages(owner));
    checks.extend(vault::clock(owner));
    checks.extend(vault::unsealed(owner));
    checks.extend(policy::policy(owner));
    let level = footing.level();
    checks.extend(policy::seal(owner, level));
    checks.extend(policy::services(owner));
    checks.push(policy::approvals(owner));
    checks.extend(policy::own_sockets(owner));
    checks.extend(record::audit(owner));
    checks.extend(footing.checks());
    if questions.online {
        checks.extend(online::credentials(owner, questions.by).await);
    }
    checks.push(footing.check());
    Report { checks, level }
}

/// The command that puts another secret in a credential's place.
fn replace_command(name: &str) -> String {
    match name.split_once('/') {
        None => format!("axis add {name} --replace"),
        Some((service, label)) => format!("axis add {service} --label {label} --replace"),
    }
}
