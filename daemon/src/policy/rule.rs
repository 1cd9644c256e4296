//! One rule of an entry: what it is about, and what it says of that.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use serde_yaml::{Location, Spanned};

use super::constraint::{Constraint, Purpose};
use super::document::{RateLimitText, Scope, not_null};
use super::error::{Fault, PolicyError};
use super::number::Number;
use super::pattern::{ActionPattern, ServicePattern};
use super::source::{Source, line_of};
use crate::catalogue::Effect;
use crate::names::Label;

/// Longest cooldown: a year, in seconds.
const MAX_TTL_S: u32 = 31_536_000;

/// One entry of `allow` or `deny`.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) service: ServicePattern,
    /// Each with the line it stands in.
    pub(super) actions: Vec<(ActionPattern, usize)>,
    /// Only actions with one of these effects; without it, with any.
    pub(super) effects: Option<Vec<Effect>>,
    /// What the call's params must be, each with the line it stands in.
    pub(super) params: Vec<(Constraint, usize)>,
    /// From this moment on it is as if absent.
    pub(super) until: Option<Timestamp>,
    /// How long after a success the same action is denied.
    pub(super) ttl: Option<Duration>,
    /// Its own limit, beside the entry's.
    pub(super) requests_per_minute: Option<u32>,
    /// Which of the service's credentials it is for.
    pub(super) credential: Option<Label>,
    /// Whether each call waits for an approval.
    pub(super) ask: bool,
    /// The line of its service.
    pub(super) line: usize,
    /// Whose calls its own limit counts.
    pub(super) key: RuleKey,
}

/// Tells a rule from others, also across a restart and an edit of what it
/// grants: by whom and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RuleKey(Arc<str>);

/// Why a rule for this service and action doesn't count for a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Miss<'r> {
    /// The action has another effect.
    Effect(&'r [Effect]),
    /// Its moment has passed.
    Over(Timestamp),
    /// A param isn't what it must be.
    Param(&'r Constraint),
}

/// A rule as it is written. One of `deny` has no `ttl` and so on, which is
/// checked after reading, so that the error can say why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RuleText {
    pub(super) service: Spanned<String>,
    actions: Vec<Spanned<String>>,
    #[serde(default, deserialize_with = "not_null")]
    effects: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default, deserialize_with = "not_null")]
    params: Option<BTreeMap<String, Spanned<Value>>>,
    #[serde(default, deserialize_with = "not_null")]
    until: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "not_null")]
    ttl: Option<Spanned<Number>>,
    #[serde(default, deserialize_with = "not_null")]
    rate_limit: Option<Spanned<RateLimitText>>,
    #[serde(default, deserialize_with = "not_null")]
    credential: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "not_null")]
    ask: Option<Spanned<bool>>,
}

impl RuleText {
    /// Checks an entry of `allow`.
    pub(super) fn allow(&self, scope: &Scope, source: Source<'_>) -> Result<Rule, PolicyError> {
        let ttl = self.ttl.as_ref();
        let ttl = ttl
            .map(|ttl| source.check(ttl, |number| number.within("ttl", "seconds", MAX_TTL_S)))
            .transpose()?;
        let limit = self.rate_limit.as_ref();
        let credential = self.credential.as_ref();
        Ok(Rule {
            ttl: ttl.map(|seconds| Duration::from_secs(seconds.into())),
            requests_per_minute: limit.map(|limit| limit.value.check(source)).transpose()?,
            credential: credential
                .map(|label| source.check(label, |label| Ok(Label::parse(label)?)))
                .transpose()?,
            ask: self.ask.as_ref().is_some_and(|ask| ask.value),
            ..self.condition(scope, source)?
        })
    }

    /// Checks an entry of `deny`.
    pub(super) fn deny(&self, scope: &Scope, source: Source<'_>) -> Result<Rule, PolicyError> {
        let refuse = |field: &'static str, at: Option<Location>| {
            let fault = Fault::NotInDeny { field };
            at.map_or(Ok(()), |at| Err(source.error_at_location(at, fault)))
        };
        refuse("ttl", self.ttl.as_ref().map(|it| it.referenced))?;
        refuse(
            "rateLimit",
            self.rate_limit.as_ref().map(|it| it.referenced),
        )?;
        refuse(
            "credential",
            self.credential.as_ref().map(|it| it.referenced),
        )?;
        refuse("ask", self.ask.as_ref().map(|it| it.referenced))?;
        self.condition(scope, source)
    }

    fn condition(&self, scope: &Scope, source: Source<'_>) -> Result<Rule, PolicyError> {
        let actions = self.actions.iter().map(|action| {
            let pattern = source.check(action, |text| ActionPattern::parse(text))?;
            Ok((pattern, line_of(action)))
        });
        let params = self.params.iter().flatten().map(|(name, written)| {
            let constraint = source.check(written, |value| Constraint::parse(name, value))?;
            Ok((constraint, line_of(written)))
        });
        let until = self.until.as_ref();
        Ok(Rule {
            service: source.check(&self.service, |text| ServicePattern::parse(text))?,
            actions: actions.collect::<Result<_, _>>()?,
            effects: self.effects(source)?,
            params: params.collect::<Result<_, _>>()?,
            until: until
                .map(|until| source.check(until, |text| moment(text)))
                .transpose()?,
            ttl: None,
            requests_per_minute: None,
            credential: None,
            ask: false,
            line: line_of(&self.service),
            key: self.key(scope),
        })
    }

    fn effects(&self, source: Source<'_>) -> Result<Option<Vec<Effect>>, PolicyError> {
        let Some(written) = &self.effects else {
            return Ok(None);
        };
        if written.value.is_empty() {
            return Err(source.error_at(written, Fault::NoEffect));
        }
        let effects = written.value.iter().map(|effect| {
            source.check(effect, |text| match text.as_str() {
                "read" => Ok(Effect::Read),
                "write" => Ok(Effect::Write),
                "delete" => Ok(Effect::Delete),
                other => Err(Fault::Effect {
                    text: other.chars().take(80).collect(),
                }),
            })
        });
        effects.collect::<Result<_, _>>().map(Some)
    }

    /// The rule by all that says what it is about.
    fn key(&self, scope: &Scope) -> RuleKey {
        let actions: Vec<_> = self.actions.iter().map(|action| &action.value).collect();
        let effects = self.effects.iter().flat_map(|effects| &effects.value);
        let effects: Vec<_> = effects.map(|effect| &effect.value).collect();
        let params = self.params.iter().flatten();
        let params: BTreeMap<_, _> = params.map(|(name, value)| (name, &value.value)).collect();
        let mut text = format!("{scope} {} {actions:?}", self.service.value);
        // a String takes all that is written
        let _ = write!(text, " {effects:?} {params:?}");
        RuleKey(text.to_ascii_lowercase().into())
    }
}

impl Rule {
    /// Whether it counts for every request for its service and actions.
    pub(super) fn is_unconditional(&self) -> bool {
        self.effects.is_none() && self.params.is_empty() && self.until.is_none()
    }

    /// Why it doesn't count for a request that has its service and one of its
    /// actions; none where it does. Where the params aren't known, those that
    /// an `allow` needs are taken to be there, and those of a `deny` not.
    pub(super) fn miss(
        &self,
        effect: Effect,
        at: Timestamp,
        params: Option<&Map<String, Value>>,
        purpose: Purpose,
    ) -> Option<Miss<'_>> {
        let effects = self.effects.as_deref();
        if let Some(effects) = effects.filter(|effects| !effects.contains(&effect)) {
            return Some(Miss::Effect(effects));
        }
        if let Some(until) = self.until.filter(|until| *until <= at) {
            return Some(Miss::Over(until));
        }
        let is_met = |constraint: &Constraint| match params {
            Some(params) => constraint.is_met(params, purpose),
            None => purpose == Purpose::Allow,
        };
        let mut constraints = self.params.iter().map(|(constraint, _)| constraint);
        constraints
            .find(|constraint| !is_met(constraint))
            .map(Miss::Param)
    }
}

impl Miss<'_> {
    /// Whether a request would rather have been meant by the rule that misses
    /// it for this than by any other: params are what an agent can change.
    pub(super) fn is_nearest(self) -> bool {
        matches!(self, Self::Param(_))
    }
}

impl fmt::Display for Miss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Effect(effects) => {
                let words: Vec<_> = effects.iter().map(|effect| effect.word()).collect();
                write!(f, "only what does {} is allowed", words.join(" or "))
            }
            Self::Over(until) => write!(f, "it was allowed until {until}"),
            Self::Param(constraint) => write!(f, "the param {constraint}"),
        }
    }
}

fn moment(text: &str) -> Result<Timestamp, Fault> {
    text.parse().map_err(|_| Fault::Moment {
        text: text.chars().take(80).collect(),
    })
}
