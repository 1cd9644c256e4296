//! The six actions on the wire, and what happens when names or params are wrong.

use axis_tests::{Home, Host, Reply, Upstream};
use serde_json::{Value, json};

const ALLOW_ALL: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: '*', actions: ['*']}\n";

struct Case {
    service: &'static str,
    action: &'static str,
    params: Value,
    method: &'static str,
    path: &'static str,
    header: (&'static str, &'static str),
    body: Value,
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            service: "openai",
            action: "responses.create",
            params: json!({"model": "gpt-5", "input": "hi", "max_output_tokens": 16, "author": "me", "keywords": ["a"], "idempotency_key": "k"}),
            method: "POST",
            path: "/v1/responses",
            header: ("authorization", "Bearer SECRET"),
            body: json!({"model": "gpt-5", "input": "hi", "max_output_tokens": 16, "author": "me", "keywords": ["a"], "idempotency_key": "k"}),
        },
        Case {
            service: "anthropic",
            action: "messages.create",
            params: json!({"model": "claude", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}], "brand_new_field": {"x": 1}}),
            method: "POST",
            path: "/v1/messages",
            header: ("x-api-key", "SECRET"),
            body: json!({"model": "claude", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}], "brand_new_field": {"x": 1}}),
        },
        Case {
            service: "github",
            action: "repos.get",
            params: json!({"owner": "acme", "repo": "axis"}),
            method: "GET",
            path: "/repos/acme/axis",
            header: ("authorization", "Bearer SECRET"),
            body: Value::Null,
        },
        Case {
            service: "github",
            action: "issues.create",
            params: json!({"owner": "acme", "repo": "axis", "title": "t", "body": "b", "labels": ["bug"], "assignees": ["me"]}),
            method: "POST",
            path: "/repos/acme/axis/issues",
            header: ("authorization", "Bearer SECRET"),
            body: json!({"title": "t", "body": "b", "labels": ["bug"], "assignees": ["me"]}),
        },
        Case {
            service: "github",
            action: "pulls.create",
            params: json!({"owner": "acme", "repo": "axis", "title": "t", "head": "h", "base": "main", "draft": true}),
            method: "POST",
            path: "/repos/acme/axis/pulls",
            header: ("x-github-api-version", "2022-11-28"),
            body: json!({"title": "t", "head": "h", "base": "main", "draft": true}),
        },
        Case {
            service: "github",
            action: "contents.read",
            params: json!({"owner": "acme", "repo": "axis", "path": "src/a b.rs", "ref": "v1.0/x"}),
            method: "GET",
            path: "/repos/acme/axis/contents/src/a%20b.rs?ref=v1.0%2Fx",
            header: ("accept", "application/vnd.github+json"),
            body: Value::Null,
        },
    ]
}

/// A home whose three services lead to `upstream`.
fn home(upstream: &Upstream) -> Home {
    let home = Home::ready();
    for service in ["openai", "anthropic", "github"] {
        // the model APIs' own base paths are part of their actions
        home.add(service, "SECRET-0123456789", &upstream.url());
    }
    home.policy(ALLOW_ALL);
    home
}

#[test]
fn each_action_is_on_the_wire_what_the_vendor_expects() {
    let upstream = Upstream::friendly();
    let home = home(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    for case in cases() {
        let answer = host.execute(case.service, case.action, &case.params);
        assert_eq!(answer["ok"], true, "{}: {answer}", case.action);
        let requests = upstream.requests();
        let request = requests.last().unwrap();
        let name = case.action;
        assert_eq!(request.method, case.method, "{name}");
        assert_eq!(request.path, case.path, "{name}");
        let (header, value) = case.header;
        assert_eq!(
            request.headers[header],
            value.replace("SECRET", "SECRET-0123456789"),
            "{name}"
        );
        assert_eq!(request.json(), case.body, "{name}");
        if case.service == "anthropic" {
            assert_eq!(request.headers["anthropic-version"], "2023-06-01");
            assert!(!request.headers.contains_key("authorization"));
        }
    }
}

#[test]
fn numbers_arrive_as_they_were_sent() {
    let upstream = Upstream::friendly();
    let home = home(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    host.send_raw(
        concat!(
            r#"{"jsonrpc":"2.0","id":900,"method":"tools/call","params":{"name":"execute_action","arguments":{"service":"openai","action":"responses.create","justification":"numbers","params":{"model":"m","input":"i","seed":9007199254740993,"temperature":0.10,"big":123456789012345678901234567890}}}}"#,
            "\n"
        )
        .as_bytes(),
    );
    let answer = host.executed(900);
    assert_eq!(answer["ok"], true, "{answer}");
    let body = String::from_utf8(upstream.requests()[0].body.to_vec()).unwrap();
    for number in ["9007199254740993", "0.10", "123456789012345678901234567890"] {
        assert!(body.contains(number), "{number} in {body}");
    }
}

#[test]
fn base64_contents_are_also_decoded() {
    let upstream = Upstream::answering(|_| {
        Reply::json(
            200,
            &json!({"encoding": "base64", "content": "aGVsbG8g\nd29ybGQ=\n", "sha": "1"}),
        )
    });
    let home = home(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    let answer = host.execute(
        "github",
        "contents.read",
        &json!({"owner": "a", "repo": "b", "path": "README.md"}),
    );
    assert_eq!(answer["result"]["text"], "hello world", "{answer}");
}

#[test]
fn an_unknown_name_is_an_error_that_names_the_nearest() {
    let upstream = Upstream::friendly();
    let home = home(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    let repo = json!({"owner": "a", "repo": "b"});
    let cases = [
        (
            "githb",
            "repos.get",
            repo.clone(),
            "unknown_service",
            "github",
        ),
        (
            "github",
            "repo.get",
            repo.clone(),
            "unknown_action",
            "repos.get",
        ),
        (
            "constructor",
            "repos.get",
            repo.clone(),
            "unknown_service",
            "constructor",
        ),
        ("github", "__proto__", repo, "unknown_action", "__proto__"),
        (
            "github",
            "repos.get",
            json!({"owner": "a", "rep": "b"}),
            "invalid_params",
            "repo",
        ),
        (
            "github",
            "issues.create",
            json!({"owner": "a", "repo": "b", "title": "t", "labels": 7}),
            "invalid_params",
            "labels",
        ),
    ];
    for (service, action, params, code, named) in cases {
        let answer = host.execute(service, action, &params);
        assert_eq!(answer["ok"], false, "{answer}");
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(named),
            "{answer}"
        );
    }
    assert!(upstream.requests().is_empty());
}

#[test]
fn hostile_path_params_never_leave_their_segment() {
    let upstream = Upstream::friendly();
    let home = home(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    for owner in [
        "..",
        "%2e%2e",
        "..%2f..",
        "..\\..",
        "\u{ff0e}\u{ff0e}",
        "",
        "a\r\nHost: evil",
    ] {
        let answer = host.execute(
            "github",
            "repos.get",
            &json!({"owner": owner, "repo": "user"}),
        );
        assert_eq!(
            answer["error"]["code"], "invalid_params",
            "{owner:?}: {answer}"
        );
    }
    assert!(upstream.requests().is_empty());
    let answer = host.execute(
        "github",
        "repos.get",
        &json!({"owner": "a/b?x=1#y", "repo": "c"}),
    );
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(upstream.requests()[0].path, "/repos/a%2Fb%3Fx%3D1%23y/c");
}

#[test]
fn without_a_credential_or_with_a_locked_vault_the_agent_is_told_so() {
    let home = Home::ready();
    home.policy(ALLOW_ALL);
    let mut host = Host::connect(&home, "local-dev");
    let repo = json!({"owner": "a", "repo": "b"});
    let answer = host.execute("github", "repos.get", &repo);
    assert_eq!(answer["error"]["code"], "no_credential", "{answer}");
    assert!(answer.to_string().contains("axis add github"), "{answer}");
    home.axis(&["lock"]).ok();
    let answer = host.execute("github", "repos.get", &repo);
    assert_eq!(answer["error"]["code"], "vault_locked", "{answer}");
    assert!(answer.to_string().contains("axis unlock"), "{answer}");
}

#[test]
fn list_actions_answers_what_an_agent_needs_to_act() {
    let upstream = Upstream::friendly();
    let home = home(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    let mut list = |arguments: Value| -> Value {
        let answer = host.request(
            "tools/call",
            &json!({"name": "list_actions", "arguments": arguments}),
        );
        let object = answer["result"]["structuredContent"].clone();
        assert_ne!(answer["result"]["isError"], true, "{answer}");
        object
    };
    let all = list(json!({}));
    let services: Vec<&str> = all["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|service| service["service"].as_str().unwrap())
        .collect();
    for service in ["anthropic", "github", "openai", "slack", "stripe"] {
        assert!(services.contains(&service), "{services:?}");
    }
    let github = list(json!({"service": "github"}));
    assert_eq!(github["services"][0]["has_credential"], true);
    let actions = github["services"][0]["actions"].as_array().unwrap();
    let delete = actions.iter().find(|one| one["action"] == "repos.delete");
    assert_eq!(delete.unwrap()["effect"], "delete");
    let detail = list(json!({"service": "github", "action": "issues.create"}));
    assert_eq!(detail["effect"], "write");
    assert_eq!(detail["params"]["type"], "object");
    assert!(detail["example"]["title"].is_string(), "{detail}");
}

#[test]
fn an_action_is_shown_with_its_params_an_example_and_the_line_that_allows_it() {
    let home = Home::ready();
    let show = |arguments: &[&str]| {
        let arguments = [&["services", "show", "github"], arguments].concat();
        home.axis_without_password(&arguments)
    };
    let shown = show(&["issues.create"]).ok().stdout;
    for part in [
        "owner*",
        "POST /repos/{owner}/{repo}/issues",
        "axis call github issues.create owner=octocat repo=hello-world",
        "axis allow github issues.create",
        "- service: github\n      actions: [\"issues.create\"]",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // the line does what it says
    let rule = show(&["issues.create", "--json"]).ok().json();
    let rule = rule["policy"].as_str().unwrap().replace('\n', "\n      ");
    home.policy(&format!(
        "policies:\n  - identity: local-dev\n    allow:\n      {rule}\n"
    ));
    let allowed = show(&["issues.create"]).ok().stdout;
    assert!(
        allowed.contains("Policy allows it to local-dev.\n  line 4:"),
        "{allowed}"
    );
    let unknown = show(&["issues.craete"]);
    assert_eq!(unknown.code(), 2, "{unknown:?}");
    assert!(unknown.stderr.contains("issues.create"), "{unknown:?}");
}
