//! What an operation's body is: the one content type, of those it takes, that
//! a definition can write best.

use serde_json::Value;

use super::document::{Document, Version, members};
use super::operation::Operation;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A JSON object, as a rule.
    Json,
    /// `a=1&b=2`.
    Form,
    /// Text as it is.
    Text,
    /// Bytes as they are.
    Bytes,
    /// Several parts, which nothing can write.
    Multipart,
}

/// A body as a document describes it.
#[derive(Debug)]
pub(super) struct Body<'a> {
    pub(super) kind: Kind,
    /// In lowercase, without parameters.
    pub(super) content_type: String,
    pub(super) schema: Option<&'a Value>,
    /// Swagger 2's form fields: name, field, whether it is required.
    pub(super) fields: Vec<(&'a str, &'a Value, bool)>,
    pub(super) required: bool,
}

/// What a definition says of a body, beside its params.
#[derive(Debug, Default)]
pub(super) struct WrittenBody {
    /// The word under `body`, where it isn't JSON.
    pub(super) word: Option<&'static str>,
    pub(super) passthrough: bool,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl<'a> Body<'a> {
    /// OpenAPI 3's body of `operation`, where it has one.
    pub(super) fn of(document: &'a Document, operation: &Operation<'a>) -> Option<Self> {
        if document.version == Version::Swagger2 {
            return None;
        }
        let body = document.member(operation.value, "requestBody")?;
        let content = members(body.get("content"));
        let mut kinds: Vec<(Kind, String, &'a Value)> = content
            .map(|(written, content)| {
                let content_type = bare(written);
                (kind_of(&content_type), content_type, content)
            })
            .collect();
        kinds.sort_by_key(|(kind, content_type, _)| rank(*kind, content_type));
        let (kind, content_type, content) = kinds.into_iter().next()?;
        Some(Self {
            kind,
            content_type,
            schema: content.get("schema"),
            fields: Vec::new(),
            required: body.get("required") == Some(&Value::Bool(true)),
        })
    }

    /// The first of `types` that can be written best.
    pub(super) fn best_type<'t>(types: impl Iterator<Item = &'t str>) -> Option<(Kind, String)> {
        let kinds = types.map(|written| {
            let content_type = bare(written);
            (kind_of(&content_type), content_type)
        });
        kinds.min_by_key(|(kind, content_type)| rank(*kind, content_type))
    }
}

fn bare(written: &str) -> String {
    let bare = written.split(';').next().unwrap_or_default();
    bare.trim().to_ascii_lowercase()
}

fn kind_of(content_type: &str) -> Kind {
    match content_type {
        "application/x-www-form-urlencoded" => Kind::Form,
        "application/json" | "text/json" | "*/*" => Kind::Json,
        it if it.starts_with("multipart/") => Kind::Multipart,
        it if it.ends_with("+json") || it.starts_with("application/json") => Kind::Json,
        it if it.starts_with("text/")
            || it.ends_with("/xml")
            || it.ends_with("+xml")
            || it.ends_with("yaml")
            || it.ends_with("ndjson") =>
        {
            Kind::Text
        }
        _ => Kind::Bytes,
    }
}

fn rank(kind: Kind, content_type: &str) -> u8 {
    match kind {
        Kind::Json if content_type == "application/json" => 0,
        Kind::Json => 1,
        Kind::Form => 2,
        Kind::Text => 3,
        Kind::Bytes => 4,
        Kind::Multipart => 5,
    }
}
