//! axis-asv's vault, as the program itself wrote it, and its policy.

use std::fs;
use std::path::{Path, PathBuf};

use axis_tests::Home;
use serde_json::{Value, json};

use super::{import, import_with, stored, written};

/// The password of the fixture.
const OLD_PASSWORD: (&str, &str) = ("AXIS_IMPORT_PASSWORD", "correct-horse-1");

/// A keystore that axis-asv 0.9.0 wrote: eleven entries.
pub fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("end_to_end/importing/keystore_v1.json")
}

fn keystore() -> Value {
    serde_json::from_str(&fs::read_to_string(fixture()).unwrap()).unwrap()
}

fn import_asv(home: &Home, arguments: &[&str]) -> axis_tests::Ran {
    import_with(home, &[OLD_PASSWORD], arguments)
}

#[test]
fn every_entry_of_its_keystore_is_imported_from_its_usual_place() {
    let home = Home::ready();
    fs::create_dir(home.file(".axis")).unwrap();
    let place = home.file(".axis/keystore.json");
    fs::copy(fixture(), &place).unwrap();
    let before = fs::read(&place).unwrap();
    let ran = import_asv(&home, &["axis-asv", "--yes", "--no-check"]).ok();
    assert_eq!(
        stored(&home),
        [
            "anthropic",
            "aws",
            "gcp",
            "github",
            "linear",
            "notion",
            "openai",
            "sendgrid",
            "slack",
            "stripe",
            "twilio",
        ]
    );
    for part in [
        "SECRET111",
        "SECRET222",
        "SECRET333",
        "TWSECRET999",
        "awsSECRET",
        "SECRETbbb",
    ] {
        assert!(
            !ran.stdout.contains(part) && !ran.stderr.contains(part),
            "{ran:#?}"
        );
    }
    assert!(
        ran.stderr
            .contains("Once your agents work with Axis, delete it"),
        "{ran:#?}"
    );
    assert_eq!(fs::read(&place).unwrap(), before);
}

#[test]
fn one_bad_entry_loses_no_other() {
    let home = Home::ready();
    let mut keystore = keystore();
    let entries = keystore["entries"].as_object_mut().unwrap();
    let mut opnai = entries["slack"].clone();
    opnai["metadata"]["service"] = "opnai".into();
    for gone in [
        "aws", "gcp", "linear", "notion", "sendgrid", "slack", "twilio",
    ] {
        entries.remove(gone);
    }
    entries["openai"].as_object_mut().unwrap().remove("tag");
    let ciphertext = entries["stripe"]["ciphertext"].as_str().unwrap().to_owned();
    entries["stripe"]["ciphertext"] = ciphertext.replacen('7', "8", 1).into();
    let swapped = entries["github"].clone();
    entries.insert("anthropic".into(), swapped);
    entries.insert("opnai".into(), opnai);
    entries.insert("nosuch".into(), {
        let mut entry = entries["github"].clone();
        entry["metadata"]["service"] = "nosuch".into();
        entry["tag"] = "00".repeat(16).into();
        entry
    });
    let path = written(&home, "old.json", &keystore.to_string());
    let ran = import_asv(&home, &["axis-asv", &path, "--yes", "--no-check"]).ok();
    assert_eq!(stored(&home), ["github"]);
    // a typo that axis-asv took
    let guess = "opnai\tslack/opnai\tlooks like a key of slack; choose it if it is";
    assert!(ran.stdout.contains(guess), "{ran:#?}");
    for said in [
        "openai: it has no tag",
        "stripe: it doesn't open with this password: it is sealed with another one, or damaged",
        "nosuch: it doesn't open with this password",
        "anthropic: it says that it belongs to \"github\"",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {ran:#?}");
    }
}

#[test]
fn a_wrong_password_and_a_foreign_version_are_told_apart() {
    let home = Home::ready();
    let mut one = keystore();
    one["entries"]
        .as_object_mut()
        .unwrap()
        .retain(|name, _| name == "github");
    let path = written(&home, "one.json", &one.to_string());
    let wrong = import_with(
        &home,
        &[("AXIS_IMPORT_PASSWORD", "correct-horse-2")],
        &["axis-asv", &path, "--yes"],
    );
    assert_eq!(wrong.code(), 1);
    assert!(
        wrong
            .stderr
            .contains("the password opens none of the 1 entries"),
        "{wrong:#?}"
    );
    for (version, said) in [
        (json!(2), "a keystore of Axis itself"),
        (json!(9), "its version is 9"),
    ] {
        one["version"] = version;
        let path = written(&home, "other.json", &one.to_string());
        let ran = import_asv(&home, &["axis-asv", &path, "--yes"]);
        assert_eq!(ran.code(), 1);
        assert!(ran.stderr.contains(said), "{ran:#?}");
    }
    let nowhere = import_asv(&home, &["axis-asv", "--yes"]);
    assert_eq!(nowhere.code(), 2);
    assert!(
        nowhere.stderr.contains(".axis/keystore.json"),
        "{nowhere:#?}"
    );
    assert_eq!(stored(&home), Vec::<String>::new());
}

/// A vault with one entry, so that little is derived.
fn small(home: &Home) -> String {
    let mut one = keystore();
    one["entries"]
        .as_object_mut()
        .unwrap()
        .retain(|name, _| name == "github");
    written(home, "one.json", &one.to_string())
}

const OURS: &str = "# mine\npolicies:\n  - identity: local-dev # me\n    rateLimit: { requestsPerMinute: 30 }\n    allow:\n      # reading\n      - service: github\n        actions: [\"repos.get\"]\n        ttl: 10\n    deny:\n      - { service: github, actions: [\"pulls.create\"] }\n";

const THEIRS: &str = "policies:\n  - identity: local-dev\n    rateLimit: { requestsPerMinute: 5 }\n    allow:\n      - { service: github, actions: ['*'] }\n      - { service: Stripe, actions: [customers.list], ttl: 60 }\n  - identity: ci\n    rateLimit: { requestsPerMinute: 7 }\n    allow:\n      - { service: '*', actions: ['*'] }\n";

#[test]
fn its_policy_is_added_where_ours_says_nothing_and_comments_stay() {
    let home = Home::ready();
    home.policy(OURS);
    let keystore = small(&home);
    let theirs = written(&home, "theirs.yaml", THEIRS);
    let arguments = [
        "axis-asv",
        &keystore,
        "--policy",
        &theirs,
        "--yes",
        "--no-check",
    ];
    let ran = import_asv(&home, &arguments).ok();
    for said in [
        "kept local-dev: github repos.get: ttl there none, in line 7 of yours 10 s",
        "kept local-dev: github pulls.create: allowed there, denied by line 11 of yours",
        "kept local-dev: the limit there was 5 calls a minute; yours is 30",
        "add local-dev: github issues.create, contents.read",
        "add local-dev: stripe customers.list (ttl 60)",
        "add ci: aws s3.getObject, s3.putObject",
        "add ci: at most 7 calls a minute",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {ran:#?}");
    }
    let now = fs::read_to_string(home.file("policy.yaml")).unwrap();
    for line in OURS.lines() {
        assert!(now.contains(line), "{line}: {now}");
    }
    let said = |identity: &str, service: &str, action: &str| {
        let asked = [
            "policy",
            "explain",
            service,
            action,
            "--identity",
            identity,
            "--json",
        ];
        home.axis(&asked).json()["decision"] == "allow"
    };
    assert!(said("local-dev", "github", "issues.create"));
    assert!(!said("local-dev", "github", "pulls.create"));
    assert!(said("ci", "github", "pulls.create"));
    // there * was four actions of github
    assert!(!said("ci", "github", "repos.delete"), "{now}");
    assert!(now.contains("rateLimit: { requestsPerMinute: 7 }"), "{now}");

    let again = import_asv(&home, &arguments).ok();
    assert!(
        again.stdout.contains("says something to all of it already"),
        "{again:#?}"
    );
    assert_eq!(fs::read_to_string(home.file("policy.yaml")).unwrap(), now);
}

#[test]
fn a_policy_that_merely_lies_there_is_not_taken_unseen() {
    let home = Home::ready();
    let keystore = small(&home);
    written(&home, "config/policy.yaml", THEIRS);
    let before = fs::read_to_string(home.file("policy.yaml")).unwrap();
    let ran = import_asv(&home, &["axis-asv", &keystore, "--yes", "--no-check"]).ok();
    assert!(
        ran.stderr.contains("only where --policy names it"),
        "{ran:#?}"
    );
    assert_eq!(
        fs::read_to_string(home.file("policy.yaml")).unwrap(),
        before
    );
    let shown = import_asv(&home, &["axis-asv", &keystore, "--dry-run"]).ok();
    assert!(shown.stdout.contains("add ci: github "), "{shown:#?}");
    assert_eq!(
        fs::read_to_string(home.file("policy.yaml")).unwrap(),
        before
    );
}

#[test]
fn a_sealed_policy_is_sealed_anew_with_the_master_password() {
    let home = Home::ready();
    home.axis(&["policy", "seal"]).ok();
    let keystore = small(&home);
    let theirs = written(&home, "theirs.yaml", THEIRS);
    let arguments = [
        "axis-asv",
        &keystore,
        "--policy",
        &theirs,
        "--yes",
        "--no-check",
    ];
    import_asv(&home, &arguments).ok();
    let asked = [
        "policy",
        "explain",
        "github",
        "pulls.create",
        "--identity",
        "ci",
        "--json",
    ];
    assert_eq!(home.axis(&asked).json()["decision"], "allow");
    let seal = home.axis(&["policy", "seal", "--dry-run"]).ok();
    assert!(!seal.stdout.contains("ci"), "{seal:#?}");
    assert!(import(&home, &["env", "--policy", &theirs]).code() == 2);
}
