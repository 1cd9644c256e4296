//! What a policy says of one identity's calls of one action, in words: two
//! policies that say the same of all of them mean the same.

use std::fmt::Write as _;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::constraint::Constraint;
use super::document::{Approver, Entry, Scope};
use super::pattern::MAX_ACTION_BYTES;
use super::rule::Rule;
use super::rules::{Policy, lowercase};
use crate::catalogue::Effect;
use crate::names::{Identity, ServiceName};

/// Most rules that are said in words; the others count all the same.
const MAX_SAID: usize = 3;
/// Most characters of one rule's words.
const MAX_RULE_CHARS: usize = 300;

/// What a policy says of one identity's calls of one action, whatever their
/// params. Equal where it is the same, however long it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    allow: Said,
    deny: Said,
}

/// What some rules say, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Said {
    /// The first of them.
    first: Vec<String>,
    count: usize,
    /// Over all of them, in full.
    digest: Option<[u8; 32]>,
}

impl Said {
    fn add(&mut self, rule: &Rule, entry: &Entry) {
        let words = rule.words(entry);
        let before = self.digest.unwrap_or_default();
        let mut digest = Sha256::new()
            .chain_update(before)
            .chain_update(words.as_bytes());
        for (param, _) in &rule.params {
            // in words a long list is cut
            digest.update(format!("{param:?}"));
        }
        self.digest = Some(digest.finalize().into());
        if self.count < MAX_SAID {
            let mut said: String = words.chars().take(MAX_RULE_CHARS).collect();
            if said.len() < words.len() {
                said.push('…');
            }
            self.first.push(said);
        }
        self.count += 1;
    }

    fn words(&self, between: &str) -> String {
        let mut words = self.first.join(between);
        let more = self.count - self.first.len();
        if more > 0 {
            // a String takes all that is written
            let _ = write!(words, "{between}by {more} more rules");
        }
        words
    }
}

impl Terms {
    /// Where nothing is allowed.
    pub fn nothing() -> Self {
        Self {
            allow: Said::default(),
            deny: Said::default(),
        }
    }

    /// Whether any call is allowed.
    pub fn is_allowed(&self) -> bool {
        self.allow.count > 0
    }

    /// All of it in one line, a long one cut.
    pub fn words(&self) -> String {
        if !self.is_allowed() {
            return "not at all".into();
        }
        let mut words = self.allow.words(", else ");
        if self.deny.count > 0 {
            let _ = write!(words, "; never {}", self.deny.words(", never "));
        }
        words
    }
}

impl Policy {
    /// What it says of `identity`'s calls of this action at the moment `at`.
    pub fn terms(
        &self,
        identity: &Identity,
        service: &ServiceName,
        action: &str,
        effect: Effect,
        at: Timestamp,
    ) -> Terms {
        let mut buffer = [0; MAX_ACTION_BYTES];
        let Some(action) = lowercase(action, &mut buffer) else {
            return Terms::nothing();
        };
        let mut terms = Terms::nothing();
        for (entry, tables) in self.entries_for(identity) {
            for number in tables.deny.candidates(service, action) {
                let rule = &entry.deny[number];
                if !rule.is_about(effect, at) {
                    continue;
                }
                if rule.is_for_all_params_forever() {
                    return Terms::nothing();
                }
                terms.deny.add(rule, entry);
            }
        }
        'entries: for (entry, tables) in self.entries_for(identity) {
            for number in tables.allow.candidates(service, action) {
                let rule = &entry.allow[number];
                if !rule.is_about(effect, at) {
                    continue;
                }
                terms.allow.add(rule, entry);
                if rule.is_for_all_params_forever() {
                    break 'entries;
                }
            }
        }
        if !terms.is_allowed() {
            return Terms::nothing();
        }
        terms
    }

    /// What it says of `identity` beside its rules, each in words.
    pub fn entry_terms(&self, identity: &Identity) -> Vec<String> {
        let limit = self.limit_of(identity);
        let mut words = Vec::new();
        if let Some(most) = limit.requests_per_minute {
            words.push(match limit.of {
                Scope::Any => format!(
                    "at most {most} calls in any 60 s, shared by all identities without a limit of their own"
                ),
                Scope::Identity(_) => format!("at most {most} calls in any 60 s"),
            });
        }
        for (entry, _) in self.entries_for(identity) {
            words.extend(entry.words());
        }
        words
    }
}

impl Entry {
    /// What it says beside its rules and its limit.
    fn words(&self) -> Vec<String> {
        // a new field has to be said here, too
        let Self {
            scope,
            own_socket,
            line: _,
            requests_per_minute: _,
            // said of the rules that ask
            approver: _,
            allow: _,
            deny: _,
        } = self;
        let socket = own_socket.then(|| match scope {
            Scope::Any => "what \"*\" allows on identities' own sockets only".to_owned(),
            Scope::Identity(_) => "served on its own socket only".to_owned(),
        });
        socket.into_iter().collect()
    }
}

impl Rule {
    /// Whether calls with this effect can meet it at that moment.
    fn is_about(&self, effect: Effect, at: Timestamp) -> bool {
        let effects = self.effects.as_ref();
        effects.is_none_or(|effects| effects.contains(&effect))
            && self.until.is_none_or(|until| until > at)
    }

    /// Whether none after it can decide anything, of calls that it is about.
    fn is_for_all_params_forever(&self) -> bool {
        self.params.is_empty() && self.until.is_none()
    }

    /// What it says of a call for its service, actions and effects.
    fn words(&self, entry: &Entry) -> String {
        // a new field has to be said here, too
        let Self {
            service: _,
            actions: _,
            effects: _,
            params,
            until,
            ttl,
            requests_per_minute,
            credential,
            ask,
            line: _,
            key: _,
        } = self;
        let mut words = Vec::new();
        if !params.is_empty() {
            let params: Vec<String> = params.iter().map(|(param, _)| said(param)).collect();
            words.push(format!("where {}", params.join(" and ")));
        }
        if let Some(until) = until {
            words.push(format!("until {until}"));
        }
        let shared = match &entry.scope {
            Scope::Any => " (of all under \"*\")",
            Scope::Identity(_) => "",
        };
        if let Some(ttl) = ttl {
            let seconds = ttl.as_secs();
            words.push(format!("with {seconds} s between two successes{shared}"));
        }
        if let Some(most) = requests_per_minute {
            words.push(format!("at most {most} calls in any 60 s{shared}"));
        }
        if let Some(label) = credential {
            words.push(format!("with the credential labelled {label}"));
        }
        if *ask {
            words.push(match entry.approver {
                Approver::Owner => "each call approved by the owner".into(),
                Approver::Host => "each call approved in the host's window".into(),
            });
        }
        if words.is_empty() {
            return "always".into();
        }
        words.join(", ")
    }
}

fn said(param: &Constraint) -> String {
    param.to_string().replacen(" must be ", " is ", 1)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn terms(policy: &str, action: &str) -> String {
        let policy = Policy::parse(policy, Path::new("policy.yaml")).unwrap();
        let identity = Identity::parse("ci").unwrap();
        let service = ServiceName::parse("github").unwrap();
        let at = "2026-01-01T00:00:00Z".parse().unwrap();
        policy
            .terms(&identity, &service, action, Effect::Write, at)
            .words()
    }

    #[test]
    fn rules_are_said_without_their_place() {
        let policy = r#"policies:
- identity: ci
  deny:
  - { service: github, actions: ["issues.*"], params: { repo: "secret-*" } }
  - { service: github, actions: ["repos.delete"] }
  allow:
  - { service: github, actions: ["issues.create"], params: { owner: acme }, ttl: 300 }
  - { service: github, actions: ["issues.create"], until: 2020-01-01T00:00:00Z }
  - { service: github, actions: ["repos.delete", "pulls.create"] }
  - { service: github, actions: ["pulls.create"], ttl: 5 }
  - { service: github, actions: ["pulls.merge"], ask: true }
- identity: "*"
  allow:
  - { service: github, actions: ["issues.*"], effects: [write], rateLimit: { requestsPerMinute: 5 } }
  - { service: github, actions: ["issues.*"], effects: [read] }
"#;
        assert_eq!(
            terms(policy, "issues.create"),
            "where \"owner\" is \"acme\", with 300 s between two successes, else at most 5 calls in any 60 s (of all under \"*\"); never where \"repo\" is \"secret-*\""
        );
        assert_eq!(terms(policy, "repos.delete"), "not at all");
        assert_eq!(terms(policy, "pulls.create"), "always");
        assert_eq!(terms(policy, "orgs.get"), "not at all");
        assert_eq!(
            terms(policy, "pulls.merge"),
            "each call approved by the owner"
        );
        let by_host = policy.replace("- identity: ci", "- identity: ci\n  approval: host");
        assert_eq!(
            terms(&by_host, "pulls.merge"),
            "each call approved in the host's window"
        );
    }

    #[test]
    fn what_is_too_long_to_be_said_still_counts() {
        let owners = |last: &str| {
            let owners: Vec<String> = (0..900).map(|n| format!("owner-{n}")).collect();
            format!(
                "policies:\n- identity: ci\n  allow:\n  - {{ service: github, actions: [a.b], params: {{ owner: [{}, {last}] }} }}\n",
                owners.join(", ")
            )
        };
        let policy = |text: &str| Policy::parse(text, Path::new("policy.yaml")).unwrap();
        let of = |policy: &Policy| {
            let identity = Identity::parse("ci").unwrap();
            let service = ServiceName::parse("github").unwrap();
            let at = "2026-01-01T00:00:00Z".parse().unwrap();
            policy.terms(&identity, &service, "a.b", Effect::Read, at)
        };
        let (one, other) = (of(&policy(&owners("x"))), of(&policy(&owners("y"))));
        assert_eq!(one.words(), other.words());
        assert!(one.words().len() < 400);
        assert_ne!(one, other);
        let rules = (0..100).map(|n| {
            format!("  - {{ service: github, actions: [a.b], params: {{ page: {n} }} }}\n")
        });
        let many = format!(
            "policies:\n- identity: ci\n  allow:\n{}",
            rules.collect::<String>()
        );
        assert!(
            of(&policy(&many))
                .words()
                .ends_with(", else by 97 more rules")
        );
    }

    #[test]
    fn the_order_of_rules_and_a_constraint_count() {
        let rules = |one: &str, other: &str| {
            format!(
                "policies:\n- identity: ci\n  allow:\n  - {{ service: github, actions: [a.b], {one} }}\n  - {{ service: github, actions: [a.b], {other} }}\n"
            )
        };
        let (one, other) = ("params: { x: 1 }", "params: { x: 2 }, ttl: 3");
        assert_ne!(
            terms(&rules(one, other), "a.b"),
            terms(&rules(other, one), "a.b")
        );
    }
}
