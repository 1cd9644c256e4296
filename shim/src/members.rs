//! A JSON object's members, each named once: of two of one name the host would
//! show its user one and axis take the other.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members by name, their values as they were written.
pub struct Members<'a> {
    /// Of several of one name, the last.
    pub by_name: BTreeMap<String, &'a RawValue>,
    /// The first name that stands twice.
    pub repeated: Option<String>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Members {
                    by_name: BTreeMap::new(),
                    repeated: None,
                };
                while let Some(name) = map.next_key::<String>()? {
                    let value = map.next_value()?;
                    if members.by_name.insert(name.clone(), value).is_some() {
                        members.repeated.get_or_insert(name);
                    }
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Object)
    }
}
