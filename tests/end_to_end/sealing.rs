//! `axis policy seal`: what an agent writes into the owner's files doesn't
//! count until the owner has sealed it. Each test attacks it as the agent would.

mod files;
mod restarts;
mod showing;
mod switching;
mod telling;

use std::fs;

use axis_tests::{Home, Host, Upstream, canary, wait_for};
use serde_json::{Value, json};

use crate::calls::ALLOW_GITHUB;

/// What an agent would like: everything, for everyone.
const ALLOW_ALL: &str = "policies:\n  - identity: \"*\"\n    allow:\n      - {service: \"*\", actions: [\"*\", http.get]}\n";

/// A home whose policy allows `repos.get` alone, sealed.
fn sealed(upstream: &Upstream) -> Home {
    let policy = "policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: [repos.get]}\n";
    let home = Home::with_github(upstream, &canary("sealed"), policy);
    home.axis(&["policy", "seal"]).ok();
    home
}

fn get(host: &mut Host) -> Value {
    host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}))
}

fn create(host: &mut Host) -> Value {
    let params = json!({"owner": "a", "repo": "b", "title": "t"});
    host.execute("github", "issues.create", &params)
}

/// The details of the audit's lines of `act`.
fn acts(home: &Home, act: &str) -> Vec<String> {
    let lines = home.audit();
    let lines = lines.iter().filter(|line| line["act"] == act);
    lines
        .map(|line| line["detail"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Waits until `count` differences were told.
fn wait_for_differences(home: &Home, count: usize) {
    wait_for("the difference to be on record", || {
        (acts(home, "seal_differs").len() >= count).then_some(())
    });
}

/// What `axis policy seal --dry-run --json` says.
fn shown(home: &Home) -> Value {
    let ran = home.axis_without_password(&["policy", "seal", "--dry-run", "--json"]);
    ran.json()
}

/// The names of the files that differ from what is sealed.
fn differing(home: &Home) -> Vec<String> {
    let shown = shown(home);
    let files = shown["differences"].as_array().unwrap().iter();
    files
        .map(|file| file["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn an_edit_has_no_effect_until_the_owner_seals_it() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(get(&mut host)["ok"], true);

    fs::write(home.file("policy.yaml"), ALLOW_ALL).unwrap();
    wait_for_differences(&home, 1);
    let answer = create(&mut host);
    assert_eq!(answer["denied"], true, "{answer}");
    let hint = answer["hint"].as_str().unwrap();
    assert!(hint.contains("`axis policy seal`"), "{hint}");
    let status = home.axis_without_password(&["status"]).ok().stdout;
    for says in [
        "policy.yaml differs from the sealed policy",
        "+      - {service: \"*\", actions: [\"*\", http.get]}",
        "axis policy seal",
    ] {
        assert!(status.contains(says), "{says}: {status}");
    }

    // the owner reads what it means, and seals it
    let ran = home.axis(&["policy", "seal"]).ok();
    for says in [
        "actions that would be allowed and aren't: ",
        "local-dev, github: ",
        "any other identity, stripe: ",
        "Sealed: files: 1, rules: 1",
    ] {
        assert!(ran.stdout.contains(says), "{says}: {}", ran.stdout);
    }
    assert_eq!(create(&mut host)["ok"], true);
    let status = home.axis_without_password(&["status"]).ok().stdout;
    assert!(!status.contains("differs"), "{status}");
    let sealed = acts(&home, "policy_sealed");
    assert_eq!(sealed.len(), 2);
    assert!(
        sealed[1].starts_with("rules: 1, files: 1, SHA-256 "),
        "{sealed:?}"
    );
    assert!(
        !home
            .audit()
            .iter()
            .any(|line| line.to_string().contains("http.get"))
    );
}

#[test]
fn a_narrower_policy_has_to_be_sealed_too_and_a_deleted_one_changes_nothing() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    fs::write(home.file("policy.yaml"), "policies: []\n").unwrap();
    wait_for_differences(&home, 1);
    assert_eq!(get(&mut host)["ok"], true);
    fs::remove_file(home.file("policy.yaml")).unwrap();
    wait_for_differences(&home, 2);
    assert_eq!(get(&mut host)["ok"], true);
    let ran = home.axis(&["policy", "seal"]);
    assert_eq!(ran.code(), 1, "{ran:?}");
    assert!(ran.stderr.contains("axis init"), "{}", ran.stderr);
    assert_eq!(get(&mut host)["ok"], true);
}

#[test]
fn unsealed_a_saved_file_counts_again() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    fs::write(home.file("policy.yaml"), ALLOW_GITHUB).unwrap();
    wait_for_differences(&home, 1);
    assert_eq!(create(&mut host)["denied"], true);
    let ran = home.axis(&["policy", "unseal"]).ok();
    assert!(ran.stdout.contains("Unsealed"), "{}", ran.stdout);
    assert_eq!(create(&mut host)["ok"], true);
    home.policy("policies: []\n");
    assert_eq!(create(&mut host)["denied"], true);
    assert_eq!(acts(&home, "policy_unsealed").len(), 1);
    let ran = home.axis(&["policy", "unseal"]).ok();
    assert!(ran.stdout.contains("Nothing was sealed"), "{}", ran.stdout);
}

#[test]
fn unsealing_with_a_broken_file_keeps_what_was_sealed_as_the_last_good_policy() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    fs::write(home.file("policy.yaml"), "policies: [oops\n").unwrap();
    home.axis(&["policy", "unseal"]).ok();
    assert_eq!(get(&mut host)["ok"], true);
    let status = home.axis_without_password(&["status"]).ok().stdout;
    assert!(status.contains("the last good policy stays"), "{status}");
    home.policy(ALLOW_GITHUB);
    assert_eq!(create(&mut host)["ok"], true);
}

#[test]
fn a_wrong_password_neither_seals_nor_unseals_and_is_on_record() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    fs::write(home.file("policy.yaml"), ALLOW_ALL).unwrap();
    for act in ["seal", "unseal"] {
        let mut command = home.command("axis");
        command
            .args(["policy", act])
            .env("AXIS_MASTER_PASSWORD", "not the password");
        let ran = axis_tests::run(command, "");
        assert_eq!(ran.code(), 1, "{ran:?}");
        assert!(ran.stderr.contains("password is wrong"), "{}", ran.stderr);
    }
    // without one there is no terminal to ask on
    for act in ["seal", "unseal"] {
        let ran = home.axis_without_password(&["policy", act]);
        assert_eq!(ran.code(), 2, "{ran:?}");
    }
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(create(&mut host)["denied"], true);
    assert_eq!(acts(&home, "wrong_password").len(), 2);
    assert_eq!(acts(&home, "policy_sealed").len(), 1);
    assert_eq!(acts(&home, "policy_unsealed").len(), 0);
}

#[test]
fn a_broken_file_cant_be_sealed_and_its_error_is_shown() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("broken"), ALLOW_GITHUB);
    fs::write(
        home.file("policy.yaml"),
        "policies:\n  - identity: local-dev\n    alow: []\n",
    )
    .unwrap();
    // never sealed, and sealed already
    for _ in 0..2 {
        let ran = home.axis(&["policy", "seal"]);
        assert_eq!(ran.code(), 1, "{ran:?}");
        assert!(ran.stdout.contains("policy.yaml:3:5"), "{}", ran.stdout);
        let broken = fs::read_to_string(home.file("policy.yaml")).unwrap();
        fs::write(home.file("policy.yaml"), ALLOW_GITHUB).unwrap();
        home.axis(&["policy", "seal"]).ok();
        fs::write(home.file("policy.yaml"), broken).unwrap();
    }
    assert_eq!(acts(&home, "policy_sealed").len(), 1);
    for (name, text) in [
        ("daemon.yaml", "limits: {call_timeout: 0}\n"),
        ("services/acme.yaml", "service: acme\n"),
    ] {
        fs::write(home.file("policy.yaml"), ALLOW_GITHUB).unwrap();
        fs::create_dir_all(home.file("services")).unwrap();
        fs::write(home.file(name), text).unwrap();
        let ran = home.axis(&["policy", "seal"]);
        assert_eq!(ran.code(), 1, "{name}: {ran:?}");
        assert!(ran.stdout.contains(&format!("{name}:1")), "{}", ran.stdout);
        fs::remove_file(home.file(name)).unwrap();
    }
}
