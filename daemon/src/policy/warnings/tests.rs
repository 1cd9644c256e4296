//! What the owner is warned of.

use std::path::Path;

use super::*;

fn action(name: &'static str, effect: Effect, params: &[&'static str]) -> KnownAction<'static> {
    KnownAction {
        name,
        effect,
        params: params.to_vec(),
        takes_any_param: name == "responses.create",
    }
}

fn warnings_of(text: &str) -> Vec<String> {
    let catalogue = [
        KnownService {
            name: "github",
            actions: vec![
                action("repos.get", Effect::Read, &["owner", "repo"]),
                action("issues.create", Effect::Write, &["owner", "repo", "title"]),
            ],
        },
        KnownService {
            name: "openai",
            actions: vec![action("responses.create", Effect::Write, &["model"])],
        },
    ];
    let policy = Policy::parse(text, Path::new("policy.yaml"));
    let now = "2026-07-01T12:00:00Z".parse().unwrap();
    policy.unwrap().warnings(&catalogue, now)
}

fn warnings(rules: &str) -> Vec<String> {
    warnings_of(&format!("policies:\n- identity: a\n  allow:\n{rules}"))
}

#[test]
fn every_doubt_has_its_line_and_a_good_policy_has_none() {
    let any = "  - {service: github, actions: ['*']}\n";
    for (rules, expected) in [
        (
            "  - {service: github, actions: [Repos.Get, 'issues.*']}\n".to_owned(),
            None,
        ),
        (
            "  - {service: '*', actions: ['*', repos.get]}\n".to_owned(),
            None,
        ),
        (
            "  - {service: githbu, actions: [x]}\n".to_owned(),
            Some(
                "line 4: there is no service \"githbu\", so this rule allows nothing. Did you mean \"github\"?",
            ),
        ),
        (
            "  - {service: github, actions: [repo.get]}\n".to_owned(),
            Some(
                "line 4: service \"github\" has no action \"repo.get\". Did you mean \"repos.get\"?",
            ),
        ),
        (
            "  - {service: '*', actions: ['zzz.*']}\n".to_owned(),
            Some("line 4: no service has an action \"zzz.*\""),
        ),
        (
            "  - {service: github, actions: []}\n".to_owned(),
            Some("line 4: this rule names no action, so it allows nothing"),
        ),
        (
            format!("{any}  - {{service: github, actions: [repos.get], ttl: 60}}\n"),
            Some(
                "line 5: this rule never decides anything, nor does its ttl of 60 s count: line 4 stands before it and allows the same; put it first, or delete it",
            ),
        ),
        (
            format!("{any}  - {{service: github, actions: ['repos.*', '*']}}\n"),
            Some(
                "line 5: this rule never decides anything: line 4 stands before it and allows the same; put it first, or delete it",
            ),
        ),
        (format!("{any}  - {{service: '*', actions: ['*']}}\n"), None),
        (
            format!("  - {{service: github, actions: [repos.get]}}\n{any}"),
            None,
        ),
    ] {
        let found = warnings(&rules);
        assert_eq!(
            found.first().map(String::as_str),
            expected,
            "{rules}{found:?}"
        );
        assert!(found.len() <= 1, "{rules}{found:?}");
    }
}

#[test]
fn a_star_hides_no_raw_action() {
    let rules = "  - {service: '*', actions: ['*']}\n  - {service: github, actions: ['http.*']}\n";
    let found = warnings(rules);
    assert!(
        found
            .iter()
            .all(|warning| !warning.contains("never decides")),
        "{found:?}"
    );
}

#[test]
fn conditions_that_nothing_can_meet_are_told() {
    for (rule, expected) in [
        ("actions: ['*'], params: {repo: x}", None),
        (
            "actions: ['*'], params: {repository: x}",
            Some(
                "line 4: none of this rule's actions has a param \"repository\", so it allows nothing. Did you mean \"repo\"?",
            ),
        ),
        (
            "actions: [issues.create], params: {titel: x}",
            Some(
                "line 4: none of this rule's actions has a param \"titel\", so it allows nothing. Did you mean \"title\"?",
            ),
        ),
        (
            "actions: [issues.create], effects: [read, delete]",
            Some("line 4: none of this rule's actions does read or delete, so it allows nothing"),
        ),
        ("actions: [issues.create], effects: [read, write]", None),
        (
            "actions: [issues.create], until: 2026-07-01T12:00:00Z",
            Some("line 4: this rule ended at 2026-07-01T12:00:00Z and allows nothing"),
        ),
        (
            "actions: [issues.create], until: 2026-07-01T12:00:01Z",
            None,
        ),
    ] {
        let found = warnings(&format!("  - {{service: github, {rule}}}\n"));
        assert_eq!(found.first().map(String::as_str), expected, "{rule}");
        assert!(found.len() <= 1, "{found:?}");
    }
    let any = warnings("  - {service: openai, actions: ['*'], params: {whatever: x}}\n");
    assert_eq!(any, [""; 0]);
}

#[test]
fn a_rule_that_is_denied_as_a_whole_is_told_and_a_conditional_one_hides_nothing() {
    let text = "policies:
- identity: a
  allow:
  - {service: github, actions: [repos.get]}
  - {service: github, actions: [issues.create], params: {repo: x}}
  - {service: github, actions: [issues.create]}
  deny:
  - {service: github, actions: ['*'], effects: [delete]}
- identity: '*'
  deny:
  - {service: '*', actions: ['repos.*']}
  - {service: github, actions: [repos.get]}
";
    let found = warnings_of(text);
    assert_eq!(
        found,
        [
            "line 4: this rule allows nothing: the deny rule in line 11 denies all of it",
            "line 8: none of this rule's actions does delete, so it denies nothing",
            "line 12: this rule never decides anything: line 11 stands before it and denies the same; put it first, or delete it",
        ]
    );
}
