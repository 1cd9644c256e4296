//! `Authorization: Basic base64(user:password)`, as in RFC 7617. The
//! credential is `user:password`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, header::AUTHORIZATION};
use zeroize::Zeroizing;

use super::{AuthError, header};

/// A user name is not secret by itself where a password of this many bytes
/// stands beside it; next to a shorter one (`key:`, `key:x`) it is the key.
const REAL_PASSWORD_BYTES: usize = 8;
/// Shorter "passwords" are fillers that innocent texts are full of.
const SHORTEST_GUARDED_BYTES: usize = 4;

/// The user name and the password in `secret`.
pub(super) fn split(secret: &str) -> Option<(&str, &str)> {
    secret.split_once(':')
}

/// What of `secret` no answer may hold.
pub(super) fn guarded(secret: &str) -> Vec<&str> {
    let mut parts = vec![secret];
    if let Some((user, password)) = split(secret) {
        if password.len() >= SHORTEST_GUARDED_BYTES {
            parts.push(password);
        }
        if password.len() < REAL_PASSWORD_BYTES && user.len() >= SHORTEST_GUARDED_BYTES {
            parts.push(user);
        }
    }
    parts
}

pub(super) fn apply(secret: &str, headers: &mut HeaderMap) -> Result<(), AuthError> {
    if secret.is_empty() {
        return Err(AuthError::Empty);
    }
    if split(secret).is_none() {
        return Err(AuthError::Malformed {
            form: "USER:PASSWORD, with a colon between them",
        });
    }
    if secret.chars().any(char::is_control) {
        return Err(AuthError::Unsendable);
    }
    let encoded = Zeroizing::new(BASE64_STANDARD.encode(secret));
    header::apply(&AUTHORIZATION, "Basic ", &encoded, headers)
}
