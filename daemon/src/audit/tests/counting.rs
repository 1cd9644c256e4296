//! Counting calls, and searching no further than needed.

use sha2::{Digest, Sha256};

use super::rotation::{fill, rotating, small, three_segments};
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

    let count = |filter: &Filter| audit.stats(filter, None, &|| true).unwrap();
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
    let stats = audit.stats(&Filter::default(), None, &|| true).unwrap();
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

#[test]
fn calls_are_counted_by_service_by_time_and_by_why_they_were_denied() {
    let home = Home::new();
    let audit = rotating(&home, small());
    let refuse = |identity, reason: &str| {
        let call = CallRecord {
            identity,
            ..call("x")
        };
        audit.refused(ConnectionId(9), &call, &Refusal::Deny { reason });
        audit.connection_closed(ConnectionId(9));
    };
    make(&audit, "first", &success());
    refuse("local-dev", "Rate limit exceeded; try again in 9s");
    home.clock.advance(Duration::from_mins(2));
    refuse("local-dev", "Rate limit exceeded; try again in 8s");
    refuse("ci", "Policy denied");
    make(&audit, "second", &failure());
    let approval = "k7f2";
    audit.refused(ConnectionId(9), &call("x"), &Refusal::Pending { approval });
    let filter = Filter::default().events(["finished"]);
    let minute = std::num::NonZeroI64::new(60_000);
    let stats = audit.stats(&filter, minute, &|| true).unwrap();

    let began = |text: &str| {
        let moment: jiff::Timestamp = text.parse().unwrap();
        moment.as_millisecond()
    };
    let times: Vec<_> = stats
        .times
        .iter()
        .map(|time| {
            let ended = [time.calls, time.denied, time.errors, time.asked];
            (time.start_ms, ended)
        })
        .collect();
    assert_eq!(
        times,
        [
            (began("2026-01-15T10:30:00Z"), [2, 1, 0, 0]),
            (began("2026-01-15T10:32:00Z"), [4, 2, 1, 1])
        ]
    );
    let [service] = stats.services.as_slice() else {
        panic!("one service: {:?}", stats.services);
    };
    assert_eq!((service.calls, service.denied), (6, 3));
    assert_eq!((service.errors, service.asked), (1, 1));
    assert_eq!(stats.total.asked, 1);
    let asked = Filter::default().field("decision", "ask");
    let asked = audit.stats(&asked, None, &|| true).unwrap();
    assert_eq!((asked.total.calls, asked.total.asked), (1, 1));
    assert_eq!(
        (service.service.as_str(), service.identity.as_str()),
        ("openai", "")
    );
    assert!(service.p99_ms.is_some());
    let denials: Vec<_> = stats
        .denials
        .iter()
        .map(|denial| {
            (
                denial.reason.as_str(),
                denial.identity.as_str(),
                denial.times,
            )
        })
        .collect();
    assert_eq!(
        denials,
        [
            ("Rate limit exceeded; try again later", "local-dev", 2),
            ("Policy denied", "ci", 1)
        ]
    );
    let unasked = audit.stats(&filter, None, &|| true).unwrap();
    assert!(unasked.times.is_empty());
}

#[test]
fn pages_back_through_all_files_have_neither_gap_nor_double() {
    let home = Home::new();
    let audit = rotating(&home, small());
    fill(&home, &audit, 4);
    let wanted = || true;
    let all = audit
        .last(100_000, &Filter::default(), &wanted)
        .unwrap()
        .lines;
    let mut paged: Vec<Bytes> = Vec::new();
    let mut before = u64::MAX;
    loop {
        let filter = Filter::default().before(before);
        let page = audit.last(7, &filter, &wanted).unwrap();
        assert!(page.unread.is_none());
        let Some(first) = page.lines.first() else {
            break;
        };
        let record: serde_json::Value = serde_json::from_slice(first).unwrap();
        before = record["seq"].as_u64().unwrap();
        paged.splice(0..0, page.lines);
    }
    assert_eq!(paged, all);
    assert!(home.segments().len() >= 4);

    let last = u64::try_from(all.len()).unwrap();
    let late = Filter::default().after(last - 2);
    let late = audit.last(100, &late, &wanted).unwrap();
    assert_eq!(late.lines, all[all.len() - 2..]);

    // a file in which nothing is asked for is not even read
    fs::write(home.file(home.segments().last().unwrap()), "x").unwrap();
    let early = audit
        .last(3, &Filter::default().before(9), &wanted)
        .unwrap();
    assert!(early.unread.is_none());
    assert_eq!(early.lines, all[5..8]);
}

#[test]
fn a_stretch_of_time_is_found_and_counted_in_the_midst_of_the_log() {
    let home = Home::new();
    let audit = rotating(&home, small());
    for _ in 0..5 {
        fill(&home, &audit, 1);
        home.clock.advance(Duration::from_hours(48));
    }
    let wanted = || true;
    let moment = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let filter = || {
        Filter::default()
            .since(moment("2026-01-19T00:00:00Z"))
            .until(moment("2026-01-21T00:00:00Z"))
    };
    let found = audit.last(100_000, &filter(), &wanted).unwrap().lines;
    assert!(!found.is_empty());
    for line in &found {
        let record: serde_json::Value = serde_json::from_slice(line).unwrap();
        let written = record["timestamp"].as_str().unwrap();
        assert!(written.starts_with("2026-01-19T10:30"), "{written}");
    }
    let mut exported = Vec::new();
    audit
        .each(&filter(), &mut |line| {
            exported.push(Bytes::copy_from_slice(line));
            true
        })
        .unwrap();
    assert_eq!(exported, found);
    let calls = audit.stats(&filter(), None, &wanted).unwrap().total.calls;
    let text = |line: &&Bytes| String::from_utf8_lossy(line).contains("\"event\":\"finished\"");
    assert_eq!(calls, found.iter().filter(text).count() as u64);
}

#[test]
fn a_broken_chain_hides_no_older_segment_from_who_turns_pages() {
    // whether its first line or a later one is no record
    for keep in [0, 2] {
        let (home, audit) = three_segments();
        make(&audit, "a", &success());
        let last_of_segments = home.records()[0]["seq"].as_u64().unwrap() - 1;
        drop(audit);
        let text = home.lines()[..keep].join("\n");
        let text = text.trim_start().to_owned() + "\nx\ny\n";
        fs::write(home.path(), text.trim_start()).unwrap();
        let audit = home.open_unlocked();
        assert_eq!(home.outline(), ["chain_set_aside"]);
        make(&audit, "b", &success());
        let kept = u64::try_from(keep).unwrap();
        let first = home.records()[0]["seq"].as_u64().unwrap();
        assert_eq!(first, last_of_segments + kept + 1);

        let mut pages = Vec::new();
        let mut before = u64::MAX;
        loop {
            let filter = Filter::default().before(before);
            let page = audit.last(7, &filter, &|| true).unwrap().lines;
            let Some(oldest) = page.first() else { break };
            before = crate::audit::filter::seq(oldest).unwrap();
            pages.extend(page.into_iter().rev());
        }
        pages.reverse();
        assert_eq!(pages, last(&audit, 10_000));
        assert_eq!(pages.len() as u64, last_of_segments + 3);

        // what was set aside is missing all the same, and said to be
        let reports = verified(&audit);
        let gap = reports.last().unwrap().fault.clone().unwrap_or_default();
        assert!(gap.contains("line 1: it goes on with record"), "{gap}");
        drop(audit);
        let warnings = home.open().status().warnings.join("\n");
        assert!(warnings.contains("it goes on with record"), "{warnings}");
    }
}

#[test]
fn a_made_up_number_leaves_numbers_for_what_follows() {
    let home = Home::new();
    make(&home.open_unlocked(), "a", &success());
    let (seq, prev) = (u64::MAX / 2, "0".repeat(64));
    let open = format!(
        r#"{{"seq":{seq},"event":"admin","timestamp":"2026-01-15T10:30:00.000Z","act":"chain_set_aside","detail":"x""#
    );
    let digest = Sha256::new().chain_update(&prev).chain_update(&open);
    let hash = hex::encode(digest.chain_update("}").finalize());
    let line = format!("{open},\"prev\":\"{prev}\",\"hash\":\"{hash}\"}}\n");
    fs::write(home.file("audit-000001.jsonl"), line).unwrap();
    fs::write(home.path(), "x\ny\n").unwrap();
    let audit = home.open_unlocked();
    make(&audit, "b", &success());
    drop(audit);
    // it reads what it wrote
    let audit = home.open_unlocked();
    make(&audit, "c", &success());
    assert_eq!(
        home.outline(),
        [
            "chain_set_aside",
            "started b",
            "finished b",
            "started c",
            "finished c"
        ]
    );
}
