//! A keystore that someone has been at.

use std::fs;

use axis_tests::{Home, Ran, Upstream, canary};
use serde_json::{Value, json};

/// Stops axisd, edits the keystore as a same-user process could, and tries to unlock.
fn unlock_after(home: &Home, edit: impl FnOnce(&mut Value)) -> Ran {
    let path = home.file("keystore.json");
    let mut keystore: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut keystore);
    unlock_with(home, keystore.to_string().as_bytes())
}

fn unlock_with(home: &Home, bytes: &[u8]) -> Ran {
    home.kill();
    fs::write(home.file("keystore.json"), bytes).unwrap();
    let ran = home.axis(&["unlock"]);
    assert_ne!(ran.code(), 0, "{ran:?}");
    let after = fs::read(home.file("keystore.json")).unwrap();
    assert_eq!(after, bytes, "nothing is overwritten");
    ran
}

#[test]
fn each_way_of_tampering_gets_its_own_error_and_nothing_is_overwritten() {
    let upstream = Upstream::friendly();
    let home = Home::ready();
    home.add("github", &canary("one"), &upstream.url());
    home.add("openai", "sk-0123456789abcdef", &upstream.url());
    let good = fs::read(home.file("keystore.json")).unwrap();

    let swapped = unlock_after(&home, |keystore| {
        let entries = keystore["entries"].as_object_mut().unwrap();
        let mut github = entries["github"].clone();
        let mut openai = entries["openai"].clone();
        for part in ["salt", "iv", "ciphertext", "tag"] {
            let (a, b) = (github[part].take(), openai[part].take());
            github[part] = b;
            openai[part] = a;
        }
        entries["github"] = github;
        entries["openai"] = openai;
    });
    fs::write(home.file("keystore.json"), &good).unwrap();
    let weakened = unlock_after(&home, |keystore| {
        keystore["kdf"]["iterations"] = json!(1000);
    });
    fs::write(home.file("keystore.json"), &good).unwrap();
    let future = unlock_after(&home, |keystore| keystore["version"] = json!(3));
    fs::write(home.file("keystore.json"), &good).unwrap();
    let edited = unlock_after(&home, |keystore| {
        keystore["entries"]
            .as_object_mut()
            .unwrap()
            .remove("openai");
    });
    fs::write(home.file("keystore.json"), &good).unwrap();
    let no_tag = unlock_after(&home, |keystore| {
        keystore["entries"]["github"]
            .as_object_mut()
            .unwrap()
            .remove("tag");
    });
    let truncated = unlock_with(&home, &good[..good.len() / 2]);
    let empty = unlock_with(&home, b"");

    let errors: Vec<String> = [swapped, weakened, future, edited, no_tag, truncated, empty]
        .iter()
        .map(|ran| ran.stderr.clone())
        .collect();
    for (index, error) in errors.iter().enumerate() {
        assert!(!error.contains("wrong master password"), "{error}");
        for other in &errors[index + 1..] {
            assert_ne!(error, other, "each fault has its own error");
        }
    }
    home.kill();
    fs::write(home.file("keystore.json"), &good).unwrap();
    home.axis(&["unlock"]).ok();
}

#[test]
fn an_older_keystore_put_back_is_found_out() {
    let upstream = Upstream::friendly();
    let home = Home::ready();
    home.add("github", &canary("old"), &upstream.url());
    let old = fs::read(home.file("keystore.json")).unwrap();
    home.axis(&["revoke", "github"]).ok();
    let ran = unlock_with(&home, &old);
    assert!(ran.stderr.contains("--accept-older"), "{ran:?}");
    home.axis(&["unlock", "--accept-older"]).ok();
    // accepted once, it is the one to expect from then on
    home.kill();
    home.axis(&["unlock"]).ok();
}

#[test]
fn a_log_that_is_gone_keeps_the_vault_locked_until_the_owner_accepts_it() {
    let upstream = Upstream::friendly();
    let home = Home::ready();
    home.add("github", &canary("nolog"), &upstream.url());
    home.kill();
    fs::remove_file(home.file("audit.jsonl")).unwrap();
    let ran = home.axis(&["unlock"]);
    assert_ne!(ran.code(), 0, "{ran:?}");
    assert!(ran.stderr.contains("--accept-older"), "{ran:?}");
    home.axis(&["unlock", "--accept-older"]).ok();
}

#[test]
fn a_keystore_changed_under_the_running_daemon_is_not_overwritten() {
    let upstream = Upstream::friendly();
    let home = Home::ready();
    home.add("github", &canary("under"), &upstream.url());
    let path = home.file("keystore.json");
    let mut keystore: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    keystore["generation"] = json!(99);
    fs::write(&path, keystore.to_string()).unwrap();
    let ran = home.axis_fed(
        &["add", "openai", "--stdin", "--no-check"],
        "sk-0123456789\n",
    );
    assert_ne!(ran.code(), 0, "{ran:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), keystore.to_string());
}
