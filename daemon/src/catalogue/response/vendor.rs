//! A vendor's own words on a call it refused.

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use super::super::definition::ErrorShape;
use super::super::reach::Reach;
use super::xml;
use crate::names::ServiceName;

/// Longest message taken from a vendor's error, in characters.
pub(super) const MAX_MESSAGE_CHARS: usize = 1_000;
/// Longest code taken from it, in characters.
const MAX_CODE_CHARS: usize = 100;
/// Longest details (field errors) added to it, in bytes.
pub(super) const MAX_DETAIL_BYTES: usize = 2_048;
/// Largest error body that is searched for the vendor's message, in bytes.
pub(super) const MAX_ERROR_BODY_BYTES: usize = 1 << 20;

/// How AWS names a signature whose time is not its own.
const CLOCK_CODES: [&str; 3] = [
    "RequestTimeTooSkewed",
    "RequestExpired",
    "RequestInTheFuture",
];
/// How its message on one begins where the code says less.
const CLOCK_WORDS: [&str; 2] = ["Signature expired", "Signature not yet current"];

/// The vendor's own word on a call it refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorError {
    /// The HTTP status.
    pub status: u16,
    /// The vendor's message and code, with details on fields where it gave any.
    pub message: String,
    /// What may help, where that is known.
    pub hint: Option<String>,
}

/// Takes a credential out of words that were decoded.
pub(super) type Look<'l> = dyn FnMut(&str) -> String + 'l;

/// Reads the errors of one action.
pub(super) struct ErrorReader {
    pub(super) service: ServiceName,
    pub(super) shape: ErrorShape,
}

impl ErrorReader {
    pub(super) fn read(
        &self,
        status: StatusCode,
        content_type: Option<&str>,
        body: &Bytes,
        look: &mut Look<'_>,
    ) -> VendorError {
        let body = if body.len() <= MAX_ERROR_BODY_BYTES {
            body.clone()
        } else {
            Bytes::new()
        };
        let json = serde_json::from_slice::<Value>(&body).ok();
        let json = json.or_else(|| xml::to_json(&body, &[]));
        let told = json.as_ref().and_then(|json| self.message(json));
        let told = told.or_else(|| plain_text(content_type, &body));
        // looked at while it is whole: cut and in one line it may be no form any more
        let told = told.map(|text| one_line(&look(&text), MAX_MESSAGE_CHARS));
        let mut message = told.unwrap_or_else(|| status_words(status));
        let code = json.as_ref().and_then(|json| self.code(json));
        let code = code.map(|text| one_line(&look(&text), MAX_CODE_CHARS));
        let is_clocks = is_the_clocks(&message, code.as_deref());
        if let Some(code) = code
            && !message.contains(&code)
        {
            message = format!("{message} ({code})");
        }
        if let Some(details) = json.as_ref().and_then(details) {
            let details = cut_bytes(look(&details), MAX_DETAIL_BYTES);
            message = format!("{message}: {details}");
        }
        VendorError {
            status: status.as_u16(),
            message,
            hint: if is_clocks {
                Some(self.clock_hint())
            } else {
                self.hint(status)
            },
        }
    }

    fn clock_hint(&self) -> String {
        format!(
            "this machine's clock and {}'s differ; the owner sees by how much with `axis doctor`",
            self.service
        )
    }

    fn message(&self, json: &Value) -> Option<String> {
        let candidates = [
            json.pointer("/error/message"),
            json.get("message"),
            json.get("error_description"),
            json.get("error"),
            json.pointer("/errors/0/message"),
            json.pointer("/errors/0"),
            json.get("detail"),
            json.get("title"),
            json.pointer("/Error/Message"),
            json.get("Message"),
            Some(json),
        ];
        let named = text_at(self.shape.message.as_ref(), json);
        let mut usual = candidates.into_iter().flatten().filter_map(Value::as_str);
        named.or_else(|| {
            usual
                .find(|text| !text.trim().is_empty())
                .map(str::to_owned)
        })
    }

    fn code(&self, json: &Value) -> Option<String> {
        let named = at(self.shape.code.as_ref(), json);
        let code = named.or_else(|| json.pointer("/Error/Code").cloned())?;
        match code {
            Value::String(text) if !text.trim().is_empty() => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
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

/// Whether the vendor refused the time that a signature was made at.
fn is_the_clocks(message: &str, code: Option<&str>) -> bool {
    code.is_some_and(|code| CLOCK_CODES.contains(&code))
        || CLOCK_WORDS.iter().any(|words| message.starts_with(words))
}

/// A text that isn't empty, at `reach`.
fn text_at(reach: Option<&Reach>, json: &Value) -> Option<String> {
    match at(reach, json)? {
        Value::String(text) if !text.trim().is_empty() => Some(text),
        _ => None,
    }
}

fn at(reach: Option<&Reach>, json: &Value) -> Option<Value> {
    let text = json.to_string();
    serde_json::from_str(reach?.find(&text)?).ok()
}

fn plain_text(content_type: Option<&str>, body: &Bytes) -> Option<String> {
    let is_plain = content_type.is_none_or(|kind| kind.starts_with("text/plain"));
    let text = std::str::from_utf8(body).ok()?.trim();
    (is_plain && !text.is_empty() && !text.starts_with(['<', '{', '['])).then(|| text.to_owned())
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
    places
        .into_iter()
        .flatten()
        .find(is_structure)
        .map(Value::to_string)
}

fn cut_bytes(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

/// The text as one line without control characters, cut.
fn one_line(text: &str, most: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let mut line = words.join(" ");
    if let Some((at, _)) = line.char_indices().nth(most) {
        line.truncate(at);
        line.push('…');
    }
    line
}
