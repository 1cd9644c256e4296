//! What the upstream's answer means to the agent: a result as one JSON value,
//! or an error in the vendor's own words.

use std::collections::HashMap;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::definition::ErrorShape;
use crate::names::ServiceName;

/// Longest message taken from a vendor's error, in characters.
const MAX_MESSAGE_CHARS: usize = 1_000;
/// Longest details (field errors) added to it, in bytes.
const MAX_DETAIL_BYTES: usize = 2_048;
/// Largest error body that is searched for the vendor's message, in bytes.
const MAX_ERROR_BODY_BYTES: usize = 1 << 20;
/// JSON nested deeper than this is handed on as text: readers downstream stop
/// at about 128 levels.
const MAX_RESULT_DEPTH: usize = 100;

/// How one call ended, as the upstream told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionOutcome {
    /// The result as the text of one JSON value.
    Result(Bytes),
    /// The upstream refused.
    Refused(VendorError),
}

/// The vendor's own word on a call it refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorError {
    /// The HTTP status.
    pub status: u16,
    /// The vendor's message, with details on fields where it gave any.
    pub message: String,
    /// What may help, where that is known.
    pub hint: Option<String>,
}

/// What an action answers with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum ResponseFormat {
    /// JSON; something else is handed on as text or bytes.
    #[default]
    Json,
    /// JSON with a base64 member that is also wanted as text.
    JsonWithText(DecodeBase64),
    /// Text.
    Text,
    /// Anything.
    Bytes,
}

/// Puts the text that the member `from` encodes beside it as `into`. The
/// member's own base64 is put on one line: the leak guard reads no wrapped one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DecodeBase64 {
    from: String,
    into: String,
}

impl ResponseFormat {
    /// The `Accept` header that asks for it.
    pub(super) fn accept(&self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json | Self::JsonWithText(_) => "application/json",
            Self::Text | Self::Bytes => "*/*",
        })
    }

    fn parse(word: &str, decode_base64: Option<DecodeBase64>) -> Result<Self, String> {
        match (word, decode_base64) {
            ("json", None) => Ok(Self::Json),
            ("json", Some(decode)) => Ok(Self::JsonWithText(decode)),
            ("text", None) => Ok(Self::Text),
            ("bytes", None) => Ok(Self::Bytes),
            ("text" | "bytes", Some(_)) => Err("decode_base64 needs the format json".into()),
            _ => Err(format!(
                "there is no response {word:?}; there are json, text and bytes"
            )),
        }
    }
}

impl<'de> Deserialize<'de> for ResponseFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            format: String,
            decode_base64: Option<DecodeBase64>,
        }

        struct WordOrMap;

        impl<'de> Visitor<'de> for WordOrMap {
            type Value = ResponseFormat;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("json, text, bytes, or a map with format")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<ResponseFormat, E> {
                ResponseFormat::parse(word, None).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ResponseFormat, A::Error> {
                let map = de::value::MapAccessDeserializer::new(map);
                let Written {
                    format,
                    decode_base64,
                } = Written::deserialize(map)?;
                ResponseFormat::parse(&format, decode_base64).map_err(de::Error::custom)
            }
        }

        deserializer.deserialize_any(WordOrMap)
    }
}

/// Reads the answers of one action.
pub(super) struct ResponseReader {
    service: ServiceName,
    format: ResponseFormat,
    /// Where the vendor's message is, one member name a step.
    message_path: Vec<String>,
}

impl ResponseReader {
    pub(super) fn new(service: ServiceName, format: ResponseFormat, error: &ErrorShape) -> Self {
        let path = error.message.as_deref().unwrap_or_default();
        Self {
            service,
            format,
            message_path: path.split('.').map(str::to_owned).collect(),
        }
    }

    pub(super) fn read(
        &self,
        status: StatusCode,
        content_type: Option<&str>,
        body: &Bytes,
    ) -> ActionOutcome {
        if status.is_success() {
            ActionOutcome::Result(self.result(content_type, body))
        } else {
            ActionOutcome::Refused(self.error(status, content_type, body))
        }
    }

    fn result(&self, content_type: Option<&str>, body: &Bytes) -> Bytes {
        if body.is_empty() {
            return Bytes::from_static(b"null");
        }
        match &self.format {
            ResponseFormat::Json => {
                json_text(body).unwrap_or_else(|| text_or_binary(content_type, body))
            }
            ResponseFormat::JsonWithText(decode) => match json_text(body) {
                Some(json) => decode.apply(&json).unwrap_or(json),
                None => text_or_binary(content_type, body),
            },
            ResponseFormat::Text => text_or_binary(content_type, body),
            ResponseFormat::Bytes => binary(content_type, body),
        }
    }

    fn error(&self, status: StatusCode, content_type: Option<&str>, body: &Bytes) -> VendorError {
        let json = (body.len() <= MAX_ERROR_BODY_BYTES)
            .then(|| serde_json::from_slice::<Value>(body).ok())
            .flatten();
        let told = json.as_ref().and_then(|json| self.vendor_message(json));
        let told = told.or_else(|| plain_text(content_type, body));
        let mut message = told.unwrap_or_else(|| status_words(status));
        if let Some(details) = json.as_ref().and_then(details) {
            message = format!("{message}: {details}");
        }
        VendorError {
            status: status.as_u16(),
            message,
            hint: self.hint(status),
        }
    }

    fn vendor_message(&self, json: &Value) -> Option<String> {
        let mut named = Some(json);
        for step in &self.message_path {
            named = named.and_then(|json| json.get(step));
        }
        let candidates = [
            named,
            json.pointer("/error/message"),
            json.get("message"),
            json.get("error_description"),
            json.get("error"),
            json.pointer("/errors/0/message"),
            json.pointer("/errors/0"),
            json.get("detail"),
            json.get("title"),
            Some(json),
        ];
        let mut texts = candidates.into_iter().flatten().filter_map(Value::as_str);
        texts.find(|text| !text.trim().is_empty()).map(one_line)
    }

    fn hint(&self, status: StatusCode) -> Option<String> {
        let service = &self.service;
        match status.as_u16() {
            401 => Some(format!(
                "{service} did not accept the stored credential; the owner can put in another with `axis add {service} --replace`"
            )),
            403 => Some(format!(
                "{service} itself refused this, not Axis: the credential may lack the permission; the owner can widen it there, or put in another with `axis add {service} --replace`"
            )),
            300..=399 => Some("Axis follows no redirect to another host, so that the credential stays where it belongs".into()),
            _ => None,
        }
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
    (super::params::depth(bare) <= MAX_RESULT_DEPTH).then(|| body.slice_ref(bare))
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

fn plain_text(content_type: Option<&str>, body: &Bytes) -> Option<String> {
    let is_plain = content_type.is_none_or(|kind| kind.starts_with("text/plain"));
    let text = std::str::from_utf8(body).ok()?.trim();
    (is_plain && !text.is_empty() && !text.starts_with(['<', '{', '['])).then(|| one_line(text))
}

fn status_words(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or("no reason given");
    format!("HTTP {} {reason}", status.as_u16())
}

/// What the vendor says about single fields, as compact JSON.
fn details(json: &Value) -> Option<String> {
    let places = [
        json.get("errors"),
        json.get("details"),
        json.pointer("/error/details"),
    ];
    let is_structure = |value: &&Value| match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => false,
    };
    let found = places.into_iter().flatten().find(is_structure)?.to_string();
    Some(cut_bytes(found, MAX_DETAIL_BYTES))
}

fn cut_bytes(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

/// The text as one line without control characters, cut.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let mut line = words.join(" ");
    if let Some((at, _)) = line.char_indices().nth(MAX_MESSAGE_CHARS) {
        line.truncate(at);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests;
