//! A param as a definition writes it.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use crate::catalogue::schema::{KEYWORDS, Schema};

/// Where a param goes.
#[derive(Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::catalogue) enum Place {
    Path,
    /// A label of the base URL's host.
    Host,
    Query,
    Header,
    Body,
    /// A variable of a GraphQL query beside its input.
    Variable,
}

/// What a param is when the agent leaves it out.
#[derive(Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::catalogue) enum Fallback {
    /// The account that the credential names.
    Account,
}

/// How a param's text stands for what is sent.
#[derive(Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::catalogue) enum Encoding {
    Base64,
}

/// How a list stands in a query.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::catalogue) enum ListStyle {
    /// `a=1&a=2`
    #[default]
    Repeat,
    /// `a=1,2`
    Comma,
}

/// One param: where it goes, and its schema beside that.
#[expect(
    clippy::struct_excessive_bools,
    reason = "as many fields of the file are true or false"
)]
#[derive(Clone)]
pub(in crate::catalogue) struct ParamDefinition {
    pub(in crate::catalogue) place: Place,
    pub(in crate::catalogue) wire_name: Option<String>,
    pub(in crate::catalogue) required: bool,
    pub(in crate::catalogue) multi: bool,
    /// Whether segments of it may be empty.
    pub(in crate::catalogue) empty_segments: bool,
    /// Whether it may stand before the host instead of in the path.
    pub(in crate::catalogue) virtual_host: bool,
    pub(in crate::catalogue) style: Option<ListStyle>,
    pub(in crate::catalogue) fallback: Option<Fallback>,
    /// Where in a JSON body it stands, if not at its top.
    pub(in crate::catalogue) at: Option<String>,
    pub(in crate::catalogue) wrap: Option<String>,
    pub(in crate::catalogue) with: serde_json::Map<String, serde_json::Value>,
    pub(in crate::catalogue) encoding: Option<Encoding>,
    pub(in crate::catalogue) schema: Schema,
}

impl<'de> Deserialize<'de> for ParamDefinition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = ParamDefinition;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a param, such as { in: body, type: string }")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ParamDefinition, A::Error> {
                const OWN: &[&str] = &[
                    "in",
                    "as",
                    "required",
                    "multi",
                    "empty_segments",
                    "virtual_host",
                    "style",
                    "default",
                    "encoding",
                    "at",
                    "wrap",
                    "with",
                ];
                let mut place = None;
                let mut param = ParamDefinition {
                    place: Place::Body,
                    wire_name: None,
                    required: false,
                    multi: false,
                    empty_segments: false,
                    virtual_host: false,
                    style: None,
                    fallback: None,
                    encoding: None,
                    at: None,
                    wrap: None,
                    with: serde_json::Map::new(),
                    schema: Schema::default(),
                };
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "in" => place = Some(map.next_value()?),
                        "as" => param.wire_name = Some(map.next_value()?),
                        "required" => param.required = map.next_value()?,
                        "multi" => param.multi = map.next_value()?,
                        "empty_segments" => param.empty_segments = map.next_value()?,
                        "virtual_host" => param.virtual_host = map.next_value()?,
                        "style" => param.style = Some(map.next_value()?),
                        "default" => param.fallback = Some(map.next_value()?),
                        "at" => param.at = Some(map.next_value()?),
                        "wrap" => param.wrap = Some(map.next_value()?),
                        "with" => param.with = map.next_value()?,
                        "encoding" => param.encoding = Some(map.next_value()?),
                        keyword => {
                            if !param.schema.read(keyword, &mut map)? {
                                let known = [OWN, KEYWORDS].concat().join(", ");
                                return Err(de::Error::custom(format_args!(
                                    "unknown field {key:?}; a param has {known}"
                                )));
                            }
                        }
                    }
                }
                param.place = place.ok_or_else(|| de::Error::missing_field("in"))?;
                Ok(param)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}
