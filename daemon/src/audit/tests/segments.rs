//! What an adversary does to the older segments, and what is said of it.

use super::rotation::{fill, rotating, small, three_segments};
use super::*;
use crate::audit::{Filter, Pinned, Rotation, Verification};

type Meddling = fn(&Home);

fn packed(text: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(text, 3).unwrap()
}

fn unpacked(home: &Home, name: &str) -> String {
    let file = fs::File::open(home.file(name)).unwrap();
    String::from_utf8(zstd::stream::decode_all(file).unwrap()).unwrap()
}

/// Replaces a compressed segment by another text, compressed as axisd does it.
fn rewrite(home: &Home, name: &str, text: &str) {
    let plain = home.file("rewritten");
    fs::write(&plain, text).unwrap();
    let source = fs::File::open(&plain).unwrap();
    let mut target = fs::File::create(home.file(name)).unwrap();
    let size = u64::try_from(text.len()).unwrap();
    crate::audit::frames::compress(&source, size, &mut target, &|| true).unwrap();
    fs::remove_file(plain).unwrap();
}

const FIRST: &str = "audit-000001.jsonl.zst";
const SECOND: &str = "audit-000002.jsonl.zst";
const THIRD: &str = "audit-000003.jsonl.zst";

fn faults(verification: &Verification) -> Vec<String> {
    let files = verification.files.iter();
    files.filter_map(|file| file.fault.clone()).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn whatever_is_done_to_a_segment_is_found_and_its_file_named() {
    // what is done; how the first fault begins; what it says
    let table: [(&str, Meddling, &str, &str); 19] = [
        (
            "the second removed",
            |home| fs::remove_file(home.file(SECOND)).unwrap(),
            "audit-000003.jsonl.zst, line 1:",
            "but the one before it ends with record",
        ),
        (
            "the first removed",
            |home| fs::remove_file(home.file(FIRST)).unwrap(),
            "audit-000002.jsonl.zst, line 1:",
            "doesn't say why",
        ),
        (
            "the newest removed",
            |home| fs::remove_file(home.file(THIRD)).unwrap(),
            "audit.jsonl, line 1:",
            "but the one before it ends with record",
        ),
        (
            "all removed",
            |home| {
                for name in [FIRST, SECOND, THIRD] {
                    fs::remove_file(home.file(name)).unwrap();
                }
            },
            "audit.jsonl, line 1:",
            "doesn't say why",
        ),
        (
            "two exchanged",
            |home| {
                fs::rename(home.file(SECOND), home.file("x")).unwrap();
                fs::rename(home.file(THIRD), home.file(SECOND)).unwrap();
                fs::rename(home.file("x"), home.file(THIRD)).unwrap();
            },
            "audit-000002.jsonl.zst, line 1:",
            "but the one before it ends with record",
        ),
        (
            "one there twice",
            |home| {
                fs::copy(home.file(THIRD), home.file("audit-000004.jsonl.zst")).unwrap();
            },
            "audit-000004.jsonl.zst, line 1:",
            "but the one before it ends with record",
        ),
        (
            "a word changed",
            |home| {
                let text = unpacked(home, SECOND).replacen("\"status\":200", "\"status\":201", 1);
                rewrite(home, SECOND, &text);
            },
            "audit-000002.jsonl.zst, line ",
            "the record was edited",
        ),
        (
            "the last line dropped",
            |home| {
                let text = unpacked(home, SECOND);
                let cut = text[..text.len() - 1].rfind('\n').unwrap() + 1;
                rewrite(home, SECOND, &text[..cut]);
            },
            "audit-000003.jsonl.zst, line 1:",
            "but the one before it ends with record",
        ),
        (
            "half a line at the end",
            |home| {
                let text = unpacked(home, SECOND);
                rewrite(home, SECOND, &text[..text.len() - 20]);
            },
            "audit-000002.jsonl.zst, line ",
            "it was cut off",
        ),
        (
            "a plain one in its place",
            |home| fs::write(home.file("audit-000002.jsonl"), "{}\n").unwrap(),
            "audit-000002.jsonl, line 1:",
            "not an audit record",
        ),
        (
            "emptied",
            |home| fs::write(home.file(SECOND), "").unwrap(),
            "audit-000002.jsonl.zst, line 1:",
            "they were removed",
        ),
        (
            "cut in the midst of its bytes",
            |home| {
                let bytes = fs::read(home.file(SECOND)).unwrap();
                fs::write(home.file(SECOND), &bytes[..bytes.len() / 2]).unwrap();
            },
            "audit-000002.jsonl.zst can't be read:",
            "it ends within a frame",
        ),
        (
            "a byte changed",
            |home| {
                let mut bytes = fs::read(home.file(SECOND)).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(home.file(SECOND), bytes).unwrap();
            },
            "audit-000002.jsonl.zst",
            "damaged",
        ),
        (
            "no zstd at all",
            |home| fs::write(home.file(SECOND), "x".repeat(1000)).unwrap(),
            "audit-000002.jsonl.zst can't be read:",
            "no frame of axisd's",
        ),
        (
            "a frame that says it holds a terabyte",
            |home| {
                let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0b1110_0100];
                bytes.extend((1_u64 << 40).to_le_bytes());
                bytes.extend([1, 0, 0, 0, 0, 0, 0]);
                fs::write(home.file(SECOND), bytes).unwrap();
            },
            "audit-000002.jsonl.zst can't be read:",
            "more than any does",
        ),
        (
            "a bomb",
            |home| {
                let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0b1010_0100];
                bytes.extend((1_u32 << 20).to_le_bytes());
                for nth in 0..8 {
                    // one byte repeated 131072 times
                    let block: u32 = (128 * 1024) << 3 | 1 << 1 | u32::from(nth == 7);
                    bytes.extend(&block.to_le_bytes()[..3]);
                    bytes.push(b'x');
                }
                bytes.extend([0; 4]);
                fs::write(home.file(SECOND), bytes.repeat(1000)).unwrap();
            },
            "audit-000002.jsonl.zst can't be read:",
            "more than records can",
        ),
        (
            "compressed by another program",
            |home| {
                let text = unpacked(home, SECOND);
                fs::write(home.file(SECOND), packed(text.as_bytes())).unwrap();
            },
            "audit-000002.jsonl.zst can't be read:",
            "no frame of axisd's",
        ),
        (
            "a link to itself elsewhere",
            |home| {
                fs::rename(home.file(SECOND), home.file("elsewhere")).unwrap();
                std::os::unix::fs::symlink(home.file("elsewhere"), home.file(SECOND)).unwrap();
            },
            "audit-000002.jsonl.zst can't be read:",
            "not a plain file",
        ),
        (
            "a pipe that nobody writes to",
            |home| {
                fs::remove_file(home.file(SECOND)).unwrap();
                let mut mkfifo = std::process::Command::new("mkfifo");
                let made = mkfifo.arg(home.file(SECOND)).status().unwrap();
                assert!(made.success());
            },
            "audit-000002.jsonl.zst can't be read:",
            "not a plain file",
        ),
    ];
    for (meddling, meddle, begins, says) in table {
        let (home, audit) = three_segments();
        meddle(&home);
        let verification = audit.verify(None, &|| true).unwrap();
        let faults = faults(&verification);
        let fault = faults.first().unwrap_or_else(|| panic!("{meddling}"));
        assert!(fault.starts_with(begins), "{meddling}: {fault}");
        assert!(fault.contains(says), "{meddling}: {fault}");
        // of two that aren't in their places each is named
        let expected = 1 + usize::from(meddling == "two exchanged");
        assert_eq!(faults.len(), expected, "{meddling}: {faults:#?}");
        assert!(!verification.is_faultless());

        // calls go on, and nobody who reads is fooled or hangs
        make(&audit, "after", &success());
        let found = audit.last(1, &Filter::default(), &|| true).unwrap();
        assert_eq!(found.lines.len(), 1, "{meddling}");
        let all = audit.last(10_000, &Filter::default(), &|| true).unwrap();
        assert_eq!(
            all.unread.is_some(),
            begins.contains("can't be read") || says == "damaged",
            "{meddling}: {:?}",
            all.unread
        );
        let long_ago = "2026-01-01T00:00:00Z".parse().unwrap();
        assert!(!audit.history(long_ago).intact, "{meddling}");
    }
}

#[test]
fn an_old_log_put_back_behind_newer_segments_is_set_aside() {
    let home = Home::new();
    let audit = rotating(&home, small());
    audit.admin(&keystore(3)).unwrap();
    fill(&home, &audit, 1);
    let old = home.bytes();
    audit.admin(&keystore(9)).unwrap();
    fill(&home, &audit, 1);
    drop(audit);
    fs::write(home.path(), old).unwrap();
    let audit = home.open();
    assert_eq!(home.outline(), ["chain_set_aside"]);
    assert_eq!(
        audit.known_generation().number(),
        Some(9),
        "the segments know it"
    );
    assert_eq!(
        faults(&audit.verify(None, &|| true).unwrap()).len(),
        0,
        "it is an old truth"
    );
}

#[test]
fn an_old_log_behind_a_damaged_segment_is_not_believed() {
    let (home, audit) = three_segments();
    drop(audit);
    for damage in ["x".repeat(1000), String::new()] {
        let home = home.copy();
        fs::write(home.file(THIRD), damage).unwrap();
        let audit = home.open_unlocked();
        // so that the vault stays locked until its owner accepts that
        assert_eq!(
            audit.known_generation(),
            crate::audit::KnownGeneration::NoLog
        );
        let warnings = audit.status().warnings.join("\n");
        assert!(
            warnings.contains("can't be read, so whether the log"),
            "{warnings}"
        );
        make(&audit, "after", &success());
        assert_eq!(home.outline()[0], "log_rotated", "it goes on all the same");
    }
}

#[test]
fn a_log_that_is_gone_at_start_is_missed_though_its_segments_are_there() {
    for emptied in [false, true] {
        let (home, audit) = three_segments();
        make(&audit, "a", &success());
        drop(audit);
        if emptied {
            fs::write(home.path(), "").unwrap();
        } else {
            fs::remove_file(home.path()).unwrap();
        }
        let audit = home.open_unlocked();
        // so that the vault stays locked until its owner accepts that
        assert_eq!(
            audit.known_generation(),
            crate::audit::KnownGeneration::NoLog
        );
        make(&audit, "b", &success());
        assert_eq!(home.outline()[0], "log_vanished");
        assert!(audit.status().warnings[0].contains("was gone at start"));
        let long_ago = "2026-01-01T00:00:00Z".parse().unwrap();
        assert!(!audit.history(long_ago).intact);
    }
}

#[test]
fn calls_are_remembered_over_segments_and_no_further_back_than_asked() {
    let home = Home::new();
    let audit = rotating(&home, small());
    make(&audit, "first", &success());
    for _ in 0..3 {
        home.clock.advance(Duration::from_hours(1));
        fill(&home, &audit, 1);
    }
    let calls = seqs_of_calls(&audit);
    drop(audit);
    let audit = rotating(&home, small());
    let history = audit.history("2026-01-15T10:00:00Z".parse().unwrap());
    assert!(history.intact);
    assert_eq!(history.calls.len(), calls);
    // what lies further back isn't read: a fault there doesn't matter
    fs::write(home.file(FIRST), "").unwrap();
    let history = audit.history("2026-01-15T12:15:00Z".parse().unwrap());
    assert!(history.intact);
    assert!(!history.calls.is_empty());
    let history = audit.history("2026-01-15T10:00:00Z".parse().unwrap());
    assert!(!history.intact);
}

fn seqs_of_calls(audit: &Audit) -> usize {
    let started = Filter::default().field("event", "started");
    audit.last(10_000, &started, &|| true).unwrap().lines.len()
}

fn pruning(home: &Home, keep: u64) -> Audit {
    rotating(home, Rotation { keep, ..small() })
}

#[test]
fn the_oldest_segments_are_deleted_and_the_log_says_so() {
    let (home, audit) = three_segments();
    let sizes: u64 = [SECOND, THIRD]
        .iter()
        .map(|name| fs::metadata(home.file(name)).unwrap().len())
        .sum();
    let calls = seqs_of_calls(&audit);
    drop(audit);
    let audit = pruning(&home, sizes + 1000);
    audit.set_key(None);
    audit.tidy(&|| true);
    assert_eq!(home.segments().len(), 3, "not while nothing can prove it");
    audit.set_key(Some(key()));
    audit.tidy(&|| true);
    assert_eq!(home.segments(), [SECOND, THIRD]);
    let record = home.records().pop().unwrap();
    assert_eq!(record["act"], "segments_pruned");
    assert_eq!(record["begins"]["segment"], 2);
    assert!(record["mac"].is_string());
    let begins = record["begins"]["seq"].as_u64().unwrap();
    let verification = audit.verify(None, &|| true).unwrap();
    assert!(verification.is_faultless(), "{verification:#?}");
    assert_eq!(super::rotation::seqs(&audit)[0], begins);

    // nothing more to do
    audit.tidy(&|| true);
    assert_eq!(home.segments().len(), 2);

    // the keystore's generation is still known, the earlier calls aren't
    drop(audit);
    let audit = pruning(&home, sizes + 1000);
    assert_eq!(audit.known_generation().number(), Some(3));
    let history = audit.history("2026-01-01T00:00:00Z".parse().unwrap());
    assert!(!history.intact && history.calls.len() < calls);
    fill(&home, &audit, 1);
    assert!(audit.verify(None, &|| true).unwrap().is_faultless());

    // but one more that is gone is missed
    fs::remove_file(home.file(SECOND)).ok();
    let oldest = home.segments().remove(0);
    fs::remove_file(home.file(&oldest)).unwrap();
    let faults = faults(&audit.verify(None, &|| true).unwrap());
    assert!(faults[0].contains("doesn't say why"), "{faults:#?}");
}

#[test]
fn the_newest_segment_and_the_log_are_never_deleted() {
    let (home, audit) = three_segments();
    drop(audit);
    let audit = pruning(&home, 0);
    audit.tidy(&|| true);
    assert_eq!(home.segments(), [THIRD]);
    audit.tidy(&|| true);
    assert_eq!(home.segments(), [THIRD]);
    assert!(audit.verify(None, &|| true).unwrap().is_faultless());
}

#[test]
fn a_crash_before_the_segments_are_deleted_is_no_fault() {
    let (home, audit) = three_segments();
    drop(audit);
    let before = home.copy();
    let audit = pruning(&home, 0);
    audit.tidy(&|| true);
    drop(audit);
    // the record is there, and so are none, or one, of the deleted
    for kept in [vec![FIRST, SECOND], vec![SECOND]] {
        let home = home.copy();
        for name in kept {
            fs::copy(before.file(name), home.file(name)).unwrap();
        }
        let audit = pruning(&home, 0);
        let verification = audit.verify(None, &|| true).unwrap();
        assert!(verification.is_faultless(), "{verification:#?}");
        audit.tidy(&|| true);
        assert_eq!(home.segments(), [THIRD]);
        assert!(audit.verify(None, &|| true).unwrap().is_faultless());
    }
}

#[test]
fn a_file_put_among_the_segments_drives_none_of_them_out() {
    let (home, audit) = three_segments();
    drop(audit);
    for (name, is_plain) in [
        ("audit-000004.jsonl.zst", false),
        ("audit-000002.jsonl", true),
        ("audit-000000.jsonl.zst", false),
        (FIRST, false),
    ] {
        let home = home.copy();
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(home.file(name))
            .unwrap();
        let grown = if is_plain { 1 << 20 } else { 8 << 30 };
        file.set_len(grown).unwrap();
        let audit = pruning(&home, 100_000);
        audit.tidy(&|| true);
        for segment in [SECOND, THIRD] {
            assert!(home.segments().contains(&segment.to_owned()), "{name}");
        }
        let records = home.records();
        assert!(
            records
                .iter()
                .all(|record| record["act"] != "segments_pruned"),
            "{name}"
        );
        assert!(home.segments().contains(&FIRST.to_owned()), "{name}");
        if is_plain {
            // nor does it replace the true one
            let warnings = audit.status().warnings.join("\n");
            assert!(warnings.contains("is not the same"), "{warnings}");
            assert!(home.file("audit-000002.jsonl").exists());
        } else {
            let warnings = audit.status().warnings.join("\n");
            assert!(
                warnings.contains("nothing of it is deleted"),
                "{name}: {warnings}"
            );
        }
    }
}

#[test]
fn a_forged_record_of_pruning_excuses_nothing() {
    let (home, audit) = three_segments();
    drop(audit);
    fs::remove_file(home.file(FIRST)).unwrap();
    // a record as the adversary can write it, without the key
    let second: serde_json::Value =
        serde_json::from_str(unpacked(&home, SECOND).lines().next().unwrap()).unwrap();
    let mut writer = home.open();
    writer.set_key(None);
    let begins = crate::audit::line::Begins {
        segment: 2,
        seq: second["seq"].as_u64().unwrap(),
        prev: second["prev"].as_str().unwrap(),
    };
    let record = crate::audit::line::Record::pruned("forged", begins, writer.now());
    writer
        .writer()
        .append(&record.into(), writer.now())
        .unwrap();
    writer = {
        drop(writer);
        home.open_unlocked()
    };
    let faults = faults(&writer.verify(None, &|| true).unwrap());
    assert!(faults[0].contains("doesn't say why"), "{faults:#?}");
    assert!(
        faults.iter().any(|fault| fault.contains("has no MAC")),
        "{faults:#?}"
    );
}

#[test]
fn a_pinned_head_shows_what_the_chain_cant() {
    let (home, audit) = three_segments();
    make(&audit, "a", &success());
    let head = audit.head().unwrap();
    assert!(head.mac.is_some());
    let pinned = head.pinned;
    let early: Pinned = {
        let line = unpacked(&home, FIRST).lines().nth(4).unwrap().to_owned();
        let record: serde_json::Value = serde_json::from_str(&line).unwrap();
        format!("{}:{}", record["seq"], record["hash"].as_str().unwrap())
            .parse()
            .unwrap()
    };
    let check = |audit: &Audit, pinned: Pinned| {
        let verification = audit.verify(Some(pinned), &|| true).unwrap();
        let report = verification.pinned.clone().unwrap();
        assert_eq!(
            verification.is_faultless(),
            report.stands && faults(&verification).is_empty()
        );
        (report.stands, report.finding)
    };
    let (stands, finding) = check(&audit, pinned);
    assert!(
        stands && finding.contains("0 records follow it"),
        "{finding}"
    );
    let (stands, finding) = check(&audit, early);
    assert!(
        stands && finding.contains("audit-000001.jsonl.zst, line 5"),
        "{finding}"
    );
    make(&audit, "b", &success());
    let (stands, finding) = check(&audit, pinned);
    assert!(
        stands && finding.contains("2 records follow it"),
        "{finding}"
    );

    // cut behind its back: all that is left is true, and the head isn't there
    drop(audit);
    let cut = home.copy();
    let mut lines = cut.lines();
    lines.truncate(2);
    fs::write(cut.path(), lines.join("\n") + "\n").unwrap();
    let audit = cut.open_unlocked();
    assert!(faults(&audit.verify(None, &|| true).unwrap()).is_empty());
    let (stands, finding) = check(&audit, pinned);
    assert!(!stands && finding.contains("cut off"), "{finding}");
    // and written on
    make(&audit, "other", &success());
    let (stands, finding) = check(&audit, pinned);
    assert!(!stands && finding.contains("written anew"), "{finding}");

    // pruned
    let audit = pruning(&home, 0);
    audit.tidy(&|| true);
    let (stands, finding) = check(&audit, early);
    assert!(
        !stands && finding.contains("was pruned with its segment"),
        "{finding}"
    );
    let (stands, _) = check(&audit, pinned);
    assert!(stands);
    let begins = home.records().pop().unwrap()["begins"].clone();
    let last_pruned = format!(
        "{}:{}",
        begins["seq"].as_u64().unwrap() - 1,
        begins["prev"].as_str().unwrap()
    );
    let (stands, finding) = check(&audit, last_pruned.parse().unwrap());
    assert!(stands && finding.contains("goes on from it"), "{finding}");
}

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

#[test]
fn the_head_of_an_empty_log_can_be_pinned_too() {
    let home = Home::new();
    let audit = home.open_unlocked();
    let head = audit.head().unwrap().pinned;
    assert_eq!(head.seq(), 0);
    make(&audit, "a", &success());
    let verification = audit.verify(Some(head), &|| true).unwrap();
    assert!(verification.is_faultless(), "{verification:?}");
}
