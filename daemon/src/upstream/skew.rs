//! Whether this machine's clock agrees with the upstreams': signatures and
//! tokens are only good where it does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use http::header::{AGE, DATE};
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};

/// What signatures and tokens stand; AWS draws the line at 15 minutes, Google
/// sooner.
const TOLERATED: SignedDuration = SignedDuration::from_mins(5);
/// Hosts that are remembered.
const MAX_HOSTS: usize = 64;

/// Upstreams whose clock differs from this machine's by more than five minutes.
#[derive(Debug, Clone, Default)]
pub(super) struct Skew(Arc<Mutex<BTreeMap<String, SignedDuration>>>);

impl Skew {
    /// Looks at an answer's `Date`, at `now`. One from a cache says nothing.
    pub(super) fn look(&self, host: &str, headers: &HeaderMap, now: Timestamp) {
        let Some(ahead) = ahead(headers, now) else {
            return;
        };
        let mut hosts = self.hosts();
        if ahead.abs() <= TOLERATED {
            if !hosts.is_empty() {
                hosts.remove(host);
            }
        } else if hosts.len() < MAX_HOSTS || hosts.contains_key(host) {
            hosts.insert(host.to_owned(), ahead);
        }
    }

    /// Each host that differs, and by how much this machine is ahead of it.
    pub(super) fn found(&self) -> BTreeMap<String, SignedDuration> {
        self.hosts().clone()
    }

    fn hosts(&self) -> MutexGuard<'_, BTreeMap<String, SignedDuration>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By how much `now` is ahead of an answer's `Date`.
fn ahead(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    if headers.contains_key(AGE) {
        return None;
    }
    let date = headers.get(DATE)?.to_str().ok()?;
    let date = rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(now.duration_since(date))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_differs_by_more_than_five_minutes_is_found_until_it_agrees() {
        let skew = Skew::default();
        let date = "Thu, 15 Jan 2026 10:30:00 GMT";
        let plain = HeaderMap::from_iter([(DATE, date.parse().unwrap())]);
        let mut cached = plain.clone();
        cached.insert(AGE, 900.into());
        let mut odd = plain.clone();
        odd.insert(DATE, "soon".parse().unwrap());
        for (headers, now, minutes) in [
            (&plain, "2026-01-15T10:35:00Z", None),
            (&plain, "2026-01-15T10:42:00Z", Some(12)),
            (&odd, "2026-01-15T10:30:00Z", Some(12)),
            (&cached, "2026-01-15T10:30:00Z", Some(12)),
            (&plain, "2026-01-15T10:31:00Z", None),
            (&plain, "2026-01-15T10:00:00Z", Some(-30)),
            (&HeaderMap::new(), "2026-01-15T10:30:00Z", Some(-30)),
            (&plain, "2026-01-15T10:25:00Z", None),
            (&cached, "2026-01-15T10:50:00Z", None),
        ] {
            skew.look("api.example.com", headers, now.parse().unwrap());
            let found = skew.found();
            let found = found.get("api.example.com").map(SignedDuration::as_mins);
            assert_eq!(found, minutes, "{now}");
        }
    }
}
