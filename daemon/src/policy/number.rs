//! A whole number in a policy, within its range.

use std::fmt;

use serde::Deserialize;

use super::error::Fault;

/// A number as it is written, so that the error can quote it.
pub(super) enum Number {
    Whole(u64),
    Other(String),
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number::Whole(number))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(u64::try_from(number)
                    .map_or_else(|_| Number::Other(number.to_string()), Number::Whole))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
                Ok(Number::Other(format!("{number:?}")))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Number, E> {
                Ok(Number::Other(value.to_string()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Number, E> {
                Ok(Number::Other(format!("the text {text:?}")))
            }

            fn visit_unit<E>(self) -> Result<Number, E> {
                Ok(Number::Other("left out".into()))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl Number {
    /// The number, where it is one from 1 to `max`.
    pub(super) fn within(
        &self,
        field: &'static str,
        unit: &'static str,
        max: u32,
    ) -> Result<u32, Fault> {
        let fault = |written| Fault::Number {
            field,
            unit,
            min: 1,
            max,
            written,
        };
        match self {
            Self::Other(written) => Err(fault(written.clone())),
            Self::Whole(number) => u32::try_from(*number)
                .ok()
                .filter(|number| (1..=max).contains(number))
                .ok_or_else(|| fault(number.to_string())),
        }
    }
}
