//! What the owner is warned of.

use std::path::Path;

use super::*;

fn warnings(rules: &str) -> Vec<String> {
    let text = format!("policies:\n- identity: a\n  allow:\n{rules}");
    let catalogue = [
        ("github", vec!["repos.get", "issues.create"]),
        ("openai", vec!["responses.create"]),
    ];
    Policy::parse(&text, Path::new("policy.yaml"))
        .unwrap()
        .warnings(&catalogue)
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
