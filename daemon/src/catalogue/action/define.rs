//! An action out of its definition, checked against what it inherits.

use std::sync::OnceLock;

use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use serde_yaml::Spanned;

use super::{Action, Inherited};
use crate::auth::Carrier;
use crate::catalogue::base::BaseTemplate;
use crate::catalogue::body::{BodyShape, Query};
use crate::catalogue::definition::{
    ActionDefinition, BodyFormat, DefinitionError, Effect, Graphql, Idempotency, ParamDefinition,
    Passthrough, Place, Source,
};
use crate::catalogue::headers;
use crate::catalogue::ordered::Ordered;
use crate::catalogue::param::{Param, ParamsSchema, Shape, Target};
use crate::catalogue::path::PathTemplate;
use crate::catalogue::reach::Reach;
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
            headers: compact(headers),
            idempotency: None,
            schema: parts.schema.to_string().into(),
            validator: OnceLock::new(),
            example: parts.example.to_string().into(),
            response: ResponseReader::new(Reading {
                service: inherited.service.clone(),
                format,
                events: None,
                error: inherited.error.clone(),
                success: inherited.success.cloned(),
                pages: inherited.pagination.cloned(),
                integers: Vec::new(),
                result: (inherited.body == BodyFormat::Graphql).then(Reach::nothing),
                is_graphql: inherited.body == BodyFormat::Graphql,
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
        check_name(&name).map_err(|problem| source.error(Some(at), problem))?;
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
        let (body, result) = body_shape(takes_body, format, written.graphql)
            .map_err(|(place, problem)| source.error(place.or(Some(at_body)), problem))?;
        let shape = Shape {
            path: &path,
            base: inherited.base,
            body: &body,
            carrier: inherited.carrier,
        };
        let mut schema = ParamsSchema::default();
        let declared = declared(written.params, inherited.params);
        let params = define_params(declared, &shape, &mut schema, source)?;
        check_filled(&path, inherited.base, &params).map_err(|(in_path, problem)| {
            let place = if in_path { written.path.referenced } else { at };
            source.error(Some(place), problem)
        })?;
        let passthrough = passes_through(written.passthrough.as_ref(), &body)
            .map_err(|(place, problem)| source.error(place.or(Some(at_body)), problem))?;
        let in_body = |target: &Target| {
            matches!(
                target,
                Target::Body { .. } | Target::Nested(_) | Target::Base64 | Target::Variable
            )
        };
        let filled = passthrough || params.iter().any(|param| in_body(&param.target));
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
        let idempotency = written.idempotency.as_ref().or(inherited.idempotency);
        let idempotency = idempotency
            .filter(|_| takes_body)
            .map(|header| define_idempotency(header, inherited.carrier, source))
            .transpose()?;
        let (schema, plainest) = schema.finish(passthrough);
        let example = written.example.map_or(plainest, Value::from);
        let response = ResponseReader::new(Reading {
            service: inherited.service.clone(),
            format: written.response,
            events: written.events,
            error: written.error.as_ref().unwrap_or(inherited.error).clone(),
            success: written.success.as_ref().or(inherited.success).cloned(),
            pages: written
                .pagination
                .as_ref()
                .or(inherited.pagination)
                .cloned(),
            integers: integers(&params),
            result,
            is_graphql: matches!(body, BodyShape::Graphql(_)),
        });
        Ok(Self {
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
            headers: compact(headers),
            idempotency,
            schema: schema.to_string().into(),
            validator: OnceLock::new(),
            example: example.to_string().into(),
            response,
        })
    }
}

/// A fault of a definition, and where it is, if not at its body.
type Misplaced = (Option<serde_yaml::Location>, &'static str);

/// How an action writes its body, and for a GraphQL query, where its result is.
fn body_shape(
    takes_body: bool,
    format: BodyFormat,
    graphql: Option<Spanned<Graphql>>,
) -> Result<(BodyShape, Option<Reach>), Misplaced> {
    match (format, graphql) {
        (BodyFormat::Graphql, Some(graphql)) if takes_body => {
            let Graphql {
                query,
                input,
                result,
            } = graphql.value;
            let result = result.unwrap_or_else(Reach::nothing);
            Ok((BodyShape::Graphql(Query::new(&query, input)), Some(result)))
        }
        (_, Some(graphql)) => Err((
            Some(graphql.referenced),
            "a graphql query needs body: graphql, and a method that has a body",
        )),
        (BodyFormat::Graphql, None) => Err((None, "body: graphql needs a graphql query")),
        _ if !takes_body => Ok((BodyShape::Nothing, None)),
        (BodyFormat::Json, None) => Ok((BodyShape::Json, None)),
        (BodyFormat::Form, None) => Ok((BodyShape::Form, None)),
        (BodyFormat::Bytes, None) => Ok((BodyShape::Bytes, None)),
    }
}

/// Whether undeclared params go into the body.
fn passes_through(
    written: Option<&Spanned<Passthrough>>,
    body: &BodyShape,
) -> Result<bool, Misplaced> {
    let Some(Spanned {
        value: Passthrough::Body,
        referenced,
        ..
    }) = written
    else {
        return Ok(false);
    };
    let referenced = *referenced;
    match body {
        BodyShape::Nothing => Err((
            Some(referenced),
            "a GET has no body for undeclared params to go into",
        )),
        BodyShape::Bytes => Err((None, "a body of bytes has no undeclared fields")),
        BodyShape::Json | BodyShape::Form | BodyShape::Graphql(_) => Ok(true),
    }
}

/// An action's own params, and those of its service that it doesn't declare
/// anew.
fn declared(
    own: Ordered<Spanned<ParamDefinition>>,
    inherited: &Ordered<Spanned<ParamDefinition>>,
) -> Vec<(String, Spanned<ParamDefinition>)> {
    let mut declared: Vec<_> = own.into_iter().collect();
    for (name, param) in inherited.iter() {
        if declared.iter().all(|(own, _)| own != name) {
            declared.push((name.to_owned(), param.clone()));
        }
    }
    declared
}

fn define_params(
    written: Vec<(String, Spanned<ParamDefinition>)>,
    shape: &Shape<'_>,
    schema: &mut ParamsSchema,
    source: Source<'_>,
) -> Result<Vec<Param>, DefinitionError> {
    let mut params: Vec<Param> = Vec::new();
    for (name, param) in written {
        let at = param.referenced;
        let error =
            |problem: String| source.error(Some(at), format!("the param {name:?} {problem}"));
        schema.add(&name, &param.value);
        let is_text = param.value.place == Place::Body && param.value.encoding.is_none();
        if is_text && matches!(shape.body, BodyShape::Bytes) {
            // one of several params makes the body, none of them required
            schema.suggest(&name, &param.value);
        }
        let param = Param::define(&name, param.value, shape).map_err(error)?;
        if params.iter().any(|other| other.collides(&param)) {
            return Err(error("goes where another one goes".into()));
        }
        if matches!(param.target, Target::Query { .. }) && shape.path.has_in_query(&param.wire_name)
        {
            return Err(error("always stands in the path's query".into()));
        }
        params.push(param);
    }
    Ok(params)
}

/// Checks that params fill every place of the path and of the base URL's host;
/// an error says whether it is about the path.
fn check_filled(
    path: &PathTemplate,
    base: &BaseTemplate,
    params: &[Param],
) -> Result<(), (bool, String)> {
    let mut places = path.params();
    if let Some(place) = places.find(|place| params.iter().all(|param| param.name != *place)) {
        return Err((true, format!("{{{place}}} is no param of this action")));
    }
    let fills =
        |param: &Param, place: &str| param.name == place && matches!(param.target, Target::Host);
    let mut hosts = base.places();
    match hosts.find(|place| !params.iter().any(|param| fills(param, place))) {
        Some(place) => Err((
            false,
            format!("{{{place}}} in the base_url's host is no param in: host of this action"),
        )),
        None => Ok(()),
    }
}

/// The names on the wire of params that are integers.
fn integers(params: &[Param]) -> Vec<String> {
    let integers = params.iter().filter(|param| param.integer);
    integers.map(|param| param.wire_name.clone()).collect()
}

fn define_idempotency(
    written: &Spanned<Idempotency>,
    carrier: Carrier<'_>,
    source: Source<'_>,
) -> Result<HeaderName, DefinitionError> {
    headers::parse_name(&written.value.header, carrier)
        .map_err(|problem| source.error(Some(written.referenced), problem))
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

/// Headers in the fewest bytes; each stands once, so no name is left out.
fn compact(headers: HeaderMap) -> Box<[(HeaderName, HeaderValue)]> {
    let named = headers.into_iter();
    named
        .filter_map(|(name, value)| Some((name?, value)))
        .collect()
}

fn check_name(name: &str) -> Result<(), String> {
    if is_action_name(name) {
        return Ok(());
    }
    Err(format!(
        "{name:?} can't be an action: use words of letters, digits, _ and - joined by dots, such as issues.create"
    ))
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
