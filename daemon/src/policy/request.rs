//! What the policy is asked, and what it answers.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::document::{Approver, Scope};
use super::rule::RuleKey;
use crate::catalogue::Effect;
use crate::names::{Identity, Label, ServiceName};

/// Whether a call may be made.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// By whom.
    pub identity: &'a Identity,
    /// Whether on the identity's own socket; elsewhere it is a mere claim.
    pub own_socket: bool,
    /// To which service.
    pub service: &'a ServiceName,
    /// What, in any case.
    pub action: &'a str,
    /// What that does.
    pub effect: Effect,
    /// With which params; none where it is asked whether the action can be
    /// allowed at all.
    pub params: Option<&'a Map<String, Value>>,
    /// When, by the wall clock.
    pub at: Timestamp,
}

/// What the policy says to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It may go on, to its cooldown, its limits, and where the rule asks to
    /// its approval.
    Allow(Allowed),
    /// It ends here.
    Deny(Denial),
}

/// The rule that allows a request, as far as the call needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// How long after a success the same service and action are denied.
    pub ttl: Option<Duration>,
    /// Whose cooldown that is: all identities under `"*"` share one.
    pub cooldown_scope: Scope,
    /// The limit over all of an identity's calls.
    pub limit: Limit<Scope>,
    /// The rule's own limit.
    pub rule_limit: Limit<RuleKey>,
    /// Which of the service's credentials it is for.
    pub credential: Option<Label>,
    /// Who has to approve the call first, where someone has to.
    pub ask: Option<Approver>,
    /// The line of the rule in the policy, from 1.
    pub line: usize,
}

/// A budget of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit<K> {
    /// Whose: all identities without a limit of their own share the one of
    /// `"*"`, and all who fall under a rule share the rule's.
    pub of: K,
    /// Most calls in any 60 s; without it they are only counted.
    pub requests_per_minute: Option<u32>,
}

/// Why a request may not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Identity, service and action, and the rule that stands in the way.
    pub reason: String,
    /// What the owner can do about it.
    pub hint: Option<String>,
    /// Whether it is denied since it didn't come over the identity's own socket.
    pub needs_own_socket: bool,
    /// The line of the rule or entry that denies it, or of the one that would allow it
    /// if something else held; from 1.
    pub line: Option<usize>,
}
