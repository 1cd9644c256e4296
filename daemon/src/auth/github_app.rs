//! A GitHub App: its key signs a JWT, which GitHub takes for a token of one
//! installation.

use std::time::Duration;

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::endpoint::{Grant, Question};
use super::exchange::Exchange;
use super::{AuthError, bearer, jwt};

/// A JWT begins this long ago, so that a clock that is a little ahead does no harm.
const BACKDATED_S: i64 = 60;
/// GitHub takes none that is good for more than ten minutes.
const JWT_LIFETIME_S: i64 = 540;
/// What GitHub says its tokens are good for.
const LIFETIME: Duration = Duration::from_hours(1);

/// An app's key for one installation. No Debug: it is secret.
#[derive(serde::Deserialize)]
pub(super) struct AppKey {
    app_id: Number,
    installation_id: Number,
    private_key: Zeroizing<String>,
}

/// An id, written as a number or as text.
#[derive(serde::Deserialize)]
#[serde(try_from = "Value")]
struct Number(String);

impl TryFrom<Value> for Number {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let text = match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text,
            _ => return Err("no id"),
        };
        let is_id = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        is_id.then_some(Self(text)).ok_or("no id")
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
    exp: i64,
}

impl AppKey {
    pub(super) fn parse(secret: &str) -> Result<Self, AuthError> {
        serde_json::from_str(secret).map_err(|_| AuthError::Malformed {
            form: "JSON with app_id (or the client id in its place), installation_id and private_key",
        })
    }

    pub(super) fn guarded(self) -> Vec<Zeroizing<String>> {
        vec![self.private_key]
    }
}

/// An installation's token.
pub(super) async fn fetch(exchange: &Exchange<'_>) -> Result<Grant, AuthError> {
    let app = AppKey::parse(exchange.credential.secret().expose())?;
    let now = exchange.now.as_second();
    let claims = Claims {
        iss: &app.app_id.0,
        iat: now - BACKDATED_S,
        exp: now + JWT_LIFETIME_S,
    };
    let assertion = jwt::sign(&claims, None, &app.private_key)?;
    let mut headers = HeaderMap::new();
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("application/vnd.github+json"),
    );
    bearer::apply(&assertion, &mut headers)?;
    let installation = &app.installation_id.0;
    let answer = Question {
        url: exchange.base_url,
        path: &format!("/app/installations/{installation}/access_tokens"),
        hosts: exchange.credential.hosts(),
        headers,
        form: None,
        guard: &exchange.guard(&[
            &app.private_key,
            &assertion,
            jwt::signature(&assertion).unwrap_or_default(),
        ]),
    }
    .ask(exchange.upstream)
    .await?;
    let ends = answer["expires_at"].as_str();
    let ends: Option<Timestamp> = ends.and_then(|at| at.parse().ok());
    let left = ends.map(|at| Duration::try_from(at.duration_since(exchange.now)));
    Ok(Grant {
        token: Zeroizing::new(answer["token"].as_str().unwrap_or_default().to_owned()),
        lifetime: left
            .map_or(LIFETIME, Result::unwrap_or_default)
            .min(LIFETIME),
        refresh_token: None,
    })
}
