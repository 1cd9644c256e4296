//! A dotted path into JSON, as definitions write it (`data.items.-1.id`),
//! followed through the text itself: what is found keeps its bytes.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::ordered::Ordered;

/// Where something stands in a JSON value: member names, and for lists the
/// place of an item, counted from the end where it is negative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reach(Vec<String>);

impl Reach {
    /// Parses a dotted path.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let steps: Vec<_> = text.split('.').map(str::to_owned).collect();
        steps
            .iter()
            .all(|step| !step.is_empty())
            .then_some(Self(steps))
    }

    /// The value itself.
    pub(super) fn nothing() -> Self {
        Self(Vec::new())
    }

    /// This one, below the member `name`.
    pub(super) fn below(mut self, name: &str) -> Self {
        self.0.insert(0, name.to_owned());
        self
    }

    /// What stands there in `json`; `None` where there is nothing.
    pub(super) fn find<'j>(&self, json: &'j str) -> Option<&'j str> {
        self.0
            .iter()
            .try_fold(json, |json, step| follow(json, step))
    }
}

fn follow<'j>(json: &'j str, step: &str) -> Option<&'j str> {
    match json.trim_start().as_bytes().first()? {
        b'{' => {
            let members: Ordered<&RawValue> = serde_json::from_str(json).ok()?;
            let found = members.into_iter().rfind(|(name, _)| name == step);
            found.map(|(_, value)| value.get())
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            let at: isize = step.parse().ok()?;
            let at = match usize::try_from(at) {
                Ok(at) => at,
                Err(_) => items.len().checked_sub(at.unsigned_abs())?,
            };
            items.get(at).map(|item| item.get())
        }
        _ => None,
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

impl<'de> Deserialize<'de> for Reach {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom(format_args!(
                "{text:?} is no dotted path such as error.message"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_finds_members_and_items_byte_for_byte() {
        let json = r#" {"a": {"b": [1, {"c": 9007199254740993.0}, "x"]}, "a.b": 1, "n": null}"#;
        for (path, found) in [
            ("a.b.1.c", Some("9007199254740993.0")),
            ("a.b.-1", Some("\"x\"")),
            ("a.b.-3", Some("1")),
            ("a.b.-4", None),
            ("a.b.3", None),
            ("a.b.x", None),
            ("a.c", None),
            ("n", Some("null")),
            ("n.a", None),
        ] {
            assert_eq!(Reach::parse(path).unwrap().find(json), found, "{path}");
        }
        assert!(Reach::parse("a..b").is_none());
        assert!(Reach::parse("").is_none());
    }
}
