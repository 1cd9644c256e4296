//! The secret in the query, under a name that the service gives.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;
use zeroize::Zeroizing;

use super::AuthError;

/// Everything but RFC 3986's unreserved characters is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Puts `name=secret` behind the query, and takes out whatever stood there
/// under that name: a server may read the first one.
pub(super) fn apply(name: &str, secret: &str, url: &mut Url) -> Result<(), AuthError> {
    if secret.is_empty() {
        return Err(AuthError::Empty);
    }
    if secret.chars().any(char::is_control) {
        return Err(AuthError::Unsendable);
    }
    let mut query = Zeroizing::new(String::with_capacity(
        url.query().map_or(0, str::len) + name.len() + 3 * secret.len() + 2,
    ));
    for pair in url.query().unwrap_or_default().split('&') {
        let written = pair.split('=').next().unwrap_or_default();
        if !pair.is_empty() && !is_named(written, name) {
            query.push_str(pair);
            query.push('&');
        }
    }
    query.extend(utf8_percent_encode(name, ENCODED));
    query.push('=');
    query.extend(utf8_percent_encode(secret, ENCODED));
    url.set_query(Some(&query));
    Ok(())
}

/// Whether a server may read `written` as `name`.
fn is_named(written: &str, name: &str) -> bool {
    let plain = written.replace('+', " ");
    let decoded = percent_decode_str(&plain).decode_utf8_lossy();
    decoded.trim().eq_ignore_ascii_case(name)
}
