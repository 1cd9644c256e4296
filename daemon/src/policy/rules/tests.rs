//! What the policy decides, and that the compiled tables decide as a plain
//! reading of the file would.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::catalogue::Effect;
use crate::policy::DEFAULT_POLICY;

fn policy(text: &str) -> Policy {
    Policy::parse(text, Path::new("/etc/axis/policy.yaml"))
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn decide(policy: &Policy, identity: &str, service: &str, action: &str) -> Decision {
    ask(policy, identity, service, action, Effect::Write, &json!({}))
}

/// At noon of 2026-07-01.
fn ask(
    policy: &Policy,
    identity: &str,
    service: &str,
    action: &str,
    effect: Effect,
    params: &Value,
) -> Decision {
    policy.decide(&Request {
        identity: &Identity::parse(identity).unwrap(),
        own_socket: false,
        service: &ServiceName::parse(service).unwrap(),
        action,
        effect,
        params: params.as_object(),
        at: "2026-07-01T12:00:00Z".parse().unwrap(),
    })
}

fn allowed(policy: &Policy, identity: &str, service: &str, action: &str) -> Option<Allowed> {
    match decide(policy, identity, service, action) {
        Decision::Allow(allowed) => Some(allowed),
        Decision::Deny(_) => None,
    }
}

const TEAM: &str = r#"
policies:
  - identity: CI-Runner
    rateLimit: { requestsPerMinute: 30 }
    allow:
      - service: GitHub
        actions: ["issues.create", "Repos.*"]
        ttl: 300
      - service: github
        actions: ["*"]
      - service: "*"
        actions: ["http.get"]
  - identity: reader
    allow:
      - service: "*"
        actions: ["*"]
  - identity: "*"
    rateLimit: { requestsPerMinute: 5 }
    allow:
      - service: openai
        actions: ["responses.create"]
        ttl: 60
"#;

#[test]
fn only_what_a_rule_names_is_allowed() {
    let policy = policy(TEAM);
    for (identity, service, action, expected) in [
        ("ci-runner", "github", "issues.create", true),
        ("ci-runner", "github", "ISSUES.Create", true),
        ("ci-runner", "github", "repos.get", true),
        ("ci-runner", "github", "repos.branches.list", true),
        ("ci-runner", "github", "pulls.create", true),
        ("ci-runner", "stripe", "issues.create", false),
        ("ci-runner", "openai", "responses.create", true),
        ("ci-runner", "openai", "responses.delete", false),
        ("reader", "stripe", "paymentIntents.create", true),
        ("nobody", "github", "repos.get", false),
        ("nobody", "openai", "responses.create", true),
    ] {
        assert_eq!(
            allowed(&policy, identity, service, action).is_some(),
            expected,
            "{identity} {service} {action}"
        );
    }
}

#[test]
fn a_star_never_includes_the_raw_actions() {
    let policy = policy(TEAM);
    assert!(allowed(&policy, "reader", "github", "http.get").is_none());
    assert!(allowed(&policy, "reader", "github", "HTTP.Delete").is_none());
    assert!(allowed(&policy, "ci-runner", "stripe", "http.get").is_some());
    assert!(allowed(&policy, "ci-runner", "github", "http.post").is_none());
}

#[test]
fn a_prefix_covers_what_is_below_it_and_nothing_beside_it() {
    let policy =
        policy("policies: [{identity: a, allow: [{service: s, actions: ['repos.*', 'a.b.*']}]}]");
    for (action, expected) in [
        ("repos.get", true),
        ("repos.a.b", true),
        ("repos", false),
        ("reposx.get", false),
        ("a.b.c", true),
        ("a.c", false),
        ("a.b", false),
    ] {
        assert_eq!(
            allowed(&policy, "a", "s", action).is_some(),
            expected,
            "{action}"
        );
    }
}

#[test]
fn an_action_that_is_built_like_none_is_denied_even_under_a_star() {
    let policy = policy(TEAM);
    for action in [
        "",
        ".",
        "a..b",
        "a b",
        "re\u{0440}os.get",
        "*",
        &"a".repeat(129),
    ] {
        assert!(
            allowed(&policy, "reader", "github", action).is_none(),
            "{action:?}"
        );
    }
}

#[test]
fn the_first_matching_rule_decides_and_the_own_entry_comes_before_the_star() {
    let policy = policy(TEAM);
    let ttl = |identity, service, action| {
        allowed(&policy, identity, service, action).and_then(|allowed| allowed.ttl)
    };
    assert_eq!(
        ttl("ci-runner", "github", "repos.get"),
        Some(Duration::from_mins(5))
    );
    assert_eq!(ttl("ci-runner", "github", "pulls.create"), None);
    assert_eq!(ttl("reader", "openai", "responses.create"), None);
    assert_eq!(
        ttl("nobody", "openai", "responses.create"),
        Some(Duration::from_mins(1))
    );
    assert_eq!(policy.longest_ttl(), Duration::from_mins(5));
    assert_eq!(policy.rule_count(), 5);
}

#[test]
fn what_comes_from_the_star_is_shared_and_what_is_an_identitys_own_is_not() {
    let policy = policy(TEAM);
    let own = |name| Scope::Identity(Identity::parse(name).unwrap());
    let scopes = |identity, service, action| {
        let allowed = allowed(&policy, identity, service, action).unwrap();
        (
            allowed.cooldown_scope,
            allowed.limit.of,
            allowed.limit.requests_per_minute,
        )
    };
    for (identity, service, action, cooldown, limit, per_minute) in [
        (
            "ci-runner",
            "github",
            "repos.get",
            own("ci-runner"),
            own("ci-runner"),
            30,
        ),
        (
            "ci-runner",
            "openai",
            "responses.create",
            Scope::Any,
            own("ci-runner"),
            30,
        ),
        (
            "reader",
            "github",
            "repos.get",
            own("reader"),
            Scope::Any,
            5,
        ),
        (
            "nobody",
            "openai",
            "responses.create",
            Scope::Any,
            Scope::Any,
            5,
        ),
    ] {
        assert_eq!(
            scopes(identity, service, action),
            (cooldown, limit, Some(per_minute)),
            "{identity} {service} {action}"
        );
    }
}

#[test]
fn a_denial_says_who_wanted_what_and_what_the_owner_can_do() {
    let policy = policy(TEAM);
    let Decision::Deny(denial) = decide(&policy, "Local-Dev", "Stripe", "paymentIntents.create")
    else {
        panic!("allowed");
    };
    assert_eq!(
        denial.reason,
        r#"Policy denied: identity="local-dev" service="stripe" action="paymentIntents.create""#
    );
    let hint = denial.hint.unwrap();
    for part in [
        "/etc/axis/policy.yaml",
        "local-dev",
        r#"{service: stripe, actions: ["paymentIntents.create"]}"#,
    ] {
        assert!(hint.contains(part), "{hint}");
    }
    let Decision::Deny(denial) = decide(&policy, "reader", "github", "http.get") else {
        panic!("allowed");
    };
    assert!(denial.hint.unwrap().contains("must be named"));
}

#[test]
fn no_entry_allows_nothing() {
    let nothing = policy("policies: []");
    assert!(allowed(&nothing, "local-dev", "github", "repos.get").is_none());
    let empty = policy("policies: [{identity: a, allow: [{service: s, actions: []}]}]");
    assert!(allowed(&empty, "a", "s", "x").is_none());
}

#[test]
fn the_default_policy_lets_local_dev_read_and_nothing_else() {
    let policy = policy(DEFAULT_POLICY);
    for (service, action, expected) in [
        ("github", "repos.get", true),
        ("github", "contents.read", true),
        ("github", "issues.create", false),
        ("github", "pulls.create", false),
        ("openai", "responses.create", false),
        ("anthropic", "messages.create", false),
    ] {
        let found = allowed(&policy, "local-dev", service, action);
        assert_eq!(found.is_some(), expected, "{service} {action}");
        assert!(allowed(&policy, "unknown", service, action).is_none());
    }
    let limit = policy.limit_of(&Identity::parse("local-dev").unwrap());
    assert_eq!(limit.of.to_string(), "local-dev");
    assert_eq!(limit.requests_per_minute, Some(30));
}

#[test]
fn the_default_policys_suggestions_are_valid_too() {
    let mut text = String::new();
    for line in DEFAULT_POLICY.lines() {
        let trimmed = line.trim_start();
        let indent = &line[..line.len() - trimmed.len()];
        // A suggestion begins with "# - ", or is indented further below one.
        let content = trimmed.strip_prefix("# ").unwrap_or(trimmed);
        if content.starts_with("- ") || (trimmed.starts_with("# ") && content.starts_with("  ")) {
            writeln!(text, "{indent}{content}").unwrap();
        } else {
            writeln!(text, "{line}").unwrap();
        }
    }
    let policy = policy(&text);
    assert_eq!(policy.rule_count(), 5, "{text}");
    assert!(allowed(&policy, "local-dev", "github", "issues.create").is_some());
    assert!(allowed(&policy, "unknown", "github", "repos.get").is_some());
}

mod conditions;
mod reading;
mod sockets;

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = Policy::parse(&text, Path::new("policy.yaml"));
    }

    #[test]
    fn no_mangled_policy_makes_the_parser_panic(at in 0..TEAM.len(), with in any::<char>()) {
        let mut text = TEAM.to_owned();
        text.insert(at, with);
        if let Err(error) = Policy::parse(&text, Path::new("policy.yaml")) {
            let raw = error.to_string().chars().any(|c| c.is_control() && c != '\n');
            prop_assert!(!raw, "{}", error);
        }
    }
}
