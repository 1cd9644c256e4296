//! What axisd can't see: the programs themselves, the owner's environment, and
//! the files of MCP hosts. And the harmless mending of `axis doctor --fix`.

mod environment;
mod hosts;
mod mending;
mod programs;
mod units;

use axis_proto::v1::check::State;
use axis_proto::v1::{Check, Service};

pub use self::mending::mend;

/// The checks of this side. `services` tell what their keys look like.
pub fn checks(services: &[Service]) -> Vec<Check> {
    let mut checks = programs::checks();
    checks.extend(units::checks());
    checks.extend(environment::checks(services));
    checks.extend(hosts::checks(services));
    checks
}

fn check(name: &str, state: State, message: impl Into<String>, fix: impl Into<String>) -> Check {
    Check {
        name: name.to_owned(),
        state: state.into(),
        message: message.into(),
        fix: fix.into(),
        close: Vec::new(),
    }
}

fn ok(name: &str, message: impl Into<String>) -> Check {
    check(name, State::Ok, message, "")
}

fn warn(name: &str, message: impl Into<String>, fix: impl Into<String>) -> Check {
    check(name, State::Warn, message, fix)
}

fn fail(name: &str, message: impl Into<String>, fix: impl Into<String>) -> Check {
    check(name, State::Fail, message, fix)
}
