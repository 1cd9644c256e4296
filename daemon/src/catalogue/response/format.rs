//! How an action's answer becomes one JSON value.

use std::collections::HashMap;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::super::ordered::Ordered;
use super::super::params::depth;
use super::xml;

/// JSON nested deeper than this is handed on as text: readers downstream stop
/// at about 128 levels.
const MAX_RESULT_DEPTH: usize = 100;

/// What an action answers with.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in super::super) struct ResponseFormat {
    kind: Kind,
    /// Elements of an XML answer that are lists, however many there are.
    lists: Vec<String>,
    decode_base64: Option<DecodeBase64>,
    /// Headers of the answer that become members of the result, under a name.
    headers: Vec<(String, HeaderName)>,
    /// Members that the result has in any case.
    with: Map<String, Value>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// JSON; something else is handed on as text or bytes.
    #[default]
    Json,
    /// Text.
    Text,
    /// Anything.
    Bytes,
    /// XML, as JSON.
    Xml,
}

/// Puts the text that the member `from` encodes beside it as `into`. The
/// member's own base64 is put on one line: the leak guard reads no wrapped one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DecodeBase64 {
    pub(super) from: String,
    pub(super) into: String,
}

impl ResponseFormat {
    /// The `Accept` header that asks for it.
    pub(in super::super) fn accept(&self) -> HeaderValue {
        HeaderValue::from_static(match self.kind {
            Kind::Json => "application/json",
            Kind::Xml => "application/xml",
            Kind::Text | Kind::Bytes => "*/*",
        })
    }

    /// Whether answers are JSON as a rule.
    pub(super) fn is_json(&self) -> bool {
        self.kind == Kind::Json
    }

    /// The headers of an answer that it looks at.
    pub(super) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.headers.iter().map(|(_, header)| header)
    }

    /// The result of a good answer. `headers` are those it looks at.
    pub(super) fn result(
        &self,
        content_type: Option<&str>,
        headers: &[(HeaderName, String)],
        body: &Bytes,
    ) -> Bytes {
        let result = self.of_body(content_type, body);
        if self.headers.is_empty() && self.with.is_empty() {
            return result;
        }
        let mut beside = self.with.clone();
        for (name, header) in &self.headers {
            let found = headers.iter().find(|(answered, _)| answered == header);
            if let Some((_, value)) = found {
                beside.insert(name.clone(), value.as_str().into());
            }
        }
        join(beside, &result)
    }

    fn of_body(&self, content_type: Option<&str>, body: &Bytes) -> Bytes {
        if body.is_empty() {
            return Bytes::from_static(b"null");
        }
        match self.kind {
            Kind::Json => {
                let Some(json) = json_text(body) else {
                    return text_or_binary(content_type, body);
                };
                let decode = self.decode_base64.as_ref();
                decode
                    .and_then(|decode| decode.apply(&json))
                    .unwrap_or(json)
            }
            Kind::Xml => match xml::to_json(body, &self.lists) {
                Some(value) => value.to_string().into(),
                None => text_or_binary(content_type, body),
            },
            Kind::Text => text_or_binary(content_type, body),
            Kind::Bytes => binary(content_type, body),
        }
    }
}

/// `result` with `beside` in it; where it is no object, as its `body`.
fn join(beside: Map<String, Value>, result: &Bytes) -> Bytes {
    if **result == *b"null" {
        return Value::from(beside).to_string().into();
    }
    let text = String::from_utf8_lossy(result);
    let members: Option<Ordered<Box<RawValue>>> = serde_json::from_str(&text).ok();
    let mut joined = String::from("{");
    let mut put = |name: &str, raw: &str| {
        if joined.len() > 1 {
            joined.push(',');
        }
        joined.push_str(&Value::from(name).to_string());
        joined.push(':');
        joined.push_str(raw);
    };
    if let Some(members) = members {
        let mut own = Vec::new();
        for (name, raw) in members.iter() {
            own.push(name.to_owned());
            put(name, raw.get());
        }
        for (name, value) in beside.iter().filter(|(name, _)| !own.contains(name)) {
            put(name, &value.to_string());
        }
    } else {
        put("body", &text);
        for (name, value) in &beside {
            put(name, &value.to_string());
        }
    }
    joined.push('}');
    joined.into()
}

impl<'de> Deserialize<'de> for ResponseFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            #[serde(default)]
            format: Kind,
            #[serde(default)]
            lists: Vec<String>,
            decode_base64: Option<DecodeBase64>,
            #[serde(default)]
            headers: Ordered<String>,
            #[serde(default)]
            with: Map<String, Value>,
        }

        struct WordOrMap;

        impl<'de> Visitor<'de> for WordOrMap {
            type Value = ResponseFormat;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("json, text, bytes, xml, or a map with format")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<ResponseFormat, E> {
                let word = de::value::StrDeserializer::<E>::new(word);
                Ok(ResponseFormat {
                    kind: Kind::deserialize(word)?,
                    ..ResponseFormat::default()
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ResponseFormat, A::Error> {
                let written = Written::deserialize(de::value::MapAccessDeserializer::new(map))?;
                if written.decode_base64.is_some() && written.format != Kind::Json {
                    return Err(de::Error::custom("decode_base64 needs the format json"));
                }
                if !written.lists.is_empty() && written.format != Kind::Xml {
                    return Err(de::Error::custom("lists needs the format xml"));
                }
                let headers = written.headers.into_iter().map(|(name, header)| {
                    HeaderName::from_bytes(header.as_bytes())
                        .map(|header| (name, header))
                        .map_err(|_| {
                            de::Error::custom(format_args!("{header:?} is no header name"))
                        })
                });
                Ok(ResponseFormat {
                    kind: written.format,
                    lists: written.lists,
                    decode_base64: written.decode_base64,
                    headers: headers.collect::<Result<_, A::Error>>()?,
                    with: written.with,
                })
            }
        }

        deserializer.deserialize_any(WordOrMap)
    }
}

impl DecodeBase64 {
    /// `json` with the member on one line and the decoded text in it; `None`
    /// where it isn't an object with that member, or the member isn't base64.
    /// Everything else stays byte for byte.
    fn apply(&self, json: &Bytes) -> Option<Bytes> {
        let members: HashMap<String, &RawValue> = serde_json::from_slice(json).ok()?;
        let member = members.get(&self.from)?.get();
        let encoded: String = serde_json::from_str(member).ok()?;
        let encoded: String = encoded.split_ascii_whitespace().collect();
        // an empty member may also mean "too large to be shown here"
        if encoded.is_empty() {
            return None;
        }
        let decoded = BASE64_STANDARD.decode(&encoded).ok()?;
        let text = String::from_utf8(decoded).ok();
        let text = text.filter(|_| !members.contains_key(&self.into));
        let start = member.as_ptr().addr().checked_sub(json.as_ptr().addr())?;
        let (before, from_member) = json.split_at_checked(start)?;
        let after = from_member.get(member.len()..)?.strip_suffix(b"}")?;
        let encoded = Value::from(encoded).to_string();
        let added = text.map_or_else(String::new, |text| {
            format!(",{}:{}", Value::from(self.into.as_str()), Value::from(text))
        });
        Some(
            [before, encoded.as_bytes(), after, added.as_bytes(), b"}"]
                .concat()
                .into(),
        )
    }
}

/// The body without what may stand around it, if it is JSON.
fn json_text(body: &Bytes) -> Option<Bytes> {
    let bare = body
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(body)
        .trim_ascii();
    serde_json::from_slice::<&RawValue>(bare).ok()?;
    (depth(bare) <= MAX_RESULT_DEPTH).then(|| body.slice_ref(bare))
}

fn text_or_binary(content_type: Option<&str>, body: &Bytes) -> Bytes {
    match std::str::from_utf8(body) {
        Ok(text) => Value::from(text).to_string().into(),
        Err(_) => binary(content_type, body),
    }
}

fn binary(content_type: Option<&str>, body: &Bytes) -> Bytes {
    let content_type = content_type.unwrap_or("application/octet-stream");
    let base64 = BASE64_STANDARD.encode(body);
    json!({ "content_type": content_type, "size": body.len(), "base64": base64 })
        .to_string()
        .into()
}
