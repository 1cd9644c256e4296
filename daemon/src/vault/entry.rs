//! One entry of the keystore file: its sealed box, the metadata that stands in
//! clear beside it, and what it is called.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::envelope::{IV_BYTES, SALT_BYTES, SealedBox, TAG_BYTES};
use super::fault::Fault;
use super::hex_text::{Hex, HexText};
use crate::names::{CredentialName, NameError};

/// One sealed entry, with what may be known of it while the vault is locked.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    salt: Hex<SALT_BYTES>,
    iv: Hex<IV_BYTES>,
    ciphertext: HexText,
    tag: Hex<TAG_BYTES>,
    pub metadata: Metadata,
}

/// What stands in clear beside an entry and is bound to it. A reserved entry
/// has no service.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metadata {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    pub created_at: Millis,
    pub updated_at: Millis,
}

/// A time in whole milliseconds, written one way: `2026-01-15T10:30:00.000Z`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Millis(Timestamp);

/// How the name of an entry begins that holds what stood in a credential's
/// place before.
pub(super) const PREVIOUS: &str = ".previous/";

/// What an entry is called: `github`, `github/work` or, for what is never
/// listed, `.audit-key` and `.previous/github`.
pub(super) enum EntryName {
    Credential(CredentialName),
    Reserved(&'static str),
    /// What stood in a credential's place before.
    Previous(CredentialName),
}

impl Entry {
    pub fn new(sealed: SealedBox, metadata: Metadata) -> Self {
        Self {
            salt: sealed.salt,
            iv: sealed.iv,
            ciphertext: sealed.ciphertext,
            tag: sealed.tag,
            metadata,
        }
    }

    /// Fresh at every write.
    pub fn salt(&self) -> [u8; SALT_BYTES] {
        self.salt.0
    }

    pub fn sealed(&self) -> SealedBox {
        SealedBox {
            salt: self.salt,
            iv: self.iv,
            ciphertext: self.ciphertext.clone(),
            tag: self.tag,
        }
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(name) => name.fmt(f),
            Self::Reserved(name) => f.write_str(name),
            Self::Previous(name) => write!(f, "{PREVIOUS}{name}"),
        }
    }
}

impl Metadata {
    /// That of an entry of this name.
    pub fn of(name: &EntryName, created_at: Millis, updated_at: Millis) -> Self {
        let (service, label) = match name {
            EntryName::Reserved(_) | EntryName::Previous(_) => (None, None),
            EntryName::Credential(name) => (
                Some(name.service.as_str().to_owned()),
                name.label.as_ref().map(|label| label.as_str().to_owned()),
            ),
        };
        Self {
            service,
            label,
            created_at,
            updated_at,
        }
    }

    /// The credential it is; `None` for a reserved entry.
    pub fn credential_name(&self) -> Option<Result<CredentialName, NameError>> {
        let service = self.service.as_deref()?;
        Some(CredentialName::parse(
            service,
            self.label.as_deref().unwrap_or_default(),
        ))
    }

    /// Name and metadata must say the same, also before anything is opened.
    pub fn check_name(&self, name: &str) -> Result<(), Fault> {
        let agrees = match self.credential_name() {
            Some(Ok(credential)) => {
                credential.to_string() == name && self.label.as_deref() != Some("")
            }
            Some(Err(_)) => false,
            None => name.starts_with('.') && self.label.is_none(),
        };
        if agrees {
            return Ok(());
        }
        Err(Fault::EntriesEdited {
            names: vec![name.to_owned()],
        })
    }
}

impl Millis {
    pub fn of(time: Timestamp) -> Self {
        Self(Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time))
    }

    pub fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = text.parse().map(Self).map_err(D::Error::custom)?;
        if time.to_string() == text {
            return Ok(time);
        }
        Err(D::Error::custom(format_args!(
            "the time {text:?} is not written like 2026-01-15T10:30:00.000Z"
        )))
    }
}

/// Reads a map that has no name twice, with errors that say in which entry.
pub(super) fn by_name<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Entry>, D::Error> {
    struct Entries;

    impl<'de> Visitor<'de> for Entries {
        type Value = BTreeMap<String, Entry>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the entries by their names")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = BTreeMap::new();
            while let Some(name) = map.next_key::<String>()? {
                let entry = map.next_value().map_err(|error| {
                    A::Error::custom(format_args!("in entry {name:?}: {error}"))
                })?;
                if entries.contains_key(&name) {
                    return Err(A::Error::custom(format_args!(
                        "entry {name:?} is there twice"
                    )));
                }
                entries.insert(name, entry);
            }
            Ok(entries)
        }
    }

    deserializer.deserialize_map(Entries)
}
