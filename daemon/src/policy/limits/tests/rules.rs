//! A rule's own limit, beside its entry's.

use super::*;

#[test]
fn a_rules_own_limit_counts_its_own_calls_beside_the_entrys() {
    let limits = Limits::new();
    let policy = policy(
        "policies:
- identity: a
  rateLimit: { requestsPerMinute: 3 }
  allow:
  - { service: github, actions: [x, y], rateLimit: { requestsPerMinute: 1 } }
  - { service: github, actions: [z] }
",
    );
    let call = |action, now| reserve(&limits, &policy, "a", action, now);
    call("x", at(0)).unwrap().commit(at(0));
    let denial = call("y", at(10)).unwrap_err();
    assert_eq!(denial.retry_after_s, 50);
    assert_eq!(
        denial.reason,
        r#"Rate limit exceeded for identity "a": 1 requests a minute under the rule in line 5; try again in 50s"#
    );
    call("z", at(10)).unwrap().commit(at(10));
    call("z", at(11)).unwrap().commit(at(11));
    let denial = call("z", at(12)).unwrap_err();
    assert!(denial.reason.contains("3 requests a minute;"), "{denial}");
    call("y", at(60)).unwrap().commit(at(60));
}

#[test]
fn a_rules_limit_outlives_a_restart_and_an_edit_of_what_it_grants() {
    let text = |limit: u32, before: &str| {
        format!(
            "policies:
- identity: a
  allow:
{before}  - {{ service: github, actions: [x], params: {{ repo: axis }}, rateLimit: {{ requestsPerMinute: {limit} }} }}
"
        )
    };
    let limits = Limits::new();
    let past = PastCall {
        identity: identity("a"),
        service: github(),
        action: "X".into(),
        started_ago: Duration::from_secs(10),
        succeeded_ago: None,
    };
    let first = policy(&text(1, ""));
    limits.rebuild(Some(&first), [past], at(0));
    assert!(reserve(&limits, &first, "a", "x", at(1)).is_err());
    let moved = policy(&text(1, "  - { service: github, actions: [z] }\n"));
    assert!(reserve(&limits, &moved, "a", "x", at(1)).is_err());
    let wider = policy(&text(2, ""));
    assert!(reserve(&limits, &wider, "a", "x", at(1)).is_ok());
}
