//! Params on their way into an HTTP request: each goes where its definition
//! says, encoded for that place.

use std::borrow::Cow;

use http::HeaderMap;
use percent_encoding::utf8_percent_encode;
use serde_json::value::RawValue;
use serde_json::{Number, Value};

use super::base;
use super::body::{BodyDraft, BodyShape};
use super::cut;
use super::definition::ListStyle;
use super::headers;
use super::ordered::Ordered;
use super::param::{Param, Target};
use super::params::{Field, MAX_URL_BYTES};
use super::path::{self, STRICT};
use crate::upstream::request::Site;

/// Largest integer that a floating-point number still counts exactly.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// The parts of a request, as far as the params have filled them.
#[derive(Default)]
pub(super) struct Draft<'p> {
    segments: Vec<(&'p str, String)>,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) site: Site,
    pub(super) body: BodyDraft,
}

impl<'p> Draft<'p> {
    /// Puts a declared param where it goes. A value of the wrong type is left
    /// out: the schema has its own word on that.
    ///
    /// # Errors
    /// What is wrong with the value, to be read after the param's name.
    pub(super) fn place(
        &mut self,
        param: &'p Param,
        shape: &BodyShape,
        field: &Field<'_>,
    ) -> Result<(), String> {
        match &param.target {
            Target::Body { style } => {
                let (name, key) = (&param.wire_name, &param.member_key);
                return self.body.put(shape, name, key, *style, field);
            }
            Target::Nested(nest) => return self.body.put_nested(nest, field),
            Target::Variable => {
                self.body.put_variable(&param.member_key, field);
                return Ok(());
            }
            Target::Base64 => return self.body.put_base64(field),
            Target::WholeBody => return self.body.put_all(shape, field),
            Target::QueryPairs { credential } => {
                return self.put_pairs(field, credential.as_deref());
            }
            Target::Headers => return self.put_headers(field),
            Target::Path { .. }
            | Target::Key
            | Target::Bucket
            | Target::Host
            | Target::RawPath
            | Target::Query { .. }
            | Target::Header(_) => {}
        }
        let Field { raw, value, .. } = *field;
        match (&param.target, value) {
            // null is only valid where the schema takes it for "not set"
            (_, Value::Null) => {}
            (Target::Query { style }, Value::Array(items)) => {
                // parsed before as part of the whole, so this can't fail
                let raws: Vec<&RawValue> = serde_json::from_str(raw).unwrap_or_default();
                let texts = items.iter().zip(raws);
                let texts =
                    texts.filter_map(|(item, raw)| scalar(param, item, raw.get()).transpose());
                let texts = texts.collect::<Result<Vec<_>, _>>()?;
                self.put_list(&param.wire_name, *style, &texts);
            }
            (target, value) => {
                let Some(text) = scalar(param, value, raw)? else {
                    return Ok(());
                };
                match target {
                    Target::Path { multi: false } => {
                        self.segments
                            .push((&param.name, path::encode_segment(&text)?));
                    }
                    Target::Path { multi: true } => {
                        self.segments
                            .push((&param.name, path::encode_segments(&text)?));
                    }
                    Target::Key => {
                        self.segments.push((&param.name, path::encode_key(&text)?));
                    }
                    Target::Bucket => {
                        if text.starts_with(base::PUNYCODE) {
                            return Err("must not start with xn--, which would make another name of the host".into());
                        }
                        let segment = path::encode_segment(&text)?;
                        self.site.virtual_host = Some(text.into_owned());
                        self.segments.push((&param.name, segment));
                    }
                    Target::Host => {
                        if !base::is_label(&text) {
                            return Err("goes into the host's name and must be lowercase letters, digits and - alone".into());
                        }
                        self.site
                            .labels
                            .push((param.name.clone(), text.into_owned()));
                    }
                    Target::RawPath => {
                        self.segments.push((&param.name, path::encode_raw(&text)?));
                    }
                    Target::Header(name) => {
                        self.headers.insert(name, headers::parse_value(&text)?);
                    }
                    _ => self.put_pair(&param.wire_name, &text),
                }
            }
        }
        Ok(())
    }

    /// Puts each member of an object into the query; a list as often as it has
    /// items.
    fn put_pairs(&mut self, field: &Field<'_>, credential: Option<&str>) -> Result<(), String> {
        // parsed before as part of the whole, so this can't fail
        let pairs: Ordered<Box<RawValue>> = serde_json::from_str(field.raw).unwrap_or_default();
        for (name, raw) in pairs.iter() {
            if credential.is_some_and(|credential| credential.eq_ignore_ascii_case(name)) {
                return Err(format!(
                    "holds {name:?}, which is where the credential goes"
                ));
            }
            let items: Vec<Box<RawValue>> = match raw.get().as_bytes().first() {
                Some(b'[') => serde_json::from_str(raw.get()).unwrap_or_default(),
                _ => vec![raw.clone()],
            };
            for item in items {
                match item.get().as_bytes().first() {
                    Some(b'{' | b'[') => {
                        let name = cut(name);
                        return Err(format!("holds more than text or numbers in {name:?}"));
                    }
                    Some(b'n') => {}
                    Some(b'"') => {
                        let text: String = serde_json::from_str(item.get()).unwrap_or_default();
                        self.put_pair(name, &text);
                    }
                    _ => self.put_pair(name, item.get()),
                }
                if self.query.len() > MAX_URL_BYTES {
                    return Err(format!("makes a query of more than {MAX_URL_BYTES} bytes"));
                }
            }
        }
        Ok(())
    }

    /// Puts each member of an object into the headers, of those that an agent
    /// may set.
    fn put_headers(&mut self, field: &Field<'_>) -> Result<(), String> {
        for (name, value) in field.value.as_object().into_iter().flatten() {
            let header = headers::parse_free(name)?;
            let Value::String(text) = value else {
                return Err(format!("holds something else than text in {name:?}"));
            };
            let value = headers::parse_value(text)
                .map_err(|problem| format!("holds {name:?}, which {problem}"))?;
            if self.headers.insert(header, value).is_some() {
                return Err(format!(
                    "holds {name:?} twice: headers compare without case"
                ));
            }
        }
        Ok(())
    }

    /// The encoded value of a path param.
    pub(super) fn segment(&self, name: &str) -> Option<&str> {
        let found = self.segments.iter().find(|(param, _)| *param == name);
        found.map(|(_, encoded)| encoded.as_str())
    }

    /// Adds a value to the path, which its definition knew where to find.
    ///
    /// # Errors
    /// What is wrong with it, to be read after the param's name.
    pub(super) fn put_segment(&mut self, name: &'p str, value: &str) -> Result<(), String> {
        self.segments.push((name, path::encode_segment(value)?));
        Ok(())
    }

    fn put_pair(&mut self, name: &str, value: &str) {
        self.start_pair(name);
        self.query.extend(utf8_percent_encode(value, STRICT));
    }

    fn put_list(&mut self, name: &str, style: ListStyle, items: &[Cow<'_, str>]) {
        match style {
            ListStyle::Repeat => items.iter().for_each(|item| self.put_pair(name, item)),
            ListStyle::Comma if items.is_empty() => {}
            ListStyle::Comma => {
                self.start_pair(name);
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.query.push(',');
                    }
                    self.query.extend(utf8_percent_encode(item, STRICT));
                }
            }
        }
    }

    fn start_pair(&mut self, name: &str) {
        if !self.query.is_empty() {
            self.query.push('&');
        }
        self.query.extend(utf8_percent_encode(name, STRICT));
        self.query.push('=');
    }
}

/// A value as text for path, query or header; `None` where it is no scalar.
fn scalar<'v>(
    param: &Param,
    value: &'v Value,
    raw: &'v str,
) -> Result<Option<Cow<'v, str>>, String> {
    Ok(Some(match value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        Value::Number(number) if param.integer => Cow::Owned(integer(number)?),
        Value::Number(_) => Cow::Borrowed(raw),
        Value::Null | Value::Array(_) | Value::Object(_) => return Ok(None),
    }))
}

/// An integer in digits: `1.0` is one to JSON Schema, but to no vendor.
fn integer(number: &Number) -> Result<String, String> {
    match number.as_f64() {
        Some(float) if number.is_f64() => {
            if float.abs() < EXACT_INTEGERS {
                let digits = format!("{float:.0}");
                Ok(if digits == "-0" { "0".into() } else { digits })
            } else {
                Err("is too large a number".into())
            }
        }
        _ => Ok(number.to_string()),
    }
}
