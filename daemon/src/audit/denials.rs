//! What was denied, and how often: told apart by who, what and why, in a memory
//! that doesn't grow with the names that agents make up.

use std::collections::HashMap;

/// The most that are told in an answer.
const MOST_TOLD: usize = 50;
/// The most that are counted at once. Of more, the rarer half is forgotten.
const MOST_COUNTED: usize = 2_000;
/// After this a reason says for how many seconds.
const AGAIN: &str = "try again in ";

/// Calls that were denied for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The identity, as the agent wrote it, in lower case.
    pub identity: String,
    /// The service, likewise.
    pub service: String,
    /// The action, likewise.
    pub action: String,
    /// Why, without the seconds to wait.
    pub reason: String,
    /// How often.
    pub times: u64,
    /// When last. RFC 3339, UTC.
    pub last_at: String,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    identity: String,
    service: String,
    action: String,
    reason: String,
}

/// The denials that were counted so far.
#[derive(Default)]
pub(super) struct Denials(HashMap<Key, (u64, String)>);

impl Denials {
    /// Counts so many denials, the last of which was at `at`.
    pub(super) fn add(&mut self, call: [&str; 3], reason: &str, times: u64, at: &str) {
        let [identity, service, action] = call.map(str::to_ascii_lowercase);
        let reason = without_seconds(reason);
        let key = Key {
            identity,
            service,
            action,
            reason,
        };
        self.count(key, times, at);
    }

    /// Counts those of `others`, too.
    pub(super) fn extend(&mut self, others: Self) {
        for (key, (times, at)) in others.0 {
            self.count(key, times, &at);
        }
    }

    fn count(&mut self, key: Key, times: u64, at: &str) {
        if self.0.len() >= MOST_COUNTED && !self.0.contains_key(&key) {
            self.forget_rare();
        }
        let (counted, last_at) = self.0.entry(key).or_default();
        // a line may have been edited
        *counted = counted.saturating_add(times);
        // all moments have one form, so that they sort as text
        if last_at.as_str() < at {
            at.clone_into(last_at);
        }
    }

    fn forget_rare(&mut self) {
        let mut counts: Vec<u64> = self.0.values().map(|(times, _)| *times).collect();
        let half = counts.len() / 2;
        let (_, middle, _) = counts.select_nth_unstable(half);
        let middle = *middle;
        let mut room = half;
        self.0.retain(|_, (times, _)| {
            let stays = *times > middle || (*times == middle && room > 0);
            room = room.saturating_sub(usize::from(stays));
            stays
        });
    }

    /// The most frequent first.
    pub(super) fn told(self) -> Vec<Denial> {
        let mut denials: Vec<Denial> = self
            .0
            .into_iter()
            .map(|(key, (times, last_at))| Denial {
                identity: key.identity,
                service: key.service,
                action: key.action,
                reason: key.reason,
                times,
                last_at,
            })
            .collect();
        denials.sort_by(|a, b| {
            let newest = || (&b.last_at, &b.reason).cmp(&(&a.last_at, &a.reason));
            b.times.cmp(&a.times).then_with(newest)
        });
        denials.truncate(MOST_TOLD);
        denials
    }
}

/// `reason` without what differs from call to call.
fn without_seconds(reason: &str) -> String {
    let seconds = reason.split_once(AGAIN).and_then(|(before, after)| {
        let unit = after.trim_start_matches(|c: char| c.is_ascii_digit());
        let after = unit
            .strip_prefix('s')
            .filter(|_| unit.len() < after.len())?;
        Some(format!("{before}try again later{after}"))
    });
    seconds.unwrap_or_else(|| reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_reason_at_another_second_is_the_same() {
        for (reason, expected) in [
            (
                "TTL active: try again in 37s (github x may succeed once in 60 s)",
                "TTL active: try again later (github x may succeed once in 60 s)",
            ),
            (
                "10 requests a minute; try again in 9s",
                "10 requests a minute; try again later",
            ),
            ("try again in a while", "try again in a while"),
            ("Policy denied", "Policy denied"),
            ("", ""),
        ] {
            assert_eq!(without_seconds(reason), expected);
        }
    }

    #[test]
    fn the_most_frequent_are_told_whatever_is_made_up_between_them() {
        let mut denials = Denials::default();
        for nth in 0..10_000_u32 {
            let name = format!("made-up-{nth}");
            denials.add([&name, "github", "x"], "no", 1, "2026-01-15T10:30:00.000Z");
            if nth % 10 == 0 {
                let at = format!("2026-01-15T10:30:00.{:03}Z", nth / 10);
                denials.add(["CI", "github", "x"], "no", 2, &at);
            }
            assert!(denials.0.len() <= MOST_COUNTED);
        }
        let told = denials.told();
        assert_eq!(told.len(), MOST_TOLD);
        let first = &told[0];
        assert_eq!((first.identity.as_str(), first.times), ("ci", 2_000));
        assert_eq!(first.last_at, "2026-01-15T10:30:00.999Z");
    }

    #[test]
    fn counts_of_several_threads_come_together() {
        let (mut one, mut other) = (Denials::default(), Denials::default());
        one.add(
            ["a", "s", "x"],
            "try again in 2s",
            3,
            "2026-01-15T10:30:00.000Z",
        );
        other.add(
            ["A", "S", "x"],
            "try again in 9s",
            4,
            "2026-01-15T10:29:00.000Z",
        );
        other.add(["a", "s", "y"], "no", 1, "2026-01-15T10:31:00.000Z");
        one.extend(other);
        let told = one.told();
        let shown: Vec<_> = told
            .iter()
            .map(|denial| (denial.action.as_str(), denial.times))
            .collect();
        assert_eq!(shown, [("x", 7), ("y", 1)]);
        assert_eq!(told[0].last_at, "2026-01-15T10:30:00.000Z");
    }
}
