//! How many calls there were, how they ended and how long they took, by
//! service and identity. Memory stays small however long the log is.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::num::NonZeroI64;
use std::ops::AddAssign;

use jiff::Timestamp;
use serde::Deserialize;

use super::denials::{Denial, Denials};
use super::filter::Filter;
use super::reader::Log;
use super::search;

/// The most services and identities that are told apart; agents can make up
/// more names than anyone wants to read.
const MOST_ROWS: usize = 1000;
/// The most stretches of time that calls are counted in: a clock may have been
/// anywhere.
const MOST_TIMES: usize = 1001;
/// What the others are counted under.
const OTHERS: &str = "(others)";

/// The calls of one service and identity, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallStats {
    /// The service, as the agent wrote it, in lower case; empty for all.
    pub service: String,
    /// The identity, likewise.
    pub identity: String,
    /// Calls that were made or refused.
    pub calls: u64,
    /// Calls that policy, a limit or the owner refused.
    pub denied: u64,
    /// Calls that failed, before or after they went out.
    pub errors: u64,
    /// Calls that ended before the owner had answered: the agent was told to
    /// make them again.
    pub asked: u64,
    /// The time within which half of those that went out had ended, in
    /// milliseconds, to within 2 %.
    pub p50_ms: Option<u64>,
    /// The time within which 99 % had.
    pub p99_ms: Option<u64>,
}

/// The calls that ended in one stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeStats {
    /// When it began, in ms since 1970.
    pub start_ms: i64,
    /// Calls that were made or refused.
    pub calls: u64,
    /// Calls that policy, a limit or the owner refused.
    pub denied: u64,
    /// Calls that failed.
    pub errors: u64,
    /// Calls that ended before the owner had answered.
    pub asked: u64,
}

/// The calls of the log.
#[derive(Debug, Default)]
pub struct Stats {
    /// By service, then identity.
    pub rows: Vec<CallStats>,
    /// By service, whoever called.
    pub services: Vec<CallStats>,
    /// By time, where that was asked for: those stretches that had calls.
    pub times: Vec<TimeStats>,
    /// What was denied most, the most frequent first.
    pub denials: Vec<Denial>,
    /// All together.
    pub total: CallStats,
    /// A file that can't be read, and why: its calls are missing.
    pub unread: Option<io::Error>,
}

/// What counts of a line.
#[derive(Deserialize)]
struct Ended<'a> {
    event: &'a str,
    #[serde(default)]
    timestamp: &'a str,
    #[serde(default, borrow)]
    action: Cow<'a, str>,
    #[serde(default, borrow)]
    reason: Cow<'a, str>,
    #[serde(default, borrow)]
    service: Cow<'a, str>,
    #[serde(default, borrow)]
    identity: Cow<'a, str>,
    #[serde(default)]
    decision: Option<&'a str>,
    #[serde(default)]
    latency_ms: Option<u64>,
    #[serde(default)]
    folded: Option<u64>,
}

#[derive(Clone, Default)]
struct Count {
    calls: u64,
    denied: u64,
    errors: u64,
    asked: u64,
    times: Times,
}

impl AddAssign<&Self> for Count {
    fn add_assign(&mut self, other: &Self) {
        self.add(other.calls, other.denied, other.errors, other.asked);
        for (bucket, count) in &other.times.0 {
            *self.times.0.entry(*bucket).or_default() += count;
        }
    }
}

impl Count {
    // a line may have been edited, and then say anything

    fn add(&mut self, calls: u64, denied: u64, errors: u64, asked: u64) {
        self.calls = self.calls.saturating_add(calls);
        self.denied = self.denied.saturating_add(denied);
        self.errors = self.errors.saturating_add(errors);
        self.asked = self.asked.saturating_add(asked);
    }

    fn stats(&self, service: String, identity: String) -> CallStats {
        CallStats {
            service,
            identity,
            calls: self.calls,
            denied: self.denied,
            errors: self.errors,
            asked: self.asked,
            p50_ms: self.times.percentile(50),
            p99_ms: self.times.percentile(99),
        }
    }
}

/// How often which time was taken: exact below 64 ms, then 64 steps for each
/// doubling.
#[derive(Clone, Default)]
struct Times(BTreeMap<u64, u64>);

/// Steps of one doubling, as a power of two.
const STEP_BITS: u32 = 6;

impl Times {
    fn add(&mut self, ms: u64) {
        *self.0.entry(Self::step(ms)).or_default() += 1;
    }

    /// The lowest time that is counted with `ms`.
    fn step(ms: u64) -> u64 {
        let bits = u64::BITS - ms.leading_zeros();
        let dropped = bits.saturating_sub(STEP_BITS + 1);
        ms >> dropped << dropped
    }

    fn percentile(&self, percent: u64) -> Option<u64> {
        let all: u64 = self.0.values().sum();
        let rank = (u128::from(all) * u128::from(percent)).div_ceil(100);
        let mut seen = 0_u128;
        self.0.iter().find_map(|(ms, count)| {
            seen += u128::from(*count);
            (seen >= rank).then_some(*ms)
        })
    }
}

#[derive(Default)]
struct Counts {
    rows: HashMap<(String, String), Count>,
    times: BTreeMap<i64, TimeStats>,
    denials: Denials,
}

impl Counts {
    fn see(&mut self, line: &[u8], stretch_ms: Option<NonZeroI64>) {
        // approvals, the owner's acts and what later versions write are no calls
        let Ok(ended) = serde_json::from_slice::<Ended<'_>>(line) else {
            return;
        };
        if ended.event != "finished" {
            return;
        }
        let times = ended.folded.unwrap_or(1);
        let mut seen = TimeStats {
            calls: times,
            ..TimeStats::default()
        };
        match ended.decision {
            Some("deny") => {
                seen.denied = times;
                let call = [&*ended.identity, &*ended.service, &*ended.action];
                self.denials
                    .add(call, &ended.reason, times, ended.timestamp);
            }
            Some("error") => seen.errors = times,
            Some("ask") => seen.asked = times,
            _ => {}
        }
        if let Some(stretch_ms) = stretch_ms
            && let Ok(at) = ended.timestamp.parse::<Timestamp>()
        {
            let at = at.as_millisecond();
            seen.start_ms = at.saturating_sub(at.rem_euclid(stretch_ms.get()));
            self.add_time(seen);
        }
        let lower = |text: &str| text.to_ascii_lowercase();
        let count = self.of((lower(&ended.service), lower(&ended.identity)));
        count.add(seen.calls, seen.denied, seen.errors, seen.asked);
        if let Some(ms) = ended.latency_ms {
            count.times.add(ms);
        }
    }

    fn of(&mut self, names: (String, String)) -> &mut Count {
        let names = if self.rows.len() < MOST_ROWS || self.rows.contains_key(&names) {
            names
        } else {
            (OTHERS.into(), OTHERS.into())
        };
        self.rows.entry(names).or_default()
    }

    fn add_time(&mut self, seen: TimeStats) {
        if self.times.len() >= MOST_TIMES && !self.times.contains_key(&seen.start_ms) {
            return;
        }
        let time = self.times.entry(seen.start_ms).or_default();
        time.start_ms = seen.start_ms;
        time.calls = time.calls.saturating_add(seen.calls);
        time.denied = time.denied.saturating_add(seen.denied);
        time.errors = time.errors.saturating_add(seen.errors);
        time.asked = time.asked.saturating_add(seen.asked);
    }

    fn extend(&mut self, others: Self) {
        for (names, count) in others.rows {
            *self.of(names) += &count;
        }
        for time in others.times.into_values() {
            self.add_time(time);
        }
        self.denials.extend(others.denials);
    }
}

/// Counts the calls of `log` that `filter` takes; also by stretches of time, so
/// many ms each, where that is asked for.
pub(super) fn count(
    log: Log,
    filter: &Filter,
    stretch_ms: Option<NonZeroI64>,
    wanted: &(dyn Fn() -> bool + Sync),
) -> Stats {
    let mut all = Counts::default();
    let unread = search::each_in_any_order(
        log,
        filter,
        wanted,
        |counts: &mut Counts, line| counts.see(line, stretch_ms),
        |counts| all.extend(counts),
    );
    let mut total = Count::default();
    let mut services: BTreeMap<String, Count> = BTreeMap::new();
    let mut rows: Vec<CallStats> = all
        .rows
        .into_iter()
        .map(|((service, identity), count)| {
            total += &count;
            *services.entry(service.clone()).or_default() += &count;
            count.stats(service, identity)
        })
        .collect();
    rows.sort_by(|a, b| (&a.service, &a.identity).cmp(&(&b.service, &b.identity)));
    Stats {
        rows,
        services: services
            .into_iter()
            .map(|(service, count)| count.stats(service, String::new()))
            .collect(),
        times: all.times.into_values().collect(),
        denials: all.denials.told(),
        total: total.stats(String::new(), String::new()),
        unread,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_true_to_two_percent() {
        let mut times = Times::default();
        assert_eq!(times.percentile(50), None);
        (1..=1000).for_each(|ms| times.add(ms));
        for (percent, exact) in [(50, 500), (99, 990), (100, 1000)] {
            let found = times.percentile(percent).unwrap();
            assert!(found <= exact && exact - found <= exact / 50, "{found}");
        }
        times.add(u64::MAX);
        assert!(times.percentile(100).unwrap() >= u64::MAX / 64 * 63);
        let mut few = Times::default();
        few.add(7);
        assert_eq!((few.percentile(50), few.percentile(99)), (Some(7), Some(7)));
    }

    #[test]
    fn an_edited_count_breaks_no_sum() {
        let line = format!(
            r#"{{"event":"finished","timestamp":"2026-01-15T10:30:00.000Z","identity":"a","service":"s","action":"x","decision":"deny","reason":"no","folded":{}}}"#,
            u64::MAX
        );
        let mut counts = Counts::default();
        for _ in 0..2 {
            let mut other = Counts::default();
            other.see(line.as_bytes(), NonZeroI64::new(1000));
            other.see(line.as_bytes(), NonZeroI64::new(1000));
            counts.extend(other);
        }
        let row = &counts.rows[&("s".to_owned(), "a".to_owned())];
        assert_eq!((row.calls, row.denied), (u64::MAX, u64::MAX));
        assert_eq!(counts.times.len(), 1);
        assert_eq!(counts.denials.told()[0].times, u64::MAX);
    }
}
