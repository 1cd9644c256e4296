//! `socket: required`: what counts where a request comes in.

use super::*;

/// What is decided where the request comes in over the identity's own socket,
/// and where it doesn't.
fn on_own_and_elsewhere(policy: &Policy, identity: &str, action: &str) -> [Decision; 2] {
    [true, false].map(|own_socket| {
        policy.decide(&Request {
            identity: &Identity::parse(identity).unwrap(),
            own_socket,
            service: &ServiceName::parse("s").unwrap(),
            action,
            effect: Effect::Read,
            params: None,
            at: "2026-07-01T12:00:00Z".parse().unwrap(),
        })
    })
}

fn line(decision: &Decision) -> (bool, bool, Option<usize>) {
    match decision {
        Decision::Allow(allowed) => (true, false, Some(allowed.line)),
        Decision::Deny(denial) => (false, denial.needs_own_socket, denial.line),
    }
}

#[test]
fn an_entry_that_requires_its_socket_counts_there_and_nothing_counts_elsewhere() {
    let policy = policy(
        "policies:
- identity: a
  socket: required
  allow: [{service: s, actions: [x]}]
  deny: [{service: s, actions: [z]}]
- identity: b
  allow: [{service: s, actions: [x]}]
- identity: '*'
  allow: [{service: s, actions: [y]}]
",
    );
    for (identity, action, own, elsewhere) in [
        ("a", "x", (true, false, Some(4)), (false, true, Some(2))),
        // what "*" allows is no way round
        ("a", "y", (true, false, Some(9)), (false, true, Some(2))),
        ("a", "z", (false, false, Some(5)), (false, true, Some(2))),
        ("b", "x", (true, false, Some(7)), (true, false, Some(7))),
        ("c", "y", (true, false, Some(9)), (true, false, Some(9))),
    ] {
        let decided = on_own_and_elsewhere(&policy, identity, action);
        let decided = decided.each_ref().map(line);
        assert_eq!(decided, [own, elsewhere], "{identity} {action}");
    }
    assert!(policy.requires_own_socket(&Identity::parse("a").unwrap()));
    assert!(!policy.requires_own_socket(&Identity::parse("b").unwrap()));
}

#[test]
fn where_the_star_requires_it_its_allows_count_on_own_sockets_and_its_denies_everywhere() {
    let policy = policy(
        "policies:
- identity: a
  allow: [{service: s, actions: [x, z]}]
- identity: '*'
  socket: required
  allow: [{service: s, actions: [x, y]}]
  deny: [{service: s, actions: [z]}]
",
    );
    for (identity, action, own, elsewhere) in [
        ("a", "x", (true, false, Some(3)), (true, false, Some(3))),
        ("a", "y", (true, false, Some(6)), (false, true, Some(4))),
        ("a", "z", (false, false, Some(7)), (false, false, Some(7))),
        ("b", "y", (true, false, Some(6)), (false, true, Some(4))),
        ("b", "q", (false, false, None), (false, false, None)),
    ] {
        let decided = on_own_and_elsewhere(&policy, identity, action);
        let decided = decided.each_ref().map(line);
        assert_eq!(decided, [own, elsewhere], "{identity} {action}");
    }
    assert!(policy.requires_own_socket(&Identity::parse("b").unwrap()));
    assert!(!policy.requires_own_socket(&Identity::parse("a").unwrap()));
}

#[test]
fn it_is_notes_once_there_is_more_than_one_identity_to_claim() {
    let entry = |identity: &str, more: &str| {
        format!(
            "- identity: {identity}\n  allow: [{{service: s, actions: [x]}}]\n  rateLimit: {{requestsPerMinute: 1}}\n{more}"
        )
    };
    let required = "  socket: required\n";
    let told = |entries: &[String]| {
        let text = format!("policies:\n{}", entries.concat());
        policy(&text).notes()
    };
    for none in [
        vec![entry("a", "")],
        vec![entry("'*'", "")],
        vec![entry("a", ""), entry("b", required)],
        vec![entry("a", required), entry("b", required), entry("'*'", "")],
        vec![entry("a", ""), "- {identity: b, deny: []}\n".to_owned()],
    ] {
        assert_eq!(told(&none), Vec::<String>::new(), "{none:?}");
    }
    for (entries, says) in [
        (vec![entry("a", ""), entry("b", "")], "line 5: "),
        (vec![entry("a", ""), entry("'*'", "")], "line 2: "),
    ] {
        let notes = told(&entries);
        assert_eq!(notes.len(), 1);
        assert!(notes[0].starts_with(says), "{notes:?}");
    }
    let many: Vec<_> = (0..5).map(|n| entry(&format!("a{n}"), "")).collect();
    let notes = told(&many);
    assert!(
        notes[0].contains("\"a0\", \"a1\", \"a2\" and 2 more"),
        "{notes:?}"
    );
}
