//! The format of a line, to the byte.

use std::process::Command;

use super::*;
use crate::audit::Proof;

/// Computed by Python's hashlib and hmac from the record alone.
const HASH: &str = "dc6dd534e0e882795befe4a55fe23de99cd7bc838227305c3b26f04eea15b3c4";
const MAC: &str = "34d784a34d1b05c316cbe0319f119dfde7f26fb05eb8f7e1b7dadd57de075610";

#[test]
fn a_line_is_what_the_documentation_says_to_the_byte() {
    let home = Home::new();
    let audit = home.open_unlocked();
    let peer = peer();
    let call = CallRecord {
        own_socket: false,
        peer: Some(&peer),
        credential: Some("openai/work"),
        approval: None,
        ..call("0f8fad5b-d9cb-469f-a165-70867728950e")
    };
    let started = audit.started(&call).unwrap();
    let line = home.lines().remove(0);
    let body = r#"{"seq":1,"event":"started","timestamp":"2026-01-15T10:30:00.000Z","request_id":"0f8fad5b-d9cb-469f-a165-70867728950e","identity":"local-dev","service":"openai","action":"responses.create","justification":"to answer the question","credential":"openai/work","peer":{"uid":1000,"pid":4242,"exe":"/usr/bin/node"}"#;
    let zeros = "0".repeat(64);
    assert_eq!(
        line,
        format!(r#"{body},"prev":"{zeros}","hash":"{HASH}","mac":"{MAC}"}}"#)
    );

    let end = End {
        redacted: 2,
        ..success()
    };
    audit.finished(started, &end);
    let line = home.lines().remove(1);
    let body = r#"{"seq":2,"event":"finished","timestamp":"2026-01-15T10:30:00.000Z","request_id":"0f8fad5b-d9cb-469f-a165-70867728950e","identity":"local-dev","service":"openai","action":"responses.create","decision":"allow","justification":"to answer the question","credential":"openai/work","latency_ms":342,"status":200,"redacted":2,"peer":{"uid":1000,"pid":4242,"exe":"/usr/bin/node"}"#;
    assert!(
        line.starts_with(&format!(r#"{body},"prev":"{HASH}","hash":""#)),
        "{line}"
    );
}

#[test]
fn each_kind_of_record_has_its_fields_and_no_others() {
    let home = Home::new();
    let audit = home.open();
    audit.note(&Act::DaemonStarted.into());
    let add = AdminAct {
        detail: Some("github/work"),
        generation: Some(7),
        ..Act::Add.into()
    };
    audit.admin(&add).unwrap();
    deny(&audit, CONNECTION, "r");
    let code = "unknown_service";
    audit.refused(CONNECTION, &call("r"), &Refusal::Error { code });
    let bare = CallRecord {
        justification: "",
        service: "",
        ..call("r")
    };
    audit.refused(CONNECTION, &bare, &Refusal::Error { code });
    audit.set_key(Some(key()));
    make(&audit, "r", &failure());

    let of_call = "event,timestamp,request_id,identity,service,action";
    let expected = [
        "seq,event,timestamp,act,prev,hash".to_owned(),
        "seq,event,timestamp,act,detail,generation,prev,hash".to_owned(),
        format!("seq,{of_call},decision,reason,justification,prev,hash"),
        format!("seq,{of_call},decision,error,justification,prev,hash"),
        "seq,event,timestamp,request_id,identity,action,decision,error,prev,hash".to_owned(),
        format!("seq,{of_call},justification,prev,hash,mac"),
        format!("seq,{of_call},decision,error,justification,latency_ms,status,prev,hash,mac"),
    ];
    let found: Vec<String> = home
        .records()
        .iter()
        .map(|record| {
            let names: Vec<&str> = record
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            names.join(",")
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn an_agents_words_stay_one_printable_line() {
    let home = Home::new();
    let audit = home.open_unlocked();
    let words = "line\nfeed \"quote\" \\ tab\t \u{1b}[31mred \u{9b}31m \u{7f} \u{202e}turned \u{2028} \u{feff} Grüße 日本 🦀 \u{e0041} \",\"mac\":\"";
    let forged = CallRecord {
        justification: words,
        ..call("x")
    };
    drop(audit.started(&forged).unwrap());
    let line = &home.lines()[0];
    assert!(
        line.chars()
            .all(|c| !c.is_control() && !"\u{202e}\u{2028}\u{feff}\u{e0041}".contains(c)),
        "{line}"
    );
    assert!(line.contains("Grüße 日本 🦀"), "{line}");
    assert_eq!(home.records()[0]["justification"], words);
    home.assert_intact();
}

#[test]
fn what_an_agent_gives_is_cut_to_length() {
    let home = Home::new();
    let audit = home.open();
    let (name, words) = ("ü".repeat(5000), "日".repeat(1_000_000));
    let long = CallRecord {
        request_id: &name,
        identity: &name,
        service: &name,
        action: &name,
        justification: &words,
        credential: Some(&name),
        approval: None,
        own_socket: false,
        peer: None,
    };
    audit.refused(CONNECTION, &long, &Refusal::Deny { reason: &words });
    let record = &home.records()[0];
    for (field, longest) in [
        ("request_id", 128),
        ("identity", 128),
        ("service", 128),
        ("action", 128),
        ("credential", 128),
        ("justification", 2000),
        ("reason", 1000),
    ] {
        let length = record[field].as_str().unwrap().chars().count();
        assert_eq!(length, longest, "{field}");
    }
    home.assert_intact();
}

#[test]
fn an_end_is_proven_by_the_key_of_its_beginning_though_the_vault_was_locked() {
    let home = Home::new();
    let audit = home.open_unlocked();
    let started = audit.started(&call("a")).unwrap();
    audit.set_key(None);
    audit.note(&Act::WrongPassword.into());
    audit.finished(started, &success());
    assert!(home.lines()[2].contains(r#""mac":""#));
    assert!(!home.lines()[1].contains(r#""mac":""#));
    home.assert_intact();
}

#[test]
fn a_call_is_not_started_without_the_key() {
    let home = Home::new();
    let audit = home.open();
    let error = audit.started(&call("a")).err().unwrap();
    assert!(error.to_string().contains("axis unlock"), "{error}");
    assert!(home.bytes().is_empty());
}

#[test]
fn the_key_is_told_from_another_one() {
    let home = filled();
    let audit = home.open();
    assert_eq!(audit.set_key(Some(key())), Proof::Proven);
    let other: Arc<dyn AuditKey> = Arc::new(Zeroizing::new([8; 32]));
    assert_eq!(audit.set_key(Some(other.clone())), Proof::Foreign);
    assert!(
        !audit
            .history("2026-01-15T10:00:00Z".parse().unwrap())
            .intact
    );
    // a new vault's first record makes its key the right one
    audit.admin(&Act::Init.into()).unwrap();
    assert_eq!(audit.set_key(Some(other)), Proof::Proven);
    assert!(
        audit
            .history("2026-01-15T10:00:00Z".parse().unwrap())
            .intact
    );
    let report = verified(&audit).remove(0);
    assert_eq!((report.fault, report.proven), (None, 1));
    let fresh = Home::new();
    assert_eq!(fresh.open().set_key(Some(key())), Proof::Nothing);
}

#[test]
fn an_independent_verifier_agrees() {
    let home = filled();
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/interop/verify_audit.py"
    );
    let verify = |key: Option<[u8; 32]>| {
        let output = Command::new("python3")
            .arg(script)
            .arg(home.path())
            .args(key.map(hex::encode))
            .output()
            .expect("python3 is installed");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), said)
    };
    assert_eq!(verify(None).0, Some(0));
    let (code, said) = verify(Some(KEY));
    assert_eq!((code, said.trim()), (Some(0), "8 records, 6 proven"));
    let (code, said) = verify(Some([8; 32]));
    assert_eq!(code, Some(1), "{said}");
    let edited =
        String::from_utf8(home.bytes())
            .unwrap()
            .replacen("\"status\":200", "\"status\":201", 1);
    fs::write(home.path(), edited).unwrap();
    let (code, said) = verify(None);
    assert_eq!(code, Some(1));
    assert!(said.contains("line 4"), "{said}");
}
