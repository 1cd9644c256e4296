//! What a rule may say in place of a service or an action: a name, `*`, or for
//! actions a prefix that ends in `.*`.

use super::error::Fault;
use crate::names::ServiceName;

/// Longest action, in bytes; a longer one matches no rule.
pub(super) const MAX_ACTION_BYTES: usize = 128;

/// The actions that send whatever the agent says; `*` never includes them.
const RAW_PREFIX: &str = "http.";

/// The services of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ServicePattern {
    /// `*`
    Any,
    /// One service.
    Named(ServiceName),
}

/// Some of a rule's actions, in lowercase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ActionPattern {
    /// `*`: every action but the raw ones.
    Any,
    /// `issues.*`, kept as `issues`: every action below it.
    Below(Box<str>),
    /// One action.
    Named(Box<str>),
}

impl ServicePattern {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        match text {
            "*" => Ok(Self::Any),
            _ if text.contains('*') => Err(Fault::Star {
                kind: "a service",
                text: shortened(text),
                also: "; name the services one by one, a rule each",
            }),
            _ => Ok(Self::Named(ServiceName::parse(text)?)),
        }
    }
}

impl ActionPattern {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let (name, below) = match text.strip_suffix(".*") {
            Some(prefix) => (prefix, true),
            None => (text, false),
        };
        if name.contains('*') {
            return Err(Fault::Star {
                kind: "an action",
                text: shortened(text),
                also: ", or as the end of a prefix, as in \"issues.*\"",
            });
        }
        if !is_action(name) {
            return Err(Fault::Action {
                text: shortened(text),
            });
        }
        let name = name.to_ascii_lowercase().into_boxed_str();
        Ok(if below {
            Self::Below(name)
        } else {
            Self::Named(name)
        })
    }
}

/// Whether `text` is built like an action's name: words of letters, digits,
/// `_` and `-`, with dots between them.
pub(super) fn is_action(text: &str) -> bool {
    text.len() <= MAX_ACTION_BYTES
        && text.split('.').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        })
}

/// Whether `action`, in lowercase, is one that `*` leaves out.
pub(super) fn is_raw(action: &str) -> bool {
    action.starts_with(RAW_PREFIX)
}

/// The prefixes that a rule could name to cover `action`, longest first:
/// `a.b` and `a` for `a.b.c`.
pub(super) fn prefixes(action: &str) -> impl Iterator<Item = &str> {
    action.rmatch_indices('.').map(|(dot, _)| &action[..dot])
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
