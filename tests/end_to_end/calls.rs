//! Allowed, denied, limited, cooling down: the four ways a call can go.

use std::time::Duration;

use axis_tests::{Home, Host, Reply, Upstream, canary};
use serde_json::{Value, json};

pub const ALLOW_GITHUB: &str = r#"
policies:
  - identity: local-dev
    allow:
      - service: github
        actions: ["repos.get", "issues.create"]
"#;

fn repo() -> Value {
    json!({"owner": "acme", "repo": "axis"})
}

#[test]
fn an_allowed_call_reaches_the_upstream_with_the_credential_and_its_answer_comes_back() {
    let key = canary("allowed");
    let upstream = Upstream::answering(|_| Reply::json(200, &json!({"full_name": "acme/axis"})));
    let home = Home::with_github(&upstream, &key, ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");

    let answer = host.execute("github", "repos.get", &repo());

    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(answer["result"]["full_name"], "acme/axis");
    let requests = upstream.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].method, "GET");
    assert_eq!(requests[0].path, "/repos/acme/axis");
    assert_eq!(
        requests[0].headers["authorization"],
        format!("Bearer {key}")
    );
    assert!(requests[0].headers["user-agent"].starts_with("axis/"));
    let lines = home.audited_calls();
    let events: Vec<&Value> = lines.iter().map(|line| &line["event"]).collect();
    assert_eq!(events, ["started", "finished"]);
    assert_eq!(lines[1]["decision"], "allow");
    assert_eq!(lines[1]["status"], 200);
    assert_eq!(lines[1]["request_id"], answer["request_id"]);
    assert_eq!(lines[1]["justification"], "a test asks for it");
    assert!(!host.transcript.contains(&key));
}

#[test]
fn a_denied_call_never_reaches_the_upstream() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("denied"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");

    let answer = host.execute(
        "github",
        "pulls.create",
        &json!({"owner": "acme", "repo": "axis", "title": "t", "head": "h", "base": "b"}),
    );

    assert_eq!(answer["denied"], true, "{answer}");
    assert_eq!(
        answer["reason"],
        "Policy denied: identity=\"local-dev\" service=\"github\" action=\"pulls.create\""
    );
    assert!(upstream.requests().is_empty());
    let lines = home.audited_calls();
    assert_eq!(lines.len(), 1, "one line for a denied call");
    assert_eq!(lines[0]["event"], "finished");
    assert_eq!(lines[0]["decision"], "deny");
}

#[test]
fn another_identity_has_other_rights() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("identity"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "ci-runner");
    let answer = host.execute("github", "repos.get", &repo());
    assert_eq!(answer["denied"], true, "{answer}");
    assert!(upstream.requests().is_empty());
}

#[test]
fn the_call_over_the_limit_is_denied_and_says_when_to_come_back() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(
        &upstream,
        &canary("limit"),
        "policies:\n  - identity: local-dev\n    rateLimit: {requestsPerMinute: 2}\n    allow:\n      - {service: github, actions: [repos.get]}\n",
    );
    let mut host = Host::connect(&home, "local-dev");
    for _ in 0..2 {
        assert_eq!(host.execute("github", "repos.get", &repo())["ok"], true);
    }
    let answer = host.execute("github", "repos.get", &repo());
    assert_eq!(answer["denied"], true, "{answer}");
    assert!(
        answer["reason"]
            .as_str()
            .unwrap()
            .contains("Rate limit exceeded"),
        "{answer}"
    );
    let wait = answer["retry_after_s"].as_u64().unwrap();
    assert!((1..=60).contains(&wait), "{answer}");
    assert_eq!(upstream.requests().len(), 2);
}

#[test]
fn after_a_success_the_same_action_cools_down_and_a_failure_opens_no_cooldown() {
    let upstream = Upstream::answering(|request| {
        if request.path.contains("broken") {
            Reply::json(500, &json!({"message": "down"}))
        } else {
            Reply::json(200, &json!({}))
        }
    });
    let home = Home::with_github(
        &upstream,
        &canary("ttl"),
        "policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: [repos.get], ttl: 300}\n",
    );
    let mut host = Host::connect(&home, "local-dev");
    let broken = json!({"owner": "acme", "repo": "broken"});
    for _ in 0..2 {
        let answer = host.execute("github", "repos.get", &broken);
        assert_eq!(answer["error"]["code"], "upstream_error", "{answer}");
        assert_eq!(answer["error"]["status"], 500);
    }
    assert_eq!(host.execute("github", "repos.get", &repo())["ok"], true);
    let answer = host.execute("github", "repos.get", &repo());
    assert_eq!(answer["denied"], true, "{answer}");
    assert!(
        answer["reason"].as_str().unwrap().contains("TTL active"),
        "{answer}"
    );
    assert_eq!(upstream.requests().len(), 3);
}

#[test]
fn the_vendors_own_message_and_status_reach_the_agent() {
    let upstream = Upstream::answering(|_| {
        Reply::json(
            422,
            &json!({"message": "Validation Failed", "errors": [{"field": "title", "code": "missing"}]}),
        )
    });
    let home = Home::with_github(&upstream, &canary("vendor"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    let answer = host.execute("github", "repos.get", &repo());
    assert_eq!(answer["ok"], false);
    assert_eq!(answer["error"]["code"], "upstream_error");
    assert_eq!(answer["error"]["status"], 422);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("Validation Failed") && message.contains("title"),
        "{message}"
    );
}

#[test]
fn cancelling_the_request_cancels_the_upstream_call_and_is_on_record() {
    let upstream =
        Upstream::answering(|_| Reply::json(200, &json!({})).after(Duration::from_mins(1)));
    let home = Home::with_github(&upstream, &canary("cancel"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    let id = host.start_execute("github", "repos.get", &repo());
    upstream.wait_for_requests(1);
    host.notify(
        "notifications/cancelled",
        &json!({"requestId": id, "reason": "no need"}),
    );
    let line = axis_tests::wait_for("the cancelled call's record", || {
        home.audited_calls()
            .into_iter()
            .find(|line| line["event"] == "finished")
    });
    assert_eq!(line["decision"], "error", "{line}");
    assert_eq!(line["error"], "cancelled");
}

#[test]
fn calls_run_side_by_side() {
    let upstream =
        Upstream::answering(|_| Reply::json(200, &json!({})).after(Duration::from_millis(400)));
    let home = Home::with_github(&upstream, &canary("parallel"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    let began = std::time::Instant::now();
    let ids: Vec<u64> = (0..16)
        .map(|_| host.start_execute("github", "repos.get", &repo()))
        .collect();
    upstream.wait_for_requests(16);
    for id in ids {
        assert_eq!(host.executed(id)["ok"], true);
    }
    // one after the other they would take 6.4 s
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
}
