//! What an agent sends as params: read strictly, once, with every value kept
//! both as it was written (it goes out like that, so no digit is lost) and
//! parsed (the schema looks at that).

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use super::cut;

/// Largest params object, in bytes.
pub const MAX_PARAMS_BYTES: usize = 1 << 20;
/// Deepest nesting of params, the object itself included.
pub const MAX_PARAMS_DEPTH: usize = 64;

/// Longest path and query that params may make, in bytes: longer ones are more
/// than any server reads.
pub(super) const MAX_URL_BYTES: usize = 32 * 1024;

/// Why params don't make a request. The message is the agent's manual: it
/// names every wrong param and shows a call that works.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// More than [`MAX_PARAMS_BYTES`].
    #[error(
        "the params are {size} bytes long; {MAX_PARAMS_BYTES} bytes (1 MiB) is the most one call can carry: send less"
    )]
    TooLarge {
        /// Bytes.
        size: usize,
    },
    /// Path and query over [`MAX_URL_BYTES`].
    #[error(
        "the params make a URL of {length} bytes; {MAX_URL_BYTES} bytes are the most: shorten those that go into the path or the query"
    )]
    TooLongForUrl {
        /// Bytes.
        length: usize,
    },
    /// Not a JSON object, or not a clear one.
    #[error("params must be one JSON object, but {problem}. {usage}")]
    Unreadable {
        /// What is wrong.
        problem: String,
        /// A call that works.
        usage: String,
    },
    /// An object with wrong or missing params.
    #[error("wrong params for {action}: {}. {usage}", problems.join("; "))]
    Wrong {
        /// Service and action.
        action: String,
        /// One for each wrong param.
        problems: Vec<String>,
        /// A call that works.
        usage: String,
    },
}

/// One param: its name, its value as it was written, and as it was read.
pub(super) struct Field<'p> {
    pub(super) name: &'p str,
    pub(super) raw: &'p str,
    pub(super) value: &'p Value,
}

/// A params object that is JSON, not too deep, and names nothing twice.
pub(super) struct Params<'a> {
    /// The members in the order they were sent, for the schema.
    object: Value,
    /// Their values as they were written, in the same order.
    raws: Vec<&'a RawValue>,
}

impl<'a> Params<'a> {
    /// Reads `bytes`; nothing at all counts as `{}`.
    ///
    /// # Errors
    /// What is wrong, to be read after "but".
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "they are not UTF-8".to_owned())?;
        let text = match text.trim_matches([' ', '\t', '\r', '\n']) {
            "" => "{}",
            text => text,
        };
        if let Some(kind) = kind_of_other_value(text) {
            return Err(format!("{kind} was sent"));
        }
        if depth(text.as_bytes()) > MAX_PARAMS_DEPTH {
            return Err(format!(
                "they are nested deeper than {MAX_PARAMS_DEPTH} levels"
            ));
        }
        serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("{} (line {line}, column {column})", plain(&error))
        })
    }

    /// The object as a whole.
    pub(super) fn object(&self) -> &Value {
        &self.object
    }

    /// The members in the order they were sent.
    pub(super) fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        let members = self.object.as_object().into_iter().flatten();
        members.zip(&self.raws).map(|((name, value), raw)| Field {
            name,
            raw: raw.get(),
            value,
        })
    }
}

/// The params of a call as an object, where [`Action::build`] can read them.
///
/// [`Action::build`]: super::Action::build
pub fn params_object(bytes: &[u8]) -> Option<Map<String, Value>> {
    if bytes.len() > MAX_PARAMS_BYTES {
        return None;
    }
    match Params::parse(bytes).ok()?.object {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// The reader's word on what is wrong, as a person would say it, without the
/// place.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let (what, _) = text.split_once(" at line ").unwrap_or((&text, ""));
    match what {
        "unexpected end of hex escape" | "lone leading surrogate in hex escape" => {
            "a \\u escape is half of a surrogate pair".to_owned()
        }
        what => what.to_owned(),
    }
}

fn kind_of_other_value(text: &str) -> Option<&'static str> {
    match text.as_bytes().first()? {
        b'[' => Some("an array"),
        b'"' => Some("a string"),
        b't' | b'f' => Some("a boolean"),
        b'n' => Some("null"),
        b'-' | b'0'..=b'9' => Some("a number"),
        _ => None,
    }
}

/// The deepest nesting in `json`, read without recursion.
pub(super) fn depth(json: &[u8]) -> usize {
    let (mut now, mut deepest) = (0_usize, 0);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' => now = now.saturating_sub(1),
            b'"' => loop {
                match bytes.next() {
                    Some(b'\\') => drop(bytes.next()),
                    Some(b'"') | None => break,
                    Some(_) => {}
                }
            },
            _ => {}
        }
    }
    deepest
}

impl<'de: 'a, 'a> Deserialize<'de> for Params<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Params<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Params<'de>, A::Error> {
                let mut object = Map::with_capacity(8);
                let mut raws = Vec::with_capacity(8);
                while let Some((name, raw)) = map.next_entry::<String, &RawValue>()? {
                    let mut json = serde_json::Deserializer::from_str(raw.get());
                    let value = Strict.deserialize(&mut json).map_err(|error| {
                        let (name, problem) = (cut(&name), plain(&error));
                        de::Error::custom(format_args!("{name:?} is unclear: {problem}"))
                    })?;
                    match object.entry(name) {
                        Entry::Vacant(place) => {
                            place.insert(value);
                        }
                        Entry::Occupied(place) => {
                            let name = cut(place.key());
                            return Err(de::Error::custom(format_args!("{name:?} stands twice")));
                        }
                    }
                    raws.push(raw);
                }
                Ok(Params {
                    object: object.into(),
                    raws,
                })
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// Reads any JSON value, but refuses an object that names a member twice: two
/// readers would see two different values. (Reading a `Value` directly would
/// also give serde_json's private member names a meaning.)
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value);
        number
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(value) = seq.next_element_seed(Strict)? {
            array.push(value);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(Strict)?;
            if object.contains_key(&name) {
                let name = cut(&name);
                return Err(de::Error::custom(format_args!(
                    "{name:?} stands twice in it"
                )));
            }
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests;
