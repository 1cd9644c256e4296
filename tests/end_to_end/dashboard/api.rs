//! The dashboard's JSON, over HTTP, through the real binaries.

use std::fs;

use axis_tests::{Home, Host, Upstream, Visitor, canary};
use serde_json::{Value, json};

use crate::calls::ALLOW_GITHUB;

/// The document at `path`, for the browser that is signed in.
#[track_caller]
fn document_at(visitor: &Visitor, path: &str) -> Value {
    let answer = visitor.get(path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
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
    let dashboard = Visitor::of(&home);

    let mut said = home.axis_without_password(&["doctor", "--json"]).json();
    let mut shown = document_at(&dashboard, "/api/health");
    // how long axisd has run and the like differs from one look to the next
    for document in [&mut said, &mut shown] {
        for check in document["checks"].as_array_mut().unwrap() {
            check.as_object_mut().unwrap().remove("message");
        }
    }
    assert_eq!(shown, said);

    let mut services = document_at(&dashboard, "/api/services");
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

    let policy = document_at(&dashboard, "/api/policy");
    let said = home.axis(&["policy", "show", "--json"]).ok().json();
    for (field, value) in said.as_object().unwrap() {
        assert_eq!(policy[field], *value, "{field}");
    }
    assert_eq!(policy["text"], ALLOW_GITHUB);
    assert_eq!(policy["rules"], 1);
    assert_eq!(policy["warnings"], json!([]));

    let said = home.axis(&["logs", "stats", "--json"]).ok().json();
    assert_eq!(said["total"]["calls"], 3);
    assert_eq!(document_at(&dashboard, "/api/stats"), said);

    assert_eq!(
        document_at(&dashboard, "/api/approvals"),
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
    let dashboard = Visitor::of(&home);
    let seqs = |path: &str| -> Vec<u64> {
        let document = document_at(&dashboard, path);
        let lines = document["lines"].as_array().unwrap();
        lines
            .iter()
            .map(|line| line["seq"].as_u64().unwrap())
            .collect()
    };

    let all = seqs("/api/logs?last=1000");
    assert_eq!(all, (1..=all.len() as u64).collect::<Vec<_>>());
    let document = document_at(&dashboard, "/api/logs?last=1000");
    assert_eq!(document["before"], Value::Null);
    let printed = home.axis(&["logs", "--json"]).ok().stdout;
    let printed: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(document["lines"], json!(printed));

    // the parity of old: last, service and decision
    let document = document_at(&dashboard, "/api/logs?last=1&service=GitHub&decision=allow");
    assert_eq!(document["lines"][0]["action"], "repos.get");
    assert_eq!(document["lines"][0]["decision"], "allow");
    assert_eq!(seqs("/api/logs?service=github").len(), 5);
    assert_eq!(seqs("/api/logs?decision=deny&identity=local-dev").len(), 1);
    assert_eq!(seqs("/api/logs?decision=ask").len(), 0);
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
        let document = document_at(&dashboard, &path);
        let mut page: Vec<u64> = seqs(&path);
        page.extend(paged);
        paged = page;
        let Some(before) = document["before"].as_u64() else {
            break;
        };
        path = format!("/api/logs?last=2&before={before}");
    }
    assert_eq!(paged, all);

    let times = document_at(&dashboard, "/api/stats?since=1h&stretch=1m");
    let sum: u64 = times["times"]
        .as_array()
        .unwrap()
        .iter()
        .map(|time| time["calls"].as_u64().unwrap())
        .sum();
    assert_eq!(sum, 3, "{times}");
    assert_eq!(times["times"][0]["asked"], 0);
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
    let dashboard = Visitor::of(&home);

    let document = document_at(&dashboard, "/api/logs?last=1000");

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
    let dashboard = Visitor::of(&home);
    for (path, param, right) in [
        ("logs?last=0", "last", "from 1 to 1000"),
        ("logs?last=1001", "last", "from 1 to 1000"),
        ("logs?last=ten", "last", "from 1 to 1000"),
        ("logs?before=-1", "before", "from 1 on"),
        ("logs?decision=alow", "decision", "deny, error, ask"),
        ("logs?event=ended", "event", "started, finished"),
        ("logs?since=yesterday", "since", "2h"),
        ("logs?until=soon", "until", "2h"),
        ("logs?servce=github", "servce", "service"),
        ("logs?q=a&q=b", "q", "once"),
        ("stats?last=5", "last", "stretch"),
        ("stats?stretch=1h", "stretch", "since=24h"),
        ("stats?since=1h&stretch=1s", "stretch", "longer"),
        ("stats?decision=maybe", "decision", "deny, error, ask"),
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
    let dashboard = Visitor::of(&home);
    let token = home.axis(&["dashboard", "--token"]).ok().stdout;
    let bearer = |token: &str| format!("Bearer {}", token.trim());
    let good = [("authorization", &*bearer(&token))];
    let paths = ["health", "services", "logs", "policy", "stats", "approvals"];
    for path in paths.map(|name| format!("/api/{name}")) {
        for headers in [
            &[][..],
            &[("authorization", "Bearer guess")],
            &[("authorization", "Bearer ")],
            &[("cookie", "axis_session_1=guess")],
        ] {
            let answer = dashboard.ask("GET", &path, headers);
            assert_eq!(answer.status, 401, "{path} {headers:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            let message = answer.json()["error"]["message"].clone();
            assert!(message.as_str().unwrap().contains("axis dashboard --token"));
        }
        let answer = dashboard.ask("GET", &path, &good);
        assert_eq!(answer.status, 200, "{path}");
        let head = dashboard.ask("HEAD", &path, &good);
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let answer = dashboard.ask(method, &path, &good);
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some("GET, HEAD"));
            assert!(answer.header("content-security-policy").is_some());
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    assert_eq!(dashboard.get("/api/secrets").status, 404);
    // a token reads documents; the pages and what they change need a session
    assert_eq!(dashboard.ask("GET", "/", &good).status, 401);
    let lock = dashboard.ask("POST", "/lock", &good);
    assert_eq!(lock.status, 401, "{lock:?}");
}

#[test]
fn a_token_ends_with_its_axisd_and_a_dashboard_without_one_says_so() {
    let home = Home::ready();
    let dashboard = Visitor::of(&home);
    let token = home.axis(&["dashboard", "--token"]).ok().stdout;
    let bearer = format!("Bearer {}", token.trim());
    let bearer = [("authorization", bearer.as_str())];
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
    let dashboard = Visitor::of(&home);

    let services = document_at(&dashboard, "/api/services");

    assert_eq!(services["unlocked"], false);
    assert_eq!(services["credentials"][0]["name"], "github");
    assert_eq!(services["credentials"][0]["hosts"], json!([]));
}
