//! policy.yaml as `axis allow`, `axis deny` and `axis policy edit` change it.

mod widening;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use axis_tests::{Home, Host, Ran, Upstream, canary};
use serde_json::json;

const POLICY: &str = "# mine
policies:
  - identity: local-dev  # me

    rateLimit: { requestsPerMinute: 1000 }
    allow:
      # reading
      - service: github
        actions: [repos.get, issues.list]   # both
      - { service: stripe, actions: ['*'] }
      # - { service: openai, actions: [off] }
    deny:
      - service: github
        actions: [issues.create]
      # never
      - { service: github, actions: ['pulls.*'] }
# the end
";

fn home() -> Home {
    let home = Home::ready();
    home.policy(POLICY);
    home
}

fn text(home: &Home) -> String {
    fs::read_to_string(home.file("policy.yaml")).unwrap()
}

fn decision(home: &Home, service: &str, action: &str, more: &[&str]) -> serde_json::Value {
    let all = ["policy", "explain", service, action, "--json"];
    home.axis(&[&all, more].concat()).json()
}

/// Runs it on a policy, and gives the lines that came and went.
fn changed(home: &Home, arguments: &[&str]) -> (Vec<String>, Vec<String>) {
    let before = text(home);
    home.axis(arguments).ok();
    let after = text(home);
    let missing = |from: &str, of: &str| {
        let mut lines: Vec<_> = from.lines().map(ToOwned::to_owned).collect();
        for line in of.lines() {
            if let Some(at) = lines.iter().position(|it| it == line) {
                lines.remove(at);
            }
        }
        lines
    };
    (missing(&after, &before), missing(&before, &after))
}

#[test]
fn a_rule_is_added_and_every_line_that_stood_there_stands() {
    let home = home();
    home.axis(&[
        "allow",
        "github",
        "gists.create",
        "--ttl",
        "300",
        "--per-minute",
        "5",
        "--ask",
        "--credential",
        "work",
        "--param",
        "public=false",
    ])
    .ok();
    let before = "      - { service: stripe, actions: ['*'] }\n";
    let rule = "      - service: github
        actions: [\"gists.create\"]
        params: { \"public\": false }
        ttl: 300
        ask: true
        rateLimit: { requestsPerMinute: 5 }
        credential: work
";
    let expected = POLICY.replace(before, &format!("{before}{rule}"));
    assert_eq!(text(&home), expected);
    let said = decision(
        &home,
        "github",
        "gists.create",
        &["--params", "{\"public\":false}"],
    );
    assert_eq!(said["ttl"], 300);
    assert_eq!(said["credential"], "work");
    assert_eq!(said["rule_requests_per_minute"], 5);
    // the same again changes nothing
    let before = text(&home);
    let again = home.axis(&[
        "allow",
        "github",
        "gists.create",
        "--ttl",
        "300",
        "--param",
        "public=false",
    ]);
    assert!(again.ok().stdout.contains("Allowed already"));
    assert_eq!(text(&home), before);
}

#[test]
fn what_is_allowed_on_other_terms_gets_a_rule_before_the_one_that_decides() {
    let home = home();
    let already = home
        .axis(&["allow", "github", "repos.get", "issues.list"])
        .ok();
    assert!(already.stdout.contains("line 8"), "{}", already.stdout);
    let (came, went) = changed(&home, &["allow", "github", "repos.get", "--ttl", "60"]);
    assert_eq!((came.len(), went.len()), (3, 0));
    assert_eq!(decision(&home, "github", "repos.get", &[])["ttl"], 60);
    assert_eq!(
        decision(&home, "github", "issues.list", &[])["ttl"],
        json!(null)
    );
    let (came, _) = changed(&home, &["allow", "github", "issues.get", "--for", "2h"]);
    let until = came.iter().find(|line| line.contains("until: ")).unwrap();
    assert!(until.ends_with('Z'), "{until}");
}

#[test]
fn of_changes_at_once_each_is_in_the_file_or_says_that_it_is_not() {
    let home = home();
    let actions = ["gists.create", "gists.get", "gists.list", "gists.update"];
    std::thread::scope(|scope| {
        let runs = actions.map(|action| {
            let home = &home;
            (
                action,
                scope.spawn(move || home.axis(&["allow", "github", action])),
            )
        });
        for (action, run) in runs {
            let ran = run.join().unwrap();
            // the next one may have written before axisd looked, never over it
            let is_there = text(&home).contains(&format!("\"{action}\""));
            let was_refused = ran.stderr.contains("it was left as it is");
            assert!(is_there != was_refused, "{action}: {ran:#?}");
        }
    });
}

#[test]
fn an_exact_deny_goes_and_a_broader_one_is_named_with_its_line() {
    let home = home();
    let refused = home.axis(&["allow", "github", "issues.create", "pulls.get"]);
    assert_eq!(refused.code(), 1, "{refused:?}");
    assert!(refused.stderr.contains("line 16 "), "{}", refused.stderr);
    assert_eq!(text(&home), POLICY);

    let (_, went) = changed(&home, &["allow", "github", "issues.create"]);
    assert_eq!(
        went,
        ["        actions: [issues.create]"],
        "its service line is that of the new rule"
    );
    let said = decision(&home, "github", "issues.create", &[]);
    assert_eq!(said["decision"], "allow");
}

#[test]
fn a_denial_takes_rules_out_and_adds_one_where_something_else_still_allows() {
    let home = home();
    let (came, went) = changed(&home, &["deny", "github", "issues.list"]);
    assert_eq!(came, ["        actions: [repos.get]   # both"]);
    assert_eq!(went.len(), 1);
    let (came, went) = changed(&home, &["deny", "stripe"]);
    assert_eq!(came, Vec::<String>::new());
    assert_eq!(went, ["      - { service: stripe, actions: ['*'] }"]);
    let again = home.axis(&["deny", "stripe"]).ok();
    assert!(again.stdout.contains("Denied already"), "{}", again.stdout);

    home.policy(
        "policies:\n- identity: '*'\n  allow: [{service: '*', actions: ['*', http.get]}] # all\n",
    );
    let (came, went) = changed(&home, &["deny", "github", "--identity", "ci-runner"]);
    assert_eq!(went, Vec::<String>::new());
    assert!(
        came.iter().any(
            |line| line.contains("\"*\", \"http.get\"") || line.contains("\"http.get\", \"*\"")
        ),
        "{came:?}"
    );
    for action in ["repos.get", "http.get"] {
        let said = decision(&home, "github", action, &["--identity", "ci-runner"]);
        assert_eq!(said["decision"], "deny", "{said}");
        let said = decision(&home, "github", action, &["--identity", "other"]);
        assert_eq!(said["decision"], "allow", "{said}");
    }
    home.axis(&["deny", "github", "repos.get", "--identity", "*"])
        .ok();
    let said = decision(&home, "github", "repos.get", &["--identity", "other"]);
    assert_eq!(said["decision"], "deny");
}

#[test]
fn typos_are_errors_with_the_nearest_names_and_change_nothing() {
    let home = home();
    for (arguments, near) in [
        (&["allow", "githbu"][..], "github"),
        (&["allow", "github", "issues.creat"], "issues.create"),
        (&["allow", "github", "isues.*"], "github"),
        (&["deny", "strpe"], "stripe"),
        (&["deny", "github", "repos.delet"], "repos.delete"),
        (
            &["allow", "github", "repos.get", "--param", "owner"],
            "key=value",
        ),
        (
            &["allow", "github", "repos.get", "--ttl", "0"],
            "whole number of seconds",
        ),
    ] {
        let refused = home.axis(arguments);
        assert_ne!(refused.code(), 0, "{arguments:?}");
        assert!(
            refused.stderr.contains(near),
            "{arguments:?}: {}",
            refused.stderr
        );
        assert_eq!(text(&home), POLICY);
    }
}

#[test]
fn a_link_stays_a_link_the_mode_stays_and_line_ends_stay() {
    let home = home();
    let real = home.file("real.yaml");
    let crlf = POLICY.replace('\n', "\r\n");
    fs::write(&real, &crlf).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    fs::remove_file(home.file("policy.yaml")).unwrap();
    symlink(&real, home.file("policy.yaml")).unwrap();
    home.axis(&["allow", "github", "gists.create"]).ok();
    assert!(home.file("policy.yaml").is_symlink());
    let mode = fs::metadata(&real).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o640);
    let new = fs::read_to_string(&real).unwrap();
    assert_eq!(new.matches('\n').count(), new.matches("\r\n").count());
    assert_eq!(
        new.len(),
        crlf.len() + "      - service: github\r\n        actions: [\"gists.create\"]\r\n".len()
    );
}

#[test]
fn without_a_file_the_first_one_is_made_with_the_rule_in_it() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("first"), POLICY);
    fs::remove_file(home.file("policy.yaml")).unwrap();
    home.axis(&[
        "allow",
        "github",
        "issues.create",
        "--identity",
        "new-agent",
    ])
    .ok();
    assert!(text(&home).starts_with("# What agents may do through Axis."));
    let mut host = Host::connect(&home, "new-agent");
    let issue = json!({"owner": "a", "repo": "b", "title": "t"});
    assert_eq!(host.execute("github", "issues.create", &issue)["ok"], true);
}

/// Runs `axis policy edit` with `script` as the editor; its first argument is
/// the copy.
fn edit(home: &Home, script: &str) -> Ran {
    let editor = home.file("editor");
    fs::write(&editor, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = home.command("axis");
    command
        .args(["policy", "edit"])
        .env("AXIS_MASTER_PASSWORD", axis_tests::PASSWORD)
        .env("EDITOR", &editor);
    axis_tests::run(command, "")
}

#[test]
fn the_editor_gets_a_copy_and_a_mistake_is_not_saved_without_asking() {
    let home = home();
    let ran = edit(&home, "sed -i 's/stripe/openai/' \"$1\"").ok();
    assert!(ran.stdout.contains("in force"), "{ran:?}");
    assert_eq!(text(&home), POLICY.replacen("stripe", "openai", 1));
    let ran = edit(&home, "true").ok();
    assert!(ran.stdout.contains("Nothing was changed"), "{ran:?}");
    let before = text(&home);
    let broken = edit(&home, "sed -i 's/allow:/alow:/' \"$1\"");
    assert_ne!(broken.code(), 0);
    assert!(
        broken.stderr.contains("did you mean \"allow\"")
            && broken.stderr.contains("nothing was saved"),
        "{broken:?}"
    );
    assert_eq!(text(&home), before);
    // who comes in between is not overwritten
    let policy = home.file("policy.yaml").display().to_string();
    let raced = edit(
        &home,
        &format!("echo '# theirs' >> {policy}; echo '# mine too' >> \"$1\""),
    );
    assert_ne!(raced.code(), 0);
    assert!(raced.stderr.contains("meanwhile"), "{raced:?}");
    assert_eq!(text(&home), format!("{before}# theirs\n"));
}

#[test]
fn a_sealed_policy_is_sealed_with_the_change_and_nothing_else_rides_along() {
    let home = home();
    home.axis(&["policy", "seal"]).ok();
    let none = home.axis_without_password(&["allow", "github", "gists.create"]);
    assert_ne!(none.code(), 0);
    assert_eq!(text(&home), POLICY);
    home.axis(&["allow", "github", "gists.create"]).ok();
    assert_eq!(
        decision(&home, "github", "gists.create", &[])["decision"],
        "allow"
    );
    let differs = home
        .axis(&["policy", "seal", "--dry-run", "--json"])
        .ok()
        .json();
    assert_eq!(differs["differences"], json!([]), "{differs}");

    let mine = text(&home);
    fs::write(
        home.file("policy.yaml"),
        mine.replace("[repos.get, issues.list]", "['*']"),
    )
    .unwrap();
    for arguments in [
        &["allow", "github", "gists.get"][..],
        &["deny", "stripe"],
        &["policy", "edit"],
    ] {
        let refused = home.axis(arguments);
        assert_eq!(refused.code(), 1, "{refused:?}");
        assert!(
            refused.stderr.contains("axis policy seal"),
            "{}",
            refused.stderr
        );
    }
    assert_eq!(
        decision(&home, "github", "repos.delete", &[])["decision"],
        "deny"
    );
    fs::write(home.file("policy.yaml"), mine).unwrap();
    home.axis(&["deny", "stripe"]).ok();
    assert_eq!(
        decision(&home, "stripe", "customers.list", &[])["decision"],
        "deny"
    );
}
