//! Programs written by others against our binaries and files: the official
//! MCP SDK, Claude Code (also in its own sandbox) and Codex, independent readers of the keystore and the
//! audit log, servers for S3 and Cloud Storage, AWS's own library beside our
//! signatures, the password store that keys are imported from, and shells.
//!
//! `tests/run` makes the Python they need and names it in `AXIS_TEST_PYTHON`; what
//! comes from npm it installs and names in `AXIS_TEST_NODE_MODULES`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod buckets;
mod hosts;
mod importing;
mod model;
mod objects;
mod passwords;
mod sandbox;
mod server;
mod shells;
mod signatures;

use std::path::{Path, PathBuf};
use std::process::Command;

use axis_tests::{Home, Host, PASSWORD, Reply, Upstream, binary, canary, run, wait_for};
use serde_json::{Value, json};

fn python(script: &str) -> Command {
    let interpreter = std::env::var_os("AXIS_TEST_PYTHON").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tests-venv/bin/python"),
        PathBuf::from,
    );
    assert!(
        interpreter.exists(),
        "{} is missing: ./tests/run makes it",
        interpreter.display()
    );
    let mut command = Command::new(interpreter);
    command.arg(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("interop")
            .join(script),
    );
    command
}

#[test]
fn the_official_python_sdk_drives_the_shim() {
    let key = canary("sdk");
    let upstream = Upstream::answering(|_| Reply::json(200, &json!({"full_name": "acme/axis"})));
    let home = Home::with_github(
        &upstream,
        &key,
        "policies:\n  - identity: sdk\n    allow:\n      - {service: github, actions: [repos.get]}\n",
    );
    let mut command = python("mcp_client.py");
    command
        .arg(binary("axis"))
        .env("AXIS_HOME", home.path())
        .env("AXIS_IDENTITY", "sdk");
    let ran = run(command, "").ok();
    let seen: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(seen["server"], "axis");
    assert_eq!(seen["tools"], json!(["execute_action", "list_actions"]));
    let expected = [
        ("allowed", false, "/result/full_name", json!("acme/axis")),
        ("denied", true, "/denied", json!(true)),
        ("failed", true, "/error/code", json!("unknown_action")),
        ("listed", false, "/services/0/service", json!("github")),
    ];
    for (name, is_error, pointer, value) in expected {
        let answer = &seen[name];
        assert_eq!(answer["is_error"], is_error, "{name}: {answer}");
        assert_eq!(answer["text"], answer["structured"], "{name}");
        assert_eq!(
            answer["text"].pointer(pointer),
            Some(&value),
            "{name}: {answer}"
        );
    }
    assert!(!ran.stdout.contains(&key) && !ran.stderr.contains(&key));
}

#[test]
fn an_independent_reader_opens_the_keystore_with_the_password_alone() {
    let upstream = Upstream::friendly();
    let home = Home::ready();
    let key = canary("reader");
    home.add("github", &key, &upstream.url());
    let mut command = python("read_keystore.py");
    command.arg(home.file("keystore.json"));
    let ran = run(command, &format!("{PASSWORD}\n")).ok();
    let read: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(read["github"]["secret"], key, "{read}");
    let mut command = python("read_keystore.py");
    command.arg(home.file("keystore.json"));
    let wrong = run(command, "another password\n");
    assert!(!wrong.status.success());
}

#[test]
fn an_independent_verifier_agrees_about_the_audit_log() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(
        &upstream,
        &canary("verifier"),
        "policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: [repos.get]}\n",
    );
    for _ in 0..3 {
        home.axis_without_password(&["call", "github", "repos.get", "owner=a", "repo=b"])
            .ok();
    }
    let log = home.file("audit.jsonl");
    let verify = |path: &Path| {
        let mut command = python("verify_audit.py");
        command.arg(path);
        run(command, "")
    };
    verify(&log).ok();
    let text = std::fs::read_to_string(&log).unwrap();
    let edited = home.file("edited.jsonl");
    std::fs::write(&edited, text.replacen("repos.get", "repos.del", 1)).unwrap();
    assert!(!verify(&edited).status.success());
}

#[test]
fn an_independent_verifier_follows_the_log_through_its_segments() {
    let home = Home::empty();
    std::fs::write(home.file("daemon.yaml"), "audit: {rotate: {size: 65536}}\n").unwrap();
    home.axis(&["init"]).ok();
    let words = json!({ "justification": "x".repeat(2000) });
    for segment in 1..=2 {
        let mut host = Host::connect(&home, "local-dev");
        for _ in 0..40 {
            let answer = host.execute_with("stripe", "balance.get", &json!({}), &words);
            assert_eq!(answer["denied"], true);
        }
        let plain = home.file(&format!("audit-{segment:06}.jsonl"));
        let compressed = home.file(&format!("audit-{segment:06}.jsonl.zst"));
        wait_for("the segment to be compressed", || {
            (compressed.exists() && !plain.exists()).then_some(())
        });
    }
    home.kill();
    let verify = || {
        let mut command = python("verify_audit.py");
        command.arg(home.file("audit.jsonl"));
        run(command, "")
    };
    let said = verify().ok().stdout;
    assert!(said.ends_with("records, chained; no key given\n"), "{said}");
    std::fs::remove_file(home.file("audit-000001.jsonl.zst")).unwrap();
    let said = verify();
    assert!(!said.status.success());
    assert!(
        said.stdout.starts_with("audit-000002.jsonl.zst, line 1"),
        "{said:?}"
    );
}
