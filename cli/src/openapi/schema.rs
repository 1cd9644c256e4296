//! JSON Schemas as the part of them that a definition may use, with references
//! written out to a certain depth.

use std::cell::Cell;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::Detail;
use super::document::{Document, items, members, one_line};

/// Most schemas that are looked at for one operation: a document can refer to
/// itself in so many ways that even a certain depth has no end.
const MAX_LOOKS: usize = 4_000;
/// Most alternatives and parts that are followed from one schema to the next.
const MAX_NESTING: usize = 16;
/// Most values of an enum that are written.
const MAX_OPTIONS: usize = 60;
/// Most members of an object that are written, below the top.
const MAX_MEMBERS: usize = 40;
/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 300;

/// Reads the schemas of one operation.
pub(super) struct Schemas<'a> {
    pub(super) document: &'a Document,
    detail: Detail,
    looks: Cell<usize>,
}

/// The members that an object has, in all its parts and alternatives.
#[derive(Debug, Default)]
pub(super) struct Shape<'a> {
    pub(super) members: Vec<(&'a String, &'a Value)>,
    pub(super) required: Vec<&'a str>,
    /// Whether it may have others.
    pub(super) is_open: bool,
    /// Whether it is an object at all.
    pub(super) is_object: bool,
    /// Whether it may also be something that is no object.
    pub(super) or_other: bool,
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
        let schema = match self.document.resolve(schema) {
            Ok(schema) => schema,
            Err(problem) => {
                note(losses, problem);
                return anything();
            }
        };
        if nesting == 0 || self.is_worn_out() {
            return anything();
        }
        let mut types = types(schema);
        let mut written = Map::new();
        for keyword in ["oneOf", "anyOf"] {
            let mut parts = items(schema.get(keyword))
                .map(|part| self.written(part, depth, nesting - 1, losses));
            if let Some(first) = parts.next() {
                let union = parts.fold(first, union);
                meet(&mut written, &mut types, union);
            }
        }
        for part in items(schema.get("allOf")) {
            let part = self.written(part, depth, nesting - 1, losses);
            meet(&mut written, &mut types, part);
        }
        self.options(schema, &mut types, &mut written);
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

    fn options(
        &self,
        schema: &Value,
        types: &mut Vec<&'static str>,
        written: &mut Map<String, Value>,
    ) {
        let one = schema.get("const").map(|it| vec![it.clone()]);
        let several = schema.get("enum").and_then(Value::as_array).cloned();
        let Some(options) = one.or(several) else {
            return;
        };
        let is_scalar = |it: &Value| !it.is_object() && !it.is_array();
        if types.is_empty() {
            for option in &options {
                let word = type_of(option);
                if !types.contains(&word) {
                    types.push(word);
                }
            }
        }
        let is_short = options.len() <= MAX_OPTIONS && !options.is_empty();
        if is_short && options.iter().all(is_scalar) {
            written.insert("enum".into(), options.into());
        }
    }

    /// The members of `schema`, which describes a body.
    pub(super) fn shape(&self, schema: &'a Value) -> Result<Shape<'a>, String> {
        self.shape_within(schema, MAX_NESTING)
    }

    fn shape_within(&self, schema: &'a Value, nesting: usize) -> Result<Shape<'a>, String> {
        let schema = self.document.resolve(schema)?;
        let mut shape = Shape::default();
        if nesting == 0 || self.is_worn_out() {
            shape.is_object = true;
            shape.is_open = true;
            return Ok(shape);
        }
        let types = types(schema);
        shape.is_object = types.contains(&"object") || schema.get("properties").is_some();
        shape.or_other = types.iter().any(|it| !matches!(*it, "object" | "null"));
        shape.is_open = match schema.get("additionalProperties") {
            Some(Value::Bool(open)) => *open,
            Some(Value::Object(_)) => true,
            _ => false,
        };
        shape.members = members(schema.get("properties")).collect();
        shape.required = items(schema.get("required"))
            .filter_map(Value::as_str)
            .collect();
        for part in items(schema.get("allOf")) {
            let part = self.shape_within(part, nesting - 1)?;
            shape.is_object |= part.is_object;
            shape.is_open |= part.is_open;
            shape.required.extend(&part.required);
            shape.add(part);
        }
        for keyword in ["oneOf", "anyOf"] {
            let parts: Vec<Shape<'a>> = items(schema.get(keyword))
                .map(|part| self.shape_within(part, nesting - 1))
                .collect::<Result<_, _>>()?;
            let Some(first) = parts.iter().find(|part| part.is_object) else {
                shape.or_other |= !parts.is_empty() && !shape.is_object;
                continue;
            };
            // only what every alternative needs is needed
            let objects = || parts.iter().filter(|part| part.is_object);
            let everywhere: Vec<&str> = first
                .required
                .iter()
                .filter(|name| objects().all(|part| part.required.contains(name)))
                .copied()
                .collect();
            shape.or_other |= parts.iter().any(|part| !part.is_object || part.or_other);
            shape.required.extend(everywhere);
            for part in parts.into_iter().filter(|part| part.is_object) {
                shape.is_object = true;
                shape.is_open |= part.is_open;
                shape.add(part);
            }
        }
        Ok(shape)
    }
}

impl<'a> Shape<'a> {
    fn add(&mut self, other: Self) {
        for (name, member) in other.members {
            if !self.members.iter().any(|(known, _)| *known == name) {
                self.members.push((name, member));
            }
        }
    }
}

/// Whether a value is only ever answered, never sent.
pub(super) fn is_read_only(document: &Document, schema: &Value) -> bool {
    let is_set = |schema: &Value| schema.get("readOnly") == Some(&Value::Bool(true));
    is_set(schema) || document.resolve(schema).is_ok_and(is_set)
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

/// A schema that fits what either fits. Where they differ inside, the inside
/// is left to the upstream.
fn union(one: Map<String, Value>, other: Map<String, Value>) -> Map<String, Value> {
    if one == other {
        return one;
    }
    let mut types = words(&one);
    for word in words(&other) {
        if !types.contains(&word) {
            types.push(word);
        }
    }
    let mut both = Map::new();
    let options = |it: &Map<String, Value>| it.get("enum").and_then(Value::as_array).cloned();
    if let (Some(mut options), Some(more)) = (options(&one), options(&other)) {
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
    let items = match (is_array(&one), is_array(&other)) {
        (true, true) => {
            let inner = |it: &Map<String, Value>| {
                it.get("items")
                    .and_then(Value::as_object)
                    .cloned()
                    .unwrap_or_else(anything)
            };
            Some(union(inner(&one), inner(&other)))
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
fn meet(written: &mut Map<String, Value>, types: &mut Vec<&'static str>, part: Map<String, Value>) {
    if types.is_empty() && part.get("type") != anything().get("type") {
        *types = self::types(&Value::Object(part.clone()));
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
fn bounds(
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

/// Adds what is to be said, once.
pub(super) fn note(losses: &mut Vec<String>, loss: String) {
    if !losses.contains(&loss) {
        losses.push(loss);
    }
}
