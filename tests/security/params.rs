//! Params that try to make a call go elsewhere or say something else. What
//! each action makes of them is tried in `daemon/src/catalogue/action/tests/`;
//! here, that nothing of a refused call arrives, and exactly the others do.

use axis_tests::{Home, Host, Upstream, canary};
use serde_json::{Value, json};

/// Every action, the raw ones too.
const ALLOW: &str = "policies:
  - identity: local-dev
    allow:
      - {service: '*', actions: ['*', http.get, http.post]}
";

fn home_at(upstream: &Upstream) -> Home {
    let home = Home::ready();
    for (service, secret) in [
        ("github", canary("params").as_str()),
        ("openai", "sk-0123456789abcdef"),
        ("stripe", "sk_test_0123456789abcdef"),
        ("linear", "lin_api_0123456789abcdef"),
        ("twilio", "AC0123456789abcdef:0123456789abcdef"),
        ("aws", "AKIA0123456789ABCDEF:0123456789abcdef"),
    ] {
        home.add(service, secret, &upstream.url());
    }
    home.policy(ALLOW);
    home
}

#[test]
fn of_a_refused_call_nothing_arrives() {
    let upstream = Upstream::friendly();
    let home = home_at(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    let repo = |owner: &str| json!({"owner": owner, "repo": "user"});
    let file = |path: &str| json!({"owner": "o", "repo": "r", "path": path});
    let object =
        |bucket: &str, region: &str| json!({"bucket": bucket, "region": region, "key": "k"});
    let headers = |name: &str, value: &str| json!({"path": "/x", "headers": {name: value}});
    let issues = |more: Value| {
        let mut params = json!({"owner": "o", "repo": "r"});
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        params
    };
    let cases = [
        ("github", "repos.get", repo("..")),
        ("github", "repos.get", repo("%252e%252e")),
        ("github", "repos.get", repo("x\\..\\..")),
        ("github", "repos.get", repo("\u{ff0e}\u{ff0e}")),
        ("github", "repos.get", repo("x\r\nHost: evil.example")),
        ("github", "repos.get", repo(&"x".repeat(2_000))),
        ("github", "contents.read", file("../../../user/repos")),
        ("github", "contents.read", file("a/%2e%2e/%2e%2e/b")),
        ("github", "contents.read", file("a//b")),
        ("github", "http.get", json!({"path": "//evil.example/x"})),
        (
            "github",
            "http.get",
            json!({"path": "https://evil.example/x"}),
        ),
        ("github", "http.get", json!({"path": "/repos/../user"})),
        ("github", "http.get", json!({"path": "/x?y=1"})),
        ("github", "http.get", headers("Host", "evil.example")),
        (
            "github",
            "http.get",
            headers("Authorization", "Bearer evil"),
        ),
        ("github", "http.get", headers("Cookie", "a=b")),
        (
            "github",
            "http.get",
            headers("X-HTTP-Method-Override", "DELETE"),
        ),
        (
            "github",
            "http.post",
            headers("Transfer-Encoding", "chunked"),
        ),
        ("github", "http.post", headers("Content-Length", "0")),
        ("github", "http.get", headers("accept", "a\r\n b")),
        ("github", "http.get", headers("accept", "ü")),
        ("openai", "http.get", headers("X-Api-Key", "evil")),
        ("github", "issues.list", issues(json!({"page": "1"}))),
        ("github", "issues.list", issues(json!({"page": null}))),
        (
            "github",
            "issues.list",
            issues(json!({"assignee": ["a", "b"]})),
        ),
        (
            "github",
            "issues.list",
            issues(json!({"assignee": {"a": 1}})),
        ),
        (
            "github",
            "issues.list",
            issues(json!({"assignee": "a".repeat(70_000)})),
        ),
        ("github", "issues.list", issues(json!({"Assignee": "a"}))),
        ("aws", "s3.getObject", object("evil.example/x", "eu-west-1")),
        ("aws", "s3.getObject", object("a..b", "eu-west-1")),
        ("aws", "s3.getObject", object("xn--evil", "eu-west-1")),
        (
            "aws",
            "s3.getObject",
            object("my-bucket", "x@evil.example/"),
        ),
        (
            "stripe",
            "paymentIntents.create",
            json!({"amount": 1, "currency": "eur", "amount[]": 2}),
        ),
        (
            "stripe",
            "paymentIntents.create",
            json!({"amount": 1, "currency": "eur", "metadata": {"a][b": 1}}),
        ),
        (
            "twilio",
            "messages.create",
            json!({"to": "+1", "from": "+2", "body": "x", "accountSid": "../Accounts"}),
        ),
        ("toString", "repos.get", repo("x")),
        ("github ", "repos.get", repo("x")),
        ("githu\u{184}", "repos.get", repo("x")),
        ("github\0", "repos.get", repo("x")),
        ("*", "*", json!({})),
        ("github", "repos.get.", repo("x")),
        ("github", "re\u{440}os.get", repo("x")),
        ("github", "http.options", json!({"path": "/"})),
    ];
    for (service, action, params) in &cases {
        let answer = host.execute(service, action, params);
        let code = answer["error"]["code"].as_str().unwrap_or_default();
        let expected = ["invalid_params", "unknown_service", "unknown_action"];
        assert!(
            expected.contains(&code),
            "{service} {action} {params}: {answer}"
        );
    }
    for (id, params) in [
        (9_001, r#"{"owner":"a","repo":"b","owner":"c"}"#),
        (9_002, r#"{"owner":"a","repo":"b","\u006fwner":"c"}"#),
        (9_003, r#"{"owner":"a","repo":"b","x":1e400}"#),
        (9_004, r#"{"owner":"a","repo":"\ud800"}"#),
    ] {
        let line = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"execute_action","arguments":{{"service":"github","action":"repos.get","justification":"x","params":{params}}}}}}}"#
        );
        host.send_raw(format!("{line}\n").as_bytes());
        let answer = host.executed(id);
        assert_eq!(
            answer["error"]["code"], "invalid_params",
            "{params}: {answer}"
        );
    }
    assert!(upstream.requests().is_empty(), "{:?}", upstream.requests());
    let mut calls = home.audited_calls().into_iter();
    assert!(calls.all(|line| line["event"] != "started"));
}

#[test]
fn what_is_only_odd_arrives_as_it_was_meant() {
    let upstream = Upstream::friendly();
    let home = home_at(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    for (service, action, params, arrives, body) in [
        (
            "github",
            "repos.get",
            json!({"owner": "a?x=1", "repo": "b#c;d"}),
            "GET /repos/a%3Fx%3D1/b%23c%3Bd",
            "",
        ),
        (
            "github",
            "repos.get",
            json!({"owner": "%", "repo": "@evil.example:443"}),
            "GET /repos/%25/%40evil.example%3A443",
            "",
        ),
        (
            "github",
            "contents.read",
            json!({"owner": "o", "repo": "r", "path": "a/b#x", "ref": "x&y=z"}),
            "GET /repos/o/r/contents/a/b%23x?ref=x%26y%3Dz",
            "",
        ),
        (
            "github",
            "issues.list",
            json!({"owner": "o", "repo": "r", "assignee": "a=b&a=c", "page": 2.0}),
            "GET /repos/o/r/issues?assignee=a%3Db%26a%3Dc&page=2",
            "",
        ),
        (
            "github",
            "http.get",
            json!({"path": "/x y/é/", "query": {"a&b": ["=", "#"]}}),
            "GET /x%20y/%C3%A9/?a%26b=%3D&a%26b=%23",
            "",
        ),
        (
            "aws",
            "s3.getObject",
            json!({"bucket": "my.bucket", "region": "eu-west-1", "key": "a b/?versionId=x"}),
            "GET /my.bucket/a%20b/%3FversionId%3Dx",
            "",
        ),
        (
            "openai",
            "responses.create",
            json!({"model": "m", "input": "i", "max_output_tokens": 90, "author": "a", "tokenizer": "t", "metadata": {"api_key": "x"}}),
            "POST /v1/responses",
            r#"{"model":"m","input":"i","max_output_tokens":90,"author":"a","tokenizer":"t","metadata":{"api_key":"x"}}"#,
        ),
        (
            "stripe",
            "paymentIntents.create",
            json!({"amount": 1, "currency": "eur&amount=2", "x&y": "1"}),
            "POST /v1/payment_intents",
            "amount=1&currency=eur%26amount%3D2&x%26y=1",
        ),
    ] {
        let before = upstream.requests().len();
        let answer = host.execute(service, action, &params);
        assert_eq!(answer["ok"], true, "{params}: {answer}");
        let requests = upstream.requests();
        let [request] = &requests[before..] else {
            panic!("{params}: not one request");
        };
        assert_eq!(format!("{} {}", request.method, request.path), arrives);
        let sent = String::from_utf8_lossy(&request.body);
        assert_eq!(sent, body, "{params}");
        let host_header = upstream.url().replace("http://", "");
        assert_eq!(request.headers["host"], host_header);
        for name in [
            "cookie",
            "x-http-method-override",
            "transfer-encoding",
            "referer",
        ] {
            assert!(!request.headers.contains_key(name), "{name}");
        }
    }
}

#[test]
fn a_graphql_param_is_a_variable_whatever_it_holds() {
    let upstream = Upstream::answering(|_| {
        axis_tests::Reply::json(
            200,
            &json!({"data": {"issueCreate": {"success": true, "issue": {"id": "1"}}}}),
        )
    });
    let home = home_at(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    let titles = [
        "plain",
        "\"}) { id } apiKeys { nodes { key } } } #",
        "\\\"}}, \"query\": \"{ viewer { id } }",
    ];
    for title in titles {
        let params = json!({"teamId": "T", "title": title});
        let answer = host.execute("linear", "issues.create", &params);
        assert_eq!(answer["ok"], true, "{answer}");
    }
    let requests = upstream.requests();
    let queries: Vec<Value> = requests
        .iter()
        .map(|request| request.json()["query"].clone())
        .collect();
    assert!(queries[0].is_string());
    assert!(
        queries.iter().all(|query| *query == queries[0]),
        "{queries:?}"
    );
    for (request, title) in requests.iter().zip(titles) {
        assert_eq!(request.json()["variables"]["input"]["title"], title);
        assert_eq!(request.json().as_object().unwrap().len(), 2);
    }
}

#[test]
fn the_header_of_a_repeated_call_is_axis_s_own() {
    let upstream = Upstream::friendly();
    let home = home_at(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    let params = json!({"amount": 1, "currency": "eur", "Idempotency-Key": "mine", "idempotency_key": "mine"});
    let answer = host.execute("stripe", "paymentIntents.create", &params);
    assert_eq!(answer["ok"], true, "{answer}");
    let request = &upstream.requests()[0];
    let key = &request.headers["idempotency-key"];
    assert_eq!(Value::from(key.as_str()), answer["request_id"]);
    // nothing is dropped: there is a field of that name, and it is the vendor's
    let body = String::from_utf8_lossy(&request.body).into_owned();
    assert!(body.contains("Idempotency-Key=mine&"), "{body}");
}
