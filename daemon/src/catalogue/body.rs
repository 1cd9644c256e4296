//! A request's body in the making: the same params as JSON members, as form
//! pairs, as a GraphQL query's variables, or as bytes.

mod form;
mod nest;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use serde_json::Value;
use serde_json::value::RawValue;

use self::form::Form;
pub(super) use self::nest::Nest;
use self::nest::Node;
use super::cut;
use super::definition::ListStyle;
use super::ordered::Ordered;
use super::params::Field;

/// How an action writes its body.
#[derive(Debug, Clone)]
pub(super) enum BodyShape {
    /// It has none.
    Nothing,
    /// A JSON object.
    Json,
    /// `a=1&b[c]=2`, as HTML forms are sent; nesting in brackets.
    Form,
    /// A GraphQL query with its variables.
    Graphql(Query),
    /// One param, as it is.
    Bytes,
}

/// A GraphQL query.
#[derive(Debug, Clone)]
pub(super) struct Query {
    /// `{"query":"…","variables":`, as the body begins.
    head: String,
    /// The variable whose members the body's params are; without it they are
    /// variables themselves.
    input: Option<String>,
}

impl Query {
    pub(super) fn new(text: &str, input: Option<String>) -> Self {
        Self {
            head: format!("{{\"query\":{},\"variables\":", Value::from(text)),
            input,
        }
    }

    /// Whether the body's params are members of one variable.
    pub(super) fn has_input(&self) -> bool {
        self.input.is_some()
    }
}

impl BodyShape {
    /// What the body's content type is, where nothing else says so.
    pub(super) fn content_type(&self) -> Option<HeaderValue> {
        Some(HeaderValue::from_static(match self {
            Self::Nothing => return None,
            Self::Json | Self::Graphql(_) => "application/json",
            Self::Form => "application/x-www-form-urlencoded",
            Self::Bytes => "application/octet-stream",
        }))
    }
}

/// What of the body the params have written so far.
#[derive(Default)]
pub(super) struct BodyDraft {
    /// Members of the JSON object, or of the query's input.
    members: Members,
    /// Members that several params make together.
    nested: Option<Node>,
    /// A query's own variables.
    variables: Members,
    form: Form,
    /// The whole body, where one param is all of it.
    whole: Option<Vec<u8>>,
}

impl BodyDraft {
    /// Adds a param under its name on the wire; `key` is that name as a JSON
    /// member's.
    ///
    /// # Errors
    /// What is wrong with the value, to be read after the param's name.
    pub(super) fn put(
        &mut self,
        shape: &BodyShape,
        name: &str,
        key: &str,
        style: Option<ListStyle>,
        field: &Field<'_>,
    ) -> Result<(), String> {
        let in_nest = matches!(&self.nested, Some(Node::Object(members))
            if members.iter().any(|(known, _)| known == name));
        if in_nest {
            return Err("is what another param fills, too; send one of them".into());
        }
        match shape {
            BodyShape::Nothing => {}
            BodyShape::Json => self.members.put(key, field.raw),
            BodyShape::Graphql(query) if query.has_input() => self.members.put(key, field.raw),
            BodyShape::Graphql(_) => self.variables.put(key, field.raw),
            BodyShape::Form => self.form.put(name, field.raw, style)?,
            BodyShape::Bytes => {
                if let Value::String(text) = field.value {
                    self.put_whole(text.as_bytes().to_vec())?;
                }
            }
        }
        Ok(())
    }

    /// Adds a param that stands deeper in the body.
    ///
    /// # Errors
    /// What is wrong with the value, to be read after the param's name.
    pub(super) fn put_nested(&mut self, nest: &Nest, field: &Field<'_>) -> Result<(), String> {
        if self.members.has(&member_key(nest.top())) {
            return Err(format!(
                "goes into {:?}, which another param fills; send one of them",
                nest.top()
            ));
        }
        let nested = self.nested.get_or_insert_with(|| Node::Object(Vec::new()));
        nest.put(nested, field.raw)
    }

    /// Adds a variable of a query's own.
    pub(super) fn put_variable(&mut self, key: &str, field: &Field<'_>) {
        self.variables.put(key, field.raw);
    }

    /// Makes a base64 text the whole body.
    ///
    /// # Errors
    /// What is wrong with the value, to be read after the param's name.
    pub(super) fn put_base64(&mut self, field: &Field<'_>) -> Result<(), String> {
        let Value::String(text) = field.value else {
            return Ok(());
        };
        let bare: String = text.split_ascii_whitespace().collect();
        match BASE64_STANDARD.decode(bare) {
            Ok(bytes) => self.put_whole(bytes),
            Err(_) => Err("is not base64".into()),
        }
    }

    /// Makes one param of any JSON type the whole body.
    ///
    /// # Errors
    /// What is wrong with the value, to be read after the param's name.
    pub(super) fn put_all(&mut self, shape: &BodyShape, field: &Field<'_>) -> Result<(), String> {
        match (shape, field.value) {
            (BodyShape::Form, Value::Object(_)) => {
                let members: Ordered<Box<RawValue>> =
                    serde_json::from_str(field.raw).unwrap_or_default();
                for (name, value) in members.iter() {
                    self.form
                        .put(name, value.get(), None)
                        .map_err(|problem| format!("holds {:?}, which {problem}", cut(name)))?;
                }
                Ok(())
            }
            (BodyShape::Form, _) => Err("must be an object, since it is sent as a form".into()),
            (BodyShape::Bytes, Value::String(text)) => self.put_whole(text.as_bytes().to_vec()),
            (BodyShape::Bytes, _) => Err("must be a string, since it is sent as it is".into()),
            _ => self.put_whole(field.raw.as_bytes().to_vec()),
        }
    }

    fn put_whole(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        if self.whole.replace(bytes).is_some() {
            return Err("is a second body beside another one; send one of them".into());
        }
        Ok(())
    }

    /// Whether one param was made the whole body.
    pub(super) fn has_whole(&self) -> bool {
        self.whole.is_some()
    }

    /// Whether no param has written anything.
    pub(super) fn is_untouched(&self) -> bool {
        self.whole.is_none()
            && self.form.is_empty()
            && self.nested.is_none()
            && self.members.text.is_empty()
            && self.variables.text.is_empty()
    }

    /// The body as it goes out.
    pub(super) fn finish(mut self, shape: &BodyShape) -> Option<Bytes> {
        if let Some(Node::Object(nested)) = self.nested {
            for (name, node) in nested {
                let mut value = Vec::new();
                node.write(&mut value);
                self.members.put_bytes(&member_key(&name), &value);
            }
        }
        if let Some(whole) = self.whole {
            return Some(whole.into());
        }
        Some(match shape {
            BodyShape::Nothing => return None,
            BodyShape::Json => self.members.finish().into(),
            BodyShape::Form => self.form.finish().into(),
            BodyShape::Bytes => Bytes::new(),
            BodyShape::Graphql(Query { head, input }) => {
                let mut variables = self.variables;
                if let Some(input) = input {
                    let members = self.members.finish();
                    variables.put_bytes(&member_key(input), &members);
                }
                [head.as_bytes(), &variables.finish(), b"}"].concat().into()
            }
        })
    }
}

/// The members of a JSON object, their values as they were written.
#[derive(Default)]
struct Members {
    /// The opening brace and all members so far.
    text: Vec<u8>,
    /// Where the keys stand in it.
    keys: Vec<std::ops::Range<usize>>,
}

impl Members {
    fn put(&mut self, key: &str, raw: &str) {
        self.put_bytes(key, raw.as_bytes());
    }

    fn put_bytes(&mut self, key: &str, value: &[u8]) {
        let text = &mut self.text;
        text.push(if text.is_empty() { b'{' } else { b',' });
        self.keys.push(text.len()..text.len() + key.len());
        text.extend_from_slice(key.as_bytes());
        text.extend_from_slice(value);
    }

    fn has(&self, key: &str) -> bool {
        let mut keys = self.keys.iter();
        keys.any(|place| self.text.get(place.clone()) == Some(key.as_bytes()))
    }

    fn finish(mut self) -> Vec<u8> {
        if self.text.is_empty() {
            self.text.push(b'{');
        }
        self.text.push(b'}');
        self.text
    }
}

/// `"name":`, as it stands in a JSON object.
pub(super) fn member_key(name: &str) -> String {
    format!("{}:", Value::from(name))
}
