//! What an upstream answered, as far as it goes on to the agent.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::guard::LeakGuard;

/// Bytes of a Content-Type beyond which it is taken for none.
const LONGEST_CONTENT_TYPE: usize = 256;

/// Bytes of any other header beyond which it is taken for none.
const LONGEST_HEADER: usize = 8 * 1024;

/// An upstream's answer, free of the credential. Of its headers nothing is
/// left but what stands here.
#[derive(Debug, Clone)]
pub struct UpstreamResponse {
    /// The HTTP status, whatever it is: an error of the vendor is an answer.
    pub status: StatusCode,
    /// The Content-Type, if it is a sane one.
    pub content_type: Option<String>,
    /// The headers that the call wanted to keep, as far as they are text.
    pub headers: Vec<(HeaderName, String)>,
    /// After how many seconds the upstream wants to be asked again.
    pub retry_after_s: Option<u64>,
    /// The body, decoded.
    pub body: Bytes,
    /// How many bytes of it were handed on in chunks instead.
    pub delivered: Option<u64>,
    /// How often the credential was taken out of body and headers.
    pub redacted: u32,
}

impl UpstreamResponse {
    /// The same without what `guard` knows, which came to know it only now.
    #[must_use]
    pub fn guarded_again(mut self, guard: &LeakGuard) -> Self {
        let mut body = Vec::with_capacity(self.body.len());
        let mut stream = guard.stream();
        stream.push(&self.body, &mut body);
        let found = stream.finish(&mut body);
        self.body = body.into();
        self.redacted = self.redacted.saturating_add(found);
        let headers = self.headers.iter_mut().map(|(_, value)| value);
        for text in headers.chain(&mut self.content_type) {
            let (guarded, found) = guard.redact_counted(text);
            *text = guarded;
            self.redacted = self.redacted.saturating_add(found);
        }
        self
    }
}

/// The Content-Type without secrets, and how many were in it.
pub(super) fn content_type(headers: &HeaderMap, guard: &LeakGuard) -> (Option<String>, u32) {
    let Some(value) = headers
        .get(CONTENT_TYPE)
        .filter(|value| value.len() <= LONGEST_CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return (None, 0);
    };
    let (text, redacted) = guard.redact_counted(value);
    (Some(text), redacted)
}

/// Those of `wanted` that the answer has, without secrets, and how many were
/// in them.
pub(super) fn kept(
    headers: &HeaderMap,
    wanted: &[HeaderName],
    guard: &LeakGuard,
) -> (Vec<(HeaderName, String)>, u32) {
    let mut kept = Vec::with_capacity(wanted.len());
    let mut redacted = 0_u32;
    for name in wanted {
        let value = headers
            .get(name)
            .filter(|value| value.len() <= LONGEST_HEADER);
        if let Some(text) = value.and_then(|value| value.to_str().ok()) {
            let (text, found) = guard.redact_counted(text);
            kept.push((name.clone(), text));
            redacted = redacted.saturating_add(found);
        }
    }
    (kept, redacted)
}

/// Retry-After in seconds from `now`, whether it names seconds or a date.
pub(super) fn retry_after_s(headers: &HeaderMap, now: Timestamp) -> Option<u64> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if value.bytes().all(|b| b.is_ascii_digit()) {
        return value.parse().ok();
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    let seconds = date.duration_since(now).as_secs();
    Some(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        for (value, expected) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            let headers = headers(RETRY_AFTER, value);
            assert_eq!(retry_after_s(&headers, now), expected, "{value:?}");
        }
        assert_eq!(retry_after_s(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_content_type_is_guarded_and_sane() {
        let guard = LeakGuard::new(&["canary-0123456789"]);
        for (value, expected) in [
            ("application/json", (Some("application/json".to_owned()), 0)),
            (
                "text/canary-0123456789",
                (Some("text/[redacted by axis]".to_owned()), 1),
            ),
            (&"x".repeat(300), (None, 0)),
        ] {
            assert_eq!(
                content_type(&headers(CONTENT_TYPE, value), &guard),
                expected
            );
        }
    }
}
