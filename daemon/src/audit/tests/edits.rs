//! Every way of editing a log, and what verification says of it.

use super::*;
use crate::audit::chain::{self, Before, Head};
use crate::audit::parsed::Parsed;
use sha2::{Digest, Sha256};

type Edit = fn(&mut Vec<String>);

/// Gives each line the prev and hash that fit its record, as anyone can.
fn rechain(lines: &mut [String], keep_macs: bool) {
    let mut prev = "0".repeat(64);
    for line in lines {
        let end = line.find(r#","prev":""#).unwrap();
        let mac = line.find(r#","mac":""#).map(|at| line[at..].to_owned());
        let body = format!("{}}}", &line[..end]);
        let hash = hex::encode(Sha256::digest(format!("{prev}{body}")));
        let mac = mac.filter(|_| keep_macs).unwrap_or_else(|| "}".into());
        *line = format!(
            r#"{},"prev":"{prev}","hash":"{hash}"{mac}"#,
            &body[..body.len() - 1]
        );
        prev = hash;
    }
}

fn replace(line: &mut String, from: &str, to: &str) {
    assert!(line.contains(from), "{from} in {line}");
    *line = line.replacen(from, to, 1);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_edit_is_found_and_named() {
    // the edit; what is said with the key; what is said without it
    let table: &[(&str, Edit, Option<&str>, Option<&str>)] = &[
        ("nothing", |_| {}, None, None),
        (
            "a record deleted",
            |lines| drop(lines.remove(3)),
            Some("line 4: record 5 follows record 3"),
            Some("line 4: record 5 follows record 3"),
        ),
        (
            "the first record deleted",
            |lines| drop(lines.remove(0)),
            Some("line 1: the file begins with record 2"),
            Some("line 1: the file begins with record 2"),
        ),
        (
            "two records swapped",
            |lines| lines.swap(3, 4),
            Some("line 4: record 5 follows record 3"),
            Some("line 4: record 5 follows record 3"),
        ),
        (
            "a record duplicated",
            |lines| lines.insert(4, lines[3].clone()),
            Some("line 5: record 4 follows record 4"),
            Some("line 5: record 4 follows record 4"),
        ),
        (
            "a record inserted with hashes that fit each other",
            |lines| {
                let mut pair = vec![lines[0].clone()];
                rechain(&mut pair, true);
                lines.insert(4, pair.remove(0));
            },
            Some("line 5: record 1 follows record 4"),
            Some("line 5: record 1 follows record 4"),
        ),
        (
            "a record replaced by one of the same number",
            |lines| {
                replace(&mut lines[3], "local-dev", "other-dev");
                let mut alone = lines[3..4].to_vec();
                rechain(&mut alone, true);
                lines[3] = alone.remove(0);
            },
            Some("line 4: it doesn't continue the hash"),
            Some("line 4: it doesn't continue the hash"),
        ),
        (
            "the number of a record changed",
            |lines| replace(&mut lines[3], "\"seq\":4", "\"seq\":5"),
            Some("line 4: its hash"),
            Some("line 4: its hash"),
        ),
        (
            "a line that is no record",
            |lines| lines[3] = "{}".into(),
            Some("line 4: it is not an audit record"),
            Some("line 4: it is not an audit record"),
        ),
        (
            "an empty line",
            |lines| lines.insert(3, String::new()),
            Some("line 4: it is not an audit record"),
            Some("line 4: it is not an audit record"),
        ),
        (
            "a line of a megabyte",
            |lines| lines.insert(3, " ".repeat(1 << 20)),
            Some("line 4: it is longer"),
            Some("line 4: it is longer"),
        ),
        (
            "another MAC",
            |lines| {
                let at = lines[3].len() - 10;
                let other = if &lines[3][at..=at] == "0" { "1" } else { "0" };
                lines[3].replace_range(at..=at, other);
            },
            Some("line 4: its MAC"),
            None,
        ),
        (
            "the whole chain computed anew after an edit, without the key",
            |lines| {
                replace(&mut lines[3], "\"status\":200", "\"status\":201");
                rechain(lines, true);
            },
            Some("line 4: its MAC"),
            None,
        ),
        (
            "the whole chain computed anew, and its MACs left out",
            |lines| {
                replace(&mut lines[3], "\"status\":200", "\"status\":201");
                rechain(lines, false);
            },
            Some("line 3: it has no MAC"),
            Some("line 3: it has no MAC"),
        ),
        (
            "a new key's beginning forged after an edit",
            |lines| {
                replace(&mut lines[3], "\"status\":200", "\"status\":201");
                replace(&mut lines[7], "wrong_password", "init");
                rechain(lines, true);
            },
            Some("line 4: its MAC"),
            Some("line 8: it has no MAC"),
        ),
        // only a head that is pinned outside shows this
        (
            "the last record deleted",
            |lines| drop(lines.pop()),
            None,
            None,
        ),
    ];
    for (edit, apply, with_key, without_key) in table {
        let home = filled();
        let mut lines = home.lines();
        assert_eq!(lines.len(), 8);
        apply(&mut lines);
        fs::write(home.path(), lines.join("\n") + "\n").unwrap();
        for (has_key, expected) in [(true, with_key), (false, without_key)] {
            let fault = home.verified(has_key).fault;
            match expected {
                None => assert_eq!(fault, None, "{edit}, key: {has_key}"),
                Some(words) => {
                    let fault = fault.unwrap_or_else(|| panic!("{edit}, key: {has_key}"));
                    assert!(
                        fault.starts_with(&format!("audit.jsonl, {words}")),
                        "{edit}, key: {has_key}: {fault}"
                    );
                }
            }
        }
    }
}

#[test]
fn no_byte_can_be_changed() {
    let home = Home::new();
    let audit = home.open_unlocked();
    make(&audit, "a", &success());
    deny(&audit, CONNECTION, "b");
    let good = home.bytes();
    let line_of = |at: usize| good[..at].split(|byte| *byte == b'\n').count();
    for at in 0..good.len() {
        // the second changes the case of letters
        for bit in [0x01, 0x20] {
            let mut edited = good.clone();
            edited[at] ^= bit;
            fs::write(home.path(), &edited).unwrap();
            let fault = home
                .verified(true)
                .fault
                .unwrap_or_else(|| panic!("byte {at} ^ {bit:#x} in {:?}", good[at] as char));
            let line = format!("line {}:", line_of(at));
            assert!(fault.contains(&line), "byte {at}: {fault}");
        }
    }
}

#[test]
fn a_file_that_ends_in_mid_line_is_said_to_be_cut() {
    let home = filled();
    let mut bytes = home.bytes();
    bytes.truncate(bytes.len() - 20);
    fs::write(home.path(), bytes).unwrap();
    let fault = home.verified(true).fault.unwrap();
    assert!(fault.contains("line 8: it has no newline"), "{fault}");
}

#[test]
fn the_running_axisd_knows_when_its_own_tail_was_replaced() {
    let home = filled();
    let audit = home.open();
    // the same length, so that only reading it shows
    let mut lines = home.lines();
    replace(&mut lines[7], "wrong_password", "daemon_stopped");
    rechain(&mut lines[..], true);
    fs::write(home.path(), lines.join("\n") + "\n").unwrap();
    let fault = verified(&audit).remove(0).fault.unwrap();
    assert!(
        fault.contains("axisd has written on to record 8"),
        "{fault}"
    );
    assert!(
        !audit
            .history("2026-01-15T10:00:00Z".parse().unwrap())
            .intact
    );
}

#[test]
fn a_report_says_what_the_key_proves() {
    let home = filled();
    let report = home.verified(true);
    assert_eq!((report.lines, report.proven), (8, 6));
    assert_eq!(
        report.coverage,
        "lines 1 to 7 are proven by the audit key; the last 1, written while the vault was locked, are only chained"
    );
    let report = home.verified(false);
    assert_eq!((report.lines, report.proven), (8, 0));
    assert!(report.coverage.contains("locked"), "{}", report.coverage);
}

#[test]
fn a_line_that_goes_on_elsewhere_is_the_first_of_its_file_or_none() {
    let home = filled();
    let lines = home.lines();
    let second = lines[1].as_bytes();
    assert!(chain::follow(Before::File(&[Head::GENESIS]), second).is_err());
    assert!(Parsed::of(second).is_some());
    fs::remove_file(home.path()).unwrap();
    let home = Home::new();
    let audit = home.open_unlocked();
    make(&audit, "a", &success());
    fs::remove_file(home.path()).unwrap();
    make(&audit, "b", &success());
    let first = home.lines().remove(0);
    assert!(chain::follow(Before::File(&[Head::GENESIS]), first.as_bytes()).is_ok());
    assert!(chain::follow(Before::Line(&Head::GENESIS), first.as_bytes()).is_err());
}

#[test]
fn a_number_that_leaves_none_for_what_follows_is_no_records() {
    for number in [u64::MAX, u64::MAX - 1, u64::MAX / 2 + 1] {
        let home = Home::new();
        let audit = home.open_unlocked();
        make(&audit, "a", &success());
        fs::remove_file(home.path()).unwrap();
        make(&audit, "b", &success());
        drop(audit);
        // the first line says why it doesn't begin with 1, so any other may do
        let mut lines = home.lines();
        replace(&mut lines[0], "\"seq\":3", &format!("\"seq\":{number}"));
        rechain(&mut lines, false);
        fs::write(home.path(), lines.join("\n") + "\n").unwrap();

        let audit = home.open_unlocked();
        make(&audit, "after", &success());
        assert_eq!(
            home.outline(),
            ["chain_set_aside", "started after", "finished after"]
        );
        assert_eq!(audit.status().next_seq, 4);
    }
}
