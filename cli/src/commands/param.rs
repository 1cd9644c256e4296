//! The params of `axis call`: `key=value` words, typed by the action's schema,
//! over a JSON object. Values stay JSON text, so a number keeps all its digits.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::failure::{Exit, Failure};

/// Params by name, each value as JSON text.
pub type Params = BTreeMap<String, Box<RawValue>>;

/// What the schema says of one param.
pub enum Typing {
    /// Text and nothing else.
    Text,
    /// Anything but text; the words name it for a person.
    Json(String),
    /// Text or an array or object.
    TextOrStructure,
    /// The schema doesn't declare it.
    Unknown,
}

/// Joins `--params` and the `key=value` words; the words win.
pub fn params(object: Option<&str>, words: &[String], schema: &Value) -> Result<Params, Failure> {
    let mut params = match object {
        None => Params::new(),
        Some(text) => serde_json::from_str(text).map_err(|error| {
            Failure::new(
                Exit::Usage,
                format!("--params must be a JSON object: {error}"),
            )
            .fix("for example: --params '{\"owner\": \"acme\", \"repo\": \"axis\"}'")
        })?,
    };
    let mut named = Vec::with_capacity(words.len());
    for word in words {
        let Some((name, text)) = word.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(Failure::new(
                Exit::Usage,
                format!("{word:?} is not of the form key=value"),
            )
            .fix("for example: axis call github repos.get owner=acme repo=axis"));
        };
        if named.contains(&name) {
            return Err(Failure::new(
                Exit::Usage,
                format!("{name:?} is given twice"),
            ));
        }
        named.push(name);
        params.insert(name.to_owned(), value(name, text, schema)?);
    }
    Ok(params)
}

fn value(name: &str, text: &str, schema: &Value) -> Result<Box<RawValue>, Failure> {
    let json = || serde_json::from_str::<Box<RawValue>>(text);
    match typing(&schema["properties"][name]) {
        Typing::Json(kind) => json().map_err(|error| {
            Failure::new(
                Exit::Usage,
                format!("{name:?} must be {kind}, and {text:?} is not JSON: {error}"),
            )
        }),
        Typing::TextOrStructure if text.starts_with(['{', '[']) => json().or_else(|_| quoted(text)),
        Typing::Text | Typing::TextOrStructure => quoted(text),
        // A field that a vendor added yesterday: 100 is a number, gpt-5 is text.
        Typing::Unknown => json().or_else(|_| quoted(text)),
    }
}

fn quoted(text: &str) -> Result<Box<RawValue>, Failure> {
    to_raw_value(text).map_err(|error| Failure::new(Exit::Failed, error.to_string()))
}

pub fn typing(schema: &Value) -> Typing {
    let mut types = Vec::new();
    collect_types(schema, &mut types);
    let others: Vec<&str> = types
        .iter()
        .copied()
        .filter(|name| !matches!(*name, "string" | "null"))
        .collect();
    match (types.contains(&"string"), others.as_slice()) {
        (true, []) => Typing::Text,
        (true, _) => Typing::TextOrStructure,
        (false, []) => Typing::Unknown,
        (false, others) => Typing::Json(format!("of type {}", others.join(" or "))),
    }
}

fn collect_types<'a>(schema: &'a Value, types: &mut Vec<&'a str>) {
    match &schema["type"] {
        Value::String(name) => types.push(name),
        Value::Array(names) => types.extend(names.iter().filter_map(Value::as_str)),
        _ => {}
    }
    for union in ["anyOf", "oneOf"] {
        for inner in schema[union].as_array().into_iter().flatten() {
            collect_types(inner, types);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "title": {"type": "string"},
                "maybe": {"type": ["string", "null"]},
                "count": {"type": "integer"},
                "ratio": {"type": "number"},
                "draft": {"type": "boolean"},
                "labels": {"type": "array", "items": {"type": "string"}},
                "meta": {"type": "object"},
                "input": {"type": ["string", "array", "object"]},
                "either": {"anyOf": [{"type": "string"}, {"type": "array"}]},
                "id": {"oneOf": [{"type": "integer"}, {"type": "null"}]},
                "open": {}
            }
        })
    }

    #[test]
    fn a_word_gets_the_type_that_the_schema_says() {
        let cases = [
            ("title=42", r#""42""#),
            ("title=true", r#""true""#),
            ("title={\"a\":1}", r#""{\"a\":1}""#),
            ("title=", r#""""#),
            ("title=a=b", r#""a=b""#),
            ("maybe=null", r#""null""#),
            ("count=42", "42"),
            (
                "count=123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
            ("ratio=1.50", "1.50"),
            ("draft=true", "true"),
            ("labels=[\"a\",\"b\"]", r#"["a","b"]"#),
            ("meta={\"a\":{}}", r#"{"a":{}}"#),
            ("input=hello", r#""hello""#),
            ("input=42", r#""42""#),
            ("input=[{\"role\":\"user\"}]", r#"[{"role":"user"}]"#),
            ("input={not json", r#""{not json""#),
            ("either=[1]", "[1]"),
            ("id=7", "7"),
            ("open=100", "100"),
            ("open=gpt-5", r#""gpt-5""#),
            ("unheard_of=false", "false"),
            ("unheard_of=\"100\"", r#""100""#),
            ("unheard_of=two words", r#""two words""#),
        ];
        for (word, json) in cases {
            let params = params(None, &[word.to_owned()], &schema()).unwrap();
            let value = params.values().next().unwrap();
            assert_eq!(value.get(), json, "{word}");
        }
    }

    #[test]
    fn a_wrong_word_is_an_error_that_says_so() {
        let cases = [
            (vec!["count=many"], "\"count\" must be of type integer"),
            (vec!["labels=bug"], "\"labels\" must be of type array"),
            (vec!["draft=yes"], "\"draft\" must be of type boolean"),
            (vec!["count="], "\"count\" must be of type integer"),
            (vec!["title"], "not of the form key=value"),
            (vec!["=x"], "not of the form key=value"),
            (vec!["title=a", "title=b"], "given twice"),
        ];
        for (words, told) in cases {
            let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
            let failure = params(None, &words, &schema()).unwrap_err();
            assert_eq!(failure.exit(), Exit::Usage, "{words:?}");
            assert!(failure.to_string().contains(told), "{failure}");
        }
    }

    #[test]
    fn words_win_over_the_object_and_digits_survive() {
        let object = r#"{"title":"old","amount":12345678901234567890123,"nested":{"z":1,"a":2}}"#;
        let params = params(Some(object), &["title=new".to_owned()], &schema()).unwrap();
        assert_eq!(
            serde_json::to_string(&params).unwrap(),
            r#"{"amount":12345678901234567890123,"nested":{"z":1,"a":2},"title":"new"}"#
        );
    }

    #[test]
    fn params_that_are_no_object_are_refused() {
        for text in ["[]", "1", "\"{}\"", "{", "null", ""] {
            let failure = params(Some(text), &[], &schema()).unwrap_err();
            assert_eq!(failure.exit(), Exit::Usage, "{text}");
        }
    }
}
