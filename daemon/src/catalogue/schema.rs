//! The part of JSON Schema that a definition may use for a param: typed, so
//! that a misspelt keyword is an error and not silently without effect.

use std::fmt;

use regex::Regex;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

use super::ordered::Ordered;

/// Every keyword, for the error that a misspelt one gets.
pub(super) const KEYWORDS: &[&str] = &[
    "type",
    "description",
    "enum",
    "items",
    "properties",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "example",
];

/// The JSON types a value may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum JsonType {
    String,
    Integer,
    Number,
    Boolean,
    Object,
    Array,
    Null,
}

impl JsonType {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Object => "object",
            Self::Array => "array",
            Self::Null => "null",
        }
    }

    pub(super) fn is_scalar(self) -> bool {
        !matches!(self, Self::Object | Self::Array)
    }
}

/// What a value must look like.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Schema {
    pub(super) types: Vec<JsonType>,
    pub(super) items: Option<Box<Schema>>,
    description: Option<String>,
    options: Vec<Value>,
    properties: Ordered<Schema>,
    minimum: Option<serde_json::Number>,
    maximum: Option<serde_json::Number>,
    min_length: Option<u64>,
    max_length: Option<u64>,
    pattern: Option<String>,
    min_items: Option<u64>,
    max_items: Option<u64>,
    example: Option<Value>,
}

impl Schema {
    /// Reads the value of `key` from `map`, if that is a keyword.
    pub(super) fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        map: &mut A,
    ) -> Result<bool, A::Error> {
        match key {
            "type" => self.types = map.next_value::<Types>()?.0,
            "description" => self.description = Some(map.next_value()?),
            "enum" => self.options = map.next_value()?,
            "items" => self.items = Some(Box::new(map.next_value()?)),
            "properties" => self.properties = map.next_value()?,
            "minimum" => self.minimum = Some(map.next_value()?),
            "maximum" => self.maximum = Some(map.next_value()?),
            "minLength" => self.min_length = Some(map.next_value()?),
            "maxLength" => self.max_length = Some(map.next_value()?),
            "pattern" => {
                let pattern: String = map.next_value()?;
                regex::Regex::new(&pattern).map_err(de::Error::custom)?;
                self.pattern = Some(pattern);
            }
            "minItems" => self.min_items = Some(map.next_value()?),
            "maxItems" => self.max_items = Some(map.next_value()?),
            "example" => self.example = Some(map.next_value()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What keeps it from being a schema that every host and reader takes.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.types.is_empty() {
            return Some("has no type");
        }
        if self.types.contains(&JsonType::Array) && self.items.is_none() {
            return Some("is an array without items");
        }
        let nested = self.items.iter().map(AsRef::as_ref);
        let mut nested = nested.chain(self.properties.iter().map(|(_, schema)| schema));
        nested.find_map(Self::fault)
    }

    /// As JSON Schema.
    pub(super) fn to_json(&self) -> Value {
        let mut json = Map::new();
        match self.types.as_slice() {
            [] => {}
            [one] => drop(json.insert("type".into(), one.word().into())),
            several => {
                let words: Vec<_> = several.iter().map(|one| one.word()).collect();
                json.insert("type".into(), words.into());
            }
        }
        let mut put = |keyword: &str, value: Option<Value>| {
            if let Some(value) = value {
                json.insert(keyword.into(), value);
            }
        };
        put("description", self.description.clone().map(Value::from));
        put(
            "enum",
            (!self.options.is_empty()).then(|| self.options.clone().into()),
        );
        put("items", self.items.as_ref().map(|items| items.to_json()));
        let properties = self
            .properties
            .iter()
            .map(|(name, schema)| (name.to_owned(), schema.to_json()));
        let properties: Map<_, _> = properties.collect();
        put(
            "properties",
            (!properties.is_empty()).then(|| properties.into()),
        );
        put("minimum", self.minimum.clone().map(Value::from));
        put("maximum", self.maximum.clone().map(Value::from));
        put("minLength", self.min_length.map(Value::from));
        put("maxLength", self.max_length.map(Value::from));
        put("pattern", self.pattern.clone().map(Value::from));
        put("minItems", self.min_items.map(Value::from));
        put("maxItems", self.max_items.map(Value::from));
        put(
            "examples",
            self.example.clone().map(|example| json!([example])),
        );
        json.into()
    }

    /// A value that is valid: the definition's own example, else the plainest
    /// one of its type.
    pub(super) fn example(&self) -> Value {
        if let Some(example) = self.example.as_ref().or(self.options.first()) {
            return example.clone();
        }
        match self.types.first() {
            Some(JsonType::String) => self.text().into(),
            Some(JsonType::Integer | JsonType::Number) => {
                self.minimum.clone().map_or_else(|| 1.into(), Value::from)
            }
            Some(JsonType::Boolean) => true.into(),
            Some(JsonType::Object) => json!({}),
            Some(JsonType::Array) => self.items.iter().map(|items| items.example()).collect(),
            Some(JsonType::Null) | None => Value::Null,
        }
    }

    /// The plainest text that fits, as far as one is known.
    fn text(&self) -> String {
        const PLAIN: &str = "text";
        let length = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX);
        let (least, most) = (
            self.min_length.unwrap_or(0),
            self.max_length.unwrap_or(u64::MAX),
        );
        if let Some(pattern) = self.pattern.as_deref().and_then(|it| Regex::new(it).ok()) {
            let fits =
                |text: &&&str| (least..=most).contains(&length(text)) && pattern.is_match(text);
            return PLAIN_TEXTS.iter().find(fits).unwrap_or(&PLAIN).to_string();
        }
        let wanted = least.max(length(PLAIN)).min(most).min(LONGEST_EXAMPLE);
        let wanted = usize::try_from(wanted).unwrap_or(0);
        PLAIN.chars().cycle().take(wanted).collect()
    }
}

/// Texts of the forms that patterns ask for most, the plainest first.
const PLAIN_TEXTS: &[&str] = &[
    "text",
    "1",
    "123456",
    "1234567890123456",
    "AB",
    "ABC",
    "TEXT",
    "2026-01-15",
    "2026-01-15T10:30:00Z",
    "00000000-0000-4000-8000-000000000000",
    "0123456789abcdef01234567",
    "0123456789abcdef0123456789abcdef",
    "+15550100",
    "text@example.com",
    "https://example.com",
    "example.com",
    "en-US",
    "1.0.0",
    "#000000",
];

/// No example is made longer than this.
const LONGEST_EXAMPLE: u64 = 256;

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keywords;

        impl<'de> Visitor<'de> for Keywords {
            type Value = Schema;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a schema, such as { type: string }")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Schema, A::Error> {
                let mut schema = Schema::default();
                while let Some(key) = map.next_key::<String>()? {
                    if !schema.read(&key, &mut map)? {
                        return Err(de::Error::unknown_field(&key, KEYWORDS));
                    }
                }
                Ok(schema)
            }
        }

        deserializer.deserialize_map(Keywords)
    }
}

/// `type: string`, or `type: [string, "null"]`.
struct Types(Vec<JsonType>);

impl<'de> Deserialize<'de> for Types {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrSeveral;

        impl<'de> Visitor<'de> for OneOrSeveral {
            type Value = Types;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON type, or a list of them")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Types, E> {
                let word = de::value::StrDeserializer::<E>::new(word);
                Ok(Types(vec![JsonType::deserialize(word)?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Types, A::Error> {
                let mut types = Vec::new();
                while let Some(one) = seq.next_element()? {
                    types.push(one);
                }
                Ok(Types(types))
            }
        }

        deserializer.deserialize_any(OneOrSeveral)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plainest_text_has_the_length_and_the_form_that_are_asked_for() {
        for (schema, example) in [
            (json!({"type": "string"}), "text"),
            (json!({"type": "string", "minLength": 6}), "textte"),
            (json!({"type": "string", "maxLength": 2}), "te"),
            (json!({"type": "string", "maxLength": 0}), ""),
            (json!({"type": "string", "pattern": "^[0-9]{1,19}$"}), "1"),
            (
                json!({"type": "string", "pattern": "^[0-9]+$", "minLength": 6}),
                "123456",
            ),
            (
                json!({"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}),
                "00000000-0000-4000-8000-000000000000",
            ),
            (json!({"type": "string", "pattern": "^x{3}$"}), "text"),
            (
                json!({"type": "string", "example": "own", "minLength": 9}),
                "own",
            ),
        ] {
            let read: Schema = serde_json::from_value(schema.clone()).unwrap();
            assert_eq!(read.example(), example, "{schema}");
        }
    }
}
