//! Which headers a definition may set, and how a param becomes one.

use axis_proto::headers::is_reserved;
use http::{HeaderName, HeaderValue};

use crate::auth::Carrier;

/// Parses a header name that is not reserved; `carrier` is what the
/// credential goes into.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse_name(text: &str, carrier: Carrier<'_>) -> Result<HeaderName, String> {
    let name = HeaderName::from_bytes(text.as_bytes())
        .map_err(|_| format!("{text:?} is no header name"))?;
    if carrier.is_header(&name) {
        return Err(format!("the header {name} is where the credential goes"));
    }
    if is_reserved(name.as_str()) {
        return Err(format!("the header {name} can't be set by a definition"));
    }
    Ok(name)
}

/// Headers that an agent may set where it writes its own request: they choose
/// a form or a part of what the call is about, and nothing else.
const FREE: &[&str] = &[
    "accept",
    "accept-language",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "prefer",
    "range",
];

/// Parses the name of a header that an agent may set on its own.
///
/// # Errors
/// What is wrong with it, to be read after the param's name.
pub(super) fn parse_free(text: &str) -> Result<HeaderName, String> {
    let name = text.to_ascii_lowercase();
    match FREE.iter().find(|free| **free == name) {
        Some(free) => Ok(HeaderName::from_static(free)),
        None => Err(format!(
            "can't set the header {:?}; it can set {}",
            text.chars().take(80).collect::<String>(),
            FREE.join(", ")
        )),
    }
}

/// Longest value of a header, in bytes: servers stop reading at about this.
const MAX_VALUE_BYTES: usize = 8 * 1024;

/// Parses a header's value: printable ASCII of at most [`MAX_VALUE_BYTES`].
///
/// # Errors
/// What is wrong with it, to be read after the param's name.
pub(super) fn parse_value(text: &str) -> Result<HeaderValue, String> {
    if !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Err("goes into a header and must be printable ASCII without line breaks".into());
    }
    if text.len() > MAX_VALUE_BYTES {
        return Err(format!(
            "goes into a header and must not be longer than {MAX_VALUE_BYTES} bytes"
        ));
    }
    HeaderValue::from_str(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_definition_sets_a_header_that_frames_or_authorises() {
        let carrier = [HeaderName::from_static("x-api-key")];
        let carrier = Carrier::Headers(&carrier);
        for bad in [
            "Host",
            "Authorization",
            "cookie",
            "Transfer-Encoding",
            "Content-Length",
            "TE",
            "Connection",
            "X-Api-Key",
            "X-HTTP-Method-Override",
            "X-Forwarded-Host",
            "a b",
            "",
            "x:y",
            "x\r\ny",
        ] {
            assert!(parse_name(bad, carrier).is_err(), "{bad:?}");
        }
        for good in [
            "accept",
            "Anthropic-Version",
            "x-github-api-version",
            "range",
        ] {
            assert!(parse_name(good, carrier).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_header_value_is_one_short_line_of_ascii() {
        for bad in ["a\nb", "a\r\nX: y", "\u{1}", "a\0", "\u{7f}", "ü", "\t"] {
            assert!(parse_value(bad).is_err(), "{bad:?}");
        }
        assert_eq!(parse_value("bytes=0-99").unwrap(), "bytes=0-99");
        assert!(parse_value(&"x".repeat(MAX_VALUE_BYTES)).is_ok());
        assert!(parse_value(&"x".repeat(MAX_VALUE_BYTES + 1)).is_err());
    }
}
