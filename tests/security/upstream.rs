//! Hostile and careless upstreams.

use std::time::{Duration, Instant};

use axis_tests::{Home, Host, Reply, Upstream, canary};
use serde_json::json;

const ALLOW: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: '*', actions: ['*']}\n";

#[test]
fn a_redirect_to_another_host_is_not_followed_and_carries_nothing_along() {
    let thief = Upstream::friendly();
    let target = thief.url();
    let upstream = Upstream::answering(move |_| Reply {
        status: 307,
        headers: vec![("location".into(), format!("{target}/steal"))],
        body: Vec::new(),
        delay: Duration::ZERO,
    });
    let home = Home::ready();
    home.add("anthropic", "sk-ant-CANARYredirect0123", &upstream.url());
    home.policy(ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    let answer = host.execute(
        "anthropic",
        "messages.create",
        &json!({"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}),
    );
    assert_eq!(answer["ok"], false, "{answer}");
    assert_eq!(answer["error"]["code"], "upstream_error", "{answer}");
    assert!(thief.requests().is_empty(), "{:?}", thief.requests());
}

#[test]
fn an_answer_over_the_cap_is_an_error_that_says_so() {
    let upstream =
        Upstream::answering(|_| Reply::json(200, &json!({"big": "x".repeat(17 * 1024 * 1024)})));
    let home = Home::with_github(&upstream, &canary("cap"), ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    let answer = host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
    assert_eq!(answer["error"]["code"], "response_too_large", "{answer}");
}

#[test]
fn an_upstream_that_hangs_ends_in_a_timeout() {
    let upstream =
        Upstream::answering(|_| Reply::json(200, &json!({})).after(Duration::from_mins(5)));
    let home = Home::with_github(&upstream, &canary("hang"), ALLOW);
    home.kill();
    std::fs::write(home.file("daemon.yaml"), "limits: {call_timeout: 1}\n").unwrap();
    home.axis(&["unlock"]).ok();
    let mut host = Host::connect(&home, "local-dev");
    let began = Instant::now();
    let answer = host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
    assert_eq!(answer["error"]["code"], "upstream_timeout", "{answer}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn an_upstream_that_is_not_there_is_named() {
    let url = Upstream::friendly().url();
    let home = Home::ready();
    home.add("github", &canary("gone"), &url);
    home.policy(ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    let answer = host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
    assert_eq!(answer["error"]["code"], "upstream_unreachable", "{answer}");
}

#[test]
fn a_base_url_without_tls_is_only_for_this_machine() {
    let home = Home::ready();
    for url in [
        "http://api.github.com",
        "http://10.0.0.1",
        "http://127.0.0.1.nip.io",
    ] {
        let ran = home.axis_fed(
            &["add", "github", "--stdin", "--no-check", "--base-url", url],
            "ghp_123456789\n",
        );
        assert_ne!(ran.code(), 0, "{url}");
        assert!(ran.stderr.contains("https"), "{ran:?}");
    }
}
