//! What to do first, where something isn't there yet.

use axis_proto::v1::check::State as CheckState;
use axis_proto::v1::vault_status::State;
use axis_proto::v1::{Check, ListCredentialsResponse, VaultStatus};
use maud::{Markup, html};

use crate::dashboard::words::{Tone, command, state};

/// What is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// A vault.
    pub vault: bool,
    /// A credential in it.
    pub credential: bool,
    /// An MCP host that uses Axis.
    pub host: bool,
    /// A call, ever.
    pub call: bool,
}

impl Standing {
    /// What the answers of axisd say.
    pub fn of(
        vault: &VaultStatus,
        stored: &ListCredentialsResponse,
        checks: &[Check],
        call: bool,
    ) -> Self {
        let mut hosts = checks.iter().filter(|check| check.name == "hosts");
        Self {
            vault: vault.state() != State::Absent,
            credential: !stored.credentials.is_empty(),
            host: hosts.any(|check| check.state() == CheckState::Ok),
            call,
        }
    }

    /// Whether agents can work: then there is nothing to do first.
    fn is_under_way(self) -> bool {
        self.credential && self.call
    }
}

/// The steps, with those marked that are done; nothing once calls are made.
pub fn steps(standing: Standing) -> Markup {
    if standing.is_under_way() {
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
                @if !standing.vault {
                    (step(false, "Make the vault, or let the setup do all of this.", &["axis init", "axis setup"]))
                }
                (step(standing.credential, "Store a credential; agents never see it.", &["axis add github"]))
                (step(standing.host, "Let your agent's program (its MCP host) use Axis.", &["axis hosts add --all"]))
                (step(standing.call, "Make a call yourself, or ask your agent to.", &["axis call github repos.get owner=rust-lang repo=rust"]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_asks_for_nothing() {
        let mut standing = Standing {
            vault: true,
            credential: true,
            host: false,
            call: false,
        };
        let shown = steps(standing).into_string();
        assert!(shown.contains("axis hosts add") && shown.contains("axis call github"));
        assert!(!shown.contains("axis add github") && !shown.contains("axis init"));
        standing.call = true;
        assert_eq!(steps(standing).into_string(), "");
    }
}
