//! OAuth 2.0, as in RFC 6749: a client's own credentials, or a refresh token,
//! for an access token. A refresh token may be replaced by its use; the new one
//! is then sealed before the old one is let go.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::endpoint::{self, Grant, Question};
use super::exchange::Exchange;
use super::scheme::{ClientAuth, GrantType, OAuth2};
use super::{AuthError, header};
use crate::host::BaseUrl;

/// What the owner got from the authorisation server. No Debug: it is secret.
#[derive(serde::Deserialize)]
pub(super) struct Registration {
    client_id: String,
    client_secret: Option<Zeroizing<String>>,
    refresh_token: Option<Zeroizing<String>>,
    token_url: Option<BaseUrl>,
}

impl Registration {
    pub(super) fn parse(secret: &str) -> Result<Self, AuthError> {
        serde_json::from_str(secret).map_err(|_| AuthError::Malformed {
            form: "JSON with client_id, client_secret and, for a grant by refresh token, refresh_token",
        })
    }

    pub(super) fn guarded(self) -> Vec<Zeroizing<String>> {
        [self.client_secret, self.refresh_token]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Where tokens come from: the credential's own word before the definition's.
    pub(super) fn token_url<'a>(&'a self, defined: &'a BaseUrl) -> &'a BaseUrl {
        self.token_url.as_ref().unwrap_or(defined)
    }
}

/// An access token, and the new refresh token where there is one.
/// `refresh_token` stands for the stored one when that was used up and its
/// successor couldn't be sealed yet.
pub(super) async fn fetch(
    exchange: &Exchange<'_>,
    options: &OAuth2,
    refresh_token: Option<&str>,
) -> Result<Grant, AuthError> {
    let client = Registration::parse(exchange.credential.secret().expose())?;
    let secret = client.client_secret.as_deref().map_or("", String::as_str);
    let mut pairs = Vec::new();
    let used = match options.grant {
        GrantType::ClientCredentials => {
            pairs.push(("grant_type", "client_credentials"));
            None
        }
        GrantType::RefreshToken => {
            let stored = client.refresh_token.as_deref().map(String::as_str);
            let token = refresh_token.or(stored).ok_or(AuthError::Malformed {
                form: "JSON with client_id and refresh_token",
            })?;
            pairs.push(("grant_type", "refresh_token"));
            pairs.push(("refresh_token", token));
            Some(token)
        }
    };
    let scopes = options.scopes.join(" ");
    if !scopes.is_empty() {
        pairs.push(("scope", &scopes));
    }
    let mut headers = HeaderMap::new();
    // of what was encoded twice, the guard doesn't find the secret in it
    let encoded = basic(&client.client_id, secret);
    match options.client_auth {
        // a client without a secret has only its name to give
        ClientAuth::Basic if !secret.is_empty() => {
            header::apply(&AUTHORIZATION, "Basic ", &encoded, &mut headers)?;
        }
        ClientAuth::Basic | ClientAuth::Body => {
            pairs.push(("client_id", &client.client_id));
            if !secret.is_empty() {
                pairs.push(("client_secret", secret));
            }
        }
    }
    let guard = exchange.guard(&[secret, &encoded, used.unwrap_or_default()]);
    let answer = Question {
        url: client.token_url(&options.token_url),
        path: "",
        hosts: exchange.credential.hosts(),
        headers,
        form: Some(endpoint::form(&pairs)),
        guard: &guard,
    }
    .ask(exchange.upstream)
    .await?;
    let mut grant = endpoint::grant(&answer);
    grant.refresh_token = grant
        .refresh_token
        .filter(|new| used.is_some_and(|used| used != new.as_str()));
    Ok(grant)
}

/// `secret` with `refresh_token` in the place of its own.
pub(super) fn succeeded(secret: &str, refresh_token: &str) -> Option<Zeroizing<String>> {
    let mut members: Map<String, Value> = serde_json::from_str(secret).ok()?;
    members.insert("refresh_token".into(), refresh_token.into());
    Some(Zeroizing::new(serde_json::to_string(&members).ok()?))
}

/// Name and secret as RFC 6749 (2.3.1) wants them: encoded as in a form first.
fn basic(id: &str, secret: &str) -> Zeroizing<String> {
    let encode =
        |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let pair = Zeroizing::new(format!("{}:{}", encode(id), encode(secret)));
    Zeroizing::new(BASE64_STANDARD.encode(&*pair))
}
