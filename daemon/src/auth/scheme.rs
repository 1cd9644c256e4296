//! [`AuthScheme`]: what a service's definition says under `auth`.

use axis_proto::headers::may_carry_credential;
use std::fmt;

use http::{HeaderName, header::AUTHORIZATION};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use super::{aws_sigv4, google_service_account};
use crate::host::{BaseUrl, Host};

static AUTHORIZATION_ALONE: [HeaderName; 1] = [AUTHORIZATION];

/// How a service wants its credential.
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
    /// `Authorization: Basic …`; the credential is `user:password`.
    Basic,
    /// The secret in the query.
    Query {
        /// Its name there, such as `key`.
        name: String,
    },
    /// AWS Signature Version 4; the credential is an access key.
    AwsSigV4 {
        /// The service in the signature, such as `s3`.
        service: String,
        /// The region in it, where the request names none.
        region: Option<String>,
    },
    /// A Google service account's key, exchanged for an access token.
    GoogleServiceAccount {
        /// What the token is for.
        scopes: Vec<String>,
    },
    /// An OAuth 2.0 client, exchanged for an access token.
    OAuth2(OAuth2),
    /// A GitHub App's key, exchanged for a token of one installation.
    GithubApp,
}

/// How an OAuth 2.0 client gets its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth2 {
    /// What it is exchanged by.
    pub grant: GrantType,
    /// Where.
    pub token_url: BaseUrl,
    /// What the token is for; empty: what the server thinks fit.
    pub scopes: Vec<String>,
    /// How the client says who it is.
    pub client_auth: ClientAuth,
}

/// What is exchanged for an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// A refresh token.
    RefreshToken,
    /// The client's own id and secret.
    ClientCredentials,
}

/// Where a client's id and secret stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// `Authorization: Basic …`.
    #[default]
    Basic,
    /// In the form.
    Body,
}

/// What of a request carries the credential; nothing else may set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier<'a> {
    /// These headers.
    Headers(&'a [HeaderName]),
    /// This name in the query.
    Query(&'a str),
}

impl Carrier<'_> {
    /// Whether it is this header.
    pub fn is_header(&self, name: &HeaderName) -> bool {
        matches!(self, Self::Headers(headers) if headers.contains(name))
    }

    /// Whether it is this name in the query; without case, as some servers
    /// read it.
    pub fn is_query(&self, name: &str) -> bool {
        matches!(self, Self::Query(carrier) if carrier.eq_ignore_ascii_case(name))
    }
}

impl AuthScheme {
    /// The scheme's word in a definition, such as `bearer`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Header { .. } => "header",
            Self::Basic => "basic",
            Self::Query { .. } => "query",
            Self::AwsSigV4 { .. } => "aws_sigv4",
            Self::GoogleServiceAccount { .. } => "google_service_account",
            Self::OAuth2(_) => "oauth2",
            Self::GithubApp => "github_app",
        }
    }

    /// The host of the token endpoint that the definition names.
    pub fn token_host(&self) -> Option<Host> {
        match self {
            Self::OAuth2(options) => Some(options.token_url.host().clone()),
            Self::GoogleServiceAccount { .. } => {
                let url = google_service_account::default_token_url().ok()?;
                Some(url.host().clone())
            }
            _ => None,
        }
    }

    /// What carries the credential.
    pub fn carrier(&self) -> Carrier<'_> {
        match self {
            Self::Header { name, .. } => Carrier::Headers(std::slice::from_ref(name)),
            Self::Query { name } => Carrier::Query(name),
            Self::AwsSigV4 { .. } => Carrier::Headers(&aws_sigv4::CARRIERS),
            Self::Bearer
            | Self::Basic
            | Self::GoogleServiceAccount { .. }
            | Self::OAuth2(_)
            | Self::GithubApp => Carrier::Headers(&AUTHORIZATION_ALONE),
        }
    }
}

/// A scheme as it is written: the word and every option of every scheme.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenScheme {
    scheme: String,
    name: Option<String>,
    prefix: Option<String>,
    service: Option<String>,
    region: Option<String>,
    scopes: Option<Vec<String>>,
    grant: Option<GrantType>,
    token_url: Option<BaseUrl>,
    client_auth: Option<ClientAuth>,
}

/// Every scheme with its options.
const SCHEMES: &[(&str, &[&str])] = &[
    ("bearer", &[]),
    ("header", &["name", "prefix"]),
    ("basic", &[]),
    ("query", &["name"]),
    ("aws_sigv4", &["service", "region"]),
    ("google_service_account", &["scopes"]),
    ("oauth2", &["grant", "token_url", "scopes", "client_auth"]),
    ("github_app", &[]),
];

impl WrittenScheme {
    /// The options that are set.
    fn given(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            ("name", self.name.is_some()),
            ("prefix", self.prefix.is_some()),
            ("service", self.service.is_some()),
            ("region", self.region.is_some()),
            ("scopes", self.scopes.is_some()),
            ("grant", self.grant.is_some()),
            ("token_url", self.token_url.is_some()),
            ("client_auth", self.client_auth.is_some()),
        ];
        all.into_iter()
            .filter_map(|(name, set)| set.then_some(name))
    }

    fn parse(self) -> Result<AuthScheme, String> {
        let word = self.scheme.as_str();
        let Some((_, options)) = SCHEMES.iter().find(|(known, _)| *known == word) else {
            let known: Vec<_> = SCHEMES.iter().map(|(known, _)| *known).collect();
            return Err(format!(
                "there is no auth scheme {word:?}; there are {}",
                known.join(", ")
            ));
        };
        if let Some(surplus) = self.given().find(|given| !options.contains(given)) {
            return Err(match options {
                [] => format!("the scheme {word} has no options; write auth: {word}"),
                options => format!(
                    "the scheme {word} has no option {surplus:?}; it has {}",
                    options.join(", ")
                ),
            });
        }
        match word {
            "bearer" => Ok(AuthScheme::Bearer),
            "basic" => Ok(AuthScheme::Basic),
            "query" => self.query(),
            "aws_sigv4" => self.aws_sigv4(),
            "google_service_account" => match self.scopes {
                Some(scopes) if !scopes.is_empty() => {
                    Ok(AuthScheme::GoogleServiceAccount { scopes })
                }
                _ => Err("the scheme google_service_account needs scopes, as URLs".into()),
            },
            "oauth2" => self.oauth2(),
            "github_app" => Ok(AuthScheme::GithubApp),
            _ => self.header(),
        }
    }

    fn header(self) -> Result<AuthScheme, String> {
        let name = self.name.ok_or(
            "the scheme header needs a name; write auth: { scheme: header, name: x-api-key }",
        )?;
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("{name:?} is no header name"))?;
        if !may_carry_credential(name.as_str()) {
            return Err(format!("the header {name} can't carry a credential"));
        }
        let prefix = self.prefix.unwrap_or_default();
        if !prefix.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err("the prefix must be printable ASCII".into());
        }
        Ok(AuthScheme::Header { name, prefix })
    }

    fn query(self) -> Result<AuthScheme, String> {
        let name = self
            .name
            .ok_or("the scheme query needs a name; write auth: { scheme: query, name: key }")?;
        if name.is_empty() || !name.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
            return Err(format!("{name:?} is no name for a query"));
        }
        Ok(AuthScheme::Query { name })
    }

    fn aws_sigv4(self) -> Result<AuthScheme, String> {
        let is_word = |text: &String| {
            let letters =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !text.is_empty() && text.bytes().all(letters)
        };
        let service = self.service.filter(is_word).ok_or(
            "the scheme aws_sigv4 needs the service's name in signatures; write auth: { scheme: aws_sigv4, service: s3 }",
        )?;
        if let Some(region) = self.region.as_ref().filter(|region| !is_word(region)) {
            return Err(format!("{region:?} is no region"));
        }
        Ok(AuthScheme::AwsSigV4 {
            service,
            region: self.region,
        })
    }

    fn oauth2(self) -> Result<AuthScheme, String> {
        let (Some(grant), Some(token_url)) = (self.grant, self.token_url) else {
            return Err(
                "the scheme oauth2 needs a grant (refresh_token or client_credentials) and a token_url"
                    .into(),
            );
        };
        Ok(AuthScheme::OAuth2(OAuth2 {
            grant,
            token_url,
            scopes: self.scopes.unwrap_or_default(),
            client_auth: self.client_auth.unwrap_or_default(),
        }))
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
                    ..WrittenScheme::default()
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
