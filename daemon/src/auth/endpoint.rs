//! What is asked of a token endpoint, and what it answers.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;
use zeroize::Zeroizing;

use super::AuthError;
use crate::host::{BaseUrl, Host};
use crate::upstream::request::{AuthorisedRequest, BoundRequest, Site, UpstreamRequest};
use crate::upstream::{Errand, LeakGuard, Upstream, UpstreamError};

/// How long a token endpoint may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Longest message taken from one, in characters.
const MAX_MESSAGE_CHARS: usize = 300;
/// What a token counts for whose issuer doesn't say how long it is good.
const UNSAID_LIFETIME: Duration = Duration::from_mins(10);
/// No token is trusted for longer, whatever its issuer says.
const LONGEST_LIFETIME: Duration = Duration::from_hours(24);

/// One question for a token endpoint.
pub(super) struct Question<'a> {
    /// Where it is.
    pub(super) url: &'a BaseUrl,
    /// What stands behind that; often nothing.
    pub(super) path: &'a str,
    /// Where the credential may go.
    pub(super) hosts: &'a [Host],
    pub(super) headers: HeaderMap,
    /// A form; `None` for no body.
    pub(super) form: Option<Zeroizing<String>>,
    /// What its words may not hold.
    pub(super) guard: &'a LeakGuard,
}

/// What a token endpoint gave.
pub(super) struct Grant {
    pub(super) token: Zeroizing<String>,
    pub(super) lifetime: Duration,
    /// The refresh token to be used from now on, where there is a new one.
    pub(super) refresh_token: Option<Zeroizing<String>>,
}

impl Question<'_> {
    /// Asks. The answer has not been through any leak guard: it holds the
    /// token. Its words that go on have.
    pub(super) async fn ask(mut self, upstream: &Upstream) -> Result<Value, AuthError> {
        let host = self.url.host().to_string();
        if self.form.is_some() {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            self.headers.insert(CONTENT_TYPE, form);
        }
        self.headers
            .entry(ACCEPT)
            .or_insert(HeaderValue::from_static("application/json"));
        let request = UpstreamRequest {
            method: Method::POST,
            path_and_query: self.path.to_owned(),
            headers: self.headers,
            body: self.form.map(|form| Bytes::from_owner(Wiped(form))),
            site: Site::default(),
        };
        let bound = BoundRequest::bind(request, self.url, self.hosts).map_err(|_| {
            let allowed: Vec<_> = self.hosts.iter().map(Host::as_str).collect();
            AuthError::ForeignEndpoint {
                host: host.clone(),
                allowed: allowed.join(", "),
            }
        })?;
        let nothing = LeakGuard::new(&[]);
        let errand = Errand {
            timeout: Some(TIMEOUT),
            ..Errand::default()
        };
        let answer = upstream
            .send(AuthorisedRequest(bound), &nothing, &errand)
            .await
            .map_err(|error| AuthError::NoAnswer {
                reason: self.guard.redact(&error.to_string()),
                timed_out: matches!(error, UpstreamError::Timeout { .. }),
            })?;
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let has_token = ["access_token", "token"]
            .iter()
            .any(|it| json[*it].is_string());
        if answer.status.is_success() && has_token {
            return Ok(json);
        }
        let words = words(&json, self.guard);
        Err(AuthError::Refused {
            host,
            status: answer.status.as_u16(),
            message: words.unwrap_or_else(|| "it gave no token and no reason".into()),
        })
    }
}

/// The answer of RFC 6749.
pub(super) fn grant(answer: &Value) -> Grant {
    let text = |name: &str| {
        answer[name]
            .as_str()
            .map(|text| Zeroizing::new(text.to_owned()))
    };
    // some send the number as a string
    let seconds = &answer["expires_in"];
    let seconds = seconds.as_u64().or_else(|| seconds.as_str()?.parse().ok());
    Grant {
        token: text("access_token").unwrap_or_default(),
        lifetime: seconds
            .map_or(UNSAID_LIFETIME, Duration::from_secs)
            .min(LONGEST_LIFETIME),
        refresh_token: text("refresh_token").filter(|token| !token.is_empty()),
    }
}

/// What a refusal says, in one line, without what `guard` knows: it looks
/// before anything is cut or joined, since of a part of a secret it knows nothing.
fn words(json: &Value, guard: &LeakGuard) -> Option<String> {
    let candidates = ["error_description", "message", "error"];
    let found: Vec<&str> = candidates
        .iter()
        .filter_map(|name| json[*name].as_str())
        .collect();
    let described = found.first()?;
    let code = json["error"].as_str().filter(|code| code != described);
    let text = match code {
        Some(code) => format!("{code}: {described}"),
        None => (*described).to_owned(),
    };
    let text = guard.redact(&text);
    let line: Vec<_> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    Some(line.join(" ").chars().take(MAX_MESSAGE_CHARS).collect())
}

/// `name=value` pairs as a form.
pub(super) fn form(pairs: &[(&str, &str)]) -> Zeroizing<String> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs);
    Zeroizing::new(form.finish())
}

/// A form whose bytes are wiped once they were sent.
struct Wiped(Zeroizing<String>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
