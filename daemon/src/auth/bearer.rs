//! `Authorization: Bearer SECRET`, as in RFC 6750.

use http::{HeaderMap, header::AUTHORIZATION};

use super::{AuthError, header};

pub(super) fn apply(secret: &str, headers: &mut HeaderMap) -> Result<(), AuthError> {
    header::apply(&AUTHORIZATION, "Bearer ", secret, headers)
}
