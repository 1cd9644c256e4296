//! That no budget is ever overrun, and that what wasn't used comes back.

use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use jiff::Timestamp;
use proptest::prelude::*;

use super::super::request::{Decision, Request};
use super::*;
use crate::catalogue::Effect;

mod rules;

/// Where the tests' clock stands at first: the machine has been up for 100 s.
const START: Duration = Duration::from_secs(100);

fn at(seconds: u64) -> Duration {
    START + Duration::from_secs(seconds)
}

fn identity(name: &str) -> Identity {
    Identity::parse(name).unwrap()
}

fn github() -> ServiceName {
    ServiceName::parse("github").unwrap()
}

fn policy(text: &str) -> Policy {
    Policy::parse(text, Path::new("policy.yaml")).unwrap()
}

/// One entry for `who`, with a limit and a ttl where they aren't 0.
fn entry(who: &str, per_minute: u32, ttl: u32) -> String {
    let limit = match per_minute {
        0 => String::new(),
        limit => format!("rateLimit: {{requestsPerMinute: {limit}}}, "),
    };
    let ttl = match ttl {
        0 => String::new(),
        ttl => format!(", ttl: {ttl}"),
    };
    format!("- {{identity: {who:?}, {limit}allow: [{{service: github, actions: ['*']{ttl}}}]}}\n")
}

fn entries(entries: &[String]) -> Policy {
    policy(&format!("policies:\n{}", entries.concat()))
}

fn reserve(
    limits: &Limits,
    policy: &Policy,
    who: &str,
    action: &str,
    now: Duration,
) -> Result<Reservation, LimitDenial> {
    let who = identity(who);
    let request = Request {
        identity: &who,
        own_socket: false,
        service: &github(),
        action,
        effect: Effect::Write,
        params: None,
        at: Timestamp::UNIX_EPOCH,
    };
    match policy.decide(&request) {
        Decision::Allow(allowed) => limits.reserve(&allowed, &who, &github(), action, now),
        Decision::Deny(denial) => panic!("{}", denial.reason),
    }
}

#[test]
fn a_success_opens_the_cooldown_of_that_action_only() {
    let (limits, policy) = (Limits::new(), entries(&[entry("a", 0, 300)]));
    let call = |action, now| reserve(&limits, &policy, "a", action, now);
    call("issues.create", at(0)).unwrap().commit(at(2));
    let denial = call("Issues.Create", at(3)).unwrap_err();
    assert_eq!(denial.retry_after_s, 299);
    assert!(
        denial.reason.starts_with("TTL active: try again in 299s "),
        "{denial}"
    );
    call("pulls.create", at(3)).unwrap().commit(at(3));
    assert!(call("issues.create", at(301) + Duration::from_nanos(999_999_999)).is_err());
    assert!(call("issues.create", at(302)).is_ok());
}

#[test]
fn a_failed_or_cancelled_call_opens_no_cooldown() {
    let (limits, policy) = (Limits::new(), entries(&[entry("a", 0, 300)]));
    let call = |now| reserve(&limits, &policy, "a", "issues.create", now);
    let mut failed = call(at(0)).unwrap();
    failed.started(at(0));
    drop(failed);
    drop(call(at(1)).unwrap());
    assert!(call(at(2)).is_ok());
}

#[test]
fn while_one_call_is_under_way_the_next_waits_a_second() {
    let (limits, policy) = (Limits::new(), entries(&[entry("a", 0, 300)]));
    let call = |now| reserve(&limits, &policy, "a", "issues.create", now);
    let first = call(at(0)).unwrap();
    let denial = call(at(500)).unwrap_err();
    assert_eq!(denial.retry_after_s, 1);
    assert!(denial.reason.contains("under way"), "{denial}");
    drop(first);
    assert!(call(at(500)).is_ok());
}

#[test]
fn a_ttl_that_an_edit_adds_counts_from_the_last_success() {
    let limits = Limits::new();
    let (before, after) = (entries(&[entry("a", 0, 0)]), entries(&[entry("a", 0, 60)]));
    reserve(&limits, &before, "a", "x", at(0))
        .unwrap()
        .commit(at(0));
    let denial = reserve(&limits, &after, "a", "x", at(10)).unwrap_err();
    assert_eq!(denial.retry_after_s, 50);
}

#[test]
fn a_limit_counts_the_calls_of_the_last_minute() {
    let (limits, policy) = (Limits::new(), entries(&[entry("a", 2, 0)]));
    let call = |now| reserve(&limits, &policy, "a", "x", now);
    call(at(0)).unwrap().commit(at(0));
    call(at(20)).unwrap().commit(at(25));
    let denial = call(at(30)).unwrap_err();
    assert_eq!(denial.retry_after_s, 30);
    assert_eq!(
        denial.reason,
        "Rate limit exceeded for identity \"a\": 2 requests a minute; try again in 30s"
    );
    assert!(call(at(59) + Duration::from_millis(999)).is_err());
    call(at(60)).unwrap().commit(at(60));
    assert_eq!(call(at(61)).unwrap_err().retry_after_s, 24);
}

#[test]
fn a_failed_call_counts_against_the_limit_and_one_that_never_started_does_not() {
    let (limits, policy) = (Limits::new(), entries(&[entry("a", 1, 0)]));
    let call = |now| reserve(&limits, &policy, "a", "x", now);
    let waiting = call(at(0)).unwrap();
    assert_eq!(call(at(1)).unwrap_err().retry_after_s, 1);
    drop(waiting);
    let mut failed = call(at(2)).unwrap();
    failed.started(at(3));
    drop(failed);
    assert_eq!(call(at(4)).unwrap_err().retry_after_s, 59);
}

#[test]
fn a_place_that_waits_longer_than_a_minute_still_counts() {
    let (limits, policy) = (Limits::new(), entries(&[entry("a", 1, 0)]));
    let mut waiting = reserve(&limits, &policy, "a", "x", at(0)).unwrap();
    assert!(reserve(&limits, &policy, "a", "x", at(100)).is_err());
    waiting.started(at(100));
    drop(waiting);
    assert!(reserve(&limits, &policy, "a", "x", at(159)).is_err());
    assert!(reserve(&limits, &policy, "a", "x", at(160)).is_ok());
}

#[test]
fn a_call_that_its_limit_denies_leaves_the_cooldown_free() {
    let (limits, policy) = (Limits::new(), entries(&[entry("a", 1, 300)]));
    reserve(&limits, &policy, "a", "x", at(0))
        .unwrap()
        .commit(at(0));
    assert!(reserve(&limits, &policy, "a", "y", at(1)).is_err());
    assert!(reserve(&limits, &policy, "a", "y", at(60)).is_ok());
}

#[test]
fn a_new_name_brings_no_new_budget() {
    let (limits, policy) = (Limits::new(), entries(&[entry("*", 2, 300)]));
    reserve(&limits, &policy, "a", "x", at(0))
        .unwrap()
        .commit(at(0));
    let denial = reserve(&limits, &policy, "b", "x", at(1)).unwrap_err();
    assert!(denial.reason.starts_with("TTL active"), "{denial}");
    reserve(&limits, &policy, "b", "y", at(1))
        .unwrap()
        .commit(at(1));
    let denial = reserve(&limits, &policy, "c", "z", at(2)).unwrap_err();
    assert!(
        denial
            .reason
            .starts_with("Rate limit exceeded for identity \"c\"")
            && denial.reason.contains("shared"),
        "{denial}"
    );
}

#[test]
fn an_own_budget_is_nobody_elses() {
    let limits = Limits::new();
    let policy = entries(&[entry("a", 1, 300), entry("b", 1, 300)]);
    reserve(&limits, &policy, "a", "x", at(0))
        .unwrap()
        .commit(at(0));
    reserve(&limits, &policy, "b", "x", at(0))
        .unwrap()
        .commit(at(0));
    assert!(reserve(&limits, &policy, "a", "y", at(1)).is_err());
}

fn past(who: &str, started_ago: u64, succeeded_ago: Option<u64>) -> PastCall {
    PastCall {
        identity: identity(who),
        service: github(),
        action: "Issues.create".into(),
        started_ago: Duration::from_secs(started_ago),
        succeeded_ago: succeeded_ago.map(Duration::from_secs),
    }
}

#[test]
fn a_restart_forgets_nothing_even_right_after_a_boot() {
    let limits = Limits::new();
    let policy = entries(&[entry("a", 2, 3600)]);
    // The machine has been up for 100 s; the last success was before that.
    let history = [
        past("a", 1800, Some(1799)),
        past("a", 50, None),
        past("a", 10, None),
    ];
    limits.rebuild(Some(&policy), history, at(0));
    let denial = reserve(&limits, &policy, "a", "issues.create", at(0)).unwrap_err();
    assert_eq!(denial.retry_after_s, 1801);
    let denial = reserve(&limits, &policy, "a", "other", at(0)).unwrap_err();
    assert_eq!(denial.retry_after_s, 10);
    assert!(reserve(&limits, &policy, "a", "other", at(10)).is_ok());
}

#[test]
fn the_past_counts_also_where_there_was_no_policy_to_read_it_by() {
    for entry_of in ["a", "*"] {
        let limits = Limits::new();
        limits.rebuild(None, [past("a", 10, Some(9))], at(0));
        let policy = entries(&[entry(entry_of, 1, 300)]);
        let denial = reserve(&limits, &policy, "a", "issues.create", at(0)).unwrap_err();
        assert_eq!(denial.retry_after_s, 291, "{entry_of}");
        assert!(
            reserve(&limits, &policy, "a", "x", at(0)).is_err(),
            "{entry_of}"
        );
    }
}

#[test]
fn an_unknown_past_counts_as_just_used() {
    let (limits, policy) = (
        Limits::new(),
        entries(&[entry("a", 5, 300), entry("b", 5, 0)]),
    );
    limits.assume_used(at(0));
    let denial = reserve(&limits, &policy, "a", "x", at(1)).unwrap_err();
    assert_eq!(denial.retry_after_s, 299);
    assert!(denial.reason.contains("aren't known"), "{denial}");
    let denial = reserve(&limits, &policy, "b", "x", at(1)).unwrap_err();
    assert_eq!(denial.retry_after_s, 59);
    assert!(reserve(&limits, &policy, "b", "x", at(60)).is_ok());
    assert!(reserve(&limits, &policy, "a", "x", at(299)).is_err());
    assert!(reserve(&limits, &policy, "a", "x", at(300)).is_ok());
}

#[test]
fn nothing_is_kept_of_calls_that_left_no_trace() {
    let (limits, policy) = (Limits::new(), entries(&[entry("*", 0, 300)]));
    for number in 0..100 {
        drop(reserve(&limits, &policy, &format!("n{number}"), "x", at(0)).unwrap());
    }
    let used = limits.used.lock().unwrap();
    assert!(used.cooldowns.is_empty());
    // the entry's and the rule's
    assert_eq!(used.windows.len(), 2);
}

#[test]
fn of_many_threads_at_once_one_passes_a_ttl() {
    let (limits, policy) = (Limits::new(), entries(&[entry("*", 0, 300)]));
    let barrier = Barrier::new(64);
    let passed: Vec<Reservation> = thread::scope(|scope| {
        let threads: Vec<_> = (0..64)
            .map(|number| {
                let (limits, policy, barrier) = (&limits, &policy, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    reserve(limits, policy, &format!("n{}", number % 7), "x", at(0)).ok()
                })
            })
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(passed.len(), 1);
}

#[test]
fn many_threads_never_overrun_a_limit_in_any_minute() {
    const LIMIT: usize = 7;
    let policy = entries(&[entry("*", 7, 0)]);
    let limits = Limits::new();
    let clock = AtomicU64::new(0);
    let mut starts: Vec<u64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8_u64)
            .map(|number| {
                let (limits, policy, clock) = (&limits, &policy, &clock);
                scope.spawn(move || {
                    let mut starts = Vec::new();
                    for step in 0..2_000 {
                        let now = clock.fetch_add(1, Ordering::SeqCst);
                        let Ok(mut slot) = reserve(limits, policy, "a", "x", at(now)) else {
                            continue;
                        };
                        if (number + step) % 5 == 0 {
                            continue;
                        }
                        let now = clock.fetch_add(1, Ordering::SeqCst);
                        slot.started(at(now));
                        starts.push(now);
                    }
                    starts
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    starts.sort_unstable();
    assert!(starts.len() > 10 * LIMIT, "{}", starts.len());
    for window in starts.windows(LIMIT + 1) {
        assert!(window[LIMIT] - window[0] >= 60, "{window:?}");
    }
}

proptest! {
    #[test]
    fn no_sequence_of_calls_overruns_a_budget(
        calls in prop::collection::vec((0_u64..40, 0_u8..3, 0_u64..50), 1..60),
        limit in 1_u32..5,
        ttl in 1_u32..100,
    ) {
        let policy = entries(&[entry("a", limit, ttl)]);
        let limits = Limits::new();
        let (mut now, mut starts, mut last_success) = (0, Vec::new(), None);
        for (pause, end, duration) in calls {
            now += pause;
            let result = reserve(&limits, &policy, "a", "x", at(now));
            let in_minute = starts.iter().filter(|start| now - **start < 60).count();
            let cooling = last_success.is_some_and(|last| now < last + u64::from(ttl));
            let free = in_minute < limit.try_into().unwrap() && !cooling;
            prop_assert_eq!(result.is_ok(), free, "at {}", now);
            match result {
                Err(denial) => {
                    // It is worth it after the wait, and not a second before.
                    let then = at(now + denial.retry_after_s);
                    let early = then.checked_sub(Duration::from_millis(1001));
                    if let Some(early) = early.filter(|early| *early >= at(now)) {
                        prop_assert!(reserve(&limits, &policy, "a", "x", early).is_err());
                    }
                }
                Ok(slot) if end == 0 => drop(slot),
                Ok(mut slot) => {
                    slot.started(at(now));
                    starts.push(now);
                    now += duration;
                    if end == 1 {
                        slot.commit(at(now));
                        last_success = Some(now);
                    }
                }
            }
        }
    }
}
