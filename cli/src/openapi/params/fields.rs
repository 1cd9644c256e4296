//! The fields of one param: what its place allows, and an example.

use serde_json::{Map, Value};

use crate::openapi::document::items;

pub(super) fn type_words(fields: &Map<String, Value>) -> Vec<String> {
    match fields.get("type") {
        Some(Value::String(word)) => vec![word.clone()],
        Some(Value::Array(words)) => words
            .iter()
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

pub(super) fn set_types(fields: &mut Map<String, Value>, types: Vec<String>) {
    let types = match types.as_slice() {
        [one] => Value::from(one.as_str()),
        _ => types.into(),
    };
    fields.insert("type".into(), types);
}

/// Leaves no lists and objects; where there was nothing else, it is a text.
pub(super) fn scalars_only(fields: &mut Map<String, Value>, says: &str) {
    let mut types = type_words(fields);
    let had_list = types.iter().any(|word| word == "array");
    types.retain(|word| !matches!(word.as_str(), "array" | "object"));
    if types.is_empty() {
        types.push("string".into());
        if had_list && !says.is_empty() {
            fields.insert("description".into(), says.into());
        }
    }
    for keyword in ["items", "properties", "minItems", "maxItems"] {
        fields.remove(keyword);
    }
    set_types(fields, types);
}

/// A path or a header has no way to say null.
pub(super) fn without_null(fields: &mut Map<String, Value>) {
    let mut types = type_words(fields);
    types.retain(|word| word != "null");
    if types.is_empty() {
        types.push("string".into());
    }
    set_types(fields, types);
    if let Some(Value::Array(options)) = fields.get_mut("enum") {
        options.retain(|option| !option.is_null());
    }
}

/// The document's own example, where it is short and of the right type.
pub(super) fn example(fields: &mut Map<String, Value>, param: &Value, schema: &Value) {
    let candidates = [
        param.get("example"),
        schema.get("example"),
        items(schema.get("examples")).next(),
        schema.get("default"),
    ];
    let types = type_words(fields);
    let options = fields.get("enum").and_then(Value::as_array);
    let fits = |value: &&Value| {
        let is_of_type = match value {
            Value::String(text) => {
                types.iter().any(|it| it == "string") && !text.chars().any(char::is_control)
            }
            Value::Bool(_) => types.iter().any(|it| it == "boolean"),
            Value::Number(number) => types
                .iter()
                .any(|it| it == "number" || (it == "integer" && !number.is_f64())),
            _ => false,
        };
        let is_in_bounds = |bound: &str, fits: fn(f64, f64) -> bool| {
            let bound = fields.get(bound).and_then(Value::as_f64);
            bound
                .zip(value.as_f64())
                .is_none_or(|(bound, value)| fits(value, bound))
        };
        is_of_type
            && value.to_string().len() <= 120
            && options.is_none_or(|options| options.contains(value))
            && is_in_bounds("minimum", |value, bound| value >= bound)
            && is_in_bounds("maximum", |value, bound| value <= bound)
    };
    if let Some(value) = candidates.into_iter().flatten().find(fits) {
        fields.insert("example".into(), value.clone());
    }
}
