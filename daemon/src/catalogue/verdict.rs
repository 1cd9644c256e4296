//! The schema's word on params, in sentences that say what to send instead.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use jsonschema::{JsonType, ValidationError, Validator};
use serde_json::Value;

/// Most problems that one answer names.
pub(super) const MAX_PROBLEMS: usize = 20;

/// Everything that `validator` finds wrong with `object`, one sentence each,
/// without the values.
pub(super) fn problems(validator: &Validator, object: &Value) -> Vec<String> {
    let errors = validator.iter_errors(object);
    errors
        .take(MAX_PROBLEMS)
        .map(|error| sentence(&error))
        .collect()
}

fn sentence(error: &ValidationError<'_>) -> String {
    let place = place(error);
    let in_place = if place.is_empty() {
        String::new()
    } else {
        format!(" in {place}")
    };
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            format!("{property} is missing{in_place}")
        }
        ValidationErrorKind::Type { kind } => {
            let wanted: Vec<&str> = match kind {
                TypeKind::Single(one) => vec![one.as_str()],
                TypeKind::Multiple(several) => several.iter().map(JsonType::as_str).collect(),
            };
            let got = type_of(error.instance());
            let quotes = if got == "string" {
                "; write it without quotes around it"
            } else {
                ""
            };
            let unset = if got == "null" {
                "; leave it out to not set it"
            } else {
                ""
            };
            format!(
                "{place} must be {}, not {got}{quotes}{unset}",
                any_of(&wanted)
            )
        }
        ValidationErrorKind::Enum { options } => {
            let options: Vec<String> = options
                .as_array()
                .into_iter()
                .flatten()
                .map(Value::to_string)
                .collect();
            format!("{place} must be one of {}", options.join(", "))
        }
        ValidationErrorKind::Minimum { limit } => format!("{place} must be at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("{place} must be at most {limit}"),
        ValidationErrorKind::MinLength { limit: 1 } => format!("{place} must not be empty"),
        ValidationErrorKind::MinLength { limit } => {
            format!("{place} must have at least {limit} characters")
        }
        ValidationErrorKind::MaxLength { limit } => {
            format!("{place} must have at most {limit} characters")
        }
        ValidationErrorKind::MinItems { limit } => {
            format!("{place} must have at least {limit} items")
        }
        ValidationErrorKind::MaxItems { limit } => {
            format!("{place} must have at most {limit} items")
        }
        ValidationErrorKind::Pattern { pattern } => format!("{place} must match {pattern}"),
        _ => format!("{place}: {}", error.masked()),
    }
}

/// `"labels"[0]`, as a person would point at it.
fn place(error: &ValidationError<'_>) -> String {
    let mut text = String::new();
    for segment in error.instance_path().segments() {
        match segment {
            LocationSegment::Index(index) => text += &["[", &index.to_string(), "]"].concat(),
            LocationSegment::Property(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(&Value::from(&*name).to_string());
            }
        }
    }
    text
}

fn any_of(words: &[&str]) -> String {
    match words {
        [] => "something else".into(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
