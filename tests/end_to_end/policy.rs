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

/// The blocks of docs/policy.md that are written in YAML.
fn documented() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policy.md");
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("```yaml\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_documented_policies_are_valid_and_decide_as_documented() {
    let home = Home::ready();
    let [short, whole, asking, tests] = documented().try_into().unwrap();
    home.policy(&short);
    let explain = |arguments: &[&str]| {
        let all = [&["policy", "explain", "--json"], arguments].concat();
        home.axis(&all)
    };
    assert_eq!(
        explain(&["github", "repos.get"]).json()["decision"],
        "allow"
    );
    assert_eq!(explain(&["github", "repos.delete"]).code(), 4);

    fs::write(home.file("whole.yaml"), &whole).unwrap();
    fs::write(home.file("tests.yaml"), &tests).unwrap();
    let file = |name| home.file(name).display().to_string();
    let (whole, tests) = (file("whole.yaml"), file("tests.yaml"));
    let checked = home
        .axis(&["policy", "check", "--json", &whole])
        .ok()
        .json();
    assert_eq!(checked["valid"], true, "{checked}");
    assert_eq!(checked["rules"], 3);
    let tested = home.axis(&["policy", "test", "--json", &tests, "--policy", &whole]);
    assert_eq!(tested.json()["passed"], 2, "{}", tested.json());
    assert_eq!(tested.code(), 0);
    // the policy in force is another one
    let tested = home.axis(&["policy", "test", &tests]);
    assert_eq!(tested.code(), 1, "{}", tested.stdout);
    assert!(
        tested.stdout.contains("expected ask, but it is deny"),
        "{}",
        tested.stdout
    );
    assert!(
        tested.stdout.contains("passed: 0, failed: 2"),
        "{}",
        tested.stdout
    );
    home.policy(&asking);
    for (action, decision) in [
        ("repos.get", "allow"),
        ("issues.create", "ask"),
        ("repos.delete", "deny"),
    ] {
        let explained = explain(&["github", action]).json();
        assert_eq!(explained["decision"], decision, "{action}");
    }
}

const CONDITIONS: &str = r#"policies:
  - identity: local-dev
    deny:
      - { service: github, actions: ["issues.*"], params: { repo: "secret-*" } }
    allow:
      - service: github
        actions: ["issues.create"]
        params: { owner: acme }
        credential: work
      - { service: github, actions: ["repos.*"], effects: [read] }
"#;

#[test]
fn a_call_is_held_against_params_and_effects_and_takes_the_labelled_credential() {
    let upstream = Upstream::friendly();
    let (plain, work) = (canary("plain"), canary("work"));
    let home = Home::with_github(&upstream, &plain, CONDITIONS);
    let added = home.axis_fed(
        &[
            "add",
            "github",
            "--label",
            "work",
            "--stdin",
            "--no-check",
            "--base-url",
            &upstream.url(),
        ],
        &work,
    );
    added.ok();
    let mut host = Host::connect(&home, "local-dev");
    let create = |host: &mut Host, owner: &str, repo: &str| {
        let params = json!({"owner": owner, "repo": repo, "title": "t"});
        host.execute("github", "issues.create", &params)
    };
    let answer = create(&mut host, "acme", "axis");
    assert_eq!(answer["ok"], true, "{answer}");
    let authorization = |at: usize| upstream.requests()[at].headers["authorization"].clone();
    assert_eq!(authorization(0), format!("Bearer {work}"));
    let answer = create(&mut host, "evil", "axis");
    assert_eq!(answer["denied"], true);
    let reason = answer["reason"].as_str().unwrap();
    assert!(
        reason.ends_with(r#"(the param "owner" must be "acme", says the rule in line 6)"#),
        "{reason}"
    );
    let answer = create(&mut host, "acme", "SECRET-plans");
    let reason = answer["reason"].as_str().unwrap();
    assert!(reason.ends_with("(deny rule 1, line 4)"), "{reason}");
    assert_eq!(get(&mut host)["ok"], true);
    assert_eq!(authorization(1), format!("Bearer {plain}"));
    assert_eq!(upstream.requests().len(), 2);
    let calls = home.audited_calls();
    let by_work = calls
        .iter()
        .filter(|line| line["credential"] == "github/work");
    assert_eq!(by_work.count(), 2, "started and finished");
    // on record like every other denial, without the params
    let denied: Vec<_> = home
        .audited_calls()
        .into_iter()
        .filter(|line| line["decision"] == "deny")
        .collect();
    assert_eq!(denied.len(), 2);
    assert!(
        !denied
            .iter()
            .any(|line| line.to_string().contains("SECRET-plans"))
    );
}

#[test]
fn a_check_says_what_can_hardly_be_meant_and_where() {
    let home = Home::ready();
    home.policy(
        "policies:
- identity: local-dev
  allow:
  - { service: github, actions: [issues.create], params: { ownr: acme } }
  - { service: githbu, actions: ['*'] }
",
    );
    let checked = home.axis(&["policy", "check"]).ok();
    for says in [
        "line 4: none of this rule's actions has a param \"ownr\"",
        "line 5: there is no service \"githbu\"",
    ] {
        assert!(checked.stdout.contains(says), "{}", checked.stdout);
    }
    assert_eq!(home.axis(&["policy", "check", "--strict"]).code(), 1);
    fs::write(
        home.file("broken.yaml"),
        "policies:\n- identity: a\n  alow: []\n",
    )
    .unwrap();
    let broken = home.file("broken.yaml").display().to_string();
    let checked = home.axis(&["policy", "check", &broken]);
    assert_eq!(checked.code(), 1);
    assert!(
        checked.stdout.contains("broken.yaml:3:3"),
        "{}",
        checked.stdout
    );
    let explained = home.axis(&["policy", "explain", "github", "issues.creat"]);
    assert_eq!(explained.code(), 2);
    assert!(
        explained.stderr.contains("issues.create"),
        "{}",
        explained.stderr
    );
}

#[test]
fn a_check_where_there_is_no_policy_names_the_command_that_makes_one() {
    let home = Home::ready();
    fs::remove_file(home.file("policy.yaml")).unwrap();
    let checked = home.axis(&["policy", "check"]);
    assert_eq!(checked.code(), 1, "{checked:?}");
    assert!(checked.stderr.contains("fix: axis init"), "{checked:?}");
    let checked = home.axis(&["policy", "check", "/nope.yaml"]);
    assert!(!checked.stderr.contains("axis init"), "{checked:?}");
}
