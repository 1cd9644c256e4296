//! The owner's rules: which identity may do what, how often, and with which
//! pause after a success.
//!
//! [`Policy`] is the compiled file and decides, purely; [`Limits`] holds what
//! the calls so far have used up; [`PolicyStore`] keeps the policy in force
//! in step with the file.

mod constraint;
mod document;
mod error;
mod file;
mod limits;
mod notes;
mod number;
mod pattern;
mod request;
mod rule;
mod rules;
mod source;
mod store;
mod table;
mod terms;
mod warnings;
mod watch;
mod window;

pub use document::{Approver, Scope};
pub use error::{Fault, PolicyError};
pub use limits::{LimitDenial, Limits, PastCall, Reservation};
pub use request::{Allowed, Decision, Denial, Limit, Request};
pub use rule::RuleKey;
pub use rules::Policy;
pub use store::{Change, Loaded, PolicyStore};
pub use terms::Terms;
pub use warnings::{KnownAction, KnownService};

/// The policy that `axis init` writes: commented for a newcomer, with
/// read-only rules for the identity `local-dev`.
pub const DEFAULT_POLICY: &str = include_str!("../../../config/policy.yaml");
