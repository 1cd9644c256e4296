//! What a new axisd finds: torn lines, broken chains, older logs, no log.

use super::*;
use crate::audit::KnownGeneration;

fn since_morning() -> jiff::Timestamp {
    "2026-01-15T06:00:00Z".parse().unwrap()
}

#[test]
fn the_chain_goes_on_over_restarts() {
    let home = filled();
    let seqs: Vec<u64> = home
        .records()
        .iter()
        .map(|record| record["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, (1..=8).collect::<Vec<u64>>());
    let audit = home.open();
    assert_eq!(audit.status().next_seq, 9);
    assert!(audit.status().writable);
    assert_eq!(audit.status().warnings, Vec::<String>::new());
    home.assert_intact();
    assert!(home.beside().is_empty());
}

#[test]
fn a_last_line_torn_at_any_byte_is_moved_aside_and_the_chain_goes_on() {
    let home = filled();
    let whole = home.bytes();
    let last = home.lines().pop().unwrap();
    let good = whole.len() - last.len() - 1;
    for cut in good + 1..whole.len() {
        let home = Home::new();
        fs::write(home.path(), &whole[..cut]).unwrap();
        chmod(&home.path(), 0o600);
        let audit = home.open_unlocked();
        make(&audit, "after", &success());
        assert_eq!(
            home.outline()[7..],
            ["torn_line", "started after", "finished after"],
            "cut at {cut}"
        );
        home.assert_intact();
        let aside = home.beside().remove(0);
        assert_eq!(fs::read(&aside).unwrap(), &whole[good..cut]);
        let name = aside.file_name().unwrap().to_str().unwrap();
        assert_eq!(name, "audit.jsonl.torn-20260115T103000Z");
        let detail = home.records()[7]["detail"].to_string();
        assert!(
            detail.contains(name) && detail.contains("line 8"),
            "{detail}"
        );
        assert!(audit.status().warnings[0].contains(name));
        assert!(audit.history(since_morning()).intact);
    }
}

#[test]
fn what_a_power_cut_leaves_at_the_end_is_a_torn_line() {
    for end in [
        vec![0; 100],
        vec![0; 1 << 20],
        b"\0\0\0\0\n".to_vec(),
        b"{\"seq\":9,\"event\":\"sta\n".to_vec(),
        b"\n".to_vec(),
    ] {
        let home = filled();
        let whole = home.bytes();
        fs::write(home.path(), [whole.as_slice(), &end].concat()).unwrap();
        let audit = home.open_unlocked();
        make(&audit, "after", &success());
        assert_eq!(home.outline()[8], "torn_line");
        assert_eq!(fs::read(home.beside().remove(0)).unwrap(), end);
        home.assert_intact();
    }
}

#[test]
fn a_second_torn_line_in_the_same_second_overwrites_nothing() {
    let home = filled();
    for torn in ["first", "second", "third"] {
        let text = [home.bytes().as_slice(), torn.as_bytes()].concat();
        fs::write(home.path(), text).unwrap();
        home.open();
    }
    let contents: Vec<String> = home
        .beside()
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    assert_eq!(contents, ["first", "second", "third"]);
    home.assert_intact();
}

#[test]
fn a_broken_chain_is_set_aside_whole_and_a_new_one_names_it() {
    let home = filled();
    let good = home.lines();
    let edited = good
        .join("\n")
        .replacen("\"status\":200", "\"status\":201", 1)
        + "\n";
    fs::write(home.path(), &edited).unwrap();
    let audit = home.open_unlocked();
    assert_eq!(audit.known_generation(), KnownGeneration::Doubtful(3));
    assert!(!audit.history(since_morning()).intact);
    make(&audit, "after", &success());

    let aside = home.beside().remove(0);
    assert_eq!(fs::read_to_string(&aside).unwrap(), edited);
    let name = aside.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(name, "audit.jsonl.set-aside-20260115T103000Z");
    let first = &home.records()[0];
    assert_eq!(first["seq"], 4);
    assert_eq!(first["act"], "chain_set_aside");
    let third: serde_json::Value = serde_json::from_str(&good[2]).unwrap();
    assert_eq!(first["prev"], third["hash"]);
    let detail = first["detail"].as_str().unwrap();
    for part in [&name, "line 4", third["hash"].as_str().unwrap()] {
        assert!(detail.contains(part), "{part} in {detail}");
    }
    home.assert_gap();
    assert!(audit.status().warnings[0].contains(&name));

    let reports = verified(&audit);
    assert_eq!(reports.len(), 2);
    assert!(reports[0].set_aside);
    let fault = reports[0].fault.as_ref().unwrap();
    assert!(fault.starts_with(&format!("{name}, line 4:")), "{fault}");
    let gap = reports[1].fault.as_ref().unwrap();
    assert!(gap.contains("line 1: it goes on with record 4"), "{gap}");

    // none of this is forgotten at the next start
    drop(audit);
    let audit = home.open_unlocked();
    assert_eq!(audit.known_generation(), KnownGeneration::Doubtful(3));
    assert!(!audit.history(since_morning()).intact);
    let warnings = audit.status().warnings;
    assert!(warnings.iter().any(|it| it.contains(&name)), "{warnings:?}");
    // until the owner has accepted a keystore
    let accepted = AdminAct {
        generation: Some(2),
        ..Act::KeystoreAccepted.into()
    };
    audit.admin(&accepted).unwrap();
    drop(audit);
    let audit = home.open_unlocked();
    assert_eq!(audit.known_generation(), KnownGeneration::Recorded(2));
}

#[test]
fn the_highest_generation_is_known_after_a_restart() {
    let home = Home::new();
    assert_eq!(home.open().known_generation(), KnownGeneration::NoLog);
    let audit = home.open();
    for generation in [1, 2, 5, 4] {
        audit.admin(&keystore(generation)).unwrap();
    }
    assert_eq!(audit.known_generation(), KnownGeneration::Recorded(5));
    drop(audit);
    assert_eq!(home.open().known_generation(), KnownGeneration::Recorded(5));
    fs::remove_file(home.path()).unwrap();
    let audit = home.open();
    assert_eq!(audit.known_generation(), KnownGeneration::NoLog);
    audit.admin(&Act::DaemonStarted.into()).unwrap();
    drop(audit);
    // a log that knows of no keystore is none
    let audit = home.open_unlocked();
    assert_eq!(audit.known_generation(), KnownGeneration::NoLog);
    audit.admin(&Act::LogMissing.into()).unwrap();
    assert!(!audit.history(since_morning()).intact);
}

#[test]
fn a_second_axisd_is_kept_off_the_log() {
    let home = Home::new();
    let first = home.open_unlocked();
    make(&first, "a", &success());
    let second = home.open_unlocked();
    let status = second.status();
    assert!(!status.writable);
    assert!(status.warnings[0].contains("held by another axisd"));
    assert!(second.started(&call("b")).is_err());
    assert_eq!(last(&second, 10).len(), 2);
    drop(first);
    make(&second, "b", &success());
    assert_eq!(home.lines().len(), 4);
    home.assert_intact();
}
