//! How a credential gets into a request: one file a scheme, joined by [`apply`].
//!
//! [`AuthScheme`] is what a service's definition says under `auth`: a bare
//! word (`auth: bearer`), or a map where the scheme has options
//! (`auth: { scheme: header, name: x-api-key }`).

mod bearer;
mod header;
#[cfg(test)]
mod tests;

use std::fmt;

use http::{HeaderName, header::AUTHORIZATION};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use crate::upstream::request::{AuthorisedRequest, BoundRequest};

/// Where a service wants its credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthScheme {
    /// `Authorization: Bearer SECRET`.
    Bearer,
    /// The secret in a header of the service's own.
    Header {
        /// The header, such as `x-api-key`.
        name: HeaderName,
        /// What stands before the secret; often nothing.
        prefix: String,
    },
}

impl AuthScheme {
    /// The scheme's word in a definition: `bearer` or `header`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Header { .. } => "header",
        }
    }

    /// The header that carries the credential; nothing else may set it.
    pub fn carrier(&self) -> &HeaderName {
        match self {
            Self::Bearer => &AUTHORIZATION,
            Self::Header { name, .. } => name,
        }
    }
}

/// Why a credential can't be put into a request. No variant repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is nothing in it.
    #[error(
        "the stored credential is empty; the owner can mend it with `axis add SERVICE --replace`"
    )]
    Empty,
    /// It holds something that no HTTP header can carry.
    #[error(
        "the stored credential holds a line break, a control character or a letter outside ASCII, which no HTTP header can carry; the owner can mend it with `axis add SERVICE --replace`"
    )]
    Unsendable,
}

/// Puts `secret` where `scheme` says, in place of whatever stood there.
///
/// # Errors
/// [`AuthError`] when the secret is empty or can't stand in a header.
pub fn apply(
    scheme: &AuthScheme,
    secret: &str,
    mut request: BoundRequest,
) -> Result<AuthorisedRequest, AuthError> {
    match scheme {
        AuthScheme::Bearer => bearer::apply(secret, &mut request.headers)?,
        AuthScheme::Header { name, prefix } => {
            header::apply(name, prefix, secret, &mut request.headers)?;
        }
    }
    Ok(AuthorisedRequest(request))
}

/// The account that `secret` names, where the scheme's credentials name one
/// beside what is secret.
pub fn account<'s>(scheme: &AuthScheme, _secret: &'s str) -> Option<&'s str> {
    match scheme {
        AuthScheme::Bearer | AuthScheme::Header { .. } => None,
    }
}

/// A scheme as it is written: the word and every option of every scheme.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenScheme {
    scheme: String,
    name: Option<String>,
    prefix: Option<String>,
}

impl WrittenScheme {
    fn parse(self) -> Result<AuthScheme, String> {
        match self.scheme.as_str() {
            "bearer" if self.name.is_none() && self.prefix.is_none() => Ok(AuthScheme::Bearer),
            "bearer" => Err("the scheme bearer has no options; write auth: bearer".into()),
            "header" => {
                let name = self.name.ok_or(
                    "the scheme header needs a name; write auth: { scheme: header, name: x-api-key }",
                )?;
                let name = HeaderName::from_bytes(name.as_bytes())
                    .map_err(|_| format!("{name:?} is no header name"))?;
                if header::FRAMING.contains(&name.as_str()) {
                    return Err(format!("the header {name} can't carry a credential"));
                }
                let prefix = self.prefix.unwrap_or_default();
                if !prefix.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
                    return Err("the prefix must be printable ASCII".into());
                }
                Ok(AuthScheme::Header { name, prefix })
            }
            other => Err(format!(
                "there is no auth scheme {other:?}; there are bearer and header"
            )),
        }
    }
}

impl<'de> Deserialize<'de> for AuthScheme {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrMap;

        impl<'de> Visitor<'de> for WordOrMap {
            type Value = AuthScheme;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an auth scheme, such as bearer or { scheme: header, name: x-api-key }")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<AuthScheme, E> {
                let written = WrittenScheme {
                    scheme: word.to_owned(),
                    name: None,
                    prefix: None,
                };
                written.parse().map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AuthScheme, A::Error> {
                WrittenScheme::deserialize(de::value::MapAccessDeserializer::new(map))?
                    .parse()
                    .map_err(de::Error::custom)
            }
        }

        deserializer.deserialize_any(WordOrMap)
    }
}
