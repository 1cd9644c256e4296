//! Calls that wait, answered in the dashboard, over HTTP with the real binaries.

use axis_tests::{Home, Host, PASSWORD, Upstream, Visitor, Wire, canary, wait_for};
use serde_json::{Value, json};

const ASK: &str = "policies:
  - identity: local-dev
    allow:
      - { service: github, actions: [repos.get] }
      - { service: github, actions: [issues.create], ask: true }
";

/// The form of /approvals.
trait Answering {
    /// Sends it with this session's token; what comes of it, where it was
    /// refused the page that says so.
    fn answer(&self, fields: &[(&str, &str)]) -> Wire;
    /// Sends these fields and nothing else.
    fn answer_bare(&self, fields: &[(&str, &str)]) -> Wire;
}

impl Answering for Visitor {
    fn answer(&self, fields: &[(&str, &str)]) -> Wire {
        let token = self.csrf();
        let mut all = vec![("csrf", token.as_str()), ("back", "/policy")];
        all.extend(fields);
        let answer = self.answer_bare(&all);
        assert_eq!(answer.status, 303, "{answer:?}");
        match answer.header("location") {
            // so that loading the page again sends nothing again
            Some("/approvals") => self.get("/approvals"),
            _ => answer,
        }
    }

    fn answer_bare(&self, fields: &[(&str, &str)]) -> Wire {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.post("/approvals", &form.finish())
    }
}

/// Whether an answer leads back to where the form said.
#[track_caller]
fn assert_led_back(answer: &Wire) {
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(answer.header("location"), Some("/policy"));
}

/// A home, its upstream and an agent's host.
fn scene(upstream: &Upstream) -> (Home, Host, Visitor) {
    let home = Home::with_github(upstream, &canary("dashboard"), ASK);
    let host = Host::connect(&home, "local-dev");
    let visitor = Visitor::of(&home);
    (home, host, visitor)
}

fn create(host: &mut Host, title: &str) -> u64 {
    host.start_execute_with(
        "github",
        "issues.create",
        &json!({"owner": "acme", "repo": "axis", "title": title}),
        &json!({"_meta": {"progressToken": title}}),
    )
}

/// Waits until `count` calls wait; their ids.
fn wait_for_calls(home: &Home, count: usize) -> Vec<String> {
    wait_for("calls that wait", || {
        let listed = home.axis_without_password(&["approvals", "--json"]).ok();
        let waiting = listed.json().as_array().unwrap().clone();
        let id = |approval: &Value| approval["id"].as_str().unwrap().to_owned();
        (waiting.len() == count).then(|| waiting.iter().map(id).collect())
    })
}

#[test]
fn a_call_is_shown_whole_on_every_page_and_goes_out_once_approved() {
    let upstream = Upstream::friendly();
    let (home, mut host, visitor) = scene(&upstream);
    let empty = visitor.get("/approvals").body;
    assert!(empty.contains("No call waits for you"), "{empty}");
    assert!(
        empty.contains("ask: true"),
        "how calls come to wait: {empty}"
    );

    let call = create(&mut host, "<b>one</b>");
    let ids = wait_for_calls(&home, 1);
    for path in [
        "/",
        "/activity",
        "/services",
        "/policy",
        "/approvals",
        "/health",
    ] {
        let page = visitor.get(path).body;
        for words in [
            ids[0].as_str(),
            "local-dev",
            "issues.create",
            "&quot;&lt;b&gt;one&lt;/b&gt;&quot;",
            "/repos/acme/axis/issues",
            "a test asks for it",
            "by its own word",
            &format!("pid {}", host.pid()),
            "type=\"password\"",
        ] {
            assert!(page.contains(words), "{words} on {path}: {page}");
        }
        assert!(!page.contains("<b>one"), "{page}");
        assert_eq!(page.matches("id=\"ask-password\"").count(), 1, "{path}");
    }
    assert!(upstream.requests().is_empty());

    let approve = [
        ("id", &*ids[0]),
        ("lasts", "0"),
        ("password", PASSWORD),
        ("do", "approve"),
    ];
    assert_led_back(&visitor.answer(&approve));
    assert_eq!(host.executed(call)["ok"], true);
    assert_eq!(upstream.requests().len(), 1);
    // told once, to the page that the form led to
    let told = visitor.get("/policy").body;
    assert!(
        told.contains("Approved once: github issues.create for local-dev"),
        "{told}"
    );
    assert!(!visitor.get("/policy").body.contains("Approved once"));
    let answered = visitor.get("/approvals").body;
    assert!(answered.contains("approved</span>"), "{answered}");
    // the same form again is another question
    assert_eq!(visitor.answer(&approve).status, 409);
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn several_go_out_with_one_entry_and_a_grant_lasts_until_it_is_ended() {
    let upstream = Upstream::friendly();
    let (home, mut host, visitor) = scene(&upstream);
    let calls = [create(&mut host, "one"), create(&mut host, "two")];
    let ids = wait_for_calls(&home, 2);
    assert_led_back(&visitor.answer(&[
        ("id", &ids[0]),
        ("id", &ids[1]),
        ("lasts", "900"),
        ("password", PASSWORD),
        ("do", "approve"),
    ]));
    for call in calls {
        assert_eq!(host.executed(call)["ok"], true);
    }
    let third = create(&mut host, "three");
    assert_eq!(host.executed(third)["ok"], true, "the grant covers it");

    let page = visitor.get("/approvals").body;
    assert!(page.contains("Approved for 15 minutes"), "{page}");
    let mut grants = page.split("name=\"grant\" value=\"").skip(1);
    let grant = grants.next().unwrap().split('"').next().unwrap();
    assert_led_back(&visitor.answer(&[("grant", grant), ("do", "end")]));
    assert_eq!(
        visitor.answer(&[("grant", grant), ("do", "end")]).status,
        409
    );
    for rest in grants {
        let grant = rest.split('"').next().unwrap();
        assert_led_back(&visitor.answer(&[("grant", grant), ("do", "end")]));
    }
    create(&mut host, "four");
    wait_for_calls(&home, 1);
}

#[test]
fn a_wrong_password_is_said_beside_the_field_and_lets_nothing_out() {
    let upstream = Upstream::friendly();
    let (home, mut host, visitor) = scene(&upstream);
    create(&mut host, "one");
    let ids = wait_for_calls(&home, 1);
    let wrong = "a wrong password of mine";
    for (password, status, words) in [
        (wrong, 403, "wrong"),
        ("", 400, "Approving takes the master password."),
    ] {
        let page = visitor.answer(&[
            ("id", &ids[0]),
            ("lasts", "3600"),
            ("password", password),
            ("do", "approve"),
        ]);
        assert_eq!(page.status, status, "{page:?}");
        let problem = page.body.split("id=\"password-problem\"").nth(1).unwrap();
        let problem = problem.split("</p>").next().unwrap();
        assert!(problem.contains(words), "{problem}");
        // what was chosen stays, what was typed doesn't
        assert!(page.body.contains("value=\"3600\" selected"), "{page:?}");
        assert!(page.body.contains(" checked"), "{page:?}");
        assert!(!page.body.contains(wrong), "{page:?}");
    }
    assert!(upstream.requests().is_empty());
    wait_for_calls(&home, 1);
}

#[test]
fn a_rejection_needs_no_password_and_its_reason_reaches_the_agent() {
    let upstream = Upstream::friendly();
    let (home, mut host, visitor) = scene(&upstream);
    let call = create(&mut host, "one");
    let ids = wait_for_calls(&home, 1);
    // Enter in the field of the reason presses Approve
    let entered = visitor.answer(&[
        ("id", &ids[0]),
        ("lasts", "0"),
        ("password", PASSWORD),
        ("reason", "not there"),
        ("do", "approve"),
    ]);
    assert_eq!(entered.status, 400);
    assert!(
        entered.body.contains("id=\"reason-problem\""),
        "{entered:?}"
    );
    assert!(entered.body.contains("value=\"not there\""), "{entered:?}");
    let long = "x".repeat(501);
    let told = visitor.answer(&[("id", &ids[0]), ("reason", &long), ("do", "reject")]);
    assert_eq!(told.status, 400);
    wait_for_calls(&home, 1);

    let reject = [("id", &*ids[0]), ("reason", "not there"), ("do", "reject")];
    assert_led_back(&visitor.answer(&reject));
    let answer = host.executed(call);
    assert_eq!(answer["denied"], true);
    assert!(
        answer["reason"].as_str().unwrap().ends_with("not there"),
        "{answer}"
    );
    assert!(upstream.requests().is_empty());
    let page = visitor.get("/approvals").body;
    assert!(page.contains("Rejected 1 call."), "{page}");
    assert!(
        page.contains("rejected</span>") && page.contains("not there"),
        "{page}"
    );
}

#[test]
fn all_that_is_ticked_goes_out_or_nothing() {
    let upstream = Upstream::friendly();
    let (home, mut host, visitor) = scene(&upstream);
    create(&mut host, "one");
    let first = wait_for_calls(&home, 1).remove(0);
    create(&mut host, "two");
    let ids = wait_for_calls(&home, 2);
    let other = ids.iter().find(|id| **id != first).unwrap();
    home.axis_without_password(&["reject", &first]).ok();
    let page = visitor.answer(&[
        ("id", &first),
        ("id", other),
        ("lasts", "0"),
        ("password", PASSWORD),
        ("do", "approve"),
    ]);
    assert_eq!(page.status, 409, "{page:?}");
    let problem = page.body.split("id=\"calls-problem\"").nth(1).unwrap();
    let problem = problem.split("</p>").next().unwrap();
    assert!(
        problem.contains(&format!("{first} doesn't wait")),
        "{problem}"
    );
    let tick = format!("id=\"tick-{other}\" checked");
    assert!(page.body.contains(&tick), "still ticked: {page:?}");
    assert!(upstream.requests().is_empty());

    let nothing = visitor.answer(&[("lasts", "0"), ("password", PASSWORD), ("do", "approve")]);
    assert_eq!(nothing.status, 400);
    assert!(nothing.body.contains("Nothing is ticked"), "{nothing:?}");
    assert!(upstream.requests().is_empty());
}

#[test]
fn a_form_of_elsewhere_does_nothing() {
    let upstream = Upstream::friendly();
    let (home, mut host, visitor) = scene(&upstream);
    create(&mut host, "one");
    let ids = wait_for_calls(&home, 1);
    for token in [None, Some(""), Some("0123456789abcdef")] {
        for act in ["approve", "reject"] {
            let mut fields = vec![
                ("id", &*ids[0]),
                ("lasts", "0"),
                ("password", PASSWORD),
                ("do", act),
            ];
            fields.extend(token.map(|token| ("csrf", token)));
            let refused = visitor.answer_bare(&fields);
            assert_eq!(refused.status, 403, "{act} with {token:?}: {refused:?}");
        }
    }
    wait_for_calls(&home, 1);
    assert!(upstream.requests().is_empty());
    // nor does a form lead to another site
    let led = visitor.answer(&[
        ("back", "//evil.example/"),
        ("id", &ids[0]),
        ("do", "reject"),
    ]);
    assert_eq!(led.header("location"), Some("/policy"), "the first counts");
}
