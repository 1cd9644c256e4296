//! JSON Schemas as the part of them that a definition may use, with references
//! written out to a certain depth.

mod combine;
mod shape;

use std::cell::Cell;

use serde_json::{Map, Value, json};

use combine::{bounds, meet, union};

use super::Detail;
use super::document::{Document, members, one_line};

/// Most schemas that are looked at for one operation: a document can refer to
/// itself in so many ways that even a certain depth has no end.
const MAX_LOOKS: usize = 4_000;
/// Most alternatives and parts that are followed from one schema to the next.
const MAX_NESTING: usize = 16;
/// Most alternatives or parts of one schema.
const MAX_PARTS: usize = 200;
/// Most values of an enum that are written.
const MAX_OPTIONS: usize = 60;
/// Most members of an object that are written, below the top.
const MAX_MEMBERS: usize = 40;

/// Reads the schemas of one operation.
pub(super) struct Schemas<'a> {
    pub(super) document: &'a Document,
    detail: Detail,
    looks: Cell<usize>,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(document: &'a Document, detail: Detail) -> Self {
        Self {
            document,
            detail,
            looks: Cell::new(0),
        }
    }

    /// A text that describes, as long as the detail allows.
    pub(super) fn description(&self, text: Option<&Value>) -> Option<String> {
        let text = one_line(text?.as_str()?, self.detail.description);
        (!text.is_empty()).then_some(text)
    }

    /// `schema` as a definition writes it. What it can't say is in `losses`.
    pub(super) fn convert(
        &self,
        schema: &'a Value,
        losses: &mut Vec<String>,
    ) -> Map<String, Value> {
        self.written(schema, self.detail.depth, MAX_NESTING, losses)
    }

    fn is_worn_out(&self) -> bool {
        self.looks.set(self.looks.get() + 1);
        self.looks.get() > MAX_LOOKS
    }

    fn written(
        &self,
        schema: &'a Value,
        depth: usize,
        nesting: usize,
        losses: &mut Vec<String>,
    ) -> Map<String, Value> {
        if nesting == 0 || self.is_worn_out() {
            return anything();
        }
        let schema = match self.document.resolve(schema) {
            Ok(schema) => schema,
            Err(problem) => {
                note(losses, problem);
                return anything();
            }
        };
        let mut types = types(schema);
        let mut written = Map::new();
        for keyword in ["oneOf", "anyOf"] {
            let alternatives = list(schema, keyword);
            if alternatives.len() > MAX_PARTS {
                return anything();
            }
            let mut parts = alternatives
                .iter()
                .map(|part| self.written(part, depth, nesting - 1, losses));
            if let Some(first) = parts.next() {
                let union = parts.fold(first, |one, other| union(one, &other));
                meet(&mut written, &mut types, union);
            }
        }
        for part in list(schema, "allOf").iter().take(MAX_PARTS) {
            let part = self.written(part, depth, nesting - 1, losses);
            meet(&mut written, &mut types, part);
        }
        options(schema, &mut types, &mut written);
        if types.is_empty() {
            if schema.get("properties").is_some() || schema.get("additionalProperties").is_some() {
                types.push("object");
            } else if schema.get("items").is_some() {
                types.push("array");
            } else {
                let mut open = anything();
                open.extend(written);
                return open;
            }
        }
        if schema.get("nullable") == Some(&Value::Bool(true)) && !types.contains(&"null") {
            types.push("null");
        }
        if types.contains(&"null")
            && let Some(Value::Array(options)) = written.get_mut("enum")
            && !options.contains(&Value::Null)
        {
            options.push(Value::Null);
        }
        bounds(schema, &types, &mut written, losses);
        if types.contains(&"array") {
            let inner = match schema.get("items") {
                Some(inner) if depth > 0 => self.written(inner, depth - 1, nesting - 1, losses),
                _ => written
                    .get("items")
                    .and_then(Value::as_object)
                    .cloned()
                    .unwrap_or_else(anything),
            };
            written.insert("items".into(), inner.into());
        } else {
            written.remove("items");
        }
        if types.contains(&"object") && depth > 0 {
            let properties = written
                .entry("properties")
                .or_insert_with(|| Map::new().into());
            for (name, member) in members(schema.get("properties")).take(MAX_MEMBERS) {
                if is_read_only(self.document, member) || !is_member_name(name) {
                    continue;
                }
                let mut inner = self.written(member, depth - 1, nesting - 1, losses);
                if let Some(text) = self.description(self.described(member)) {
                    inner.insert("description".into(), text.into());
                }
                properties[name] = inner.into();
            }
        }
        let has_members = |value: &Value| value.as_object().is_some_and(|it| !it.is_empty());
        if !written.get("properties").is_some_and(has_members) || depth == 0 {
            written.remove("properties");
        }
        let types = match types.as_slice() {
            [one] => Value::from(*one),
            several => several.into(),
        };
        let mut ordered = Map::from_iter([("type".to_owned(), types)]);
        written.remove("type");
        ordered.extend(written);
        ordered
    }

    /// What a schema, or what it refers to, is described by.
    pub(super) fn described(&self, schema: &'a Value) -> Option<&'a Value> {
        let own = schema.get("description");
        own.or_else(|| self.document.resolve(schema).ok()?.get("description"))
    }
}

/// The values that a schema names, and where it names no type, theirs.
fn options(schema: &Value, types: &mut Vec<&'static str>, written: &mut Map<String, Value>) {
    let one = schema.get("const").map(|it| vec![it.clone()]);
    let several = schema.get("enum").and_then(Value::as_array).cloned();
    let Some(options) = one.or(several) else {
        return;
    };
    let is_scalar = |it: &Value| !it.is_object() && !it.is_array();
    let options: Vec<Value> = if types.is_empty() {
        for option in &options {
            let word = type_of(option);
            if !types.contains(&word) {
                types.push(word);
            }
        }
        options
    } else {
        let fitting = options.into_iter().filter_map(|it| of_type(it, types));
        fitting.collect()
    };
    let is_short = options.len() <= MAX_OPTIONS && !options.is_empty();
    if is_short && options.iter().all(is_scalar) {
        written.insert("enum".into(), options.into());
    }
}

/// An option as a value of one of these types: a number or a truth value that
/// was written where texts are meant is the text. Objects and lists stay.
fn of_type(option: Value, types: &[&'static str]) -> Option<Value> {
    let word = type_of(&option);
    let is_one = types.contains(&word) || (word == "integer" && types.contains(&"number"));
    match option {
        option if is_one || option.is_object() || option.is_array() => Some(option),
        Value::Number(_) | Value::Bool(_) if types.contains(&"string") => {
            Some(option.to_string().into())
        }
        _ => None,
    }
}

/// Whether a value is only ever answered, never sent.
pub(super) fn is_read_only(document: &Document, schema: &Value) -> bool {
    let is_set = |schema: &Value| schema.get("readOnly") == Some(&Value::Bool(true));
    is_set(schema) || document.resolve(schema).is_ok_and(is_set)
}

/// The list `name` of a schema; often there is none.
fn list<'a>(schema: &'a Value, name: &str) -> &'a [Value] {
    let list = schema.get(name).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// The types that a schema names.
fn types(schema: &Value) -> Vec<&'static str> {
    let known = |word: &Value| {
        Some(match word.as_str()? {
            "string" => "string",
            "integer" => "integer",
            "number" => "number",
            "boolean" => "boolean",
            "object" => "object",
            "array" => "array",
            "null" => "null",
            _ => return None,
        })
    };
    match schema.get("type") {
        Some(Value::Array(words)) => {
            let mut types: Vec<_> = words.iter().filter_map(known).collect();
            types.dedup();
            types
        }
        Some(word) => known(word).into_iter().collect(),
        None => Vec::new(),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A schema that any value fits.
fn anything() -> Map<String, Value> {
    let all = json!(["string", "number", "boolean", "object", "array", "null"]);
    let scalars = json!(["string", "number", "boolean", "object", "null"]);
    let nested = json!({ "type": all.clone(), "items": { "type": scalars } });
    Map::from_iter([("type".to_owned(), all), ("items".to_owned(), nested)])
}

/// Whether `name` can be a member's: it is shown to people and agents.
fn is_member_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 128 && !name.chars().any(char::is_control)
}

/// Adds what is to be said, once.
pub(super) fn note(losses: &mut Vec<String>, loss: String) {
    if !losses.contains(&loss) {
        losses.push(loss);
    }
}
