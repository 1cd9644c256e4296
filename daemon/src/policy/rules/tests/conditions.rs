//! What a rule may ask of a call beyond its service and action.

use super::*;

const CONDITIONS: &str = r#"
policies:
  - identity: ci-runner
    deny:
      - service: github
        actions: ["repos.delete"]
      - service: github
        actions: ["*"]
        params: { repo: "secret-*" }
    allow:
      - service: github
        actions: ["issues.*"]
        effects: [read]
      - service: github
        actions: ["issues.create"]
        params:
          owner: acme
          repo: [axis, "axis-*"]
          per_page: { max: 100 }
        ttl: 60
        rateLimit: { requestsPerMinute: 5 }
        credential: Work
      - service: github
        actions: ["repos.*"]
      - service: stripe
        actions: ["*"]
        until: 2026-07-01T12:00:00Z
      - service: slack
        actions: ["*"]
        until: 2026-07-01T14:00:01+02:00
  - identity: "*"
    deny:
      - { service: "*", actions: ["keys.*"] }
    allow:
      - { service: github, actions: ["keys.list", "pulls.list"] }
"#;

fn reason(decision: Decision) -> String {
    match decision {
        Decision::Allow(allowed) => format!("allowed by line {}", allowed.line),
        Decision::Deny(denial) => denial.reason,
    }
}

#[test]
fn a_denial_names_the_rule_and_what_would_be_needed() {
    let policy = policy(CONDITIONS);
    let good = json!({"owner": "acme", "repo": "axis-cli", "per_page": 100});
    for (service, action, effect, params, says) in [
        (
            "github",
            "issues.list",
            Effect::Read,
            json!({}),
            "allowed by line 11",
        ),
        (
            "github",
            "issues.create",
            Effect::Write,
            good,
            "allowed by line 14",
        ),
        (
            "github",
            "issues.create",
            Effect::Write,
            json!({"owner": "evil", "repo": "axis", "per_page": 1}),
            r#"action="issues.create" (the param "owner" must be "acme", says the rule in line 14)"#,
        ),
        (
            "github",
            "issues.create",
            Effect::Write,
            json!({"owner": "acme", "repo": "axis", "per_page": 101}),
            r#"(the param "per_page" must be at most 100, says the rule in line 14)"#,
        ),
        (
            "github",
            "issues.create",
            Effect::Write,
            json!({"owner": "acme", "repo": "axis"}),
            r#"(the param "per_page" must be at most 100, says the rule in line 14)"#,
        ),
        (
            "github",
            "issues.update",
            Effect::Write,
            json!({}),
            "(only what does read is allowed, says the rule in line 11)",
        ),
        (
            "github",
            "repos.delete",
            Effect::Delete,
            json!({}),
            "(deny rule 1, line 5)",
        ),
        (
            "github",
            "repos.get",
            Effect::Read,
            json!({"repo": "Secret-plans"}),
            "(deny rule 2, line 7)",
        ),
        (
            "github",
            "repos.get",
            Effect::Read,
            json!({"repo": "open"}),
            "allowed by line 23",
        ),
        (
            "github",
            "keys.list",
            Effect::Read,
            json!({}),
            r#"(deny rule 1 of "*", line 33)"#,
        ),
        (
            "github",
            "pulls.list",
            Effect::Read,
            json!({}),
            "allowed by line 35",
        ),
        (
            "stripe",
            "balance.get",
            Effect::Read,
            json!({}),
            "(it was allowed until 2026-07-01T12:00:00Z, says the rule in line 25)",
        ),
        (
            "slack",
            "users.list",
            Effect::Read,
            json!({}),
            "allowed by line 28",
        ),
    ] {
        let reason = reason(ask(&policy, "ci-runner", service, action, effect, &params));
        assert!(reason.contains(says), "{action} {params}: {reason}");
    }
}

#[test]
fn a_rule_brings_its_own_limit_and_credential() {
    let policy = policy(CONDITIONS);
    let params = json!({"owner": "acme", "repo": "axis", "per_page": 1});
    let decision = ask(
        &policy,
        "ci-runner",
        "github",
        "issues.create",
        Effect::Write,
        &params,
    );
    let Decision::Allow(allowed) = decision else {
        panic!("{decision:?}");
    };
    assert_eq!(allowed.rule_limit.requests_per_minute, Some(5));
    assert_eq!(allowed.limit.requests_per_minute, None);
    assert_eq!(allowed.credential.unwrap().as_str(), "work");
}

#[test]
fn whether_an_action_can_be_allowed_is_asked_without_params() {
    let policy = policy(CONDITIONS);
    for (action, effect, expected) in [
        ("issues.create", Effect::Write, true),
        ("issues.update", Effect::Write, false),
        ("repos.delete", Effect::Delete, false),
        ("repos.get", Effect::Read, true),
    ] {
        let decision = ask(&policy, "ci-runner", "github", action, effect, &Value::Null);
        assert_eq!(matches!(decision, Decision::Allow(_)), expected, "{action}");
    }
}

#[test]
fn a_past_call_counts_for_every_rule_that_may_have_let_it_through() {
    let policy = policy(CONDITIONS);
    let possible = |identity: &str, action: &str| {
        let identity = Identity::parse(identity).unwrap();
        let github = ServiceName::parse("github").unwrap();
        let possible = policy.possible(&identity, &github, action);
        let scopes = possible.into_iter().map(|(scope, _)| scope.to_string());
        scopes.collect::<Vec<_>>()
    };
    assert_eq!(
        possible("ci-runner", "issues.create"),
        ["ci-runner", "ci-runner"]
    );
    assert_eq!(possible("ci-runner", "repos.get"), ["ci-runner"]);
    assert_eq!(possible("ci-runner", "pulls.list"), ["*"]);
    assert_eq!(possible("else", "issues.create"), [""; 0]);
}
