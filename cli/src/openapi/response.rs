//! How an operation answers.

use serde_json::Value;

use super::document::{Document, Version, items, members};
use super::operation::Operation;

/// What a definition says of an answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The word under `response`, where it isn't JSON.
    pub(super) word: Option<&'static str>,
    /// What to accept, where JSON has a name of the vendor's own.
    pub(super) accept: Option<String>,
}

/// The answer of an operation that succeeds.
pub(super) fn of(document: &Document, operation: &Operation<'_>) -> Answer {
    let types = content_types(document, operation);
    let base = |written: &str| -> String {
        let base = written.split(';').next().unwrap_or_default().trim();
        base.to_ascii_lowercase()
    };
    let bases: Vec<String> = types.iter().map(|it| base(it)).collect();
    let is_json =
        |base: &String| base == "application/json" || base == "*/*" || base == "text/json";
    if bases.is_empty() || bases.iter().any(is_json) {
        return Answer::default();
    }
    if let Some(own) = bases.iter().find(|base| base.ends_with("+json")) {
        let is_sendable = own.bytes().all(|b| (0x21..0x7f).contains(&b));
        return Answer {
            word: None,
            accept: is_sendable.then(|| own.clone()),
        };
    }
    let is_xml = |base: &String| base.ends_with("/xml") || base.ends_with("+xml");
    let word = if bases.iter().any(is_xml) {
        "xml"
    } else if bases.iter().any(|base| base.starts_with("text/")) {
        "text"
    } else {
        "bytes"
    };
    Answer {
        word: Some(word),
        accept: None,
    }
}

fn content_types(document: &Document, operation: &Operation<'_>) -> Vec<String> {
    let mut good: Vec<(&String, &Value)> = members(operation.value.get("responses"))
        .filter(|(status, _)| status.starts_with('2') || *status == "default")
        .collect();
    good.sort_by_key(|(status, _)| *status);
    let answers = good.iter().filter_map(|(_, it)| document.resolve(it).ok());
    match document.version {
        Version::OpenApi3 => answers
            .map(|answer| -> Vec<String> {
                members(answer.get("content"))
                    .map(|(name, _)| name.clone())
                    .collect()
            })
            .find(|types| !types.is_empty())
            .unwrap_or_default(),
        Version::Swagger2 => {
            let has_content = answers
                .into_iter()
                .any(|answer| answer.get("schema").is_some());
            let own = operation.value.get("produces");
            items(own.or_else(|| document.get("produces")))
                .filter(|_| has_content)
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect()
        }
    }
}
