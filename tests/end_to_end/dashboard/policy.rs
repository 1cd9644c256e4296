//! The dashboard's page of the policy, over HTTP with the real binaries.

use std::fs;

use axis_tests::{Home, Host, Upstream, Visitor, canary, wait_for};
use serde_json::json;

const POLICY: &str = "policies:
  - identity: local-dev
    rateLimit: { requestsPerMinute: 30 }
    allow:
      - service: github
        actions: [repos.get]
        params: { owner: acme }
      - { service: github, actions: [issues.create], ask: true, ttl: 60 }
    deny:
      - { service: github, actions: [repos.delete] }
";

/// The part of `page` from `start` on.
#[track_caller]
fn from<'p>(page: &'p str, start: &str) -> &'p str {
    let at = page.find(start);
    &page[at.unwrap_or_else(|| panic!("{start} in {page}"))..]
}

#[test]
fn the_rules_stand_there_in_words_with_their_lines_and_what_axisd_thinks_of_them() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("policy-page"), POLICY);
    let visitor = Visitor::of(&home);
    let page = visitor.get("/policy").body;
    for words in [
        "At most 30 calls in any 60 s over all its calls.",
        "the param <code><bdi>owner</bdi></code> is <code><bdi>acme</bdi></code>",
        "each call waits until it is approved",
        "after a success not again for 60 s",
        "never</span>",
        "href=\"#L10\"",
        "id=\"L10\"",
        "not sealed",
    ] {
        assert!(page.contains(words), "{words} in {page}");
    }

    // a mistake is shown with its line, beside what is in force
    fs::write(
        home.file("policy.yaml"),
        "policies:\n  - identity: local-dev\n    alow: [<script>]\n",
    )
    .unwrap();
    let page = wait_for("the mistake", || {
        let page = visitor.get("/policy").body;
        page.contains("policy.yaml:3:5").then_some(page)
    });
    assert!(page.contains("The last good version counts"), "{page}");
    assert!(
        page.contains("&lt;script&gt;") && !page.contains("[<script>"),
        "{page}"
    );
    assert!(page.contains("<bdi>repos.get</bdi>"), "{page}");

    // none at all
    fs::remove_file(home.file("policy.yaml")).unwrap();
    let page = wait_for("the deletion", || {
        let page = visitor.get("/policy").body;
        page.contains("every call is denied").then_some(page)
    });
    assert!(page.contains("axis init"), "{page}");
}

#[test]
fn a_what_if_is_answered_as_axis_policy_explain_does() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("what-if"), POLICY);
    let visitor = Visitor::of(&home);
    for (action, words, decision) in [
        ("repos.get", vec!["owner=acme", "repo=axis"], "allowed"),
        ("repos.get", vec!["owner=evil", "repo=axis"], "denied"),
        (
            "issues.create",
            vec!["owner=a", "repo=b", "title=c"],
            "allowed once you approve it",
        ),
        ("repos.delete", vec![], "denied"),
        ("pulls.create", vec![], "denied"),
    ] {
        let mut arguments = vec!["policy", "explain", "github", action, "--json"];
        arguments.extend(&words);
        let explained = home.axis_without_password(&arguments).json();
        let params = words.join("%0A");
        let path = format!(
            "/policy?identity=local-dev&service=github&action={action}&params={params}&socket="
        );
        let page = visitor.get(&path);
        assert_eq!(page.status, 200);
        let verdict = from(&page.body, "class=\"verdict\"");
        let verdict = verdict.split("</section>").next().unwrap();
        assert!(verdict.contains(&format!("{decision}</span>")), "{verdict}");
        for part in ["reason", "hint"] {
            let Some(text) = explained[part].as_str() else {
                continue;
            };
            let text = text.replace('"', "&quot;");
            assert!(verdict.contains(&text), "{text} in {verdict}");
        }
        if let Some(line) = explained["line"].as_u64() {
            assert!(verdict.contains(&format!("href=\"#L{line}\"")), "{verdict}");
        }
        assert_eq!(
            verdict.contains("30 calls in any 60 s"),
            explained["requests_per_minute"] == 30
        );
    }
    assert!(upstream.requests().is_empty(), "no call is made");
}

#[test]
fn a_mistyped_question_is_told_beside_its_field() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("mistyped"), POLICY);
    let visitor = Visitor::of(&home);
    for (query, field, words) in [
        ("service=githb&action=repos.get", "if-service", "github"),
        (
            "service=&action=repos.get",
            "if-service",
            "Name the service",
        ),
        ("service=github&action=repos.gt", "if-action", "repos.get"),
        ("service=github&action=", "if-action", "Name the action"),
        (
            "service=github&action=repos.get&params=%7B%22a%22",
            "if-params",
            "line 1 column",
        ),
        (
            "service=github&action=repos.get&params=owner",
            "if-params",
            "key=value",
        ),
        (
            "service=%3Cscript%3E&action=x",
            "if-service",
            "&lt;script&gt;",
        ),
    ] {
        let page = visitor.get(&format!("/policy?{query}"));
        assert_eq!(page.status, 200, "{query}: {page:?}");
        let problem = from(&page.body, &format!("id=\"{field}-problem\""));
        let problem = problem.split("</span></span>").next().unwrap();
        assert!(problem.contains(words), "{query}: {problem}");
        assert!(!page.body.contains("class=\"verdict\""), "{query}");
        assert!(!page.body.contains("<script>"), "{query}");
    }
}

#[test]
fn what_was_denied_is_told_with_what_would_allow_it() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("denied"), POLICY);
    let mut host = Host::connect(&home, "local-dev");
    let denied = host.execute("github", "pulls.create", &json!({}));
    assert_eq!(denied["denied"], true, "{denied}");
    let denied = host.execute(
        "github",
        "repos.get",
        &json!({"owner": "evil", "repo": "axis"}),
    );
    assert_eq!(denied["denied"], true, "{denied}");
    let visitor = Visitor::of(&home);
    let page = visitor.get("/policy").body;
    let table = from(&page, "class=\"checks denials\"");
    let table = table.split("</table>").next().unwrap();
    assert!(table.contains("axis allow github pulls.create"), "{table}");
    // a rule is near, whose terms a wider one would undo
    assert!(!table.contains("axis allow github repos.get"), "{table}");
}

#[test]
fn a_seal_is_shown_with_its_difference_and_while_it_is_locked() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("sealed-page"), POLICY);
    home.axis(&["policy", "seal"]).ok();
    let visitor = Visitor::of(&home);
    let page = visitor.get("/policy").body;
    assert!(
        from(&page, "policy-standing").contains("sealed</span>"),
        "{page}"
    );
    let wider = POLICY.replace("[repos.get]", "[repos.get, \"pulls.*\"]");
    fs::write(home.file("policy.yaml"), wider).unwrap();
    let page = wait_for("the difference", || {
        let page = visitor.get("/policy").body;
        page.contains("differ from what is sealed").then_some(page)
    });
    for words in [
        "class=\"added\"",
        "class=\"removed\"",
        "would be allowed and isn't",
        "axis policy seal",
    ] {
        assert!(page.contains(words), "{words} in {page}");
    }
    // what counts is what is sealed
    assert!(
        !from(&page, "id=\"rules\"").contains("<bdi>pulls.*</bdi></code>"),
        "{page}"
    );

    home.kill();
    let down = visitor.get("/policy");
    assert_eq!(down.status, 503);
    assert!(down.body.contains("data-down"), "{down:?}");
    home.axis_without_password(&["daemon", "start"]);
    let locked = wait_for("axisd to be back", || {
        let page = visitor.get("/policy");
        (page.status == 200).then_some(page.body)
    });
    assert!(locked.contains("axis unlock"), "{locked}");
    assert!(locked.contains("Nothing is known of it"), "{locked}");
}
