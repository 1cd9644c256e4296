//! One thing a service can do: its params as agents see them, and the request
//! they make.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jsonschema::Validator;
use serde_json::Value;
use serde_yaml::Spanned;

use super::definition::{
    ActionDefinition, DefinitionError, Effect, ErrorShape, Passthrough, Source,
};
use super::headers;
use super::param::{Param, ParamsSchema, Shape, Target};
use super::params::{MAX_PARAMS_BYTES, Params, ParamsError};
use super::path::PathTemplate;
use super::request::{Draft, member_key};
use super::response::{ActionOutcome, ResponseReader};
use super::verdict::{self, MAX_PROBLEMS};
use crate::auth::Carrier;
use crate::names::{ServiceName, did_you_mean};
use crate::upstream::request::{Site, UpstreamRequest};

/// Longest action name, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// One action of one service.
pub struct Action {
    service: ServiceName,
    name: String,
    effect: Effect,
    timeout: Option<Duration>,
    method: Method,
    path: PathTemplate,
    params: Vec<Param>,
    passthrough: bool,
    has_body: bool,
    headers: HeaderMap,
    schema: Value,
    /// Compiled at the first call; most actions are never called.
    validator: OnceLock<Result<Validator, String>>,
    example: Value,
    usage: String,
    response: ResponseReader,
}

/// What a service's actions inherit from it.
pub(super) struct Inherited<'a> {
    pub(super) service: &'a ServiceName,
    pub(super) carrier: Carrier<'a>,
    pub(super) headers: &'a HeaderMap,
    pub(super) timeout: Option<Duration>,
    pub(super) error: &'a ErrorShape,
}

impl Action {
    /// The name as the service's definition spells it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it does to the world.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// How long a call may take, where the definition says so.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The params as one plain JSON Schema object.
    pub fn params_schema(&self) -> &Value {
        &self.schema
    }

    /// Params that are valid.
    pub fn example(&self) -> &Value {
        &self.example
    }

    /// Makes the request that `params` (a JSON object's text; nothing counts
    /// as `{}`) describe. Pure: nothing is sent, no credential is in it.
    ///
    /// # Errors
    /// [`ParamsError`], which names every wrong param at once.
    pub fn build(&self, params: &[u8]) -> Result<UpstreamRequest, ParamsError> {
        if params.len() > MAX_PARAMS_BYTES {
            return Err(ParamsError::TooLarge { size: params.len() });
        }
        let params = Params::parse(params).map_err(|problem| ParamsError::Unreadable {
            problem,
            usage: self.usage.clone(),
        })?;
        let mut problems = self.schema_problems(&params);
        let mut unnamed = 0;
        let mut draft = Draft::default();
        for field in params.fields() {
            let name = field.name;
            let placed = if let Some(param) = self.param(name) {
                draft
                    .place(param, &field)
                    .map_err(|problem| format!("{name:?} {problem}"))
            } else if self.passthrough && !self.is_wire_name(name) {
                draft.put_member(&member_key(name), &field);
                Ok(())
            } else if problems.len() < MAX_PROBLEMS {
                Err(self.unknown(name))
            } else {
                unnamed += 1;
                Ok(())
            };
            problems.extend(placed.err());
        }
        if unnamed > 0 {
            problems.push(format!("{unnamed} more params are unknown"));
        }
        if !problems.is_empty() {
            return Err(ParamsError::Wrong {
                action: format!("{} {}", self.service, self.name),
                problems,
                usage: self.usage.clone(),
            });
        }
        Ok(self.finish(draft))
    }

    /// What the upstream's answer means. `body` has been through the leak
    /// guard; what this makes of it (a decoded file) has not.
    pub fn outcome(
        &self,
        status: StatusCode,
        content_type: Option<&str>,
        body: &Bytes,
    ) -> ActionOutcome {
        self.response.read(status, content_type, body)
    }

    fn finish(&self, mut draft: Draft<'_>) -> UpstreamRequest {
        let body = self.has_body.then(|| Bytes::from(draft.take_body()));
        let mut path_and_query = self.path.render(|name| draft.segment(name));
        if !draft.query.is_empty() {
            path_and_query.push('?');
            path_and_query.push_str(&draft.query);
        }
        let mut headers = self.headers.clone();
        headers.extend(draft.headers);
        UpstreamRequest {
            method: self.method.clone(),
            path_and_query,
            headers,
            body,
            site: Site::default(),
        }
    }

    fn param(&self, name: &str) -> Option<&Param> {
        self.params.iter().find(|param| param.name == name)
    }

    /// Whether a declared param goes into the body under `name`; an undeclared
    /// one of that name would put it there twice.
    fn is_wire_name(&self, name: &str) -> bool {
        let mut in_body = self
            .params
            .iter()
            .filter(|param| matches!(param.target, Target::Body));
        in_body.any(|param| param.wire_name == name)
    }

    fn schema_problems(&self, params: &Params<'_>) -> Vec<String> {
        let validator = self
            .validator
            .get_or_init(|| Validator::new(&self.schema).map_err(|error| error.to_string()));
        match validator {
            Ok(validator) if validator.is_valid(params.object()) => Vec::new(),
            Ok(validator) => verdict::problems(validator, params.object()),
            Err(error) => vec![format!("the definition's own schema is wrong: {error}")],
        }
    }

    fn unknown(&self, name: &str) -> String {
        let shown: String = name.chars().take(80).collect();
        if let Some(param) = self.params.iter().find(|param| param.wire_name == name) {
            return format!("{shown:?} is called {:?} here", param.name);
        }
        let names = || self.params.iter().map(|param| param.name.as_str());
        let advice = did_you_mean(&shown, names()).unwrap_or_else(|| {
            let known: Vec<_> = names().collect();
            match known.as_slice() {
                [] => "it takes no params".into(),
                known => format!("it takes {}", known.join(", ")),
            }
        });
        format!("there is no param {shown:?} ({advice})")
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Action({} {})", self.service, self.name)
    }
}

impl Action {
    /// Builds an action from its definition.
    pub(super) fn define(
        name: String,
        written: Spanned<ActionDefinition>,
        inherited: &Inherited<'_>,
        source: Source<'_>,
    ) -> Result<Self, DefinitionError> {
        let at = written.referenced;
        let written = written.value;
        if !is_action_name(&name) {
            let problem = format!(
                "{name:?} can't be an action: use words of letters, digits, _ and - joined by dots, such as issues.create"
            );
            return Err(source.error(Some(at), problem));
        }
        let path = PathTemplate::parse(&written.path.value)
            .map_err(|problem| source.error(Some(written.path.referenced), problem))?;
        let takes_body = !matches!(written.method.method(), Method::GET);
        let shape = Shape {
            path: &path,
            has_body: takes_body,
            carrier: inherited.carrier,
        };
        let mut params: Vec<Param> = Vec::new();
        let mut schema = ParamsSchema::default();
        for (name, param) in written.params {
            let at = param.referenced;
            let error =
                |problem: String| source.error(Some(at), format!("the param {name:?} {problem}"));
            schema.add(&name, &param.value);
            let param = Param::define(&name, param.value, &shape).map_err(error)?;
            if params.iter().any(|other| other.collides(&param)) {
                return Err(error("goes where another one goes".into()));
            }
            params.push(param);
        }
        for place in path.params() {
            let filled = params.iter().any(|param| param.name == place);
            if !filled {
                let problem = format!("{{{place}}} is no param of this action");
                return Err(source.error(Some(written.path.referenced), problem));
            }
        }
        let passthrough = match written.passthrough {
            Some(spanned) if !takes_body => {
                let problem = "a GET has no body for undeclared params to go into";
                return Err(source.error(Some(spanned.referenced), problem));
            }
            Some(Spanned {
                value: Passthrough::Body,
                ..
            }) => true,
            None => false,
        };
        let has_body = passthrough
            || params
                .iter()
                .any(|param| matches!(param.target, Target::Body));
        let mut headers = inherited.headers.clone();
        for (name, value) in written.headers.iter() {
            let (name, value) = define_header(name, value, inherited.carrier, source)?;
            headers.insert(name, value);
        }
        if has_body {
            headers
                .entry(CONTENT_TYPE)
                .or_insert(HeaderValue::from_static("application/json"));
        }
        headers.entry(ACCEPT).or_insert(written.response.accept());
        let (schema, example) = schema.finish(passthrough);
        let error = written.error.as_ref().unwrap_or(inherited.error);
        Ok(Self {
            usage: usage(&params, passthrough, &example),
            service: inherited.service.clone(),
            name,
            effect: written.effect,
            timeout: written
                .timeout_s
                .map(|timeout| timeout.0)
                .or(inherited.timeout),
            method: written.method.method(),
            path,
            params,
            passthrough,
            has_body,
            headers,
            schema,
            validator: OnceLock::new(),
            example,
            response: ResponseReader::new(inherited.service.clone(), written.response, error),
        })
    }
}

/// Parses one header of a definition.
pub(super) fn define_header(
    name: &str,
    value: &Spanned<String>,
    carrier: Carrier<'_>,
    source: Source<'_>,
) -> Result<(HeaderName, HeaderValue), DefinitionError> {
    let error = |problem| source.error(Some(value.referenced), problem);
    let parsed = headers::parse_name(name, carrier).map_err(error)?;
    let value = headers::parse_value(&value.value)
        .map_err(|problem| error(format!("the value of {name} {problem}")))?;
    Ok((parsed, value))
}

fn is_action_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.split('.').all(|word| {
            let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            word.bytes()
                .next()
                .is_some_and(|byte| byte.is_ascii_alphanumeric())
                && word.bytes().all(letters)
        })
}

fn usage(params: &[Param], passthrough: bool, example: &Value) -> String {
    let optional: Vec<_> = params.iter().filter(|param| !param.required).collect();
    let names: Vec<_> = optional.iter().map(|param| param.name.as_str()).collect();
    let more = match (names.as_slice(), passthrough) {
        ([], false) => String::new(),
        ([], true) => "; any other field goes into the body".into(),
        (names, false) => format!("; optional: {}", names.join(", ")),
        (names, true) => format!(
            "; optional: {} and any other field of the body",
            names.join(", ")
        ),
    };
    format!("Send for example {example}{more}")
}

#[cfg(test)]
mod tests;
