//! policy.yaml while the daemon runs.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use axis_tests::{Home, Host, Upstream, canary, wait_for};
use serde_json::{Value, json};

use crate::calls::ALLOW_GITHUB;

/// One way in which an editor writes a text to a file.
type Save = fn(&Path, &str);

const DENY_ALL: &str = "policies: []\n";

fn get(host: &mut Host) -> Value {
    host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}))
}

#[test]
fn a_saved_policy_is_live_at_once_however_the_editor_saves() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("reload"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(get(&mut host)["ok"], true);
    let path = home.file("policy.yaml");
    // in place, by rename, by rename again (a watch on the file would be dead), gone for a moment
    let saves: [(&str, Save); 4] = [
        ("in place", |path, text| fs::write(path, text).unwrap()),
        ("by rename", |path, text| {
            let new = path.with_extension("new");
            fs::write(&new, text).unwrap();
            fs::rename(&new, path).unwrap();
        }),
        ("by rename again", |path, text| {
            let new = path.with_extension("new");
            fs::write(&new, text).unwrap();
            fs::rename(&new, path).unwrap();
        }),
        ("removed and written", |path, text| {
            fs::remove_file(path).unwrap();
            fs::write(path, text).unwrap();
        }),
    ];
    for (how, save) in saves {
        for (text, denied) in [(DENY_ALL, true), (ALLOW_GITHUB, false)] {
            save(&path, text);
            let began = Instant::now();
            wait_for(&format!("the policy saved {how} to count"), || {
                (get(&mut host)["denied"] == denied || (!denied && get(&mut host)["ok"] == true))
                    .then_some(())
            });
            assert!(
                began.elapsed() < Duration::from_secs(2),
                "{how}: {:?}",
                began.elapsed()
            );
        }
    }
}

#[test]
fn a_broken_policy_changes_nothing_and_says_where_it_is_broken() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("broken"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    fs::write(
        home.file("policy.yaml"),
        "policies:\n  - identity: local-dev\n    alow: []\n",
    )
    .unwrap();
    let status = wait_for("status to show the error", || {
        let status = home.axis_without_password(&["status"]);
        status.stdout.contains("alow").then_some(status.stdout)
    });
    assert!(status.contains("policy.yaml:3:5"), "{status}");
    assert!(
        status.contains("allow"),
        "the known field is named: {status}"
    );
    assert_eq!(
        get(&mut host)["ok"],
        true,
        "the last good policy stays in force"
    );
    home.policy(DENY_ALL);
    assert_eq!(get(&mut host)["denied"], true);
}

#[test]
fn a_deleted_policy_denies_everything_and_says_how_to_get_one() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("deleted"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    fs::remove_file(home.file("policy.yaml")).unwrap();
    let answer = wait_for("the deletion to count", || {
        let answer = get(&mut host);
        (answer["denied"] == true).then_some(answer)
    });
    assert!(answer.to_string().contains("axis init"), "{answer}");
}

#[test]
fn the_host_is_told_when_the_tools_have_changed() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("changed"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    let tools = host.request("tools/list", &json!({}));
    assert!(tools.to_string().contains("issues.create"), "{tools}");
    home.policy(DENY_ALL);
    host.message("tools/list_changed", |message| {
        message["method"] == "notifications/tools/list_changed"
    });
    let tools = host.request("tools/list", &json!({}));
    assert!(!tools.to_string().contains("issues.create"), "{tools}");
}

#[test]
fn names_compare_without_case_everywhere() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(
        &upstream,
        &canary("case"),
        "policies:\n  - identity: Local-Dev\n    allow:\n      - {service: GitHub, actions: [REPOS.get]}\n",
    );
    let mut host = Host::connect(&home, "LOCAL-dev");
    let answer = host.execute("GITHUB", "Repos.Get", &json!({"owner": "a", "repo": "b"}));
    assert_eq!(answer["ok"], true, "{answer}");
}

#[test]
fn limits_and_cooldowns_survive_a_restart_and_kill_9() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(
        &upstream,
        &canary("restart"),
        "policies:\n  - identity: local-dev\n    rateLimit: {requestsPerMinute: 3}\n    allow:\n      - {service: github, actions: [repos.get], ttl: 600}\n      - {service: github, actions: [issues.create]}\n",
    );
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(get(&mut host)["ok"], true);
    let issue = json!({"owner": "a", "repo": "b", "title": "t"});
    assert_eq!(host.execute("github", "issues.create", &issue)["ok"], true);

    home.axis(&["daemon", "restart"]).ok();
    let answer = get(&mut host);
    assert!(
        answer["reason"]
            .as_str()
            .unwrap_or_default()
            .contains("TTL active"),
        "{answer}"
    );

    home.kill();
    home.axis(&["unlock"]).ok();
    assert_eq!(
        host.execute("github", "issues.create", &issue)["ok"],
        true,
        "the third of three"
    );
    let answer = host.execute("github", "issues.create", &issue);
    assert!(
        answer["reason"]
            .as_str()
            .unwrap_or_default()
            .contains("Rate limit exceeded"),
        "{answer}"
    );
    let answer = get(&mut host);
    assert!(
        answer["reason"]
            .as_str()
            .unwrap_or_default()
            .contains("TTL active"),
        "{answer}"
    );
}

#[test]
fn of_many_calls_at_once_one_passes_the_ttl() {
    let passed = passed_of_15_at_once(
        "policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: [repos.get], ttl: 60}\n",
    );
    assert_eq!(passed, 1);
}

#[test]
fn of_many_calls_at_once_no_more_than_the_limit_pass() {
    let passed = passed_of_15_at_once(
        "policies:\n  - identity: local-dev\n    rateLimit: {requestsPerMinute: 4}\n    allow:\n      - {service: github, actions: [repos.get]}\n",
    );
    assert_eq!(passed, 4);
}

/// How many calls get through of 15 at once, from three shims: the budget is
/// the daemon's, not each host's.
fn passed_of_15_at_once(policy: &str) -> usize {
    let upstream = Upstream::answering(|_| {
        axis_tests::Reply::json(200, &json!({})).after(Duration::from_millis(200))
    });
    let home = Home::with_github(&upstream, &canary("race"), policy);
    let mut hosts: Vec<Host> = (0..3).map(|_| Host::connect(&home, "local-dev")).collect();
    let repo = json!({"owner": "a", "repo": "b"});
    let ids: Vec<Vec<u64>> = hosts
        .iter_mut()
        .map(|host| {
            (0..5)
                .map(|_| host.start_execute("github", "repos.get", &repo))
                .collect()
        })
        .collect();
    let mut passed = 0;
    for (host, ids) in hosts.iter_mut().zip(ids) {
        for id in ids {
            passed += usize::from(host.executed(id)["ok"] == true);
        }
    }
    assert_eq!(upstream.requests().len(), passed);
    passed
}
