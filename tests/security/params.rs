//! Params that try to make a call go elsewhere or say something else. What
//! each action makes of them is tried in `daemon/src/catalogue/action/tests/`;
//! here, that nothing of a refused call arrives, and exactly the others do.

use axis_proto::v1::{Call, ExecuteRequest, execute_request, execute_response, outcome};
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

/// A service, an action and params of it.
type Tried = (&'static str, &'static str, Value);

fn leading_elsewhere() -> Vec<Tried> {
    let paths = [
        "..",
        "%252e%252e",
        "x\\..\\..",
        "\u{ff0e}\u{ff0e}",
        "x\r\nHost: evil.example",
        "x\0",
        "",
        &"x".repeat(5_000),
    ];
    let files = [
        "../../../user/repos",
        "a/%2e%2e/%2e%2e/b",
        "a//b",
        "/a",
        "a/..;/b",
    ];
    let raw = [
        "//evil.example/x",
        "https://evil.example/x",
        "/repos/../user",
        "/x?y=1",
        "/x#y",
    ];
    let hosts = [
        ("evil.example/x", "eu-west-1"),
        ("x@evil.example:443/", "eu-west-1"),
        ("a..b", "eu-west-1"),
        ("xn--evil", "eu-west-1"),
        ("my-bucket", "x@evil.example/"),
        ("my-bucket", "eu-west-1.evil.example"),
    ];
    let mut tried = Vec::new();
    for path in paths {
        tried.push((
            "github",
            "repos.get",
            json!({"owner": path, "repo": "user"}),
        ));
        let params = json!({"to": "+1", "from": "+2", "body": "x", "accountSid": path});
        tried.push(("twilio", "messages.create", params));
    }
    for path in files {
        let params = json!({"owner": "o", "repo": "r", "path": path});
        tried.push(("github", "contents.read", params));
    }
    tried.extend(raw.map(|path| ("github", "http.get", json!({"path": path}))));
    for (bucket, region) in hosts {
        let params = json!({"bucket": bucket, "region": region, "key": "k"});
        tried.push(("aws", "s3.getObject", params));
    }
    tried
}

fn setting_headers() -> Vec<Tried> {
    let headers = [
        ("Host", "evil.example"),
        ("Authorization", "Bearer evil"),
        ("Proxy-Authorization", "Basic evil"),
        ("Cookie", "a=b"),
        ("X-Api-Key", "evil"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Original-URL", "/user"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "0"),
        ("Idempotency-Key", "mine"),
        ("accept", "a\r\n b"),
        ("accept", "a\r\nHost: evil.example"),
        ("accept", "ü"),
    ];
    let tried = headers.map(|(name, value)| {
        let params = json!({"path": "/x", "headers": {name: value}});
        ("github", "http.post", params)
    });
    tried.into()
}

fn of_wrong_values_and_names() -> Vec<Tried> {
    let lists = [
        json!({"page": "1"}),
        json!({"page": null}),
        json!({"page": 1.5}),
        json!({"assignee": ["a", "b"]}),
        json!({"assignee": {"a": 1}}),
        json!({"assignee": "a".repeat(70_000)}),
        json!({"Assignee": "a"}),
        json!({"headers": {"accept": "x"}}),
    ];
    let intents = [
        json!({"amount[]": 2}),
        json!({"metadata": {"a][b": 1}}),
        json!({"metadata": {"a": 1}, "metadata[a]": 2}),
        json!({"metadata": {"x".repeat(100_000): vec![1; 100_000]}}),
    ];
    let names = [
        ("toString", "repos.get"),
        ("github ", "repos.get"),
        ("github\0", "repos.get"),
        ("g\u{456}thub", "repos.get"),
        ("github.", "repos.get"),
        ("*", "*"),
        ("github", "*"),
        ("github", "repos.get."),
        ("github", "re\u{440}os.get"),
        ("github", "http.options"),
    ];
    let with = |mut params: Value, more: &Value| {
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        params
    };
    let repo = json!({"owner": "o", "repo": "r"});
    let intent = json!({"amount": 1, "currency": "eur"});
    let lists = lists.map(|more| ("github", "issues.list", with(repo.clone(), &more)));
    let intents = intents.map(|more| {
        let params = with(intent.clone(), &more);
        ("stripe", "paymentIntents.create", params)
    });
    let names = names.map(|(service, action)| (service, action, repo.clone()));
    lists.into_iter().chain(intents).chain(names).collect()
}

#[test]
fn of_a_refused_call_nothing_arrives() {
    let upstream = Upstream::friendly();
    let home = home_at(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    let mut tried = leading_elsewhere();
    tried.extend(setting_headers());
    tried.extend(of_wrong_values_and_names());
    for (service, action, params) in &tried {
        let answer = host.execute(service, action, params);
        let code = answer["error"]["code"].as_str().unwrap_or_default();
        let expected = ["invalid_params", "unknown_service", "unknown_action"];
        let is_expected = expected.contains(&code);
        assert!(is_expected, "{service} {action} {params}: {answer}");
    }
    for (id, params) in [
        (9_001, r#"{"owner":"a","repo":"b","owner":"c"}"#),
        (9_002, r#"{"owner":"a","repo":"b","\u006fwner":"c"}"#),
        (9_003, r#"{"owner":"a","repo":"b","x":1e400}"#),
        (9_004, r#"{"owner":"a","repo":"\ud800"}"#),
        (9_005, r#"{"owner":"a","repo":"b"},"action":"issues.list""#),
    ] {
        let line = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"execute_action","arguments":{{"service":"github","action":"repos.get","justification":"x","params":{params}}}}}}}"#
        );
        host.send_raw(format!("{line}\n").as_bytes());
        let answer = host.executed(id);
        let code = &answer["error"]["code"];
        assert_eq!(code, "invalid_params", "{params}: {answer}");
    }
    assert!(upstream.requests().is_empty(), "{:?}", upstream.requests());
    let mut calls = home.audited_calls().into_iter();
    assert!(calls.all(|line| line["event"] != "started"));
}

/// What a client of its own, without the shim, is answered.
fn ask(home: &Home, call: Call) -> Option<outcome::End> {
    let socket = home.file("run/broker.sock");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut client = axis_proto::socket::broker_client(&socket).unwrap();
        let part = Some(execute_request::Part::Call(call));
        let call = tokio_stream::once(ExecuteRequest { part });
        let mut parts = client.execute(call).await.ok()?.into_inner();
        while let Ok(Some(response)) = parts.message().await {
            if let Some(execute_response::Part::Outcome(outcome)) = response.part {
                return outcome.end;
            }
        }
        None
    })
}

#[test]
fn a_client_without_the_shim_gets_no_further() {
    let upstream = Upstream::friendly();
    let home = home_at(&upstream);
    let good = Call {
        identity: "local-dev".into(),
        service: "github".into(),
        action: "repos.get".into(),
        justification: "a test".into(),
        params: r#"{"owner":"o","repo":"r"}"#.into(),
        client_version: env!("CARGO_PKG_VERSION").into(),
        ..Call::default()
    };
    let changed = |change: fn(&mut Call)| {
        let mut call = good.clone();
        change(&mut call);
        call
    };
    for call in [
        changed(|call| call.params = b"{\"owner\":\"\xff\",\"repo\":\"r\"}".to_vec().into()),
        changed(|call| call.params = r#"{"owner":"..","repo":"r"}"#.into()),
        changed(|call| call.params = r#"{"owner":"o","repo":"r"}{"owner":"x"}"#.into()),
        changed(|call| call.params = "[".repeat(1_000_000).into()),
        changed(|call| call.service = "github\n".into()),
        changed(|call| call.service = "x".repeat(1_000_000)),
        changed(|call| call.action = "repos.get\0".into()),
        changed(|call| call.identity = "local-dev\n".into()),
        changed(|call| call.identity = "*".into()),
        changed(|call| call.identity = String::new()),
        changed(|call| call.justification = String::new()),
        changed(|call| call.justification = "\u{2003}\n".into()),
        changed(|call| call.select = Some("env".into())),
        changed(|call| call.body_size = Some(u64::MAX)),
    ] {
        let end = ask(&home, call);
        let went = matches!(end, Some(outcome::End::Success(_)));
        assert!(!went, "{end:?}");
    }
    assert!(upstream.requests().is_empty(), "{:?}", upstream.requests());
    let end = ask(&home, good);
    assert!(matches!(end, Some(outcome::End::Success(_))), "{end:?}");
    assert_eq!(upstream.requests().len(), 1);
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
