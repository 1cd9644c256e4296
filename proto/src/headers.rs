//! Which headers of an upstream's request neither a service's definition nor a
//! param sets. Both axisd, which refuses them, and the importer, which leaves
//! them out, ask here.

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
}
