//! What whoever lacks the key adds to the log while axisd is down, in lines that
//! fit the chain.

use std::collections::BTreeSet;
use std::process::Command;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::*;
use crate::audit::{ApprovalRecord, Proof, Stage};
use crate::clock::Clock;

const OF_CALL: &str =
    r#""request_id":"f","identity":"local-dev","service":"openai","action":"responses.create""#;

/// Adds records that fit the chain: each all that comes after its number.
pub(super) fn forge(home: &Home, mac: Option<&str>, records: impl IntoIterator<Item = String>) {
    let last: serde_json::Value = serde_json::from_str(home.lines().last().unwrap()).unwrap();
    let mut seq = last["seq"].as_u64().unwrap();
    let mut prev = last["hash"].as_str().unwrap().to_owned();
    let mut text = String::from_utf8(home.bytes()).unwrap();
    let mac = mac.map_or_else(String::new, |mac| format!(r#","mac":"{mac}""#));
    for record in records {
        seq += 1;
        let open = format!(r#"{{"seq":{seq},{record}"#);
        let digest = Sha256::new().chain_update(&prev).chain_update(&open);
        let hash = hex::encode(digest.chain_update("}").finalize());
        let line = format!("{open},\"prev\":\"{prev}\",\"hash\":\"{hash}\"{mac}}}\n");
        text.push_str(&line);
        prev = hash;
    }
    fs::write(home.path(), text).unwrap();
}

fn at(time: &str, event: &str, rest: &str) -> String {
    format!(r#""event":"{event}","timestamp":"{time}",{rest}"#)
}

fn denials(count: usize, time: &str) -> impl Iterator<Item = String> {
    let rest = format!(r#"{OF_CALL},"decision":"deny","reason":"no""#);
    let denial = at(time, "finished", &rest);
    std::iter::repeat_n(denial, count)
}

const LONG_AGO: &str = "2020-01-01T00:00:00.000Z";
const NOW: &str = "2026-01-15T10:30:00.000Z";

fn this_morning() -> Timestamp {
    "2026-01-15T10:00:00Z".parse().unwrap()
}

/// A log with one call in it, to which axisd went back after others had added to it.
fn with_forged(mac: Option<&str>, forged: impl IntoIterator<Item = String>) -> (Home, Audit) {
    let home = Home::new();
    make(&home.open_unlocked(), "real", &success());
    forge(&home, mac, forged);
    let audit = home.open_unlocked();
    audit.note(&Act::Unlock.into());
    (home, audit)
}

#[test]
fn old_lines_without_a_mac_hide_no_call_from_the_limits() {
    for count in [999, 1000, 3000] {
        let (_home, audit) = with_forged(None, denials(count, LONG_AGO));
        let found = audit.history(this_morning());
        assert!(found.intact, "{count}");
        assert_eq!(found.calls.len(), 1, "{count}");
        assert!(found.calls[0].succeeded);
    }
}

#[test]
fn old_lines_with_a_wrong_mac_make_all_limits_count_as_used() {
    for count in [1, 1000] {
        let wrong = "0".repeat(64);
        let (_home, audit) = with_forged(Some(&wrong), denials(count, LONG_AGO));
        assert!(!audit.history(this_morning()).intact, "{count}");
    }
}

#[test]
fn a_thousand_old_lines_that_axisd_wrote_end_the_search() {
    for (calls, is_ended) in [(490, false), (500, true)] {
        let wrong = "0".repeat(64);
        let (home, audit) = with_forged(Some(&wrong), denials(1, LONG_AGO));
        for nth in 0..calls {
            make(&audit, &nth.to_string(), &success());
        }
        home.clock.advance(Duration::from_hours(24));
        make(&audit, "last", &success());
        let found = audit.history("2026-01-16T10:00:00Z".parse().unwrap());
        // what stands before them is never seen
        assert_eq!(found.intact, is_ended, "{calls}");
        assert_eq!(found.calls.len(), 1, "{calls}");
    }
}

#[test]
fn a_call_in_flight_is_not_made_a_failure_by_whoever_lacks_the_key() {
    let home = Home::new();
    let audit = home.open_unlocked();
    let killed = audit.started(&call("f")).unwrap();
    // the killed axisd writes no end, and keeps the old file locked
    std::mem::forget(killed);
    let copy = Home::new();
    fs::copy(home.path(), copy.path()).unwrap();
    let end = format!(r#"{OF_CALL},"decision":"error","error":"cancelled""#);
    forge(&copy, None, [at(NOW, "finished", &end)]);
    let audit = copy.open_unlocked();
    audit.note(&Act::Unlock.into());
    let calls = audit.history(this_morning()).calls;
    assert_eq!(calls.len(), 1);
    assert!(calls[0].succeeded && calls[0].ended_at.is_none());
}

#[test]
fn lines_without_a_mac_hide_no_others_from_a_search_by_time() {
    for time in [LONG_AGO, "2099-01-01T00:00:00.000Z"] {
        let (home, audit) = with_forged(None, denials(3000, time));
        make(&audit, "after", &success());
        assert!(home.bytes().len() > 1_000_000, "several stretches");
        let until = home.clock.wall().checked_add(Duration::from_mins(1));
        let until = until.unwrap();
        let filter = || {
            let filter = Filter::default().since(this_morning());
            filter.until(until)
        };
        let is_real = |line: &[u8]| {
            let line = String::from_utf8_lossy(line);
            line.contains(r#""finished""#) && line.contains(r#""decision":"allow""#)
        };
        let found = audit.last(100_000, &filter(), &|| true).unwrap().lines;
        let real = found.iter().filter(|line| is_real(line)).count();
        assert_eq!(real, 2, "{time}");
        let mut shown = 0;
        let unread = audit.each(&filter(), &mut |line| {
            shown += usize::from(is_real(line));
            true
        });
        assert!(unread.unwrap().is_none());
        assert_eq!(shown, 2, "{time}");
        let stats = audit.stats(&filter(), None, &|| true).unwrap();
        assert_eq!(stats.total.calls, 2, "{time}");
    }
}

#[test]
fn a_started_line_without_a_mac_hides_no_use_of_a_credential() {
    let started = at(LONG_AGO, "started", OF_CALL);
    let (_home, audit) = with_forged(None, [started]);
    let names = BTreeSet::from(["openai".to_owned()]);
    let uses = audit.last_uses(names, this_morning(), 1000, &|| true);
    let uses = uses.unwrap();
    let expected: Timestamp = NOW.parse().unwrap();
    assert_eq!(uses.at.get("openai"), Some(&expected));
}

/// What the verifier in Python says.
fn independent(home: &Home, with_key: bool) -> Option<i32> {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/interop/verify_audit.py"
    );
    let verified = Command::new("python3")
        .arg(script)
        .arg(home.path())
        .args(with_key.then(|| hex::encode(KEY)))
        .output();
    verified.expect("python3 is installed").status.code()
}

#[test]
fn what_only_an_unlocked_vault_does_is_not_believed_without_a_mac() {
    let of = |event: &str, rest: &str| at(NOW, event, rest);
    let call = |event: &str, rest: &str| at(NOW, event, &format!("{OF_CALL}{rest}"));
    let mut table = vec![
        call("started", ""),
        call("started\u{200b}", ""),
        call("Finished", r#","decision":"deny""#),
        call("finished", r#","decision":"allow""#),
        call("finished", r#","decision":"Allow","status":200"#),
        call("finished", ",\"decision\":\"allow\u{200b}\""),
        call("finished", r#","status":200,"latency_ms":3"#),
        call("finished", r#","decision":"deny","status":200"#),
        call("finished", r#","decision":"error","latency_ms":3"#),
        call("finished", r#","decision":"deny","act":"add""#),
        of("admin", r#""act":"keystore_accepted2","generation":3"#),
        of("admin", r#""detail":"unlock""#),
        of("admin", r#""act":"add","decision":"allow""#),
    ];
    for stage in ["asked", "approved", "rejected", "expired", "withdrawn", "x"] {
        let rest = format!(r#","approval":"a","stage":"{stage}","by":"owner""#);
        table.push(call("approval", &rest));
    }
    for act in [
        "init",
        "unlock",
        "lock",
        "keystore_accepted",
        "policy_sealed",
        "policy_unsealed",
        "log_missing",
        "log_rotated",
        "segments_pruned",
        "credentials_checked",
    ] {
        table.push(of("admin", &format!(r#""act":"{act}""#)));
    }
    for record in table {
        let (home, audit) = with_forged(None, [record.clone()]);
        drop(audit);
        let fault = home.verified(true).fault.unwrap_or_default();
        assert!(fault.contains("line 3: it"), "{record}: {fault}");
        assert!(fault.contains("no MAC"), "{record}: {fault}");
        // that there is none shows to who has no key, too
        assert_eq!(home.verified(false).fault, Some(fault), "{record}");
        for with_key in [true, false] {
            assert_eq!(independent(&home, with_key), Some(1), "{record}");
        }

        // nor does a vault open on it that nothing proves since
        let home = Home::new();
        make(&home.open_unlocked(), "real", &success());
        forge(&home, None, [record.clone()]);
        assert_eq!(home.open().set_key(Some(key())), Proof::Foreign, "{record}");
    }
}

#[test]
fn whatever_axisd_writes_verifies_whether_the_vault_is_locked_or_not() {
    let home = Home::new();
    let audit = home.open_unlocked();
    let stages = [
        Stage::Asked,
        Stage::Approved,
        Stage::Rejected,
        Stage::Expired,
        Stage::Withdrawn,
    ];
    let write = || {
        // these two have more in them, and only a rotation writes them
        let of_rotation = [Act::LogRotated, Act::SegmentsPruned];
        for act in Act::ALL.iter().filter(|act| !of_rotation.contains(act)) {
            audit.note(&(*act).into());
        }
        for stage in stages {
            audit.approval(&ApprovalRecord {
                approval: "ap-1",
                stage,
                call: call("a"),
                by: Some("owner"),
                lasts: None,
                reason: None,
            });
        }
        let refusals = [
            Refusal::Deny { reason: "no" },
            Refusal::Pending { approval: "ap-1" },
            Refusal::Error { code: "cancelled" },
        ];
        for refusal in &refusals {
            audit.refused(CONNECTION, &call("a"), refusal);
        }
    };
    write();
    let proven = home.lines().len();
    audit.set_key(None);
    write();
    home.assert_intact();
    assert_eq!(independent(&home, true), Some(0));
    assert_eq!(independent(&home, false), Some(0));
    assert_eq!(home.lines().len(), 2 * proven);
    for (nth, line) in home.lines().iter().enumerate() {
        assert_eq!(line.contains(r#""mac":""#), nth < proven, "{line}");
    }
    // the vault was locked while these were on their way: they are told as what they are
    let records = home.records();
    let (with, without) = records.split_at(proven);
    for (with, without) in with.iter().zip(without) {
        let act = with["act"].as_str().unwrap_or_default();
        let is_approval = with["event"] == "approval";
        if is_approval || Act::of(act).is_some_and(Act::is_proven) {
            assert_eq!(without["act"], "unproven", "{with}");
            let detail = without["detail"].as_str().unwrap();
            let what = if is_approval { "approval ap-1, " } else { act };
            assert!(detail.contains(what), "{detail}");
        } else {
            assert_eq!(without["event"], with["event"]);
            assert_eq!(without["act"], with["act"]);
        }
    }
}

#[test]
fn what_waited_for_the_disk_is_proven_though_the_vault_is_locked_by_then() {
    let home = Home::new();
    let audit = home.open_unlocked();
    make(&audit, "a", &success());
    audit.writer().set_room(0);
    audit.note(&Act::Unlock.into());
    audit.set_key(None);
    assert_eq!(home.lines().len(), 2);
    audit.writer().set_room(u64::MAX);
    audit.tick();
    let record = home.records().pop().unwrap();
    assert_eq!(record["act"], "unlock");
    assert!(record["mac"].is_string());
    home.assert_intact();
}
