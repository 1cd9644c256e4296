//! What an adversary does to the older segments, and what is said of it.

use super::rotation::{fill, rotating, small, three_segments};
use super::*;
use crate::audit::Verification;

type Meddling = fn(&Home);

fn packed(text: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(text, 3).unwrap()
}

pub(super) fn unpacked(home: &Home, name: &str) -> String {
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

pub(super) const FIRST: &str = "audit-000001.jsonl.zst";
pub(super) const SECOND: &str = "audit-000002.jsonl.zst";
pub(super) const THIRD: &str = "audit-000003.jsonl.zst";

pub(super) fn faults(verification: &Verification) -> Vec<String> {
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
        1,
        "what stood in its place is missing"
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
    let history = audit.history("2026-01-15T13:15:00Z".parse().unwrap());
    assert!(history.intact);
    assert!(!history.calls.is_empty());
    let history = audit.history("2026-01-15T10:00:00Z".parse().unwrap());
    assert!(!history.intact);
}

pub(super) fn seqs_of_calls(audit: &Audit) -> usize {
    let started = Filter::default().field("event", "started");
    audit.last(10_000, &started, &|| true).unwrap().lines.len()
}

#[test]
fn no_line_from_a_break_on_is_proven_by_the_files_behind_it() {
    let home = filled();
    let three = home.lines()[..3].join("\n");
    for (text, coverage) in [
        ("no record\n".to_owned(), "no records"),
        (
            format!("{three}\nno record\n"),
            "lines 1 to 3 are proven by the audit key",
        ),
    ] {
        // the log begins anew, as if what stands before it were none of it
        fs::write(home.directory.path().join("audit-000001.jsonl"), text).unwrap();
        let audit = home.open_unlocked();
        let segment = verified(&audit).remove(0);
        assert!(segment.segment && segment.fault.is_some(), "{segment:?}");
        assert_eq!(segment.coverage, coverage);
    }
}
