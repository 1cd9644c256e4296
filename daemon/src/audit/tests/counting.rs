//! Counting calls, and searching no further than needed.

use super::rotation::{fill, rotating, small};
use super::segments::SECOND;
use super::*;

#[test]
fn calls_are_counted_over_all_files_and_what_is_no_call_is_not() {
    let home = Home::new();
    let audit = rotating(&home, small());
    audit.admin(&keystore(3)).unwrap();
    let mut slow = success();
    slow.latency = Duration::from_secs(20);
    make(&audit, "slow", &slow);
    for nth in 0..100 {
        make(&audit, &format!("ok-{nth}"), &success());
        audit.tick();
        audit.tidy(&|| true);
    }
    make(&audit, "failed", &failure());
    for _ in 0..70 {
        deny(&audit, CONNECTION, "denied");
    }
    audit.connection_closed(CONNECTION);
    let stranger = CallRecord {
        identity: "Someone",
        service: "OpenAI",
        ..call("x")
    };
    let reason = "Policy denied";
    audit.refused(ConnectionId(9), &stranger, &Refusal::Deny { reason });
    assert!(home.segments().len() > 2);

    let count = |filter: &Filter| audit.stats(filter, &|| true).unwrap();
    let stats = count(&Filter::default());
    assert!(stats.unread.is_none());
    let rows: Vec<_> = stats
        .rows
        .iter()
        .map(|row| {
            let names = (row.service.as_str(), row.identity.as_str());
            (names, row.calls, row.denied, row.errors)
        })
        .collect();
    // folded denials count as many as they stand for
    assert_eq!(
        rows,
        [
            (("openai", "local-dev"), 172, 70, 1),
            (("openai", "someone"), 1, 1, 0)
        ]
    );
    let row = &stats.rows[0];
    // 102 went out, one of which took 0 ms and one 20 s
    assert_eq!(row.p50_ms, Some(340), "342 to within 2 %");
    assert_eq!(row.p99_ms, Some(340));
    assert_eq!(stats.rows[1].p50_ms, None);
    assert_eq!((stats.total.calls, stats.total.denied), (173, 71));
    let mine = Filter::default().field("identity", "SOMEONE");
    assert_eq!(count(&mine).total.calls, 1);
    assert_eq!(count(&Filter::default().field("service", "x")).rows, []);

    // what can't be read is said
    fs::write(home.file(SECOND), "x").unwrap();
    let unread = count(&Filter::default()).unread.unwrap().to_string();
    assert!(unread.starts_with(SECOND), "{unread}");
}

#[test]
fn names_that_agents_make_up_take_no_memory() {
    let home = Home::new();
    let audit = home.open_unlocked();
    for nth in 0..1_100 {
        let identity = format!("made-up-{nth}");
        let call = CallRecord {
            identity: &identity,
            ..call("x")
        };
        let reason = "Policy denied";
        audit.refused(ConnectionId(nth), &call, &Refusal::Deny { reason });
    }
    let stats = audit.stats(&Filter::default(), &|| true).unwrap();
    assert!(stats.rows.len() <= 1_001);
    assert_eq!(stats.rows[0].service, "(others)");
    assert_eq!(stats.total.calls, 1_100);
    let counted: u64 = stats.rows.iter().map(|row| row.calls).sum();
    assert_eq!(counted, 1_100);
}

#[test]
fn a_search_gives_up_where_all_is_long_past_and_misses_nothing_before() {
    let home = Home::new();
    let audit = rotating(&home, small());
    make(&audit, "long ago", &success());
    fill(&home, &audit, 1);
    home.clock.advance(Duration::from_hours(72));
    fill(&home, &audit, 1);
    make(&audit, "now", &success());
    // never read, since all lines of the newest that is older say enough
    fs::write(home.file("audit-000000.jsonl.zst"), "x").unwrap();
    let since = |time: &str| Filter::default().since(time.parse().unwrap());
    let recent = audit
        .last(10_000, &since("2026-01-18T00:00:00Z"), &|| true)
        .unwrap();
    assert!(recent.unread.is_none());
    assert!(recent.lines.len() > 10);
    let all = audit
        .last(10_000, &since("2026-01-15T00:00:00Z"), &|| true)
        .unwrap();
    assert!(all.unread.is_some());
    assert!(all.lines.len() > recent.lines.len());
    // nobody waits for it any more
    let unwanted = audit.last(10_000, &Filter::default(), &|| false).unwrap();
    assert!(unwanted.lines.is_empty());
}
