//! Which headers of an upstream's request neither a service's definition nor a
//! param sets, and which can't carry a credential. Both axisd, which refuses them,
//! and the importer, which leaves them out, ask here.

/// Headers that frame, route or authorise a message, or change its meaning
/// behind policy's back. In lowercase.
const RESERVED: &[&str] = &[
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

/// Whether only axisd itself sets the header `name`, in any case.
pub fn is_reserved(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    RESERVED.contains(&lower.as_str()) || lower.starts_with("x-forwarded-")
}

/// Headers that frame or route a message.
const FRAMING: &[&str] = &[
    "connection",
    "content-length",
    "content-type",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a credential may stand in the header `name`, in any case.
pub fn may_carry_credential(name: &str) -> bool {
    is_name(name) && !FRAMING.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether `name` is a header's: a token (RFC 9110, section 5.6.2).
pub fn is_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_header_is_known_in_any_case() {
        for reserved in [
            "host",
            "Authorization",
            "X-HTTP-Method-Override",
            "X-Forwarded-Anything",
        ] {
            assert!(is_reserved(reserved), "{reserved}");
        }
        for free in ["accept", "x-api-key", "x-forwarded", "range"] {
            assert!(!is_reserved(free), "{free}");
        }
    }

    #[test]
    fn a_credential_stands_in_a_header_that_is_one_and_frames_nothing() {
        for name in ["Authorization", "x-api-key", "cookie", "a.b~"] {
            assert!(may_carry_credential(name), "{name}");
        }
        for name in ["", "/-key", "a b", "x:y", "Content-Length", "host", "é"] {
            assert!(!may_carry_credential(name), "{name}");
        }
    }
}
