//! What the calls so far have used up: the windows of the limits, and the
//! cooldowns that successes opened. Reserved while a call is under way, so two
//! at once can't both pass.
//!
//! All times are those of one monotonic clock, handed in by the caller; the
//! lock is held for a few map look-ups, never while anything waits.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::document::Scope;
use super::request::Allowed;
use super::rule::RuleKey;
use super::rules::Policy;
use super::window::Window;
use crate::names::{Identity, ServiceName};

/// The monotonic clock may have begun at the last boot; what happened before
/// is placed on a scale that begins this much earlier. Longer than any ttl.
const BEFORE_BOOT: Duration = Duration::from_hours(2 * 366 * 24);

/// A cooldown's owner, service and action (in lowercase).
type CooldownKey = (Scope, ServiceName, Box<str>);

/// Limits and cooldowns of all calls. One for the daemon; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    used: Arc<Mutex<Used>>,
}

#[derive(Debug, Default)]
struct Used {
    /// One per budget that calls were counted for.
    windows: HashMap<Budget, Window>,
    /// One per entry and action that succeeded, or is under way.
    cooldowns: HashMap<CooldownKey, Cooldown>,
    /// When everything counts as used, since the past is not known.
    assumed: Option<Duration>,
}

/// Whose calls a window counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Budget {
    /// Those under an entry of the policy.
    Entry(Scope),
    /// Those that a rule let through.
    Rule(RuleKey),
}

#[derive(Debug, Default)]
struct Cooldown {
    last_success: Option<Duration>,
    /// A call under a rule with a ttl is under way.
    held: bool,
}

/// A call of the past, as the audit log has it.
#[derive(Debug, Clone)]
pub struct PastCall {
    /// Who called.
    pub identity: Identity,
    /// The service.
    pub service: ServiceName,
    /// The action, in any case.
    pub action: String,
    /// How long ago it started.
    pub started_ago: Duration,
    /// How long ago it succeeded; unset where it failed. A call whose end is
    /// not on record counts as a success.
    pub succeeded_ago: Option<Duration>,
}

/// Why an allowed call must wait.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct LimitDenial {
    /// Which budget is used up, and when to try again.
    pub reason: String,
    /// Seconds until it is worth trying again, rounded up; at least 1.
    pub retry_after_s: u64,
}

/// A call's place in its limits and its cooldown. Dropped before
/// [`started`](Self::started), it gives back both; dropped after, the cooldown
/// only; [`commit`](Self::commit) gives back neither.
#[derive(Debug)]
#[must_use = "a reservation that is dropped is given back"]
pub struct Reservation {
    used: Arc<Mutex<Used>>,
    key: CooldownKey,
    holds_cooldown: bool,
    budgets: [Budget; 2],
    started: bool,
}

impl Limits {
    /// Nothing used yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a place for a call that `allowed` lets through: first the
    /// cooldown's, then the limits', or none.
    pub fn reserve(
        &self,
        allowed: &Allowed,
        identity: &Identity,
        service: &ServiceName,
        action: &str,
        now: Duration,
    ) -> Result<Reservation, LimitDenial> {
        let now = BEFORE_BOOT + now;
        let key = (
            allowed.cooldown_scope.clone(),
            service.clone(),
            action.to_ascii_lowercase().into_boxed_str(),
        );
        let mut used = lock(&self.used);
        if let Some(ttl) = allowed.ttl {
            used.check_cooldown(&key, ttl, action, now)?;
        }
        let budgets = [
            Budget::Entry(allowed.limit.of.clone()),
            Budget::Rule(allowed.rule_limit.of.clone()),
        ];
        let limits = [
            &allowed.limit.requests_per_minute,
            &allowed.rule_limit.requests_per_minute,
        ];
        for (budget, limit) in budgets.iter().zip(limits) {
            if let Some(limit) = *limit {
                used.check_limit(budget, limit, identity, allowed.line, now)?;
            }
        }
        if allowed.ttl.is_some() {
            used.cooldowns.entry(key.clone()).or_default().held = true;
        }
        for budget in &budgets {
            used.windows.entry(budget.clone()).or_default().reserve();
        }
        drop(used);
        Ok(Reservation {
            used: Arc::clone(&self.used),
            key,
            holds_cooldown: allowed.ttl.is_some(),
            budgets,
            started: false,
        })
    }

    /// Counts the calls of the past, as `policy` would count them now. Their
    /// params aren't on record, so a call counts for every rule that may have
    /// let it through; one that the policy can't place any more, or all of them
    /// without a policy, for both its identity and `"*"`: rather too much than
    /// too little.
    pub fn rebuild(
        &self,
        policy: Option<&Policy>,
        history: impl IntoIterator<Item = PastCall>,
        now: Duration,
    ) {
        let now = BEFORE_BOOT + now;
        let mut used = lock(&self.used);
        for call in history {
            let both = || [Scope::Any, Scope::Identity(call.identity.clone())];
            let possible = policy
                .map(|policy| policy.possible(&call.identity, &call.service, &call.action))
                .unwrap_or_default();
            let (mut cooldown_scopes, rules): (HashSet<Scope>, HashSet<RuleKey>) =
                possible.into_iter().unzip();
            if cooldown_scopes.is_empty() {
                cooldown_scopes.extend(both());
            }
            let limit_scopes = match policy {
                Some(policy) => vec![policy.limit_of(&call.identity).of],
                None => both().to_vec(),
            };
            if call.started_ago < Window::LENGTH {
                let started = now.saturating_sub(call.started_ago);
                let entries = limit_scopes.into_iter().map(Budget::Entry);
                for budget in entries.chain(rules.into_iter().map(Budget::Rule)) {
                    used.windows.entry(budget).or_default().insert(started);
                }
            }
            let Some(ago) = call.succeeded_ago else {
                continue;
            };
            let action = call.action.to_ascii_lowercase().into_boxed_str();
            for scope in cooldown_scopes {
                let key = (scope, call.service.clone(), action.clone());
                let cooldown = used.cooldowns.entry(key).or_default();
                cooldown.succeeded(now.saturating_sub(ago));
            }
        }
    }

    /// Counts every limit and every cooldown as used up at this moment: the
    /// past is not known, or its record can't be trusted.
    pub fn assume_used(&self, now: Duration) {
        lock(&self.used).assumed = Some(BEFORE_BOOT + now);
    }
}

impl Reservation {
    /// The call goes out now: from here on its place in the limit stays used,
    /// whatever becomes of it.
    pub fn started(&mut self, now: Duration) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let mut used = lock(&self.used);
        for budget in &self.budgets {
            if let Some(window) = used.windows.get_mut(budget) {
                window.start(BEFORE_BOOT + now);
            }
        }
    }

    /// The call succeeded: its cooldown begins.
    pub fn commit(mut self, now: Duration) {
        self.started(now);
        let mut used = lock(&self.used);
        // Also without a ttl: one that a later edit adds counts from here.
        let cooldown = used.cooldowns.entry(self.key.clone()).or_default();
        cooldown.succeeded(BEFORE_BOOT + now);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut used = lock(&self.used);
        if self.holds_cooldown
            && let Some(cooldown) = used.cooldowns.get_mut(&self.key)
        {
            cooldown.held = false;
            if cooldown.last_success.is_none() {
                used.cooldowns.remove(&self.key);
            }
        }
        if self.started {
            return;
        }
        for budget in &self.budgets {
            if let Some(window) = used.windows.get_mut(budget) {
                window.give_back();
            }
        }
    }
}

impl Used {
    fn check_cooldown(
        &self,
        key: &CooldownKey,
        ttl: Duration,
        action: &str,
        now: Duration,
    ) -> Result<(), LimitDenial> {
        let service = &key.1;
        let cooldown = self.cooldowns.get(key);
        let last_success = cooldown.and_then(|cooldown| cooldown.last_success);
        let ttl_s = ttl.as_secs();
        if let Some(last) = last_success.max(self.assumed)
            && let Some(wait) = (last + ttl).checked_sub(now).filter(|wait| !wait.is_zero())
        {
            let retry_after_s = whole_seconds(wait);
            let cause = if last_success < self.assumed {
                "its past uses aren't known, so it counts as just used"
            } else {
                "it has just succeeded"
            };
            return Err(LimitDenial {
                reason: format!(
                    "TTL active: try again in {retry_after_s}s ({service} {action} may succeed once in {ttl_s} s, and {cause})"
                ),
                retry_after_s,
            });
        }
        if cooldown.is_some_and(|cooldown| cooldown.held) {
            return Err(LimitDenial {
                reason: format!(
                    "TTL active: try again in 1s (another {service} {action} is under way, and only one may succeed in {ttl_s} s)"
                ),
                retry_after_s: 1,
            });
        }
        Ok(())
    }

    fn check_limit(
        &mut self,
        budget: &Budget,
        limit: u32,
        identity: &Identity,
        line: usize,
        now: Duration,
    ) -> Result<(), LimitDenial> {
        let own = match self.windows.get_mut(budget) {
            Some(window) => window.wait(limit, now),
            None => None,
        };
        let assumed = self
            .assumed
            .and_then(|at| (at + Window::LENGTH).checked_sub(now))
            .filter(|wait| !wait.is_zero());
        let Some(wait) = own.max(assumed) else {
            return Ok(());
        };
        let retry_after_s = whole_seconds(wait);
        let whose = match budget {
            Budget::Entry(Scope::Any) => {
                ", shared by all identities without a limit of their own".to_owned()
            }
            Budget::Entry(Scope::Identity(_)) => String::new(),
            Budget::Rule(_) => format!(" under the rule in line {line}"),
        };
        Err(LimitDenial {
            reason: format!(
                "Rate limit exceeded for identity \"{identity}\": {limit} requests a minute{whose}; try again in {retry_after_s}s"
            ),
            retry_after_s,
        })
    }
}

impl Cooldown {
    fn succeeded(&mut self, at: Duration) {
        self.last_success = self.last_success.max(Some(at));
    }
}

/// A panic elsewhere can't leave the counts half-changed: each is one step.
fn lock(used: &Mutex<Used>) -> MutexGuard<'_, Used> {
    used.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `wait` in seconds, rounded up, at least 1.
fn whole_seconds(wait: Duration) -> u64 {
    let begun = u64::from(wait.subsec_nanos() > 0);
    (wait.as_secs() + begun).max(1)
}

#[cfg(test)]
mod tests;
