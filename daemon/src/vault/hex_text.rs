//! Bytes as lowercase hex in JSON: [`Hex`] of one exact length, [`HexText`] of
//! any. One spelling only, so that no two files mean the same.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Exactly `N` bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Hex<const N: usize>(pub [u8; N]);

/// Any number of bytes.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct HexText(pub Vec<u8>);

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl Serialize for HexText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = deserializer.deserialize_str(Digits { bytes: Some(N) })?;
        let wrong =
            |bytes: Vec<u8>| D::Error::invalid_length(bytes.len(), &Digits { bytes: Some(N) });
        bytes.try_into().map(Self).map_err(wrong)
    }
}

impl<'de> Deserialize<'de> for HexText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(Digits { bytes: None })
            .map(Self)
    }
}

struct Digits {
    bytes: Option<usize>,
}

impl Visitor<'_> for Digits {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes {
            Some(bytes) => write!(f, "{} lowercase hex digits", 2 * bytes),
            None => f.write_str("an even number of lowercase hex digits"),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
        let lowercase = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let length_fits = self.bytes.is_none_or(|bytes| text.len() == 2 * bytes);
        match hex::decode(text) {
            Ok(bytes) if lowercase && length_fits => Ok(bytes),
            _ => Err(E::custom(format_args!(
                "{} characters where {} belong",
                text.chars().count(),
                &self as &dyn serde::de::Expected
            ))),
        }
    }
}
