//! What a hurried owner mistypes is told, and nothing of it is done.

use std::fs;

use axis_tests::{Home, run, wait_for};

#[test]
fn a_mistyped_name_is_refused_with_the_near_one_and_nothing_changes() {
    let home = Home::ready();
    let before = fs::read_to_string(home.file("policy.yaml")).unwrap();
    let cases: [(&[&str], &str); 8] = [
        (&["add", "opnai", "--stdin", "--no-check"], "openai"),
        (&["allow", "strpe"], "stripe"),
        (&["allow", "github", "repos.gte"], "repos.get"),
        (&["deny", "githbu"], "github"),
        (&["logs", "--decision", "alow"], "allow"),
        (&["policy", "explain", "github", "repos.gte"], "repos.get"),
        (&["services", "show", "githb"], "github"),
        (&["call", "github", "repos.gte"], "repos.get"),
    ];
    for (arguments, near) in cases {
        let ran = home.axis_fed(arguments, "sk-0123456789abcdef0123456789abcdef\n");
        assert_eq!(ran.code(), 2, "{arguments:?}: {ran:#?}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains(near), "{arguments:?}: {said}");
    }
    let after = fs::read_to_string(home.file("policy.yaml")).unwrap();
    assert_eq!(before, after);
    let listed = home.axis(&["list", "--json"]).ok();
    let listed = listed.json();
    let stored = listed["credentials"].as_array().map(Vec::len);
    assert_eq!(stored, Some(0), "{listed}");
}

#[test]
fn a_file_or_a_credential_that_is_not_there_is_wrong_usage() {
    let home = Home::ready();
    for (arguments, says) in [
        ("policy check nope.yaml", "nope.yaml"),
        ("policy test nope.yaml", "nope.yaml"),
        (
            "policy explain github repos.get --policy nope.yaml",
            "nope.yaml",
        ),
        ("services validate nope.yaml", "nope.yaml"),
        ("services import nope.yaml", "nope.yaml"),
        ("import nope.env", "nope.env"),
        ("call github repos.get --body-file nope.bin", "nope.bin"),
        ("revoke github", "no credential github"),
        ("undo github", "no credential github"),
        ("rotate github", "no credential github"),
        ("identity remove nobody", "nobody"),
    ] {
        let words: Vec<_> = arguments.split(' ').collect();
        let ran = home.axis(&words);
        assert_eq!(ran.code(), 2, "{arguments}: {ran:#?}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains(says), "{arguments}: {said}");
    }
}

#[test]
fn an_axis_home_that_is_a_file_is_named() {
    let home = Home::empty();
    let file = home.file("a-file");
    fs::write(&file, "").unwrap();
    for arguments in [&["status"][..], &["init"], &["daemon", "start"], &["list"]] {
        let mut command = home.command("axis");
        command.args(arguments).env("AXIS_HOME", &file);
        let ran = run(command, "");
        assert_eq!(ran.code(), 2, "{arguments:?}: {ran:?}");
        let expected = format!("AXIS_HOME is {}, which is no directory", file.display());
        assert!(ran.stderr.contains(&expected), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn a_mistyped_field_of_the_policy_is_refused_with_the_near_one() {
    let home = Home::ready();
    for (field, near) in [
        ("ratelimit: { requestsPerMinute: 5 }", "rateLimit"),
        ("aprroval: host", "approval"),
        ("Socket: required", "socket"),
    ] {
        let text = format!("policies:\n  - identity: a\n    {field}\n    allow: []\n");
        fs::write(home.file("policy.yaml"), text).unwrap();
        wait_for(&format!("the word for {field}"), || {
            let status = home.axis_without_password(&["status"]).stdout;
            status.contains(&format!("{near:?}")).then_some(())
        });
    }
    for (field, near) in [
        ("TTL: 5", "ttl"),
        ("asks: true", "ask"),
        ("untill: x", "until"),
    ] {
        let text = format!(
            "policies:\n  - identity: a\n    allow:\n      - {{ service: github, actions: [repos.get], {field} }}\n"
        );
        let file = home.file("other.yaml");
        fs::write(&file, text).unwrap();
        let checked = home.axis(&["policy", "check", file.to_str().unwrap()]);
        assert_eq!(checked.code(), 1, "{checked:#?}");
        assert!(
            checked.stdout.contains(&format!("{near:?}")),
            "{field}: {checked:#?}"
        );
    }
}
