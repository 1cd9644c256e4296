//! The policy file as it is written: YAML in, checked entries with their lines
//! out.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_yaml::Spanned;

use super::error::{Fault, PolicyError};
use super::pattern::{ActionPattern, ServicePattern};
use super::source::{Source, line_of};
use crate::names::Identity;

/// Most rules over all identities.
pub(super) const MAX_RULES: usize = 10_000;
/// Longest cooldown: a year, in seconds.
const MAX_TTL_S: u32 = 31_536_000;
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

/// One entry of `policies`.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) scope: Scope,
    pub(super) requests_per_minute: Option<u32>,
    pub(super) rules: Vec<Rule>,
}

/// One entry of `allow`.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) service: ServicePattern,
    /// Each with the line it stands in.
    pub(super) actions: Vec<(ActionPattern, usize)>,
    pub(super) ttl: Option<Duration>,
    /// The line of its service.
    pub(super) line: usize,
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
    allow: Vec<RuleText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RateLimitText {
    requests_per_minute: Spanned<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    service: Spanned<String>,
    actions: Vec<Spanned<String>>,
    #[serde(default, deserialize_with = "not_null")]
    ttl: Option<Spanned<Number>>,
}

/// `ttl:` with nothing after it must not pass for "no ttl".
fn not_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A number as it is written, so that the error can quote it.
enum Number {
    Whole(u64),
    Other(String),
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number::Whole(number))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(u64::try_from(number)
                    .map_or_else(|_| Number::Other(number.to_string()), Number::Whole))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
                Ok(Number::Other(format!("{number:?}")))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Number, E> {
                Ok(Number::Other(value.to_string()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Number, E> {
                Ok(Number::Other(format!("the text {text:?}")))
            }

            fn visit_unit<E>(self) -> Result<Number, E> {
                Ok(Number::Other("left out".into()))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
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
        if let Some(surplus) = entry.allow.get(MAX_RULES - rules) {
            let fault = Fault::TooManyRules { limit: MAX_RULES };
            return Err(source.error_at(&surplus.service, fault));
        }
        rules += entry.allow.len();
        entries.push(entry.check(scope, source)?);
    }
    Ok(entries)
}

impl EntryText {
    fn check(&self, scope: Scope, source: Source<'_>) -> Result<Entry, PolicyError> {
        let limit = self.rate_limit.as_ref();
        Ok(Entry {
            scope,
            requests_per_minute: limit
                .map(|limit| {
                    source.check(&limit.requests_per_minute, |number| {
                        number.within("requestsPerMinute", "requests", MAX_REQUESTS_PER_MINUTE)
                    })
                })
                .transpose()?,
            rules: self
                .allow
                .iter()
                .map(|rule| rule.check(source))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl RuleText {
    fn check(&self, source: Source<'_>) -> Result<Rule, PolicyError> {
        let ttl = self.ttl.as_ref();
        Ok(Rule {
            service: source.check(&self.service, |text| ServicePattern::parse(text))?,
            actions: self
                .actions
                .iter()
                .map(|action| {
                    let pattern = source.check(action, |text| ActionPattern::parse(text))?;
                    Ok((pattern, line_of(action)))
                })
                .collect::<Result<_, _>>()?,
            ttl: ttl
                .map(|ttl| source.check(ttl, |number| number.within("ttl", "seconds", MAX_TTL_S)))
                .transpose()?
                .map(|seconds| Duration::from_secs(seconds.into())),
            line: line_of(&self.service),
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

impl Number {
    fn within(&self, field: &'static str, unit: &'static str, max: u32) -> Result<u32, Fault> {
        let fault = |written| Fault::Number {
            field,
            unit,
            min: 1,
            max,
            written,
        };
        match self {
            Self::Other(written) => Err(fault(written.clone())),
            Self::Whole(number) => u32::try_from(*number)
                .ok()
                .filter(|number| (1..=max).contains(number))
                .ok_or_else(|| fault(number.to_string())),
        }
    }
}

#[cfg(test)]
mod tests;
