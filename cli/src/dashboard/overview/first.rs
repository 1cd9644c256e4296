//! What to do first, where something isn't there yet.

use axis_proto::v1::check::State as CheckState;
use axis_proto::v1::vault_status::State;
use axis_proto::v1::{Check, ListCredentialsResponse, VaultStatus};
use maud::{Markup, html};

use crate::dashboard::words::{Tone, command, state};

/// What agents need before they can work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A vault.
    Vault,
    /// A credential in it.
    Credential,
    /// An MCP host that uses Axis.
    Host,
    /// A call, ever.
    Call,
}

/// What of it is there, by the answers of axisd.
pub fn done(
    vault: &VaultStatus,
    stored: &ListCredentialsResponse,
    checks: &[Check],
    any_call: bool,
) -> Vec<Step> {
    let mut hosts = checks.iter().filter(|check| check.name == "hosts");
    let steps = [
        (Step::Vault, vault.state() != State::Absent),
        (Step::Credential, !stored.credentials.is_empty()),
        (
            Step::Host,
            hosts.any(|check| check.state() == CheckState::Ok),
        ),
        (Step::Call, any_call),
    ];
    let done = steps.into_iter().filter(|(_, is_done)| *is_done);
    done.map(|(step, _)| step).collect()
}

/// The steps, with those marked that are done; nothing once calls are made.
pub fn steps(done: &[Step]) -> Markup {
    let is_done = |step| done.contains(&step);
    if is_done(Step::Credential) && is_done(Step::Call) {
        return html! {};
    }
    let step = |done: bool, what: &str, commands: &[&str]| {
        html! {
            li {
                @if done { (state(Tone::Good, "done")) } @else { (state(Tone::Waits, "to do")) }
                " " (what)
                @if !done { @for run in commands { " " (command(run)) } }
            }
        }
    };
    html! {
        section.ov-first aria-labelledby="ov-first" {
            h2 #ov-first { "First steps" }
            ol {
                @if !is_done(Step::Vault) {
                    (step(false, "Make the vault, or let the setup do all of this.", &["axis init", "axis setup"]))
                }
                (step(is_done(Step::Credential), "Store a credential; agents never see it.", &["axis add github"]))
                (step(is_done(Step::Host), "Let your agent's program (its MCP host) use Axis.", &["axis hosts add --all"]))
                (step(is_done(Step::Call), "Make a call yourself, or ask your agent to.", &["axis call github repos.get owner=rust-lang repo=rust"]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_asks_for_nothing() {
        let shown = steps(&[Step::Vault, Step::Credential]).into_string();
        assert!(shown.contains("axis hosts add") && shown.contains("axis call github"));
        assert!(!shown.contains("axis add github") && !shown.contains("axis init"));
        let under_way = [Step::Vault, Step::Credential, Step::Call];
        assert_eq!(steps(&under_way).into_string(), "");
    }
}
