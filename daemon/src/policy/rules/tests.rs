//! What the policy decides, and that the compiled tables decide as a plain
//! reading of the file would.

use proptest::prelude::*;
use std::fmt::Write as _;

use super::*;
use crate::policy::DEFAULT_POLICY;

fn policy(text: &str) -> Policy {
    Policy::parse(text, Path::new("/etc/axis/policy.yaml"))
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn decide(policy: &Policy, identity: &str, service: &str, action: &str) -> Decision {
    policy.decide(
        &Identity::parse(identity).unwrap(),
        &ServiceName::parse(service).unwrap(),
        action,
    )
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
            allowed.limit_scope,
            allowed.requests_per_minute,
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
    let (scope, limit) = policy.limit_of(&Identity::parse("local-dev").unwrap());
    assert_eq!((scope.to_string().as_str(), limit), ("local-dev", Some(30)));
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

/// One rule of a random policy: whose, service, actions, ttl.
type RandomRule = (usize, &'static str, Vec<&'static str>, Option<u32>);

const SCOPES: [&str; 4] = ["a", "b", "c", "*"];

fn random_rule() -> impl Strategy<Value = RandomRule> {
    let service = prop::sample::select(vec!["s", "t", "*"]);
    let patterns = vec!["x", "y.z", "y.w", "y.*", "y.z.*", "http.get", "http.*", "*"];
    let actions = prop::collection::vec(prop::sample::select(patterns), 0..3);
    (
        0..SCOPES.len(),
        service,
        actions,
        prop::option::of(1_u32..9),
    )
}

fn as_yaml(rules: &[RandomRule], limits: [Option<u32>; 4]) -> String {
    let mut text = String::from("policies:\n");
    for (scope, name) in SCOPES.iter().enumerate() {
        writeln!(text, "- identity: {name:?}").unwrap();
        if let Some(limit) = limits[scope] {
            writeln!(text, "  rateLimit: {{requestsPerMinute: {limit}}}").unwrap();
        }
        writeln!(text, "  allow:\n  - {{service: q, actions: []}}").unwrap();
        for (_, service, actions, ttl) in rules.iter().filter(|rule| rule.0 == scope) {
            write!(text, "  - {{service: {service:?}, actions: {actions:?}").unwrap();
            if let Some(ttl) = ttl {
                write!(text, ", ttl: {ttl}").unwrap();
            }
            writeln!(text, "}}").unwrap();
        }
    }
    text
}

/// The same decision by reading the rules from top to bottom.
fn plain_reading(
    rules: &[RandomRule],
    identity: &str,
    service: &str,
    action: &str,
) -> Option<(&'static str, Option<u32>)> {
    let matches = |pattern: &str| match pattern.strip_suffix('*') {
        Some("") => !action.starts_with("http."),
        Some(prefix) => action.starts_with(prefix),
        None => pattern == action,
    };
    [identity, "*"].into_iter().find_map(|wanted| {
        rules
            .iter()
            .filter(|rule| SCOPES[rule.0] == wanted)
            .find(|rule| (rule.1 == "*" || rule.1 == service) && rule.2.iter().any(|p| matches(p)))
            .map(|rule| (SCOPES[rule.0], rule.3))
    })
}

proptest! {
    #[test]
    fn the_tables_decide_as_a_plain_reading_does(
        rules in prop::collection::vec(random_rule(), 0..12),
        limits in prop::array::uniform4(prop::option::of(1_u32..9)),
    ) {
        let policy = policy(&as_yaml(&rules, limits));
        for (index, identity) in ["a", "b", "c", "d"].into_iter().enumerate() {
            for service in ["s", "t", "u"] {
                for action in ["x", "y", "y.z", "y.w", "y.v", "y.z.q", "http.get", "http.put", "q"] {
                    let found = allowed(&policy, identity, service, action);
                    let expected = plain_reading(&rules, identity, service, action);
                    prop_assert_eq!(
                        found.as_ref().map(|f| (f.cooldown_scope.to_string(), f.ttl)),
                        expected.map(|(scope, ttl)| {
                            (scope.to_owned(), ttl.map(|s| Duration::from_secs(s.into())))
                        }),
                        "{} {} {}", identity, service, action
                    );
                    if let Some(found) = found {
                        let own = limits[..3].get(index).copied().flatten();
                        prop_assert_eq!(found.requests_per_minute, own.or(limits[3]));
                        prop_assert_eq!(found.limit_scope == Scope::Any, own.is_none());
                    }
                }
            }
        }
    }

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
