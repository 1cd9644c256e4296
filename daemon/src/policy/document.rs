//! The policy file as it is written: YAML in, checked entries with their lines
//! out.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde_yaml::Spanned;

use super::error::{Fault, PolicyError};
use super::number::Number;
use super::rule::{Rule, RuleText};
use super::source::{Source, line_of, missing_field};
use crate::names::Identity;

/// Most rules over all identities.
pub(super) const MAX_RULES: usize = 10_000;
/// Highest limit.
pub(super) const MAX_REQUESTS_PER_MINUTE: u32 = 100_000;

/// Whom an entry of the policy is for, and so whose budget its limits are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The entry `"*"`: one budget for all who fall under it.
    Any,
    /// An identity's own entry.
    Identity(Identity),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Identity(identity) => identity.fmt(f),
        }
    }
}

/// Who says whether a call that waits may go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Approver {
    /// The owner, with the master password.
    #[default]
    Owner,
    /// Whoever sits before the agent's MCP host, in its own window; the owner
    /// can, too. That trusts the host, and all that can pass for one.
    Host,
}

impl Approver {
    /// The word in the policy.
    pub fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Host => "host",
        }
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        match text {
            "owner" => Ok(Self::Owner),
            "host" => Ok(Self::Host),
            other => Err(Fault::Approver {
                text: other.chars().take(80).collect(),
            }),
        }
    }
}

/// One entry of `policies`.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) scope: Scope,
    /// Whether it counts on an identity's own socket only.
    pub(super) own_socket: bool,
    /// The line of its identity.
    pub(super) line: usize,
    pub(super) requests_per_minute: Option<u32>,
    /// Who answers the calls of rules that ask.
    pub(super) approver: Approver,
    /// What it may do.
    pub(super) allow: Vec<Rule>,
    /// What it may not do, whatever allows it.
    pub(super) deny: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    policies: Vec<EntryText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EntryText {
    identity: Spanned<String>,
    #[serde(default, deserialize_with = "not_null")]
    rate_limit: Option<RateLimitText>,
    #[serde(default, deserialize_with = "not_null")]
    approval: Option<Spanned<String>>,
    /// Only beside `deny` may it be left out.
    #[serde(default, deserialize_with = "not_null")]
    allow: Option<Vec<RuleText>>,
    #[serde(default, deserialize_with = "not_null")]
    deny: Option<Vec<RuleText>>,
    #[serde(default, deserialize_with = "not_null")]
    socket: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RateLimitText {
    requests_per_minute: Spanned<Number>,
}

/// `ttl:` with nothing after it must not pass for "no ttl".
pub(super) fn not_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Reads and checks a whole policy.
pub(super) fn read(text: &str, origin: &Path) -> Result<Vec<Entry>, PolicyError> {
    let source = Source::new(text, origin);
    source.screen()?;
    let file: PolicyFile = source.parse()?;

    let mut entries = Vec::with_capacity(file.policies.len());
    let mut first_lines = HashMap::new();
    let mut rules = 0;
    for entry in file.policies {
        let scope = source.check(&entry.identity, |text| Scope::parse(text))?;
        let line = line_of(&entry.identity);
        if let Some(first_line) = first_lines.insert(scope.clone(), line) {
            let fault = Fault::SecondEntry {
                identity: scope.to_string(),
                first_line,
            };
            return Err(source.error_at(&entry.identity, fault));
        }
        let rules_of_entry = [&entry.allow, &entry.deny].into_iter().flatten().flatten();
        let services = rules_of_entry.map(|rule| &rule.service);
        if let Some(surplus) = services.clone().nth(MAX_RULES - rules) {
            let fault = Fault::TooManyRules { limit: MAX_RULES };
            return Err(source.error_at(surplus, fault));
        }
        rules += services.count();
        entries.push(entry.check(scope, source)?);
    }
    Ok(entries)
}

impl EntryText {
    fn check(&self, scope: Scope, source: Source<'_>) -> Result<Entry, PolicyError> {
        if self.allow.is_none() && self.deny.is_none() {
            return Err(source.error_at(&self.identity, missing_field("allow")));
        }
        let limit = self.rate_limit.as_ref();
        let socket = self.socket.as_ref().map(|socket| {
            source.check(socket, |text| match text.as_str() {
                "required" => Ok(()),
                other => Err(Fault::Socket {
                    text: other.chars().take(80).collect(),
                }),
            })
        });
        let allow = self.allow.iter().flatten();
        let allow = allow.map(|rule| rule.allow(&scope, source));
        let deny = self.deny.iter().flatten();
        let deny = deny.map(|rule| rule.deny(&scope, source));
        Ok(Entry {
            own_socket: socket.transpose()?.is_some(),
            line: line_of(&self.identity),
            requests_per_minute: limit.map(|limit| limit.check(source)).transpose()?,
            approver: match &self.approval {
                Some(approval) => source.check(approval, |text| Approver::parse(text))?,
                None => Approver::Owner,
            },
            allow: allow.collect::<Result<_, _>>()?,
            deny: deny.collect::<Result<_, _>>()?,
            scope,
        })
    }
}

impl RateLimitText {
    pub(super) fn check(&self, source: Source<'_>) -> Result<u32, PolicyError> {
        source.check(&self.requests_per_minute, |number| {
            number.within("requestsPerMinute", "requests", MAX_REQUESTS_PER_MINUTE)
        })
    }
}

impl Scope {
    fn parse(text: &str) -> Result<Self, Fault> {
        match text {
            "*" => Ok(Self::Any),
            _ if text.contains('*') => Err(Fault::Star {
                kind: "an identity",
                text: text.chars().take(80).collect(),
                also: "; write an entry for each identity",
            }),
            _ => Ok(Self::Identity(Identity::parse(text)?)),
        }
    }
}

#[cfg(test)]
mod tests;
