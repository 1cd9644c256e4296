//! How far back the overview looks, and in which steps.

use axum::http::Uri;
use jiff::Timestamp;

use crate::failure::{Exit, Failure};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// A stretch of time up to now, divided into equal steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Its word in the URL.
    pub word: &'static str,
    /// Its name behind "the last".
    pub name: &'static str,
    /// How long one bar is, in ms.
    pub step_ms: i64,
    /// How many bars there are.
    pub steps: usize,
    /// How many bars there are to a label under them.
    pub label_every: usize,
    /// How a label is written: strftime's words.
    pub label: &'static str,
}

/// What can be chosen.
pub const RANGES: [Range; 4] = [
    Range {
        word: "1h",
        name: "hour",
        step_ms: MINUTE,
        steps: 60,
        label_every: 10,
        label: "%H:%M",
    },
    Range {
        word: "24h",
        name: "24 hours",
        step_ms: 30 * MINUTE,
        steps: 48,
        label_every: 8,
        label: "%H:%M",
    },
    Range {
        word: "7d",
        name: "7 days",
        step_ms: 2 * HOUR,
        steps: 84,
        label_every: 12,
        label: "%m-%d",
    },
    Range {
        word: "30d",
        name: "30 days",
        step_ms: 12 * HOUR,
        steps: 60,
        label_every: 10,
        label: "%m-%d",
    },
];

impl Range {
    /// The one that a URL asks for; a day where it asks for none.
    ///
    /// # Errors
    /// There is no such range.
    pub fn of(uri: &Uri) -> Result<Self, Failure> {
        let query = uri.query().unwrap_or_default().as_bytes();
        let mut params = url::form_urlencoded::parse(query);
        let asked = params.find(|(name, word)| name == "range" && !word.is_empty());
        let Some((_, word)) = asked else {
            return Ok(RANGES[1]);
        };
        let found = RANGES.into_iter().find(|range| range.word == word);
        found.ok_or_else(|| {
            let there_is = RANGES.map(|range| range.word).join(", ");
            Failure::new(
                Exit::Usage,
                format!("range={word} in the page's address is none of {there_is}"),
            )
        })
    }

    /// When its first step begins, in ms since 1970; the last one holds `now`.
    pub fn since_ms(self, now: Timestamp) -> i64 {
        let last = now.as_millisecond().div_euclid(self.step_ms) * self.step_ms;
        let before = i64::try_from(self.steps).unwrap_or(i64::MAX) - 1;
        last.saturating_sub(before.saturating_mul(self.step_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_comes_out_of_the_url_and_ends_with_now() {
        let asked = |uri: &str| Range::of(&uri.parse().unwrap());
        let of = |uri: &str| asked(uri).unwrap().word;
        assert_eq!(of("/?range=7d"), "7d");
        assert_eq!(of("/"), "24h");
        assert_eq!(of("/?range="), "24h");
        for wrong in ["/?range=1000y", "/?range=9y&range=1h", "/?range=24H"] {
            let (sentence, _) = asked(wrong).unwrap_err().sentence();
            assert!(sentence.contains("1h, 24h, 7d, 30d"), "{sentence}");
        }
        let now: Timestamp = "2026-06-01T12:10:30Z".parse().unwrap();
        for range in RANGES {
            let since = range.since_ms(now);
            let steps = i64::try_from(range.steps).unwrap();
            let past = now.as_millisecond() - since;
            assert!(past < steps * range.step_ms, "{}", range.word);
            assert!(past >= (steps - 1) * range.step_ms, "{}", range.word);
            assert_eq!(since % range.step_ms, 0);
            assert_eq!(range.steps % range.label_every, 0);
        }
    }
}
