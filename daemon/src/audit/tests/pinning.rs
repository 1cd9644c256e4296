//! A head that its owner keeps elsewhere.

use super::pruning::pruning;
use super::rotation::three_segments;
use super::segments::{FIRST, faults, unpacked};
use super::*;
use crate::audit::Pinned;

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
    assert!(!finding.contains("set aside"), "{finding}");
    // nor is it where anyone may have put a copy of the whole
    let aside = "audit.jsonl.set-aside-20260101T000000Z";
    fs::write(cut.file(aside), home.bytes()).unwrap();
    let is_only_aside = |finding: &str| {
        let place = format!("only in a file that was set aside ({aside}, line 3)");
        finding.contains(&place)
    };
    let (stands, finding) = check(&audit, pinned);
    assert!(!stands && finding.contains("cut off"), "{finding}");
    assert!(is_only_aside(&finding), "{finding}");
    // and written on
    make(&audit, "other", &success());
    let (stands, finding) = check(&audit, pinned);
    assert!(!stands && finding.contains("written anew"), "{finding}");
    assert!(is_only_aside(&finding), "{finding}");

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
fn a_pinned_head_in_a_log_that_axisd_set_aside_is_said_to_be_there() {
    let home = Home::new();
    let audit = home.open_unlocked();
    make(&audit, "a", &success());
    let pinned = audit.head().unwrap().pinned;
    make(&audit, "b", &success());
    drop(audit);
    let text = String::from_utf8(home.bytes()).unwrap();
    fs::write(home.path(), text + "x\ny\n").unwrap();
    let audit = home.open_unlocked();
    make(&audit, "c", &success());
    let verification = audit.verify(Some(pinned), &|| true).unwrap();
    let report = verification.pinned.clone().unwrap();
    assert!(!report.stands && !verification.is_faultless());
    let place =
        "only in a file that was set aside (audit.jsonl.set-aside-20260115T103000Z, line 2)";
    assert!(report.finding.contains(place), "{}", report.finding);
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
