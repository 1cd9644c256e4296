//! A service's definition: one YAML file, read into types. What the types
//! can't say (a `{param}` that is declared nowhere) is checked in
//! [`super::service`].

mod param;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde_yaml::{Location, Spanned};

pub(super) use self::param::{ListStyle, ParamDefinition, Place};
use super::base::BaseTemplate;
use super::ordered::Ordered;
use super::reach::Reach;
use super::response::{EventShape, ResponseFormat};
use crate::auth::AuthScheme;
use crate::host::BaseUrl;
use crate::yaml;

/// Largest definition, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// Why a definition can't be used. Displays as several lines, the offending
/// one with a caret under it; without colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}\n{place}")]
pub struct DefinitionError {
    /// What is wrong, and what to write.
    problem: String,
    place: yaml::Place,
}

impl DefinitionError {
    /// The error that `problem` is at `place`.
    pub fn at(place: yaml::Place, problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            place,
        }
    }

    /// What is wrong and where, in one line.
    pub fn headline(&self) -> String {
        let problem = self.problem.lines().next().unwrap_or_default();
        format!("{}: {problem}", self.place.short())
    }
}

/// The text of a definition with its name, to point into.
#[derive(Clone, Copy)]
pub(super) struct Source<'a>(yaml::Source<'a>);

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str, origin: &'a Path) -> Self {
        Self(yaml::Source::new(text, origin))
    }

    /// Where `location` is; without one, the file.
    pub(super) fn place(self, location: Option<Location>) -> yaml::Place {
        self.0.place(location)
    }

    /// The error that `problem` is at `location`; without one, in the file.
    pub(super) fn error(
        self,
        location: Option<Location>,
        problem: impl Into<String>,
    ) -> DefinitionError {
        DefinitionError::at(self.place(location), problem)
    }
}

/// What a call does to the world behind the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Creates or changes something, or costs something.
    Write,
    /// Removes something.
    Delete,
}

impl Effect {
    /// `read`, `write` or `delete`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The whole file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Definition {
    pub(super) service: Spanned<String>,
    pub(super) title: String,
    pub(super) base_url: Spanned<BaseTemplate>,
    /// Where its credentials may go; without it, the base URL's host alone.
    pub(super) hosts: Option<Spanned<Vec<String>>>,
    pub(super) auth: AuthScheme,
    #[serde(default)]
    pub(super) credential: CredentialDefinition,
    #[serde(default)]
    pub(super) headers: Ordered<Spanned<String>>,
    pub(super) timeout_s: Option<Timeout>,
    #[serde(default)]
    pub(super) body: BodyFormat,
    #[serde(default)]
    pub(super) error: ErrorShape,
    pub(super) success: Option<SuccessShape>,
    pub(super) pagination: Option<Pagination>,
    pub(super) idempotency: Option<Spanned<Idempotency>>,
    /// Params that every action has.
    #[serde(default)]
    pub(super) params: Ordered<Spanned<ParamDefinition>>,
    pub(super) actions: Spanned<Ordered<Spanned<ActionDefinition>>>,
}

/// What `axis add` says and checks.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialDefinition {
    pub(super) prompt: Option<String>,
    pub(super) pattern: Option<Spanned<String>>,
    pub(super) check: Option<CheckDefinition>,
    /// The environment variables that usually hold it.
    pub(super) environment: Option<Spanned<Vec<String>>>,
}

/// The request that shows whether a credential is accepted.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckDefinition {
    pub(super) method: MethodWord,
    pub(super) path: Spanned<String>,
    /// A GraphQL query that is its body.
    pub(super) graphql: Option<String>,
    /// Where, if not at the service's own base URL.
    pub(super) base_url: Option<BaseUrl>,
    /// How, if not like the service.
    pub(super) auth: Option<AuthScheme>,
    /// A form, as it is sent.
    pub(super) form: Option<String>,
    /// The header of the answer that says when the credential ends.
    pub(super) expires: Option<Spanned<String>>,
}

/// One action.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActionDefinition {
    pub(super) effect: Effect,
    pub(super) method: MethodWord,
    pub(super) path: Spanned<String>,
    #[serde(default)]
    pub(super) params: Ordered<Spanned<ParamDefinition>>,
    /// Params that are valid, where the required ones alone would mislead.
    pub(super) example: Option<serde_json::Map<String, serde_json::Value>>,
    pub(super) body: Option<Spanned<BodyFormat>>,
    pub(super) graphql: Option<Spanned<Graphql>>,
    pub(super) passthrough: Option<Spanned<Passthrough>>,
    #[serde(default)]
    pub(super) headers: Ordered<Spanned<String>>,
    pub(super) timeout_s: Option<Timeout>,
    #[serde(default)]
    pub(super) response: ResponseFormat,
    pub(super) events: Option<EventShape>,
    pub(super) error: Option<ErrorShape>,
    pub(super) success: Option<SuccessShape>,
    pub(super) pagination: Option<Pagination>,
    pub(super) idempotency: Option<Spanned<Idempotency>>,
}

/// How a body is written.
#[derive(Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum BodyFormat {
    #[default]
    Json,
    Form,
    Graphql,
    Bytes,
}

/// A GraphQL query whose variables the params are.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Graphql {
    pub(super) query: String,
    /// The variable whose members the body's params are.
    pub(super) input: Option<String>,
    /// Where the result is, below `data`.
    pub(super) result: Option<Reach>,
}

/// What an answer with a good status must say to be a success.
#[derive(Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SuccessShape {
    pub(super) field: Reach,
    pub(super) equals: serde_json::Value,
}

/// Where an answer says how to get the next page.
#[derive(Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pagination {
    /// The param that asks for another page.
    pub(super) param: Option<String>,
    /// What to put into it.
    pub(super) next: Option<Reach>,
    /// Says `false` on the last page.
    pub(super) has_more: Option<Reach>,
    /// How many there are in all.
    pub(super) total: Option<Reach>,
    /// The next page's URL stands in the header `Link`.
    #[serde(default)]
    pub(super) link: bool,
}

/// The header in which the vendor looks for a repeated call.
#[derive(Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Idempotency {
    pub(super) header: String,
}

/// Where undeclared params go.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Passthrough {
    Body,
}

/// Where the vendor's own words are in an error.
#[derive(Default, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ErrorShape {
    pub(super) message: Option<Reach>,
    /// The vendor's own code for it.
    pub(super) code: Option<Reach>,
}

/// An HTTP method that actions use.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum MethodWord {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl MethodWord {
    pub(super) fn method(self) -> http::Method {
        match self {
            Self::Get => http::Method::GET,
            Self::Head => http::Method::HEAD,
            Self::Post => http::Method::POST,
            Self::Put => http::Method::PUT,
            Self::Patch => http::Method::PATCH,
            Self::Delete => http::Method::DELETE,
        }
    }
}

/// Seconds for the whole call, 1 to 3600.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(try_from = "u64")]
pub(super) struct Timeout(pub(super) Duration);

impl TryFrom<u64> for Timeout {
    type Error = String;

    fn try_from(seconds: u64) -> Result<Self, String> {
        if (1..=3600).contains(&seconds) {
            Ok(Self(Duration::from_secs(seconds)))
        } else {
            Err(format!(
                "timeout_s is {seconds}; it must be 1 to 3600 seconds"
            ))
        }
    }
}

/// Reads a definition.
pub(super) fn parse(source: Source<'_>) -> Result<Definition, DefinitionError> {
    if source.0.text().len() > MAX_BYTES {
        return Err(source.error(None, format!("larger than {MAX_BYTES} bytes")));
    }
    source
        .0
        .parse()
        .map_err(|error| source.error(error.location(), yaml::message(&error)))
}

#[cfg(test)]
mod tests;
