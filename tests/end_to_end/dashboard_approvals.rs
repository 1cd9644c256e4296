//! Calls that wait, answered in the dashboard, over HTTP with the real binaries.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use axis_tests::{Home, Host, PASSWORD, PATIENCE, Upstream, canary, wait_for};
use serde_json::{Value, json};

const ASK: &str = "policies:
  - identity: local-dev
    allow:
      - { service: github, actions: [repos.get] }
      - { service: github, actions: [issues.create], ask: true }
";

/// A signed-in browser that fills in forms.
pub struct Visitor {
    dashboard: Child,
    port: u16,
    cookie: String,
}

/// A page as it came.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Visitor {
    /// Starts a dashboard and follows its link. The dashboard has no password.
    pub fn of(home: &Home) -> Self {
        let mut dashboard = home
            .command("axis")
            .args(["dashboard", "--no-open", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut link = String::new();
        let stdout = dashboard.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut link).unwrap();
        let rest = link.trim().strip_prefix("http://127.0.0.1:").unwrap();
        let (port, path) = rest.split_once('/').unwrap();
        let mut visitor = Self {
            dashboard,
            port: port.parse().unwrap(),
            cookie: String::new(),
        };
        let opened = visitor.send("GET", &format!("/{path}"), "");
        let cookie = opened.header("set-cookie: ").unwrap();
        cookie
            .split(';')
            .next()
            .unwrap()
            .clone_into(&mut visitor.cookie);
        visitor
    }

    /// The page at `path`.
    pub fn get(&self, path: &str) -> Page {
        self.send("GET", path, "")
    }

    /// Sends the form of /approvals with this page's token.
    pub fn answer(&self, fields: &[(&str, &str)]) -> Page {
        let page = self.get("/approvals").body;
        let token = page.split("name=\"csrf\" value=\"").nth(1).unwrap();
        let token = token.split('"').next().unwrap();
        let mut all = vec![("csrf", token), ("back", "/policy")];
        all.extend(fields);
        self.post(&all)
    }

    /// Sends these fields to /approvals and nothing else.
    fn post(&self, fields: &[(&str, &str)]) -> Page {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.send("POST", "/approvals", &form.finish())
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Page {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (port, cookie, length) = (self.port, &self.cookie, body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
             Cookie: {cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Page {
            status: head[9..12].parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        let _ = self.dashboard.kill();
        let _ = self.dashboard.wait();
    }
}

impl Page {
    fn header(&self, start: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(start))
    }

    /// Itself, if it leads back to where the form said.
    #[track_caller]
    fn led_back(self) -> Self {
        assert_eq!(self.status, 303, "{self:?}");
        assert_eq!(self.header("location: "), Some("/policy"));
        self
    }
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
    visitor.answer(&approve).led_back();
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
    visitor
        .answer(&[
            ("id", &ids[0]),
            ("id", &ids[1]),
            ("lasts", "900"),
            ("password", PASSWORD),
            ("do", "approve"),
        ])
        .led_back();
    for call in calls {
        assert_eq!(host.executed(call)["ok"], true);
    }
    let third = create(&mut host, "three");
    assert_eq!(host.executed(third)["ok"], true, "the grant covers it");

    let page = visitor.get("/approvals").body;
    assert!(page.contains("Approved for 15 minutes"), "{page}");
    let mut grants = page.split("name=\"grant\" value=\"").skip(1);
    let grant = grants.next().unwrap().split('"').next().unwrap();
    visitor
        .answer(&[("grant", grant), ("do", "end")])
        .led_back();
    assert_eq!(
        visitor.answer(&[("grant", grant), ("do", "end")]).status,
        409
    );
    for rest in grants {
        let grant = rest.split('"').next().unwrap();
        visitor
            .answer(&[("grant", grant), ("do", "end")])
            .led_back();
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
    visitor.answer(&reject).led_back();
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
            let refused = visitor.post(&fields);
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
    assert_eq!(
        led.header("location: "),
        Some("/policy"),
        "the first counts"
    );
}
