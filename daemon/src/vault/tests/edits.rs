//! Files that are not what the vault wrote: each says what is wrong with it,
//! and none is overwritten.

use serde_json::{Value, json};

use super::super::keystore::Keystore;
use super::*;

/// What unlocking this file says; and whatever else is tried, it stays as it is.
async fn verdict(home: &Home, bytes: &[u8]) -> VaultError {
    home.put(bytes);
    let vault = home.vault();
    let error = refused(
        vault
            .unlock(PASSWORD.into(), KnownGeneration::At(3), false)
            .await,
    );
    assert!(vault.init(PASSWORD.into()).await.is_err());
    assert!(
        vault
            .add(PASSWORD.into(), new("stripe", "x"), true)
            .await
            .is_err()
    );
    assert!(
        vault
            .revoke(PASSWORD.into(), &name("github"))
            .await
            .is_err()
    );
    assert!(vault.audit_key().is_none());
    assert_eq!(home.bytes(), bytes, "left as it was");
    error
}

async fn fault(home: &Home, bytes: &[u8]) -> Fault {
    match verdict(home, bytes).await {
        VaultError::Damaged { fault, .. } => fault,
        other => panic!("{other}"),
    }
}

/// Pointers to all values that are no objects.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                leaves(value, &format!("{at}/{key}"), found);
            }
        }
        _ => found.push(at.to_owned()),
    }
}

/// Another value of the same form.
fn altered(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_u64().unwrap() + 1),
        Value::String(text) if text.ends_with('Z') => json!(text.replace("10:30", "10:31")),
        Value::String(text) => {
            let (rest, last) = text.split_at(text.len() - 1);
            json!(format!("{rest}{}", if last == "0" { "1" } else { "0" }))
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn every_single_edit_is_found_and_told_apart() {
    let home = Home::furnished().await;
    let good = home.json();
    let mut pointers = Vec::new();
    leaves(&good, "", &mut pointers);
    assert_eq!(pointers.len(), 11 + 6 + 2 * 7);

    for pointer in pointers {
        let mut edited = good.clone();
        let value = edited.pointer_mut(&pointer).unwrap();
        *value = altered(value);
        let error = verdict(&home, edited.to_string().as_bytes()).await;
        let entry = pointer
            .strip_prefix("/entries/")
            .map(|rest| rest.split('/').next().unwrap().to_owned());
        let expected = match (pointer.as_str(), &error) {
            ("/version", VaultError::Damaged { fault, .. }) => {
                *fault == Fault::Future { version: 3 }
            }
            ("/generation" | "/mac", VaultError::Damaged { fault, .. }) => *fault == Fault::Edited,
            ("/kdf/algorithm" | "/cipher", VaultError::Damaged { fault, .. }) => {
                matches!(fault, Fault::Malformed { .. })
            }
            (_, VaultError::WrongPassword) => {
                pointer.starts_with("/kdf/") || pointer.starts_with("/vault_key/")
            }
            (_, VaultError::Damaged { fault, .. }) => {
                *fault
                    == Fault::EntriesEdited {
                        names: entry.into_iter().collect(),
                    }
            }
            _ => false,
        };
        assert!(expected, "{pointer}: {error}");
    }
}

#[tokio::test]
async fn a_missing_field_is_named_and_is_no_wrong_password() {
    let home = Home::furnished().await;
    let good = home.json();
    let mut pointers = Vec::new();
    leaves(&good, "", &mut pointers);
    for pointer in pointers {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let mut cut = good.clone();
        let parent = cut.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        parent.shift_remove(field);
        match (field, fault(&home, cut.to_string().as_bytes()).await) {
            ("version", Fault::NoVersion) | ("service", Fault::EntriesEdited { .. }) => {}
            (_, Fault::Malformed { reason }) => assert!(reason.contains(field), "{reason}"),
            (_, other) => panic!("{pointer}: {other}"),
        }
    }
}

#[tokio::test]
async fn entries_that_were_moved_about_are_named() {
    let home = Home::furnished().await;
    let good = home.json();
    let take = |json: &Value, name: &str| json["entries"][name].clone();
    let mut cases: Vec<(Value, &[&str])> = Vec::new();

    let mut swapped = good.clone();
    swapped["entries"]["github"] = take(&good, "openai");
    swapped["entries"]["openai"] = take(&good, "github");
    cases.push((swapped, &["github"]));

    let mut bodies = good.clone();
    for (one, other) in [("github", "openai"), ("openai", "github")] {
        bodies["entries"][one] = take(&good, other);
        bodies["entries"][one]["metadata"] = take(&good, one)["metadata"].clone();
    }
    cases.push((bodies, &["github", "openai"]));

    let mut relabelled = good.clone();
    let mut entry = take(&good, "github");
    entry["metadata"]["label"] = json!("work");
    relabelled["entries"]["github/work"] = entry;
    cases.push((relabelled, &["github/work"]));

    let mut copied = good.clone();
    copied["entries"][".policy"] = take(&good, ".audit-key");
    cases.push((copied, &[".policy"]));

    for (json, names) in cases {
        let expected = Fault::EntriesEdited {
            names: names.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(fault(&home, json.to_string().as_bytes()).await, expected);
    }
}

#[tokio::test]
async fn a_removed_entry_is_found() {
    let home = Home::furnished().await;
    let mut json = home.json();
    json["entries"]
        .as_object_mut()
        .unwrap()
        .shift_remove("github");
    assert_eq!(
        fault(&home, json.to_string().as_bytes()).await,
        Fault::Edited
    );
}

#[tokio::test]
async fn an_older_copys_entry_does_not_fit_into_a_newer_file() {
    let home = Home::furnished().await;
    let old = home.json()["entries"]["github"].clone();
    let vault = home.unlocked().await;
    vault
        .add(PASSWORD.into(), new("github", "new"), true)
        .await
        .unwrap();
    let mut mixed = home.json();
    mixed["entries"]["github"] = old;
    assert_eq!(
        fault(&home, mixed.to_string().as_bytes()).await,
        Fault::Edited
    );
}

#[tokio::test]
async fn what_is_no_keystore_says_so() {
    let home = Home::furnished().await;
    let good = home.json();
    let with = |pointer: &str, value: Value| {
        let mut json = good.clone();
        *json.pointer_mut(pointer).unwrap() = value;
        json.to_string()
    };
    let added = |pointer: &str| {
        let mut json = good.clone();
        json.pointer_mut(pointer).unwrap()["extra"] = json!(1);
        json.to_string()
    };
    let text = String::from_utf8(home.bytes()).unwrap();
    let github = good["entries"]["github"].to_string();
    let twice = good.to_string().replacen(
        r#""entries":{"#,
        &format!(r#""entries":{{"github":{github},"#),
        1,
    );
    let shouted = with("/kdf/salt", json!("AB".repeat(32)));
    let v1 = r#"{"version":1,"entries":{"openai":{"salt":"00","iv":"00"}}}"#;
    let cases: Vec<(String, &str)> = vec![
        (String::new(), "is empty"),
        (" \n".into(), "is empty"),
        (text[..text.len() / 2].into(), "is cut off at line"),
        (text[..text.len() - 2].into(), "is cut off at line"),
        ("-----BEGIN KEY-----".into(), "is not JSON"),
        (format!("{text}x"), "is not JSON"),
        ("{}".into(), "has no version"),
        (r#"{"policies":[]}"#.into(), "has no version"),
        (v1.into(), "made by axis-asv"),
        (with("/version", json!(3)), "made by a newer Axis"),
        (with("/version", json!(0)), "no Axis ever wrote"),
        (with("/version", json!(2.5)), "no Axis ever wrote"),
        (with("/version", json!("2")), "is not as Axis writes it"),
        (with("/entries", json!({})), ".audit-key"),
        (with("/kdf/salt", json!("00")), "64 lowercase hex digits"),
        (shouted, "64 lowercase hex digits"),
        (
            with("/entries/github/tag", json!("00")),
            "in entry \"github\"",
        ),
        (with("/generation", json!(-1)), "is not as Axis writes it"),
        (with("/kdf/iterations", json!(0)), "weakened"),
        (
            with("/kdf/iterations", json!(10_000_001)),
            "more than the 10000000",
        ),
        (
            with("/kdf/iterations", json!(5_000_000_000_u64)),
            "is not as Axis writes it",
        ),
        (
            with(
                "/entries/github/metadata/created_at",
                json!("2026-01-15 10:30Z"),
            ),
            "in entry \"github\"",
        ),
        (added(""), "unknown field `extra`"),
        (added("/kdf"), "unknown field `extra`"),
        (added("/vault_key"), "unknown field `extra`"),
        (added("/entries/github"), "unknown field `extra`"),
        (added("/entries/github/metadata"), "unknown field `extra`"),
        (twice, "is there twice"),
    ];
    for (bytes, part) in cases {
        let error = verdict(&home, bytes.as_bytes()).await.to_string();
        assert!(error.contains(part), "{part:?} is not in: {error}");
        assert!(!error.contains("password"), "{error}");
        let VaultState::Locked(WhyLocked::Damaged(said)) = home.vault().state() else {
            panic!("{part}: not seen at start");
        };
        assert_eq!(said, error);
    }
}

/// Whether the vault would take these bytes as its own.
fn is_taken(bytes: &[u8]) -> bool {
    let Ok(keystore) = Keystore::parse(bytes, CHEAP) else {
        return false;
    };
    let vault_key = keystore.unseal(&PASSWORD.into());
    vault_key.is_ok_and(|key| keystore.verify(&key).is_ok())
}

#[tokio::test]
async fn no_flipped_bit_and_no_cut_goes_unseen() {
    let home = Home::furnished().await;
    let good = home.bytes();
    assert!(is_taken(&good));
    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(!is_taken(&flipped), "a bit of byte {at}");
        assert!(
            at == good.len() - 1 || !is_taken(&good[..at]),
            "cut at {at}"
        );
    }
}

#[tokio::test]
async fn fewer_rounds_than_axis_writes_are_refused_before_any_is_run() {
    let home = Home::furnished().await;
    let vault = Vault::open(home.path(), home.clock.clone());
    let error = refused(unlock(&vault).await);
    let weakened = Fault::Weakened { iterations: CHEAP };
    assert!(matches!(error, VaultError::Damaged { fault, .. } if fault == weakened));
}

#[tokio::test]
async fn layout_alone_is_no_edit() {
    let home = Home::furnished().await;
    home.put(home.json().to_string().as_bytes());
    home.unlocked().await;
}
