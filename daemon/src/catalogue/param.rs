//! A declared param: where it goes, and all params of an action together as
//! the one schema that agents see.

use http::HeaderName;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use super::base::BaseTemplate;
use super::body::{BodyShape, Nest, member_key};
use super::definition::{ListStyle, ParamDefinition, Place};
use super::headers;
use super::path::PathTemplate;
use super::schema::{JsonType, Schema};
use crate::auth::Carrier;

/// Where a param goes.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// One segment of the path, or several.
    Path { multi: bool },
    /// Several segments of the path, of which any may be empty.
    Key,
    /// One segment of the path, or the label before the host.
    Bucket,
    /// A label of the base URL's host.
    Host,
    /// The whole path, as the agent wrote it.
    RawPath,
    /// `name=value` in the query.
    Query { style: ListStyle },
    /// A header.
    Header(HeaderName),
    /// A member of the body.
    Body { style: Option<ListStyle> },
    /// A part of the body deeper than its top.
    Nested(Nest),
    /// A variable of a GraphQL query, beside its input.
    Variable,
    /// The whole body, in base64.
    Base64,
    /// The whole body, whatever it is.
    WholeBody,
    /// An object whose members go into the query; none of them is where the
    /// credential goes.
    QueryPairs { credential: Option<String> },
    /// An object whose members become headers, as far as an agent may set them.
    Headers,
}

/// A declared param.
#[derive(Debug, Clone)]
pub(super) struct Param {
    pub(super) name: String,
    /// Its name in the query or the body.
    pub(super) wire_name: String,
    /// That name as the key of a JSON member.
    pub(super) member_key: String,
    pub(super) target: Target,
    pub(super) required: bool,
    /// Whether its schema takes integers, but not other numbers.
    pub(super) integer: bool,
    /// Whether the credential's account stands in for it.
    pub(super) is_account: bool,
}

/// What an action's params have to fit: its path, and whether it has a body.
pub(super) struct Shape<'a> {
    pub(super) path: &'a PathTemplate,
    pub(super) base: &'a BaseTemplate,
    pub(super) body: &'a BodyShape,
    /// What the credential goes into.
    pub(super) carrier: Carrier<'a>,
}

impl Param {
    /// Checks a param against the action it belongs to.
    ///
    /// # Errors
    /// What is wrong with it, to be read after its name.
    pub(super) fn define(
        name: &str,
        written: ParamDefinition,
        shape: &Shape<'_>,
    ) -> Result<Self, String> {
        check_options(&written, shape)?;
        let types = &written.schema.types;
        let wire_name = written.wire_name.unwrap_or_else(|| name.to_owned());
        let target = match written.place {
            Place::Path => {
                let places = shape.path.params().filter(|place| *place == name).count();
                if places != 1 {
                    return Err(format!("must stand once in the path as {{{name}}}"));
                }
                let filled = written.required || written.fallback.is_some();
                if !filled || types.contains(&JsonType::Null) {
                    return Err("is in the path and so must be required and not null".into());
                }
                if written.multi && !shape.path.is_whole_segment(name) {
                    return Err("is multi and so must stand alone between slashes".into());
                }
                if written.virtual_host && !shape.path.begins_with(name) {
                    return Err("is virtual_host and so must be the path's first segment".into());
                }
                let multi = written.multi;
                if written.virtual_host {
                    Target::Bucket
                } else if written.empty_segments {
                    Target::Key
                } else {
                    Target::Path { multi }
                }
            }
            Place::Host => {
                if !shape.base.places().any(|place| place == name) {
                    return Err(format!("must stand in the base_url's host as {{{name}}}"));
                }
                if !written.required || *types != [JsonType::String] {
                    return Err("is in the host and so must be a required string".into());
                }
                Target::Host
            }
            Place::Query if shape.carrier.is_query(&wire_name) => {
                return Err("is where the credential goes".into());
            }
            Place::Query => {
                let style = written.style.unwrap_or_default();
                Target::Query { style }
            }
            Place::Header => {
                let header = headers::parse_name(&wire_name, shape.carrier)?;
                if header == CONTENT_TYPE && !matches!(shape.body, BodyShape::Bytes) {
                    return Err(
                        "can't set the header content-type, unless the body is bytes".into(),
                    );
                }
                Target::Header(header)
            }
            Place::Body if matches!(shape.body, BodyShape::Nothing) => {
                return Err("is in the body, but a GET has none".into());
            }
            Place::Body if written.encoding.is_some() => Target::Base64,
            Place::Body => match written.at {
                Some(at) => Target::Nested(Nest::parse(&at, written.wrap, written.with)?),
                None => Target::Body {
                    style: written.style,
                },
            },
            Place::Variable => match shape.body {
                BodyShape::Graphql(query) if query.has_input() => Target::Variable,
                _ => {
                    return Err(
                        "is a variable, which only means something beside a graphql input".into(),
                    );
                }
            },
        };
        let items = written.schema.items.iter().flat_map(|items| &items.types);
        let numbers: Vec<_> = types.iter().chain(items).collect();
        Ok(Self {
            integer: numbers.contains(&&JsonType::Integer) && !numbers.contains(&&JsonType::Number),
            name: name.to_owned(),
            member_key: member_key(&wire_name),
            wire_name,
            target,
            required: written.required,
            is_account: written.fallback.is_some(),
        })
    }

    /// Whether both would write to the same place of a request.
    pub(super) fn collides(&self, other: &Self) -> bool {
        match (&self.target, &other.target) {
            (Target::Header(one), Target::Header(other)) => one == other,
            (Target::Query { .. }, Target::Query { .. })
            | (Target::Body { .. }, Target::Body { .. })
            | (Target::Variable, Target::Variable) => self.wire_name == other.wire_name,
            _ => false,
        }
    }
}

/// Whether each option of a param means something where it goes.
fn check_options(written: &ParamDefinition, shape: &Shape<'_>) -> Result<(), String> {
    if let Some(fault) = written.schema.fault() {
        return Err(fault.into());
    }
    if !fits(written.place, &written.schema) {
        return Err(
            "can only hold objects and lists in the body (lists of scalars also in the query)"
                .into(),
        );
    }
    let types = &written.schema.types;
    if written.multi && written.place != Place::Path {
        return Err("has multi, which only means something in the path".into());
    }
    if written.empty_segments && !written.multi {
        return Err("has empty_segments, which only means something beside multi".into());
    }
    if written.virtual_host && (written.place != Place::Path || written.multi) {
        return Err(
            "has virtual_host, which only means something for one segment of the path".into(),
        );
    }
    let lists = types.contains(&JsonType::Array);
    let in_form = written.place == Place::Body && matches!(shape.body, BodyShape::Form);
    if written.style.is_some() && !((written.place == Place::Query || in_form) && lists) {
        return Err(
            "has a style, which only means something for a list in the query or a form".into(),
        );
    }
    let in_json = written.place == Place::Body && matches!(shape.body, BodyShape::Json);
    if written.at.is_some() && !in_json {
        return Err("has at, which only means something in a JSON body".into());
    }
    if written.at.is_none() && (written.wrap.is_some() || !written.with.is_empty()) {
        return Err("has wrap or with, which only mean something beside at".into());
    }
    if written.fallback.is_some() && (written.place != Place::Path || written.multi) {
        return Err("has a default, which only means something for one segment of the path".into());
    }
    if written.encoding.is_some()
        && !(written.place == Place::Body && matches!(shape.body, BodyShape::Bytes))
    {
        return Err("has an encoding, which only means something where the body is bytes".into());
    }
    Ok(())
}

/// Whether values of `schema` can be written at `place`.
fn fits(place: Place, schema: &Schema) -> bool {
    let scalars = |types: &[JsonType]| types.iter().all(|one| one.is_scalar());
    match place {
        Place::Body | Place::Variable => true,
        Place::Path | Place::Host | Place::Header => scalars(&schema.types),
        Place::Query => {
            !schema.types.contains(&JsonType::Object)
                && schema.items.iter().all(|items| scalars(&items.types))
        }
    }
}

/// The params' schemas on their way into one object schema.
#[derive(Default)]
pub(super) struct ParamsSchema {
    properties: Map<String, Value>,
    required: Vec<Value>,
    example: Map<String, Value>,
}

impl ParamsSchema {
    pub(super) fn add(&mut self, name: &str, param: &ParamDefinition) {
        self.properties
            .insert(name.to_owned(), param.schema.to_json());
        if param.required {
            self.required.push(name.into());
            self.example.insert(name.to_owned(), param.schema.example());
        }
    }

    /// Lets the example have a param that isn't required.
    pub(super) fn suggest(&mut self, name: &str, param: &ParamDefinition) {
        let example = param.schema.example();
        self.example.entry(name.to_owned()).or_insert(example);
    }

    /// The schema of the params object, and an object that is valid for it.
    pub(super) fn finish(self, passthrough: bool) -> (Value, Value) {
        let mut schema = json!({ "type": "object", "properties": self.properties });
        if !self.required.is_empty() {
            schema["required"] = self.required.into();
        }
        if passthrough {
            schema["description"] =
                "Fields not listed here go into the request body as they are.".into();
        }
        (schema, self.example.into())
    }
}
