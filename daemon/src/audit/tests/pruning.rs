//! The oldest segments go, and the log says so.

use super::rotation::{fill, rotating, small, three_segments};
use super::segments::{FIRST, SECOND, THIRD, faults, seqs_of_calls, unpacked};
use super::*;
use crate::audit::{Rotation, Settings};

pub(super) fn pruning(home: &Home, keep: u64) -> Audit {
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
fn how_much_is_kept_can_change_while_the_log_is_open() {
    let (home, audit) = three_segments();
    drop(audit);
    let audit = pruning(&home, u64::MAX);
    audit.tidy(&|| true);
    assert_eq!(home.segments().len(), 3);
    audit.set_settings(Settings {
        rotation: Rotation { keep: 0, ..small() },
        ..Settings::default()
    });
    audit.tidy(&|| true);
    assert_eq!(home.segments(), [THIRD]);
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
