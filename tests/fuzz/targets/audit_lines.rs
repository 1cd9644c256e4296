//! The audit log's files as somebody left them who has no key to them: records
//! that axisd wrote, whole, edited, moved, with hashes computed anew, and
//! whatever else.
//!
//! - Nothing that was there is lost at a start.
//! - No line is proven that axisd didn't write, and no call, approval or act of an
//!   unlocked vault without a MAC or with a wrong one is passed over. What axisd wrote, as it wrote it, has no fault.
//! - Without the key nothing is proven.
//! - All lines are shown, searched and counted, however many they say they are.
//! - The next call is recorded, proven, and adds no fault to those there were.

mod home;
mod written;

use std::num::NonZeroI64;

use axisd::audit::{Audit, Filter, Stats, Verification};
use jiff::Timestamp;

use super::Bytes;
use home::Home;
use written::{CALL, WRITTEN, call, has_mac, is_sealed};

/// Bits of the first byte: hashes are computed anew, as anyone can; the vault is
/// locked; all files are older segments; these are compressed; the rest is one
/// compressed segment, byte for byte.
const REHASHED: u8 = 1;
const LOCKED: u8 = 2;
const NO_LOG: u8 = 4;
const COMPRESSED: u8 = 8;
const RAW: u8 = 16;

/// More lines than any input has.
const ALL: usize = 10_000;

/// Bytes: those bits, a record's number, the files: see [`written::files`].
pub fn run(data: &[u8]) {
    let mut data = Bytes(data);
    let (bits, number) = (data.byte(), u64::from(data.byte()));
    let is = |bit| bits & bit != 0;
    let mut home = Home::new();
    if is(RAW) {
        home.put_compressed(data.rest());
    } else {
        let files = written::files(data.rest(), is(REHASHED));
        home.put(&files, is(NO_LOG), is(COMPRESSED));
    }

    let audit = home.open();
    home.assert_nothing_is_lost();
    if !is(LOCKED) {
        audit.set_key(Some(written::key()));
    }
    let verified = audit
        .verify(None, &|| true)
        .expect("files that can be read");
    let texts = (!is(RAW)).then(|| home.texts(&verified));
    if let Some(texts) = &texts {
        check(&verified, texts, is(LOCKED));
        if home.is_as_written() {
            assert!(verified.is_faultless(), "{verified:#?}");
        }
    }
    let all = lines(&audit);
    if let (true, Some(all)) = (texts.is_some(), &all) {
        assert_eq!(*all, home.lines(), "lines are shown that aren't there");
        if verified.is_faultless() {
            numbered(&audit, all, number);
        }
    }
    let stretch = NonZeroI64::new(60_000);
    let stats = audit.stats(&Filter::default(), stretch, &|| true);
    sound(&stats.expect("files that can be read"));
    let _ = audit.head();
    if !is(LOCKED) {
        goes_on(&audit, &verified);
    }
}

/// What the key proves, axisd wrote.
fn check(verified: &Verification, texts: &[Vec<u8>], is_locked: bool) {
    for (file, text) in verified.files.iter().zip(texts) {
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        let sealed = lines.iter().filter(|line| is_sealed(line)).count();
        let count = |lines: u64| usize::try_from(lines).expect("a few");
        assert!(count(file.proven) <= sealed, "{file:?}");
        assert!(!is_locked || file.proven == 0, "{file:?}");
        let proven = file.coverage.strip_prefix("lines 1 to ").map(|rest| {
            let digits = rest.split(' ').next().unwrap_or_default();
            digits.parse().expect("a number of lines")
        });
        for line in lines.iter().take(proven.unwrap_or(0)) {
            let is_ours = WRITTEN
                .iter()
                .any(|it| written::open(it) == written::open(line));
            assert!(is_ours, "{}", String::from_utf8_lossy(line));
        }
        if verified.is_faultless() && !is_locked {
            for line in lines.iter().filter(|line| !is_sealed(line)) {
                // MACs from before the key began are another's
                let is_before = written::open(line) == written::open(&WRITTEN[0]);
                assert!(is_before || !has_mac(line), "a wrong MAC");
                let record = serde_json::from_slice::<serde_json::Value>(line);
                let record = record.unwrap_or_default();
                // nothing stands behind the last newline
                let is_record = !record.is_null();
                assert!(
                    is_before || !is_record || may_be_anyones(&record),
                    "{record}"
                );
            }
        }
    }
}

/// Whether axisd writes such a record also without its key.
fn may_be_anyones(record: &serde_json::Value) -> bool {
    let word = |name: &str| record[name].as_str().unwrap_or_default();
    match word("event") {
        "finished" => {
            matches!(word("decision"), "deny" | "ask" | "error") && record["status"].is_null()
        }
        "admin" => !matches!(word("act"), "" | "init" | "unlock" | "lock"),
        _ => false,
    }
}

/// All lines, if all files can be read.
fn lines(audit: &Audit) -> Option<Vec<Vec<u8>>> {
    let all = Filter::default();
    let mut seen = Vec::new();
    let unread = audit.each(&all, &mut |line| {
        seen.push(line.to_vec());
        true
    });
    let unread = unread.expect("a directory that can be read");
    let found = audit.last(ALL, &all, &|| true);
    let found = found.expect("a directory that can be read");
    assert_eq!(unread.is_none(), found.unread.is_none());
    assert!(
        unread.is_some() || found.lines == seen,
        "other lines from the end"
    );
    let few = audit.last(3, &all, &|| true).expect("as before");
    assert!(found.unread.is_some() || found.lines.ends_with(&few.lines));
    unread.is_none().then_some(seen)
}

/// In a sound log a record's number says where it stands.
fn numbered(audit: &Audit, all: &[Vec<u8>], number: u64) {
    let filters: [fn(u64) -> Filter; 2] = [
        |number| Filter::default().before(number),
        |number| Filter::default().after(number),
    ];
    for filter in filters {
        let filter = filter(number);
        let mut expected = all.to_vec();
        expected.retain(|line| filter.reaches(line));
        let found = audit.last(ALL, &filter, &|| true).expect("as before");
        assert_eq!(found.lines, expected);
    }
}

fn sound(stats: &Stats) {
    assert!(stats.rows.len() <= 1001 && stats.times.len() <= 1001 && stats.denials.len() <= 50);
    for rows in [&stats.rows, &stats.services] {
        let sum = |of: fn(&axisd::audit::CallStats) -> u64| {
            rows.iter().map(of).fold(0, u64::saturating_add)
        };
        let total = &stats.total;
        assert_eq!(sum(|row| row.calls), total.calls);
        assert_eq!(sum(|row| row.denied), total.denied);
        assert_eq!(sum(|row| row.errors), total.errors);
    }
}

/// A call is recorded after whatever there was.
fn goes_on(audit: &Audit, before: &Verification) {
    let started = audit.started(&call("next"));
    let started = started.expect("there is room for a record");
    audit.finished(started, &axisd::audit::End::default());
    let found = audit
        .last(1, &Filter::default(), &|| true)
        .expect("as before");
    let line = found.lines.last().expect("a line was written");
    let said = String::from_utf8_lossy(line);
    assert!(
        said.contains(r#""event":"finished""#) && said.contains(r#""next""#),
        "{said}"
    );

    let after = audit
        .verify(None, &|| true)
        .expect("files that can be read");
    let log = after.files.last().expect("the log itself");
    assert!(log.proven >= 2, "{log:?}");
    let faults = |of: &Verification| of.files.iter().filter(|it| it.fault.is_some()).count();
    assert!(faults(&after) <= faults(before), "{after:#?}\n{before:#?}");
    let history = audit.history(Timestamp::UNIX_EPOCH);
    if history.intact {
        let is_ours = |call: &axisd::audit::PastCall| {
            [&*call.identity, &*call.service, &*call.action] == CALL
        };
        assert!(history.calls.iter().all(is_ours), "{history:?}");
    }
}
