//! The compiled policy and its decision: a pure function of the request, as
//! fast with ten thousand rules as with ten.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::constraint::Purpose;
use super::document::{self, Entry, Scope};
use super::error::PolicyError;
use super::pattern::{MAX_ACTION_BYTES, is_action, is_raw};
use super::request::{Allowed, Decision, Denial, Limit, Request};
use super::rule::{Miss, Rule, RuleKey};
use super::table::Table;
use crate::names::{Identity, ServiceName};

/// A policy, compiled. It never changes; a new text makes a new one.
#[derive(Debug)]
pub struct Policy {
    origin: PathBuf,
    entries: Vec<Entry>,
    own: HashMap<Identity, Tables>,
    any: Option<Tables>,
    looks_at_params: bool,
}

/// One entry's rules.
#[derive(Debug)]
pub(super) struct Tables {
    /// Which of the policy's entries this is.
    entry: usize,
    pub(super) allow: Table,
    pub(super) deny: Table,
}

impl Policy {
    /// Reads a policy; `origin` is the file that errors and hints name.
    pub fn parse(text: &str, origin: &Path) -> Result<Self, PolicyError> {
        let entries = document::read(text, origin)?;
        let mut own = HashMap::new();
        let mut any = None;
        for (index, entry) in entries.iter().enumerate() {
            let table = Tables {
                entry: index,
                allow: Table::compile(&entry.allow),
                deny: Table::compile(&entry.deny),
            };
            match &entry.scope {
                Scope::Any => any = Some(table),
                Scope::Identity(identity) => {
                    own.insert(identity.clone(), table);
                }
            }
        }
        Ok(Self {
            origin: origin.to_owned(),
            looks_at_params: entries
                .iter()
                .flat_map(|entry| entry.allow.iter().chain(&entry.deny))
                .any(|rule| !rule.params.is_empty()),
            entries,
            own,
            any,
        })
    }

    /// Whether the request may go on.
    ///
    /// A rule of `deny` beats all that allows, wherever it stands. Among those
    /// of `allow` the first that counts for the request decides, the identity's
    /// own before those of `"*"`. An entry that asks for the identity's own socket
    /// allows nothing elsewhere, and where it is the identity's own, nothing else
    /// does either.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let mut buffer = [0; MAX_ACTION_BYTES];
        let Some(action) = lowercase(request.action, &mut buffer) else {
            return Decision::Deny(self.denial(request, None));
        };
        if let Some(entry) = self.own_entry(request.identity)
            && is_shut(entry, request)
        {
            return Decision::Deny(shut(request, entry));
        }
        for (entry, tables) in self.entries_for(request.identity) {
            for number in tables.deny.candidates(request.service, action) {
                let rule = &entry.deny[number];
                if miss(rule, request, Purpose::Deny).is_none() {
                    return Decision::Deny(denied_by(request, entry, number, rule));
                }
            }
        }
        let mut shut_entry = None;
        for (entry, tables) in self.entries_for(request.identity) {
            let mut candidates = match request.params {
                Some(params) => tables
                    .allow
                    .candidates_with(request.service, action, params),
                None => tables.allow.candidates(request.service, action),
            };
            let mut rules = candidates.by_ref().map(|number| &entry.allow[number]);
            match rules.find(|rule| miss(rule, request, Purpose::Allow).is_none()) {
                Some(_) if is_shut(entry, request) => shut_entry = Some(entry),
                Some(rule) => return Decision::Allow(self.allowed(request.identity, entry, rule)),
                None => {}
            }
        }
        Decision::Deny(match shut_entry {
            Some(entry) => shut(request, entry),
            None => self.denial(request, self.nearest(request, action)),
        })
    }

    /// The rule that a denied request would rather have been meant by, and why
    /// it wasn't.
    fn nearest(&self, request: &Request<'_>, action: &str) -> Option<(&Rule, Miss<'_>)> {
        let mut nearest: Option<(&Rule, Miss<'_>)> = None;
        for (entry, tables) in self.entries_for(request.identity) {
            for number in tables.allow.candidates(request.service, action) {
                let rule = &entry.allow[number];
                let Some(miss) = miss(rule, request, Purpose::Allow) else {
                    continue;
                };
                // nothing is nearer, and there may be thousands
                if miss.is_nearest() {
                    return Some((rule, miss));
                }
                nearest.get_or_insert((rule, miss));
            }
        }
        nearest
    }

    /// Whether `identity` is asked about as on its own socket, where nobody says
    /// otherwise: its entry asks for it.
    pub fn requires_own_socket(&self, identity: &Identity) -> bool {
        let entry = self.entries_for(identity).next();
        entry.is_some_and(|(entry, _)| entry.own_socket)
    }

    /// Whose cooldowns and which rules' limits a call of the past counts for
    /// whose params aren't known: those of every rule that may have let it
    /// through.
    pub fn possible(
        &self,
        identity: &Identity,
        service: &ServiceName,
        action: &str,
    ) -> Vec<(Scope, RuleKey)> {
        let mut buffer = [0; MAX_ACTION_BYTES];
        let Some(action) = lowercase(action, &mut buffer) else {
            return Vec::new();
        };
        let mut possible = Vec::new();
        for (entry, tables) in self.entries_for(identity) {
            for number in tables.allow.candidates(service, action) {
                let rule = &entry.allow[number];
                possible.push((entry.scope.clone(), rule.key.clone()));
                if rule.is_unconditional() {
                    return possible;
                }
            }
        }
        possible
    }

    /// The limit over all calls of `identity`.
    pub fn limit_of(&self, identity: &Identity) -> Limit<Scope> {
        let limit = |tables: &Tables| self.entries[tables.entry].requests_per_minute;
        match self.own.get(identity).and_then(limit) {
            Some(own) => Limit {
                of: Scope::Identity(identity.clone()),
                requests_per_minute: Some(own),
            },
            None => Limit {
                of: Scope::Any,
                requests_per_minute: self.any.as_ref().and_then(limit),
            },
        }
    }

    /// How many rules there are, over all identities.
    pub fn rule_count(&self) -> usize {
        let rules = |entry: &Entry| entry.allow.len() + entry.deny.len();
        self.entries.iter().map(rules).sum()
    }

    /// The identities that have an entry of their own.
    pub fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.own.keys()
    }

    /// Whom any program of this user can act as by saying so: the first entry that
    /// allows something on the general socket.
    pub fn claimable(&self) -> Option<&Scope> {
        let mut entries = self.entries.iter();
        let found = entries.find(|entry| !entry.own_socket && !entry.allow.is_empty());
        found.map(|entry| &entry.scope)
    }

    /// Whether a rule says what a param must be.
    pub fn looks_at_params(&self) -> bool {
        self.looks_at_params
    }

    /// The longest cooldown of any rule: how far back the past matters.
    pub fn longest_ttl(&self) -> Duration {
        self.entries
            .iter()
            .flat_map(|entry| &entry.allow)
            .filter_map(|rule| rule.ttl)
            .max()
            .unwrap_or_default()
    }

    /// All entries, in file order.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The same, with their compiled rules.
    pub(super) fn entries_with_tables(&self) -> impl Iterator<Item = (&Entry, &Tables)> {
        self.entries.iter().filter_map(|entry| {
            let tables = match &entry.scope {
                Scope::Any => self.any.as_ref(),
                Scope::Identity(identity) => self.own.get(identity),
            };
            Some((entry, tables?))
        })
    }

    /// The entry `"*"`.
    pub(super) fn any_entry(&self) -> Option<(&Entry, &Tables)> {
        let tables = self.any.as_ref()?;
        Some((&self.entries[tables.entry], tables))
    }

    fn own_entry(&self, identity: &Identity) -> Option<&Entry> {
        let tables = self.own.get(identity)?;
        Some(&self.entries[tables.entry])
    }

    /// The entries that count for `identity`, its own first.
    pub(super) fn entries_for(
        &self,
        identity: &Identity,
    ) -> impl Iterator<Item = (&Entry, &Tables)> {
        let tables = [self.own.get(identity), self.any.as_ref()];
        let tables = tables.into_iter().flatten();
        tables.map(|tables| (&self.entries[tables.entry], tables))
    }

    fn allowed(&self, identity: &Identity, entry: &Entry, rule: &Rule) -> Allowed {
        Allowed {
            ttl: rule.ttl,
            cooldown_scope: entry.scope.clone(),
            limit: self.limit_of(identity),
            rule_limit: Limit {
                of: rule.key.clone(),
                requests_per_minute: rule.requests_per_minute,
            },
            credential: rule.credential.clone(),
            ask: rule.ask.then_some(entry.approver),
            line: rule.line,
        }
    }

    fn denial(&self, request: &Request<'_>, nearest: Option<(&Rule, Miss<'_>)>) -> Denial {
        let Request {
            identity,
            service,
            action,
            ..
        } = *request;
        let reason = denied(identity, service, action);
        let Some((rule, miss)) = nearest else {
            return Denial {
                reason,
                hint: Some(self.hint(identity, service, action)),
                needs_own_socket: false,
                line: None,
            };
        };
        let line = rule.line;
        Denial {
            reason: format!("{reason} ({miss}, says the rule in line {line})"),
            hint: Some(format!(
                "the owner can change that rule in {}",
                self.origin.display()
            )),
            needs_own_socket: false,
            line: Some(line),
        }
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
pub(super) fn lowercase<'b>(
    action: &str,
    buffer: &'b mut [u8; MAX_ACTION_BYTES],
) -> Option<&'b str> {
    if !is_action(action) {
        return None;
    }
    let lower = buffer.get_mut(..action.len())?;
    lower.copy_from_slice(action.as_bytes());
    lower.make_ascii_lowercase();
    std::str::from_utf8(lower).ok()
}

fn miss<'r>(rule: &'r Rule, request: &Request<'_>, purpose: Purpose) -> Option<Miss<'r>> {
    rule.miss(request.effect, request.at, request.params, purpose)
}

/// The denial by a rule of `deny`, the `number`th of its entry, from 0.
fn denied_by(request: &Request<'_>, entry: &Entry, number: usize, rule: &Rule) -> Denial {
    let reason = denied(request.identity, request.service, request.action);
    let number = number + 1;
    let line = rule.line;
    let of = match &entry.scope {
        Scope::Any => " of \"*\"",
        Scope::Identity(_) => "",
    };
    Denial {
        reason: format!("{reason} (deny rule {number}{of}, line {line})"),
        hint: None,
        needs_own_socket: false,
        line: Some(line),
    }
}

/// Whether the entry allows nothing where the request came in.
fn is_shut(entry: &Entry, request: &Request<'_>) -> bool {
    entry.own_socket && !request.own_socket
}

/// The denial of what came in elsewhere than `entry` asks for.
fn shut(request: &Request<'_>, entry: &Entry) -> Denial {
    let reason = denied(request.identity, request.service, request.action);
    let line = entry.line;
    let whose = match &entry.scope {
        Scope::Any => "what \"*\" allows is allowed on an identity's own socket only",
        Scope::Identity(_) => "this identity is served on its own socket only",
    };
    Denial {
        reason: format!("{reason} ({whose}, says the entry in line {line})"),
        hint: None,
        needs_own_socket: true,
        line: Some(line),
    }
}

#[cfg(test)]
mod tests;
