//! Reading back: the calls made, and the last lines.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use super::forged::forge;
use super::*;
use crate::audit::reader::{Backwards, Forwards, Piece};
use crate::audit::{History, PastCall};
use crate::clock::Clock;

fn at(time: &str) -> Timestamp {
    format!("2026-01-15T{time}Z").parse().unwrap()
}

#[test]
fn past_calls_are_those_started_or_ended_since() {
    let home = Home::new();
    let audit = home.open_unlocked();
    let minute = || home.clock.advance(Duration::from_mins(1));
    make(&audit, "long ago", &success()); // 10:30
    let slow = audit.started(&call("slow")).unwrap();
    let failing = audit.started(&call("failing")).unwrap();
    minute();
    deny(&audit, CONNECTION, "denied");
    let code = "invalid_params";
    audit.refused(CONNECTION, &call("bad"), &Refusal::Error { code });
    make(&audit, "recent", &success()); // 10:31
    audit.finished(slow, &success());
    audit.finished(failing, &failure());
    let killed = audit.started(&call("killed")).unwrap();
    // the killed axisd writes no end
    std::mem::forget(killed);
    drop(audit);

    // the forgotten call keeps the old file locked, so a copy is read
    let copy = Home::new();
    fs::copy(home.path(), copy.path()).unwrap();
    let audit = copy.open_unlocked();
    let found = audit.history(at("10:30:30"));
    let expected = [
        ("10:30:00", Some("10:31:00"), true),  // slow
        ("10:30:00", Some("10:31:00"), false), // failing
        ("10:31:00", Some("10:31:00"), true),  // recent
        ("10:31:00", None, true),              // killed: counts as a success
    ]
    .map(|(started, ended, succeeded)| PastCall {
        identity: "local-dev".into(),
        service: "openai".into(),
        action: "responses.create".into(),
        started_at: at(started),
        ended_at: ended.map(at),
        succeeded,
    });
    assert_eq!(found.calls, expected);
    assert!(found.intact);
    assert_eq!(audit.history(at("10:00:00")).calls.len(), 5);
    let unended = audit.history(at("10:40:00")).calls;
    assert_eq!(unended, expected[3..]);
}

#[test]
fn a_long_call_is_known_however_many_were_made_while_it_ran() {
    // minutes that it took, and whether the clock was right when it began
    for (minutes, is_right) in [(18, true), (60, true), (600, false)] {
        let home = Home::new();
        let audit = home.open_unlocked();
        let slow = audit.started(&call("slow")).unwrap();
        for nth in 0..515 {
            make(&audit, &nth.to_string(), &success());
        }
        home.clock.advance(Duration::from_mins(minutes));
        audit.finished(slow, &success());
        let since = home.clock.wall().checked_sub(Duration::from_mins(1));
        let found = audit.history(since.unwrap());
        assert!(found.intact, "{minutes}");
        assert_eq!(found.calls.len(), 1, "{minutes} {is_right}");
        assert_eq!(found.calls[0].ended_at, Some(home.clock.wall()));
    }
}

#[test]
fn a_call_that_was_killed_ended_when_axisd_began_again() {
    let home = Home::new();
    let audit = home.open_unlocked();
    let minutes = |minutes| home.clock.advance(Duration::from_mins(minutes));
    std::mem::forget(audit.started(&call("first")).unwrap()); // 10:30
    minutes(20);
    // a copy is read, as after each of the kills that follow
    let restarted = |home: &Home| {
        let copy = home.copy();
        copy.clock.advance(Duration::from_mins(30));
        let audit = copy.open();
        audit.note(&Act::DaemonStarted.into());
        (copy, audit)
    };
    let (home, audit) = restarted(&home); // 11:00
    home.clock.advance(Duration::from_mins(10));
    audit.set_key(Some(key()));
    audit.note(&Act::Unlock.into());
    let ends = |audit: &Audit, since: &str| -> Vec<_> {
        let calls = audit.history(at(since)).calls.into_iter();
        calls.map(|call| (call.ended_at, call.succeeded)).collect()
    };
    let first = (Some(at("11:00:00")), true);
    assert_eq!(ends(&audit, "10:55:00"), [first]);
    assert_eq!(ends(&audit, "11:05:00"), []);

    // one that others have made out to be earlier doesn't count
    std::mem::forget(audit.started(&call("second")).unwrap()); // 11:10
    let early = r#""event":"admin","timestamp":"2026-01-15T11:10:00.000Z","act":"daemon_started""#;
    let copy = home.copy();
    forge(&copy, None, [early.to_owned()]);
    copy.clock.advance(Duration::from_hours(1));
    let audit = copy.open();
    audit.note(&Act::DaemonStarted.into()); // 11:30
    audit.set_key(Some(key()));
    audit.note(&Act::Unlock.into());
    let second = (Some(at("11:30:00")), true);
    assert_eq!(ends(&audit, "10:55:00"), [first, second]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_jump_of_the_wall_clock_hides_a_call_from_the_limits(
        hours in proptest::collection::vec(-100_000_i64..100_000, 1..12),
        back in 0_i64..200_000,
    ) {
        let home = Home::new();
        let audit = home.open_unlocked();
        let mut latest = Timestamp::MIN;
        let mut no_earlier_than = Vec::new();
        for hours in hours {
            home.clock.step_wall(jiff::SignedDuration::from_hours(hours));
            make(&audit, "jumped", &success());
            // whatever the clock says, it was made after the one before
            latest = latest.max(home.clock.wall());
            no_earlier_than.push(latest);
        }
        let hours = jiff::SignedDuration::from_hours(back);
        let since = home.clock.wall().checked_sub(hours).unwrap();
        let since = since.checked_sub(jiff::SignedDuration::from_mins(30)).unwrap();
        no_earlier_than.retain(|at| *at >= since);
        let found = audit.history(since);
        prop_assert!(found.intact);
        prop_assert_eq!(found.calls.len(), no_earlier_than.len());
        prop_assert!(found.calls.iter().all(|call| call.started_at >= since));
    }
}

#[test]
fn a_log_that_cant_be_read_makes_no_history() {
    let home = Home::new();
    fs::create_dir(home.path()).unwrap();
    let audit = home.open_unlocked();
    assert_eq!(audit.history(at("10:00:00")), History::default());
    assert!(!audit.history(at("10:00:00")).intact);
}

#[test]
fn the_last_lines_come_oldest_first() {
    let home = filled();
    let audit = home.open();
    let lines = home.lines();
    for n in [0, 1, 3, 8, 9, usize::MAX] {
        let last = last(&audit, n);
        let expected = &lines[lines.len().saturating_sub(n)..];
        assert_eq!(last, expected, "{n}");
    }
    assert!(last(&Home::new().open(), 5).is_empty());
}

fn file_with(text: &[u8]) -> (Arc<fs::File>, u64) {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, text).unwrap();
    (Arc::new(file), u64::try_from(text.len()).unwrap())
}

/// Lines of which some are longer than a block.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let length = prop_oneof![8 => 0..300_usize, 1 => 60_000..70_000_usize];
    prop::collection::vec(length.prop_map(|length| "x".repeat(length)), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_directions_read_what_a_naive_reader_reads(lines in lines(), newline in any::<bool>()) {
        let mut text = lines.join("\n");
        if newline && !lines.is_empty() {
            text.push('\n');
        }
        let mut naive: Vec<&str> = text.split('\n').collect();
        if naive.last() == Some(&"") {
            naive.pop();
        }

        let (file, size) = file_with(text.as_bytes());
        let mut backwards = Backwards::over(Arc::clone(&file), size);
        let mut found = Vec::new();
        while let Some(line) = backwards.next().unwrap() {
            found.push(String::from_utf8(line.to_vec()).unwrap());
        }
        found.reverse();
        prop_assert_eq!(&found, &naive);

        let mut forwards = Forwards::over(file, size);
        let mut found = Vec::new();
        let fragment = loop {
            match forwards.next().unwrap() {
                Piece::Line(line) => found.push(String::from_utf8(line.to_vec()).unwrap()),
                Piece::Overlong => unreachable!("no line is that long"),
                Piece::Fragment => break true,
                Piece::End => break false,
            }
        };
        prop_assert_eq!(forwards.offset(), size);
        let torn = !text.is_empty() && !text.ends_with('\n');
        prop_assert_eq!(fragment, torn);
        let whole = naive.len() - usize::from(torn);
        prop_assert_eq!(&found, &naive[..whole]);
    }
}

#[test]
fn a_line_longer_than_any_record_stops_a_reader_going_backwards() {
    let text = ["first\n", &"x".repeat(1 << 20), "\nlast\n"].concat();
    let (file, size) = file_with(text.as_bytes());
    let mut lines = Backwards::over(file, size);
    assert_eq!(lines.next().unwrap().unwrap(), b"last");
    assert!(lines.next().is_err());
}
