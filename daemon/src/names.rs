//! The names that requests, policy and vault agree on. Each is parsed once,
//! at the edge, and is lowercase from then on: all names compare without case.

use std::fmt;
use std::sync::Arc;

/// Longest identity, service or label, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("the {kind} is empty")]
    Empty {
        /// What should have been named.
        kind: &'static str,
    },
    /// A shell variable that the MCP host passed on as it stood.
    #[error(
        "the {kind} is {value:?}: the MCP host passed the variable on without expanding it; write the name itself into the host's configuration"
    )]
    Unexpanded {
        /// What should have been named.
        kind: &'static str,
        /// The text.
        value: String,
    },
    /// Not `[a-z0-9][a-z0-9_-]*`, or over 64 bytes.
    #[error(
        "{value:?} can't be the {kind}: use up to 64 of a-z, 0-9, \"_\" and \"-\", starting with a letter or a digit"
    )]
    Malformed {
        /// What should have been named.
        kind: &'static str,
        /// The text, cut after 80 characters.
        value: String,
    },
}

fn parse(kind: &'static str, text: &str) -> Result<Arc<str>, NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { kind });
    }
    if text.starts_with("${") {
        return Err(NameError::Unexpanded {
            kind,
            value: text.chars().take(80).collect(),
        });
    }
    let mut bytes = text.bytes();
    let well_formed = text.len() <= MAX_NAME_BYTES
        && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !well_formed {
        return Err(NameError::Malformed {
            kind,
            value: text.chars().take(80).collect(),
        });
    }
    Ok(text.to_ascii_lowercase().into())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Parses and lowercases.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                parse($kind, text).map(Self)
            }

            /// The name in lowercase.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The name an agent acts under.
    Identity,
    "identity"
);
name!(
    /// An upstream API, such as `github`.
    ServiceName,
    "service name"
);
name!(
    /// Tells several credentials of one service apart, such as `work`.
    Label,
    "label"
);

/// A stored credential: a service, and a label where it has one. Written
/// `github` or `github/work`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialName {
    /// The service it is for.
    pub service: ServiceName,
    /// Unset for the service's unlabelled credential.
    pub label: Option<Label>,
}

impl CredentialName {
    /// The service's unlabelled credential.
    pub fn unlabelled(service: ServiceName) -> Self {
        Self {
            service,
            label: None,
        }
    }

    /// Parses a service and a label; an empty label is none.
    pub fn parse(service: &str, label: &str) -> Result<Self, NameError> {
        Ok(Self {
            service: ServiceName::parse(service)?,
            label: (!label.is_empty())
                .then(|| Label::parse(label))
                .transpose()?,
        })
    }
}

impl fmt::Display for CredentialName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.label {
            None => self.service.fmt(f),
            Some(label) => write!(f, "{}/{label}", self.service),
        }
    }
}

/// The names of `known` that `wanted` may have meant, nearest first, at most three.
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|name| {
            let lower = name.to_lowercase();
            (strsim::jaro_winkler(&wanted, &lower), name)
        })
        .filter(|(score, _)| *score >= 0.75)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// `Did you mean "a" or "b"?`, where there is anything near.
pub fn did_you_mean<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = nearest(wanted, known);
    let quoted: Vec<String> = near.iter().map(|name| format!("{name:?}")).collect();
    match quoted.as_slice() {
        [] => None,
        [one] => Some(format!("Did you mean {one}?")),
        [rest @ .., last] => Some(format!("Did you mean {} or {last}?", rest.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lowercased_and_checked() {
        assert_eq!(Identity::parse("Local-Dev").unwrap().as_str(), "local-dev");
        for bad in [
            "",
            "-a",
            "_a",
            "a b",
            "a/b",
            "lоcal-dev",
            "a\n",
            "..",
            &"a".repeat(65),
        ] {
            assert!(ServiceName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_unexpanded_variable_is_named_as_such() {
        let error = Identity::parse("${AXIS_IDENTITY}").unwrap_err();
        assert!(matches!(error, NameError::Unexpanded { .. }));
    }

    #[test]
    fn a_typo_finds_its_name() {
        let known = ["openai", "anthropic", "github"];
        assert_eq!(nearest("opnai", known), ["openai"]);
        assert_eq!(nearest("GitHbu", known), ["github"]);
        assert!(nearest("zzz", known).is_empty());
    }
}
