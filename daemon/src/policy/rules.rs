//! The compiled policy and its decision: a pure function of identity, service
//! and action, as fast with ten thousand rules as with ten.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::document::{self, Entry, Rule, Scope};
use super::error::PolicyError;
use super::pattern::{
    ActionPattern, MAX_ACTION_BYTES, ServicePattern, is_action, is_raw, prefixes,
};
use crate::names::{Identity, ServiceName};

/// What the policy says to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It may go on, to its cooldown and its limit.
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
    /// Most calls in any 60 s.
    pub requests_per_minute: Option<u32>,
    /// Whose calls these are: all identities without a limit of their own
    /// share the one of `"*"`.
    pub limit_scope: Scope,
    /// The line of the rule in the policy, from 1.
    pub line: usize,
}

/// Why a request may not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Identity, service and action.
    pub reason: String,
    /// What the owner can do about it.
    pub hint: Option<String>,
}

/// A policy, compiled. It never changes; a new text makes a new one.
#[derive(Debug)]
pub struct Policy {
    origin: PathBuf,
    pub(super) entries: Vec<Entry>,
    own: HashMap<Identity, Table>,
    any: Option<Table>,
}

/// One entry's rules, by service.
#[derive(Debug)]
pub(super) struct Table {
    /// Which of the policy's entries this is.
    entry: usize,
    services: HashMap<ServiceName, Actions>,
    any_service: Actions,
}

/// For every action pattern the number of the first rule that has it.
#[derive(Debug, Default)]
pub(super) struct Actions {
    named: HashMap<Box<str>, usize>,
    below: HashMap<Box<str>, usize>,
    any: Option<usize>,
}

impl Policy {
    /// Reads a policy; `origin` is the file that errors and hints name.
    pub fn parse(text: &str, origin: &Path) -> Result<Self, PolicyError> {
        let entries = document::read(text, origin)?;
        let mut own = HashMap::new();
        let mut any = None;
        for (index, entry) in entries.iter().enumerate() {
            let table = Table::compile(index, entry);
            match &entry.scope {
                Scope::Any => any = Some(table),
                Scope::Identity(identity) => {
                    own.insert(identity.clone(), table);
                }
            }
        }
        Ok(Self {
            origin: origin.to_owned(),
            entries,
            own,
            any,
        })
    }

    /// Whether `identity` may do `action` (in any case) on `service`.
    ///
    /// The identity's own entry is asked before the entry `"*"`; in each the
    /// first rule in file order that matches decides.
    pub fn decide(&self, identity: &Identity, service: &ServiceName, action: &str) -> Decision {
        match self.first_match(identity, service, action) {
            Some((entry, rule)) => {
                let (limit_scope, requests_per_minute) = self.limit_of(identity);
                Decision::Allow(Allowed {
                    ttl: rule.ttl,
                    cooldown_scope: entry.scope.clone(),
                    requests_per_minute,
                    limit_scope,
                    line: rule.line,
                })
            }
            None => Decision::Deny(Denial {
                reason: denied(identity, service, action),
                hint: Some(self.hint(identity, service, action)),
            }),
        }
    }

    /// Whose limit counts for `identity`, and how many calls it allows in any
    /// 60 s.
    pub fn limit_of(&self, identity: &Identity) -> (Scope, Option<u32>) {
        let limit = |table: &Table| self.entries[table.entry].requests_per_minute;
        match self.own.get(identity).and_then(limit) {
            Some(own) => (Scope::Identity(identity.clone()), Some(own)),
            None => (Scope::Any, self.any.as_ref().and_then(limit)),
        }
    }

    /// How many rules there are, over all identities.
    pub fn rule_count(&self) -> usize {
        self.entries.iter().map(|entry| entry.rules.len()).sum()
    }

    /// The longest cooldown of any rule: how far back the past matters.
    pub fn longest_ttl(&self) -> Duration {
        self.entries
            .iter()
            .flat_map(|entry| &entry.rules)
            .filter_map(|rule| rule.ttl)
            .max()
            .unwrap_or_default()
    }

    fn first_match(
        &self,
        identity: &Identity,
        service: &ServiceName,
        action: &str,
    ) -> Option<(&Entry, &Rule)> {
        let mut buffer = [0; MAX_ACTION_BYTES];
        let action = lowercase(action, &mut buffer)?;
        let tables = [self.own.get(identity), self.any.as_ref()];
        tables.into_iter().flatten().find_map(|table| {
            let entry = &self.entries[table.entry];
            let rule = &entry.rules[table.first_rule(service, action)?];
            Some((entry, rule))
        })
    }

    fn hint(&self, identity: &Identity, service: &ServiceName, action: &str) -> String {
        let file = self.origin.display();
        let place = match (self.own.contains_key(identity), &self.any) {
            (true, _) => format!("its entry for identity \"{identity}\""),
            (false, Some(_)) => format!("an entry for identity \"{identity}\", or to \"*\""),
            (false, None) => format!("an entry for identity \"{identity}\", which has none yet"),
        };
        let raw = if is_raw(&action.to_ascii_lowercase()) {
            "; \"*\" never includes the raw http actions, they must be named"
        } else {
            ""
        };
        format!(
            "the owner can allow it in {file}, by adding to {place}: {{service: {service}, actions: [{action:?}]}}{raw}"
        )
    }
}

/// The reason of every denial by the policy, and of every denial without one.
pub(super) fn denied(identity: &Identity, service: &ServiceName, action: &str) -> String {
    format!("Policy denied: identity=\"{identity}\" service=\"{service}\" action={action:?}")
}

/// `action` in lowercase, without an allocation; none when it is not built
/// like an action, and so can match nothing.
fn lowercase<'b>(action: &str, buffer: &'b mut [u8; MAX_ACTION_BYTES]) -> Option<&'b str> {
    if !is_action(action) {
        return None;
    }
    let lower = buffer.get_mut(..action.len())?;
    lower.copy_from_slice(action.as_bytes());
    lower.make_ascii_lowercase();
    std::str::from_utf8(lower).ok()
}

impl Table {
    pub(super) fn compile(index: usize, entry: &Entry) -> Self {
        let mut table = Self {
            entry: index,
            services: HashMap::new(),
            any_service: Actions::default(),
        };
        for (number, rule) in entry.rules.iter().enumerate() {
            let actions = match &rule.service {
                ServicePattern::Any => &mut table.any_service,
                ServicePattern::Named(service) => {
                    table.services.entry(service.clone()).or_default()
                }
            };
            for (pattern, _) in &rule.actions {
                actions.add(pattern, number);
            }
        }
        table
    }

    fn first_rule(&self, service: &ServiceName, action: &str) -> Option<usize> {
        self.of_service(Some(service))
            .filter_map(|actions| actions.first_rule(action))
            .min()
    }

    /// The first rule before which `pattern`, of a rule for `service`, can't
    /// decide anything: the one that covers all of it.
    pub(super) fn first_cover(
        &self,
        service: &ServicePattern,
        pattern: &ActionPattern,
    ) -> Option<usize> {
        let service = match service {
            ServicePattern::Any => None,
            ServicePattern::Named(service) => Some(service),
        };
        self.of_service(service)
            .filter_map(|actions| actions.first_cover(pattern))
            .min()
    }

    fn of_service(&self, service: Option<&ServiceName>) -> impl Iterator<Item = &Actions> {
        service
            .and_then(|service| self.services.get(service))
            .into_iter()
            .chain([&self.any_service])
    }
}

impl Actions {
    fn add(&mut self, pattern: &ActionPattern, number: usize) {
        match pattern {
            ActionPattern::Any => {
                self.any.get_or_insert(number);
            }
            ActionPattern::Below(prefix) => {
                self.below.entry(prefix.clone()).or_insert(number);
            }
            ActionPattern::Named(action) => {
                self.named.entry(action.clone()).or_insert(number);
            }
        }
    }

    fn first_rule(&self, action: &str) -> Option<usize> {
        let named = self.named.get(action).copied();
        named.into_iter().chain(self.first_wildcard(action)).min()
    }

    fn first_cover(&self, pattern: &ActionPattern) -> Option<usize> {
        match pattern {
            ActionPattern::Any => self.any,
            ActionPattern::Named(action) => self.first_rule(action),
            ActionPattern::Below(prefix) => {
                let same = self.below.get(prefix).copied();
                // "*" covers none of http.*
                let any = self.any.filter(|_| !is_raw(&format!("{prefix}.")));
                let wider = prefixes(prefix).filter_map(|wider| self.below.get(wider).copied());
                same.into_iter().chain(any).chain(wider).min()
            }
        }
    }

    /// The first rule that has `action` under a `*` of some kind.
    fn first_wildcard(&self, action: &str) -> Option<usize> {
        let any = self.any.filter(|_| !is_raw(action));
        if self.below.is_empty() {
            return any;
        }
        prefixes(action)
            .filter_map(|prefix| self.below.get(prefix).copied())
            .chain(any)
            .min()
    }
}

#[cfg(test)]
mod tests;
