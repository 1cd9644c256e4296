//! A Google service account: its key signs a JWT, which Google's token
//! endpoint takes for an access token. A ready access token is taken, too.

use serde::Serialize;
use zeroize::Zeroizing;

use super::AuthError;
use super::endpoint::{self, Grant, Question};
use super::exchange::Exchange;
use super::jwt;
use crate::host::BaseUrl;

/// Google's own token endpoint.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
/// How long a JWT is good, in seconds: the most that Google takes.
const JWT_LIFETIME_S: i64 = 3600;
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A service account's key file. No Debug: it is secret.
#[derive(serde::Deserialize)]
pub(super) struct ServiceAccount {
    client_email: String,
    private_key: Zeroizing<String>,
    private_key_id: Option<String>,
    token_uri: Option<BaseUrl>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

/// Whether `secret` is an access token and no key file.
pub(super) fn is_access_token(secret: &str) -> bool {
    !secret.trim_start().starts_with('{')
}

impl ServiceAccount {
    pub(super) fn parse(secret: &str) -> Result<Self, AuthError> {
        serde_json::from_str(secret).map_err(|_| AuthError::Malformed {
            form: "a service account's JSON key (with client_email, private_key and an https token_uri), or an access token",
        })
    }

    pub(super) fn guarded(self) -> Vec<Zeroizing<String>> {
        vec![self.private_key]
    }

    /// Where its JWTs are exchanged.
    pub(super) fn token_url(&self) -> Result<BaseUrl, AuthError> {
        match &self.token_uri {
            Some(url) => Ok(url.clone()),
            None => default_token_url(),
        }
    }
}

/// Google's own token endpoint.
pub(super) fn default_token_url() -> Result<BaseUrl, AuthError> {
    BaseUrl::parse(TOKEN_URI).map_err(|error| AuthError::Unkept(error.to_string()))
}

/// An access token for `scopes`.
pub(super) async fn fetch(exchange: &Exchange<'_>, scopes: &[String]) -> Result<Grant, AuthError> {
    let key = ServiceAccount::parse(exchange.credential.secret().expose())?;
    let url = key.token_url()?;
    let now = exchange.now.as_second();
    let claims = Claims {
        iss: &key.client_email,
        scope: &scopes.join(" "),
        aud: url.as_str(),
        iat: now,
        exp: now + JWT_LIFETIME_S,
    };
    let assertion = jwt::sign(&claims, key.private_key_id.as_deref(), &key.private_key)?;
    let signature = jwt::signature(&assertion).unwrap_or_default();
    let guard = exchange.guard(&[&key.private_key, &assertion, signature]);
    let answer = Question {
        url: &url,
        path: "",
        hosts: exchange.credential.hosts(),
        headers: http::HeaderMap::new(),
        form: Some(endpoint::form(&[
            ("grant_type", GRANT_TYPE),
            ("assertion", &assertion),
        ])),
        guard: &guard,
    }
    .ask(exchange.upstream)
    .await?;
    Ok(endpoint::grant(&answer))
}
