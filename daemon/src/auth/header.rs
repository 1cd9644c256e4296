//! The secret as the value of a header that the service names.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::AuthError;

pub(super) fn apply(
    name: &HeaderName,
    prefix: &str,
    secret: &str,
    headers: &mut HeaderMap,
) -> Result<(), AuthError> {
    if secret.is_empty() {
        return Err(AuthError::Empty);
    }
    // space is allowed inside; a value that starts or ends with one would arrive without it
    let printable = secret.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if !printable || secret.starts_with(' ') || secret.ends_with(' ') {
        return Err(AuthError::Unsendable);
    }
    // The header's bytes are wiped when the last holder of the value drops it.
    let mut text = Zeroizing::new(Vec::with_capacity(prefix.len() + secret.len()));
    text.extend_from_slice(prefix.as_bytes());
    text.extend_from_slice(secret.as_bytes());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text))
        .map_err(|_| AuthError::Unsendable)?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}
