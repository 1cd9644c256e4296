//! What several schemas say together, and the limits that one has.

use regex::Regex;
use serde_json::{Map, Value};

use super::{MAX_OPTIONS, anything, note};
use crate::openapi::document::one_line;

/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 300;

/// A schema that fits what either fits. Where they differ inside, the inside
/// is left to the upstream.
pub(super) fn union(one: Map<String, Value>, other: &Map<String, Value>) -> Map<String, Value> {
    if one == *other {
        return one;
    }
    let mut types = words(&one);
    for word in words(other) {
        if !types.contains(&word) {
            types.push(word);
        }
    }
    let mut both = Map::new();
    let options = |it: &Map<String, Value>| it.get("enum").and_then(Value::as_array).cloned();
    if let (Some(mut options), Some(more)) = (options(&one), options(other)) {
        for option in more {
            if !options.contains(&option) {
                options.push(option);
            }
        }
        if options.len() <= MAX_OPTIONS {
            both.insert("enum".into(), options.into());
        }
    }
    let is_array = |it: &Map<String, Value>| words(it).iter().any(|word| word == "array");
    let items = match (is_array(&one), is_array(other)) {
        (true, true) => {
            let inner = |it: &Map<String, Value>| {
                it.get("items")
                    .and_then(Value::as_object)
                    .cloned()
                    .unwrap_or_else(anything)
            };
            Some(union(inner(&one), &inner(other)))
        }
        (true, false) => one.get("items").and_then(Value::as_object).cloned(),
        (false, true) => other.get("items").and_then(Value::as_object).cloned(),
        (false, false) => None,
    };
    if let Some(items) = items {
        both.insert("items".into(), items.into());
    }
    let types = match types.as_slice() {
        [one] => Value::from(one.as_str()),
        several => several.into(),
    };
    both.insert("type".into(), types);
    both
}

fn words(schema: &Map<String, Value>) -> Vec<String> {
    match schema.get("type") {
        Some(Value::String(word)) => vec![word.clone()],
        Some(Value::Array(words)) => words
            .iter()
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

/// Adds what a part says to what is known. Types that were named already stay.
pub(super) fn meet(
    written: &mut Map<String, Value>,
    types: &mut Vec<&'static str>,
    part: Map<String, Value>,
) {
    if types.is_empty() && part.get("type") != anything().get("type") {
        *types = super::types(&Value::Object(part.clone()));
    }
    for (keyword, value) in part {
        match (keyword.as_str(), written.get_mut(&keyword)) {
            ("type", _) => {}
            ("properties", Some(Value::Object(known))) => {
                if let Value::Object(more) = value {
                    known.extend(more);
                }
            }
            _ => drop(written.insert(keyword, value)),
        }
    }
}

/// The limits of numbers, texts and lists.
pub(super) fn bounds(
    schema: &Value,
    types: &[&str],
    written: &mut Map<String, Value>,
    losses: &mut Vec<String>,
) {
    let number = |name: &str| schema.get(name).filter(|it| it.is_number()).cloned();
    let is_numeric = types.iter().any(|it| matches!(*it, "integer" | "number"));
    if is_numeric {
        for (bound, exclusive, step) in [
            ("minimum", "exclusiveMinimum", 1),
            ("maximum", "exclusiveMaximum", -1),
        ] {
            // excluded itself: a truth value in 3.0, the bound itself in 3.1
            let excluded = match schema.get(exclusive) {
                Some(Value::Bool(true)) => number(bound),
                Some(Value::Number(_)) => number(exclusive),
                _ => None,
            };
            let included = match excluded {
                // between integers there is a next one
                Some(excluded) if !types.contains(&"number") => excluded
                    .as_i64()
                    .and_then(|it| it.checked_add(step))
                    .map(Value::from),
                Some(_) => None,
                None => number(bound),
            };
            if let Some(value) = included {
                written.insert(bound.into(), value);
            }
        }
    }
    let mut count = |name: &str, of: &str| {
        if let Some(value) = schema.get(name).and_then(Value::as_u64)
            && types.contains(&of)
        {
            written.insert(name.into(), value.into());
        }
    };
    count("minLength", "string");
    count("maxLength", "string");
    count("minItems", "array");
    count("maxItems", "array");
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && types.contains(&"string")
    {
        if pattern.len() <= MAX_PATTERN && Regex::new(pattern).is_ok() {
            written.insert("pattern".into(), pattern.into());
        } else {
            note(
                losses,
                format!("the pattern {:?} is not checked", one_line(pattern, 60)),
            );
        }
    }
}
