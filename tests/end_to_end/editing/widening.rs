//! A command never allows more than it was asked for, and never says "denied"
//! of what somebody may still do.

use std::fs;
use std::process::Command;

use serde_json::json;

use super::{decision, text};
use axis_tests::{Home, PASSWORD, run};

fn with(policy: &str) -> Home {
    let home = Home::ready();
    home.policy(policy);
    home
}

/// Runs it on a policy that it has to leave as it is, and gives what it said.
fn refused(home: &Home, arguments: &[&str], line: &str) -> String {
    let before = text(home);
    let ran = home.axis(arguments);
    assert_eq!(ran.code(), 1, "{arguments:?}: {ran:?}");
    assert!(
        ran.stderr.contains(line) && ran.stderr.contains("axis policy edit"),
        "{arguments:?}: {}",
        ran.stderr
    );
    assert_eq!(text(home), before, "{arguments:?}");
    ran.stderr
}

#[test]
fn a_deny_rule_stays_where_a_wider_rule_would_allow_more_than_was_asked_for() {
    let home = with(
        "policies:
  - identity: local-dev
    allow:
      - { service: github, actions: ['*'] }
    deny:
      - { service: github, actions: [issues.create] }
      - { service: github, actions: ['pulls.*'] }
",
    );
    let one = ["allow", "github", "issues.create"];
    for narrow in [
        &[
            "--param",
            "owner=acme",
            "--ask",
            "--ttl",
            "60",
            "--for",
            "2h",
        ][..],
        &["--for", "2s"],
        &["--param", "owner=acme"],
    ] {
        let said = refused(&home, &[&one, narrow].concat(), "line 4 ");
        assert!(said.contains("without these terms"), "{said}");
    }
    refused(
        &home,
        &["allow", "github", "pulls.*", "--effect", "read"],
        "line 4 ",
    );
    // terms that hold for every call come first, and decide
    home.axis(&["allow", "github", "issues.create", "--ask"])
        .ok();
    let said = decision(&home, "github", "issues.create", &[]);
    assert_eq!(said["decision"], "ask", "{said}");
    let said = decision(&home, "github", "pulls.create", &[]);
    assert_eq!(said["decision"], "deny", "{said}");
}

#[test]
fn a_deny_rule_stays_where_a_rule_for_other_params_would_decide_first() {
    let home = with(
        "policies:
  - identity: local-dev
    allow:
      - { service: github, actions: [issues.create], params: { owner: acme } }
    deny:
      - { service: github, actions: [issues.create] }
",
    );
    refused(
        &home,
        &["allow", "github", "issues.create", "--ask"],
        "line 4 ",
    );
    // nothing narrows this: what allows some of it may do so again
    home.axis(&["allow", "github", "issues.create"]).ok();
    let said = decision(&home, "github", "issues.create", &[]);
    assert_eq!(said["decision"], "allow", "{said}");
}

#[test]
fn a_wide_rule_takes_no_approval_ttl_limit_or_credential_from_a_stricter_one() {
    for (term, name) in [
        ("ask: true", "approval"),
        ("ttl: 900", "ttl"),
        ("rateLimit: { requestsPerMinute: 2 }", "limit"),
        ("credential: work", "credential"),
    ] {
        let home = with(&format!(
            "policies:
  - identity: local-dev
    allow:
      - {{ service: github, actions: [repos.get], until: '2999-01-01T00:00:00Z' }}
      - {{ service: github, actions: [issues.create], {term} }}
"
        ));
        let said = refused(&home, &["allow", "github"], "line 5 ");
        assert!(said.contains(name), "{said}");
    }
    let home = with(
        "policies:
  - identity: local-dev
    allow:
      - { service: github, actions: [issues.create], ask: true }
      - { service: github, actions: ['issues.*'] }
",
    );
    refused(
        &home,
        &["allow", "github", "issues.*", "--ttl", "60"],
        "line 4 ",
    );
    home.axis(&["allow", "github", "issues.*", "--ttl", "60", "--ask"])
        .ok();
    let said = decision(&home, "github", "issues.create", &[]);
    assert_eq!(
        (&said["decision"], &said["ttl"]),
        (&json!("ask"), &json!(60))
    );
}

#[test]
fn a_wide_rule_takes_no_approval_from_a_rule_for_some_params() {
    let policy = "policies:
  - identity: local-dev
    allow:
      - { service: github, actions: [repos.get], until: '2999-01-01T00:00:00Z' }
      - { service: github, actions: [issues.create], params: { owner: acme } }
      - { service: github, actions: [issues.create], params: { owner: other }, ask: true }
";
    let home = with(policy);
    refused(&home, &["allow", "github"], "line 6 ");
    // behind them it takes nothing away
    home.axis(&["allow", "github", "issues.create"]).ok();
    let params = ["--params", "{\"owner\":\"other\"}"];
    let said = decision(&home, "github", "issues.create", &params);
    assert_eq!(said["decision"], "ask", "{said}");
    // the own entry's rules come before those of "*"
    home.policy(&policy.replace("local-dev", "'*'"));
    refused(&home, &["allow", "github", "issues.create"], "line 6 ");
}

#[test]
fn what_anyone_is_denied_no_identity_may_do() {
    let home = with(
        "policies:
  - identity: ci-runner
    allow:
      - { service: github, actions: ['repos.*'] }
  - identity: '*'
    allow:
      - { service: stripe, actions: ['*'] }
",
    );
    let deny = ["deny", "github", "repos.delete", "--identity", "*"];
    home.axis(&deny).ok();
    let ci = ["--identity", "ci-runner"];
    let said = decision(&home, "github", "repos.delete", &ci);
    assert_eq!(said["decision"], "deny", "{said}");
    let said = decision(&home, "github", "repos.get", &ci);
    assert_eq!(said["decision"], "allow", "{said}");
    let again = home.axis(&deny).ok();
    assert!(again.stdout.contains("Denied already"), "{again:?}");
}

#[test]
fn what_is_allowed_on_an_own_socket_only_is_not_denied_already() {
    let home = with(
        "policies:
  - identity: ci-runner
    allow: []
  - identity: '*'
    socket: required
    allow:
      - { service: github, actions: ['repos.*'] }
",
    );
    let deny = ["deny", "github", "repos.delete", "--identity", "ci-runner"];
    home.axis(&deny).ok();
    let own = ["--identity", "ci-runner", "--socket", "own"];
    let said = decision(&home, "github", "repos.delete", &own);
    assert_eq!(said["decision"], "deny", "{said}");
}

#[test]
fn who_has_a_deny_rule_of_his_own_is_named_where_anyone_is_allowed() {
    let home = with(
        "policies:
  - identity: ci-runner
    deny:
      - { service: github, actions: ['repos.*'] }
  - identity: '*'
    allow:
      - { service: stripe, actions: ['*'] }
",
    );
    for said in ["Allowed, and in force", "Allowed already"] {
        let ran = home
            .axis(&["allow", "github", "repos.get", "--identity", "*"])
            .ok();
        assert!(ran.stdout.contains(said), "{ran:?}");
        assert!(ran.stdout.contains("but not ci-runner: line 4"), "{ran:?}");
    }
}

#[test]
fn a_deny_rule_that_will_end_is_no_denial_already() {
    let home = with(
        "policies:
  - identity: local-dev
    allow:
      - { service: github, actions: ['*'] }
    deny:
      - { service: github, actions: [issues.create], until: '2999-01-01T00:00:00Z' }
",
    );
    let ran = home.axis(&["deny", "github", "issues.create"]).ok();
    assert!(ran.stdout.contains("Denied, and in force"), "{ran:?}");
    let without = text(&home).replace("until: '2999", "until: '2020");
    assert_ne!(without, text(&home));
    let again = home.axis(&["deny", "github", "issues.create"]).ok();
    assert!(again.stdout.contains("Denied already"), "{again:?}");
    home.policy(&without);
    let said = decision(&home, "github", "issues.create", &[]);
    assert_eq!(said["decision"], "deny", "{said}");
}

#[test]
fn a_sealed_change_is_no_failure_where_only_the_file_can_not_be_written() {
    let home = with("policies: [{ identity: local-dev, allow: [] }]\n");
    home.axis(&["policy", "seal"]).ok();
    let before = text(&home);
    let axis = home.command("axis");
    let mut command = Command::new("/bin/sh");
    // no file that it writes can hold a byte
    command
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"")
        .arg(axis.get_program())
        .args(["allow", "github", "repos.get"])
        .env("AXIS_MASTER_PASSWORD", PASSWORD);
    for (name, value) in axis.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let ran = run(command, "").ok();
    assert!(
        ran.stderr.contains("sealed and in force") && ran.stderr.contains("axis policy seal"),
        "{ran:?}"
    );
    assert!(!ran.stderr.contains("again"), "{ran:?}");
    assert_eq!(
        fs::read_to_string(home.file("policy.yaml")).unwrap(),
        before
    );
    let said = decision(&home, "github", "repos.get", &[]);
    assert_eq!(said["decision"], "allow", "{said}");
}
