//! An action out of its definition, checked against what it inherits.

use std::sync::OnceLock;

use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use serde_yaml::Spanned;

use super::{Action, Inherited};
use crate::auth::Carrier;
use crate::catalogue::body::{BodyShape, Query};
use crate::catalogue::definition::{
    ActionDefinition, BodyFormat, DefinitionError, Effect, Graphql, Passthrough, Place, Source,
};
use crate::catalogue::headers;
use crate::catalogue::param::{Param, ParamsSchema, Shape, Target};
use crate::catalogue::path::PathTemplate;
use crate::catalogue::response::{Reading, ResponseFormat, ResponseReader};

/// Longest action name, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// What makes an action that no definition wrote.
pub(in crate::catalogue) struct Parts<'a> {
    pub(in crate::catalogue) name: String,
    pub(in crate::catalogue) effect: Effect,
    pub(in crate::catalogue) method: Method,
    pub(in crate::catalogue) path: PathTemplate,
    pub(in crate::catalogue) params: Vec<Param>,
    pub(in crate::catalogue) body: BodyShape,
    pub(in crate::catalogue) headers: HeaderMap,
    pub(in crate::catalogue) schema: Value,
    pub(in crate::catalogue) example: Value,
    pub(in crate::catalogue) inherited: &'a Inherited<'a>,
}

impl Action {
    /// An action made of parts, with what it inherits.
    pub(in crate::catalogue) fn assemble(parts: Parts<'_>) -> Self {
        let inherited = parts.inherited;
        let format = ResponseFormat::default();
        let mut headers = parts.headers;
        headers.entry(ACCEPT).or_insert(format.accept());
        Self {
            usage: usage(&parts.params, false, &parts.example),
            service: inherited.service.clone(),
            name: parts.name,
            effect: parts.effect,
            timeout: inherited.timeout,
            method: parts.method,
            path: parts.path,
            params: parts.params,
            passthrough: false,
            body: parts.body,
            body_is_optional: true,
            needs_whole_body: false,
            headers,
            idempotency: None,
            schema: parts.schema,
            validator: OnceLock::new(),
            example: parts.example,
            response: ResponseReader::new(Reading {
                service: inherited.service.clone(),
                format,
                error: inherited.error.clone(),
                success: inherited.success.cloned(),
                pages: inherited.pagination.cloned(),
                integers: Vec::new(),
                graphql: (inherited.body == BodyFormat::Graphql).then_some(None),
            }),
        }
    }

    /// Builds an action from its definition.
    pub(in crate::catalogue) fn define(
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
        let fixed = url::form_urlencoded::parse(path.query().as_bytes());
        let carrier = fixed
            .into_iter()
            .find(|(name, _)| inherited.carrier.is_query(name));
        if let Some((name, _)) = carrier {
            let problem = format!("{name:?} in the query is where the credential goes");
            return Err(source.error(Some(written.path.referenced), problem));
        }
        let takes_body = !matches!(written.method.method(), Method::GET | Method::HEAD);
        let at_body = written.body.as_ref().map_or(at, |body| body.referenced);
        let format = written.body.map_or(inherited.body, |body| body.value);
        let (query, result) = match written.graphql {
            Some(graphql) if format == BodyFormat::Graphql && takes_body => {
                let Graphql {
                    query,
                    input,
                    result,
                } = graphql.value;
                (Some(Query::new(&query, input)), result)
            }
            Some(graphql) => {
                let problem = "a graphql query needs body: graphql, and a method that has a body";
                return Err(source.error(Some(graphql.referenced), problem));
            }
            None => (None, None),
        };
        let body = match (format, query) {
            _ if !takes_body => BodyShape::Nothing,
            (BodyFormat::Json, _) => BodyShape::Json,
            (BodyFormat::Form, _) => BodyShape::Form,
            (BodyFormat::Bytes, _) => BodyShape::Bytes,
            (BodyFormat::Graphql, Some(query)) => BodyShape::Graphql(query),
            (BodyFormat::Graphql, None) => {
                return Err(source.error(Some(at_body), "body: graphql needs a graphql query"));
            }
        };
        let shape = Shape {
            path: &path,
            base: inherited.base,
            body: &body,
            carrier: inherited.carrier,
        };
        let mut params: Vec<Param> = Vec::new();
        let mut schema = ParamsSchema::default();
        let mut declared: Vec<_> = written.params.into_iter().collect();
        for (name, param) in inherited.params.iter() {
            if declared.iter().all(|(own, _)| own != name) {
                declared.push((name.to_owned(), param.clone()));
            }
        }
        for (name, param) in declared {
            let at = param.referenced;
            let error =
                |problem: String| source.error(Some(at), format!("the param {name:?} {problem}"));
            schema.add(&name, &param.value);
            let is_text = param.value.place == Place::Body && param.value.encoding.is_none();
            if is_text && matches!(body, BodyShape::Bytes) {
                // one of several params makes the body, none of them required
                schema.suggest(&name, &param.value);
            }
            let param = Param::define(&name, param.value, &shape).map_err(error)?;
            if params.iter().any(|other| other.collides(&param)) {
                return Err(error("goes where another one goes".into()));
            }
            if matches!(param.target, Target::Query { .. }) && path.has_in_query(&param.wire_name) {
                return Err(error("always stands in the path's query".into()));
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
        for place in inherited.base.places() {
            let fills = |param: &Param| param.name == place && matches!(param.target, Target::Host);
            if !params.iter().any(fills) {
                let problem = format!(
                    "{{{place}}} in the base_url's host is no param in: host of this action"
                );
                return Err(source.error(Some(at), problem));
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
        let in_body =
            |target: &Target| matches!(target, Target::Body | Target::Base64 | Target::Variable);
        let filled = passthrough || params.iter().any(|param| in_body(&param.target));
        if passthrough && matches!(body, BodyShape::Bytes) {
            return Err(source.error(Some(at_body), "a body of bytes has no undeclared fields"));
        }
        let body = match body {
            BodyShape::Graphql(_) => body,
            _ if filled => body,
            _ => BodyShape::Nothing,
        };
        let mut headers = inherited.headers.clone();
        for (name, value) in written.headers.iter() {
            let (name, value) = define_header(name, value, inherited.carrier, source)?;
            headers.insert(name, value);
        }
        headers.entry(ACCEPT).or_insert(written.response.accept());
        let idempotency = match written.idempotency.as_ref().or(inherited.idempotency) {
            Some(written_header) if takes_body => {
                let at = Some(written_header.referenced);
                let name = headers::parse_name(&written_header.value.header, inherited.carrier)
                    .map_err(|problem| source.error(at, problem))?;
                Some(name)
            }
            _ => None,
        };
        let (schema, example) = schema.finish(passthrough);
        let response = ResponseReader::new(Reading {
            service: inherited.service.clone(),
            format: written.response,
            error: written.error.as_ref().unwrap_or(inherited.error).clone(),
            success: written.success.as_ref().or(inherited.success).cloned(),
            pages: written
                .pagination
                .as_ref()
                .or(inherited.pagination)
                .cloned(),
            integers: params
                .iter()
                .filter(|param| param.integer)
                .map(|param| param.wire_name.clone())
                .collect(),
            graphql: matches!(body, BodyShape::Graphql(_)).then_some(result),
        });
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
            body_is_optional: false,
            needs_whole_body: matches!(body, BodyShape::Bytes)
                && params.iter().any(|param| in_body(&param.target)),
            params,
            passthrough,
            body,
            headers,
            idempotency,
            schema,
            validator: OnceLock::new(),
            example,
            response,
        })
    }
}

/// Parses one header of a definition.
pub(in crate::catalogue) fn define_header(
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
