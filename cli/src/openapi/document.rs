//! The document: JSON or YAML, and its references.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use serde_yaml::options::DuplicateKeyPolicy;

use super::ImportError;

/// The largest document, in bytes.
pub const MAX_BYTES: usize = 64 << 20;

/// Most references that are followed to one value.
const MAX_HOPS: usize = 32;

/// Which of the formats a document is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Swagger2,
    OpenApi3,
}

/// A document that was read.
#[derive(Debug)]
pub struct Document {
    root: Value,
    pub(super) version: Version,
}

impl Document {
    /// Reads `text`.
    pub(super) fn read(text: &str) -> Result<Self, ImportError> {
        let text = text.trim_start_matches('\u{feff}');
        let root = if text.trim_start().starts_with(['{', '[']) {
            serde_json::from_str(text).or_else(|json| {
                // a flow mapping of YAML begins like JSON
                from_yaml(text).map_err(|_| ImportError::Unreadable(json.to_string()))
            })?
        } else {
            from_yaml(text).map_err(ImportError::Unreadable)?
        };
        let version = version(&root)?;
        Ok(Self { root, version })
    }

    /// The member `name` of the document itself.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.root.get(name)
    }

    /// Its title, on one line.
    pub(super) fn title(&self) -> String {
        let title = self.root.pointer("/info/title").and_then(Value::as_str);
        let title = one_line(title.unwrap_or_default(), 80);
        if title.is_empty() {
            "Imported service".into()
        } else {
            title
        }
    }

    /// `value`, or what it refers to.
    ///
    /// # Errors
    /// What is wrong with the reference, in words.
    pub(super) fn resolve<'a>(&'a self, value: &'a Value) -> Result<&'a Value, String> {
        let mut value = value;
        for _ in 0..MAX_HOPS {
            let Some(Value::String(reference)) = value.get("$ref") else {
                return Ok(value);
            };
            let shown: String = reference.chars().take(80).collect();
            let Some(pointer) = reference.strip_prefix('#') else {
                return Err(format!("it refers to another document, {shown:?}"));
            };
            let pointer: Cow<'_, str> = percent_decode_str(pointer).decode_utf8_lossy();
            value = self
                .root
                .pointer(&pointer)
                .ok_or_else(|| format!("it refers to {shown:?}, which isn't there"))?;
        }
        Err(format!(
            "more than {MAX_HOPS} references lead from one to the next"
        ))
    }

    /// Like [`Self::resolve`], of a value that may be absent.
    pub(super) fn member<'a>(&'a self, value: &'a Value, name: &str) -> Option<&'a Value> {
        self.resolve(value.get(name)?).ok()
    }
}

/// The members of an object; none of anything else.
pub(super) fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::iter)
}

/// The items of a list; none of anything else.
pub(super) fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// `text` on one line, without what a terminal or YAML would trip over, cut
/// after `most` characters.
pub(super) fn one_line(text: &str, most: usize) -> String {
    // the first paragraph says what it is about
    let text = text.trim().split("\n\n").next().unwrap_or_default();
    let mut line = String::new();
    let mut count = 0;
    for word in text.split_whitespace() {
        let word: String = word.chars().filter(|c| is_plain(*c)).collect();
        let length = word.chars().count();
        let gap = usize::from(count > 0);
        if length == 0 {
            continue;
        }
        if count + gap + length > most {
            if count > 0 {
                line.push_str(" …");
            }
            return line;
        }
        if gap > 0 {
            line.push(' ');
        }
        line.push_str(&word);
        count += gap + length;
    }
    line
}

fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}')
}

/// The reader descends with the nesting, and on a thread of this many bytes it
/// can't come to the stack's end.
const STACK: usize = 64 << 20;

fn from_yaml(text: &str) -> Result<Value, String> {
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || read_yaml(text))
            .map_err(|error| format!("the system gives no thread: {error}"))?;
        reader
            .join()
            .unwrap_or_else(|_| Err("the YAML reader failed".into()))
    })
}

fn read_yaml(text: &str) -> Result<Value, String> {
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: 128,
            max_documents: 1,
            max_events: 40_000_000,
            max_nodes: 20_000_000,
            max_total_scalar_bytes: 2 * MAX_BYTES,
            max_anchors: 100_000,
            max_aliases: 100_000,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 100_000,
        },
        // some published documents have names twice; the last one counts, as in JSON
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        strict_booleans: true,
        emit_comments: false,
        with_snippet: false,
    };
    serde_yaml::from_str_with_options(text, options).map_err(|error| {
        let text = error.to_string();
        one_line(&text, 300)
    })
}

fn version(root: &Value) -> Result<Version, ImportError> {
    let written = |name: &str| match root.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let other = |text: String| ImportError::OtherKind(one_line(&text, 100));
    match (written("openapi"), written("swagger")) {
        (Some(version), _) if version.starts_with("3.") => Ok(Version::OpenApi3),
        (Some(version), _) => Err(other(format!("it says openapi: {version}"))),
        (None, Some(version)) if version.starts_with('2') => Ok(Version::Swagger2),
        (None, Some(version)) => Err(other(format!("it says swagger: {version}"))),
        (None, None) if root.is_object() => {
            Err(other("it has no field openapi and no field swagger".into()))
        }
        (None, None) => Err(other("it isn't an object".into())),
    }
}
