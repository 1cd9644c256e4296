//! The dashboard's JSON, over HTTP, through the real binaries.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use axis_tests::{Home, Host, PASSWORD, PATIENCE, Upstream, canary};
use serde_json::{Value, json};

use crate::calls::ALLOW_GITHUB;

/// A running `axis dashboard`, with one browser signed in.
pub struct Dashboard {
    child: Child,
    port: u16,
    cookie: String,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// In lower case.
    head: String,
    pub body: String,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl Dashboard {
    pub fn open(home: &Home) -> Self {
        let mut child = home
            .command("axis")
            .args(["dashboard", "--no-open", "--port", "0"])
            .env("AXIS_MASTER_PASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut link = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut link).unwrap();
        let (port, path) = link
            .trim()
            .strip_prefix("http://127.0.0.1:")
            .and_then(|rest| rest.split_once('/'))
            .unwrap_or_else(|| panic!("{link:?}"));
        let mut dashboard = Self {
            child,
            port: port.parse().unwrap(),
            cookie: String::new(),
        };
        let opened = dashboard.ask("GET", &format!("/{path}"), "");
        let cookie = opened.header("set-cookie").unwrap();
        cookie
            .split_once(';')
            .unwrap()
            .0
            .clone_into(&mut dashboard.cookie);
        dashboard
    }

    /// What a request with these further lines in its head gets.
    pub fn ask(&self, method: &str, path: &str, lines: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n{lines}\r\n",
            self.port
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head[9..12].parse().unwrap(),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    /// The page or document, for the browser that is signed in.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &format!("Cookie: {}\r\n", self.cookie))
    }

    #[track_caller]
    fn document(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        answer.json()
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A home in which calls were made: two went out, one was denied.
pub fn home_with_calls(upstream: &Upstream, key: &str) -> Home {
    let home = Home::with_github(upstream, key, ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    let params = json!({"owner": "acme", "repo": "axis"});
    for action in ["repos.get", "repos.get", "repos.delete"] {
        host.execute("github", action, &params);
    }
    home
}

#[test]
fn each_document_is_what_the_command_prints() {
    let upstream = Upstream::friendly();
    let key = canary("api");
    let home = home_with_calls(&upstream, &key);
    let dashboard = Dashboard::open(&home);

    let mut said = home.axis(&["doctor", "--json"]).json();
    let mut shown = dashboard.document("/api/health");
    // how long axisd has run and the like differs from one look to the next
    for document in [&mut said, &mut shown] {
        for check in document["checks"].as_array_mut().unwrap() {
            check.as_object_mut().unwrap().remove("message");
        }
    }
    assert_eq!(shown, said);

    let mut services = dashboard.document("/api/services");
    let listed = home.axis(&["list", "--json"]).ok().json();
    assert_eq!(services["unlocked"], true);
    assert_eq!(services["credentials"], listed["credentials"]);
    assert_eq!(
        services["credentials"][0]["hosts"],
        json!([upstream.url().replace("http://", "")])
    );
    for service in services["services"].as_array_mut().unwrap() {
        let is_github = service["service"] == "github";
        let names = if is_github {
            json!(["github"])
        } else {
            json!([])
        };
        let service = service.as_object_mut().unwrap();
        assert_eq!(service.remove("has_credential"), Some(json!(is_github)));
        assert_eq!(service.remove("credentials"), Some(names));
    }
    let listed = home.axis(&["services", "list", "--json"]).ok().json();
    assert_eq!(services["services"], listed);

    let policy = dashboard.document("/api/policy");
    let said = home.axis(&["policy", "show", "--json"]).ok().json();
    for (field, value) in said.as_object().unwrap() {
        assert_eq!(policy[field], *value, "{field}");
    }
    assert_eq!(policy["text"], ALLOW_GITHUB);
    assert_eq!(policy["rules"], 1);
    assert_eq!(policy["warnings"], json!([]));

    let said = home.axis(&["logs", "stats", "--json"]).ok().json();
    assert_eq!(said["total"]["calls"], 3);
    assert_eq!(dashboard.document("/api/stats"), said);

    assert_eq!(
        dashboard.document("/api/approvals"),
        json!({"waiting": [], "grants": []})
    );
    let whole = ["health", "services", "policy", "stats", "logs", "approvals"];
    for name in whole {
        let document = dashboard.get(&format!("/api/{name}")).body;
        assert!(!document.contains(&key), "{name}");
    }
}

#[test]
fn the_log_is_filtered_and_paged_as_json() {
    let upstream = Upstream::friendly();
    let home = home_with_calls(&upstream, &canary("paged"));
    let dashboard = Dashboard::open(&home);
    let seqs = |path: &str| -> Vec<u64> {
        let document = dashboard.document(path);
        let lines = document["lines"].as_array().unwrap();
        lines
            .iter()
            .map(|line| line["seq"].as_u64().unwrap())
            .collect()
    };

    let all = seqs("/api/logs?last=1000");
    assert_eq!(all, (1..=all.len() as u64).collect::<Vec<_>>());
    let document = dashboard.document("/api/logs?last=1000");
    assert_eq!(document["before"], Value::Null);
    let printed = home.axis(&["logs", "--json"]).ok().stdout;
    let printed: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(document["lines"], json!(printed));

    // the parity of old: last, service and decision
    let document = dashboard.document("/api/logs?last=1&service=GitHub&decision=allow");
    assert_eq!(document["lines"][0]["action"], "repos.get");
    assert_eq!(document["lines"][0]["decision"], "allow");
    assert_eq!(seqs("/api/logs?service=github").len(), 5);
    assert_eq!(seqs("/api/logs?decision=deny&identity=local-dev").len(), 1);
    assert_eq!(seqs("/api/logs?action=repos.delete").len(), 1);
    assert_eq!(seqs("/api/logs?action=repos.get&event=started").len(), 2);
    assert_eq!(seqs("/api/logs?q=REPOS.delete").len(), 1);
    assert_eq!(seqs("/api/logs?since=2999-01-01T00:00:00Z").len(), 0);
    assert_eq!(seqs("/api/logs?since=1h&until=1h").len(), 0);
    assert_eq!(
        seqs("/api/logs?service=github&until=2999-01-01T00:00:00Z").len(),
        5
    );

    // page by page back to the first line
    let mut paged = Vec::new();
    let mut path = "/api/logs?last=2".to_owned();
    loop {
        let document = dashboard.document(&path);
        let mut page: Vec<u64> = seqs(&path);
        page.extend(paged);
        paged = page;
        let Some(before) = document["before"].as_u64() else {
            break;
        };
        path = format!("/api/logs?last=2&before={before}");
    }
    assert_eq!(paged, all);

    let times = dashboard.document("/api/stats?since=1h&stretch=1m");
    let sum: u64 = times["times"]
        .as_array()
        .unwrap()
        .iter()
        .map(|time| time["calls"].as_u64().unwrap())
        .sum();
    assert_eq!(sum, 3, "{times}");
    assert_eq!(times["services"][0]["service"], "github");
    assert_eq!(times["denials"][0]["action"], "repos.delete");
}

#[test]
fn a_damaged_line_is_given_as_one() {
    let home = Home::ready();
    let path = home.file("audit.jsonl");
    let mut log = fs::read(&path).unwrap();
    let damage = b"no \x1b[31mrecord";
    log[..damage.len()].copy_from_slice(damage);
    fs::write(&path, log).unwrap();
    let dashboard = Dashboard::open(&home);

    let document = dashboard.document("/api/logs?last=1000");

    let lines = document["lines"].as_array().unwrap();
    let damaged: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["damaged"].as_str())
        .collect();
    let [damaged] = damaged[..] else {
        panic!("{document}");
    };
    assert!(damaged.starts_with("no \\u001b[31mrecord"), "{damaged}");
}

#[test]
fn a_wrong_param_is_named_with_what_is_right() {
    let home = Home::ready();
    let dashboard = Dashboard::open(&home);
    for (path, param, right) in [
        ("logs?last=0", "last", "from 1 to 1000"),
        ("logs?last=1001", "last", "from 1 to 1000"),
        ("logs?last=ten", "last", "from 1 to 1000"),
        ("logs?before=-1", "before", "from 1 on"),
        ("logs?decision=alow", "decision", "allow, deny, error"),
        ("logs?event=ended", "event", "started, finished"),
        ("logs?since=yesterday", "since", "2h"),
        ("logs?until=soon", "until", "2h"),
        ("logs?servce=github", "servce", "service"),
        ("logs?q=a&q=b", "q", "once"),
        ("stats?last=5", "last", "stretch"),
        ("stats?stretch=1h", "stretch", "since=24h"),
        ("stats?since=1h&stretch=1s", "stretch", "longer"),
        ("stats?decision=maybe", "decision", "allow, deny, error"),
        ("health?online=1", "online", "none"),
        ("services?q=git", "q", "none"),
        ("policy?text=1", "text", "none"),
        ("approvals?id=1", "id", "none"),
    ] {
        let answer = dashboard.get(&format!("/api/{path}"));
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        let error = &answer.json()["error"];
        assert_eq!(error["param"], param, "{path}");
        let fix = error["fix"].as_str().unwrap();
        assert!(fix.contains(right), "{path}: {fix}");
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
}

#[test]
fn the_documents_are_for_those_who_may_read_and_for_nothing_else() {
    let home = Home::ready();
    let dashboard = Dashboard::open(&home);
    let token = home.axis(&["dashboard", "--token"]).ok().stdout;
    let bearer = |token: &str| format!("Authorization: Bearer {}\r\n", token.trim());
    let paths = ["health", "services", "logs", "policy", "stats", "approvals"];
    for path in paths.map(|name| format!("/api/{name}")) {
        for lines in [
            String::new(),
            bearer("guess"),
            bearer(""),
            "Cookie: axis_session_1=guess\r\n".to_owned(),
        ] {
            let answer = dashboard.ask("GET", &path, &lines);
            assert_eq!(answer.status, 401, "{path} {lines}");
            assert_eq!(answer.header("www-authenticate"), Some("bearer"));
            let message = answer.json()["error"]["message"].clone();
            assert!(message.as_str().unwrap().contains("axis dashboard --token"));
        }
        let answer = dashboard.ask("GET", &path, &bearer(&token));
        assert_eq!(answer.status, 200, "{path}");
        let head = dashboard.ask("HEAD", &path, &bearer(&token));
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let answer = dashboard.ask(method, &path, &bearer(&token));
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some("get, head"));
            assert!(answer.header("content-security-policy").is_some());
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    assert_eq!(dashboard.get("/api/secrets").status, 404);
    // a token reads documents; the pages and what they change need a session
    assert_eq!(dashboard.ask("GET", "/", &bearer(&token)).status, 401);
    let lock = dashboard.ask("POST", "/lock", &bearer(&token));
    assert_eq!(lock.status, 401, "{lock:?}");
}

#[test]
fn a_token_ends_with_its_axisd_and_a_dashboard_without_one_says_so() {
    let home = Home::ready();
    let dashboard = Dashboard::open(&home);
    let token = home.axis(&["dashboard", "--token"]).ok().stdout;
    let bearer = format!("Authorization: Bearer {}\r\n", token.trim());
    assert_eq!(dashboard.ask("GET", "/api/policy", &bearer).status, 200);

    home.kill();
    for answer in [
        dashboard.get("/api/policy"),
        dashboard.ask("GET", "/api/policy", &bearer),
    ] {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.json()["error"]["fix"], "axis daemon start");
        assert!(answer.header("content-security-policy").is_some());
    }

    let _axisd = home.axisd_unlocked();
    home.wait_until_up();
    assert_eq!(dashboard.ask("GET", "/api/policy", &bearer).status, 401);
    // the session is the dashboard's own
    assert_eq!(dashboard.get("/api/policy").status, 200);
}

#[test]
fn a_locked_vault_is_told_and_its_hosts_are_not() {
    let home = Home::ready();
    home.add("github", &canary("locked"), "https://github.example");
    home.axis(&["lock"]).ok();
    let dashboard = Dashboard::open(&home);

    let services = dashboard.document("/api/services");

    assert_eq!(services["unlocked"], false);
    assert_eq!(services["credentials"][0]["name"], "github");
    assert_eq!(services["credentials"][0]["hosts"], json!([]));
}
