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

/// Makes another log of a log.
type Forgery = fn(&str) -> String;

/// What sha256sum says of `text`.
fn sha256(text: &str) -> String {
    let ran = axis_tests::run(std::process::Command::new("sha256sum"), text).ok();
    ran.stdout[..64].to_owned()
}

/// An audit line of an act without a MAC, as anyone can write it.
fn forged_act(seq: u64, prev: &str, act: &str, generation: u64) -> String {
    let body = format!(
        r#"{{"seq":{seq},"event":"admin","timestamp":"2026-01-15T10:30:00.000Z","act":"{act}","generation":{generation}"#
    );
    let hash = sha256(&format!("{prev}{body}}}"));
    format!("{body},\"prev\":\"{prev}\",\"hash\":\"{hash}\"}}\n")
}

/// A log with another act that fits its chain.
fn appended(log: &str, act: &str, generation: u64) -> String {
    let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    let seq = last["seq"].as_u64().unwrap() + 1;
    let hash = last["hash"].as_str().unwrap();
    format!("{log}{}", forged_act(seq, hash, act, generation))
}

#[test]
fn an_old_keystore_with_a_log_forged_to_fit_stays_locked() {
    let upstream = Upstream::friendly();
    let forgeries: [(&str, Forgery); 4] = [
        ("replaced", |_| forged_act(1, &"0".repeat(64), "init", 1)),
        ("replaced by one as if after a break", |_| {
            forged_act(1, &"0".repeat(64), "chain_set_aside", 1)
        }),
        ("an acceptance appended", |log| {
            appended(log, "keystore_accepted", 2)
        }),
        ("and as if after a break", |log| {
            let log = appended(log, "keystore_accepted", 2);
            appended(&log, "chain_set_aside", 1)
        }),
    ];
    for (how, forge) in forgeries {
        let home = Home::ready();
        home.add("github", &canary("forged"), &upstream.url());
        let old = fs::read(home.file("keystore.json")).unwrap();
        home.axis(&["revoke", "github"]).ok();
        home.kill();
        fs::write(home.file("keystore.json"), &old).unwrap();
        let log = fs::read_to_string(home.file("audit.jsonl")).unwrap();
        fs::write(home.file("audit.jsonl"), forge(&log)).unwrap();

        let ran = home.axis(&["unlock"]);
        assert_ne!(ran.code(), 0, "{how}: {ran:?}");
        assert!(ran.stderr.contains("--accept-older"), "{how}: {ran:?}");
        let status = home.axis_without_password(&["status", "--json"]).json();
        assert_eq!(status["vault"]["state"], "locked", "{how}: {status}");
        home.axis(&["unlock", "--accept-older"]).ok();
        home.kill();
        home.axis(&["unlock"]).ok();
    }
}

#[test]
fn a_forged_generation_that_the_owner_accepts_once_hides_no_older_keystore() {
    let upstream = Upstream::friendly();
    let home = Home::ready();
    home.kill();
    let log = fs::read_to_string(home.file("audit.jsonl")).unwrap();
    let forged = appended(&log, "keystore", u64::MAX);
    fs::write(home.file("audit.jsonl"), forged).unwrap();
    let ran = home.axis(&["unlock"]);
    assert!(ran.stderr.contains("replaced or edited it"), "{ran:?}");
    home.axis(&["unlock", "--accept-older"]).ok();
    home.add("github", &canary("old"), &upstream.url());
    let old = fs::read(home.file("keystore.json")).unwrap();
    home.axis(&["revoke", "github"]).ok();
    let ran = unlock_with(&home, &old);
    assert!(ran.stderr.contains("put an old copy back"), "{ran:?}");
}

#[test]
fn without_the_password_nobody_writes_intentions_into_the_log() {
    let home = Home::ready();
    for arguments in [
        &["add", "github", "--stdin", "--no-check"][..],
        &["revoke", "github"],
    ] {
        let mut command = home.command("axis");
        command
            .args(arguments)
            .env("AXIS_MASTER_PASSWORD", "not the password");
        let ran = axis_tests::run(command, "ghp_x\n");
        assert_ne!(ran.code(), 0, "{ran:?}");
    }
    // the command line asks before it sends; a program of its own need not
    let path = home.file("run/admin.sock");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let refused = runtime.block_on(async {
        let mut client = axis_proto::socket::admin_client(&path).unwrap();
        let request = axis_proto::v1::RevokeCredentialRequest {
            master_password: "not the password".into(),
            service: "github".into(),
            ..Default::default()
        };
        client.revoke_credential(request).await
    });
    assert!(refused.is_err());
    for line in home.audit() {
        assert!(line["act"] != "revoke" && line["act"] != "add", "{line}");
    }
}
