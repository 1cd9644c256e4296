//! The nineteen actions that Axis is for: what each is on the wire, how each
//! vendor's refusal reaches the agent, and that an agent which knows nothing
//! reaches each by what it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axis_tests::{Home, Host, Recorded, Reply, Upstream};
use serde_json::{Value, json};

const ALLOW_ALL: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: '*', actions: ['*']}\n";

/// Service, its credential, and what follows the upstream's URL in its own.
const CREDENTIALS: [(&str, &str, &str); 11] = [
    ("openai", "sk-canary0123456789", ""),
    ("anthropic", "sk-ant-canary0123456789", ""),
    ("github", "ghp_canary0123456789", ""),
    ("stripe", "sk_test_canary0123456789", ""),
    ("slack", "xoxb-canary0123456789", "/api"),
    ("sendgrid", "SG.canary0123456789", ""),
    ("notion", "ntn_canary0123456789", ""),
    ("linear", "lin_api_canary0123456789", ""),
    (
        "twilio",
        "AC00000000000000000000000000000000:canary0123456789abcdef",
        "",
    ),
    (
        "aws",
        "AKIAIOSFODNN7CANARY0:canary0123456789/secret0123456789abcdef",
        "",
    ),
    ("gcp", "ya29.canary0123456789abcdef", ""),
];

/// One action, and what the vendor gets.
struct Case {
    service: &'static str,
    action: &'static str,
    params: Value,
    method: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: Body,
}

enum Body {
    None,
    Json(Value),
    Form(&'static [(&'static str, &'static str)]),
    Text(&'static str),
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let case =
        |service, action, params, method, path, headers: &[(&'static str, &'static str)], body| {
            Case {
                service,
                action,
                params,
                method,
                path,
                headers: headers.to_vec(),
                body,
            }
        };
    let message = json!([{"role": "user", "content": "hi"}]);
    let github: &[_] = &[
        ("authorization", "Bearer ghp_canary0123456789"),
        ("accept", "application/vnd.github+json"),
        ("x-github-api-version", "2022-11-28"),
    ];
    let stripe = ("authorization", "Bearer sk_test_canary0123456789");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let slack = ("authorization", "Bearer xoxb-canary0123456789");
    let notion = ("authorization", "Bearer ntn_canary0123456789");
    let linear_input = json!({"teamId": "t1", "title": "t", "priority": 2, "labelIds": ["l1"]});
    vec![
        case(
            "openai",
            "responses.create",
            json!({"model": "gpt-5", "input": "hi", "max_output_tokens": 16}),
            "POST",
            "/v1/responses",
            &[("authorization", "Bearer sk-canary0123456789")],
            Body::Json(json!({"model": "gpt-5", "input": "hi", "max_output_tokens": 16})),
        ),
        case(
            "anthropic",
            "messages.create",
            json!({"model": "claude", "max_tokens": 5, "messages": message}),
            "POST",
            "/v1/messages",
            &[
                ("x-api-key", "sk-ant-canary0123456789"),
                ("anthropic-version", "2023-06-01"),
            ],
            Body::Json(json!({"model": "claude", "max_tokens": 5, "messages": message})),
        ),
        case(
            "github",
            "repos.get",
            json!({"owner": "acme", "repo": "axis"}),
            "GET",
            "/repos/acme/axis",
            github,
            Body::None,
        ),
        case(
            "github",
            "issues.create",
            json!({"owner": "acme", "repo": "axis", "title": "t", "milestone": 1}),
            "POST",
            "/repos/acme/axis/issues",
            github,
            Body::Json(json!({"title": "t", "milestone": 1})),
        ),
        case(
            "github",
            "pulls.create",
            json!({"owner": "acme", "repo": "axis", "title": "t", "head": "h", "base": "main"}),
            "POST",
            "/repos/acme/axis/pulls",
            github,
            Body::Json(json!({"title": "t", "head": "h", "base": "main"})),
        ),
        case(
            "github",
            "contents.read",
            json!({"owner": "acme", "repo": "axis", "path": "a/b c", "ref": "v1"}),
            "GET",
            "/repos/acme/axis/contents/a/b%20c?ref=v1",
            github,
            Body::None,
        ),
        case(
            "stripe",
            "paymentIntents.create",
            json!({"amount": 2000, "currency": "eur", "metadata": {"order id": "6735&1"}, "payment_method_types": ["card", "sepa_debit"], "a_new_field": {"deep": [true]}}),
            "POST",
            "/v1/payment_intents",
            &[stripe, form],
            Body::Form(&[
                ("amount", "2000"),
                ("currency", "eur"),
                ("metadata[order id]", "6735&1"),
                ("payment_method_types[0]", "card"),
                ("payment_method_types[1]", "sepa_debit"),
                ("a_new_field[deep][0]", "true"),
            ]),
        ),
        case(
            "stripe",
            "customers.list",
            json!({"limit": 3, "email": "a+b@example.com"}),
            "GET",
            "/v1/customers?limit=3&email=a%2Bb%40example.com",
            &[stripe],
            Body::None,
        ),
        case(
            "slack",
            "chat.postMessage",
            json!({"channel": "C1", "text": "hé", "thread_ts": "1.2"}),
            "POST",
            "/api/chat.postMessage",
            &[slack],
            Body::Json(json!({"channel": "C1", "text": "hé", "thread_ts": "1.2"})),
        ),
        case(
            "slack",
            "conversations.list",
            json!({"limit": 2, "types": "public_channel,im"}),
            "GET",
            "/api/conversations.list?limit=2&types=public_channel%2Cim",
            &[slack],
            Body::None,
        ),
        case(
            "sendgrid",
            "mail.send",
            json!({"to": ["a@example.com", "b@example.com"], "from": "c@example.com", "subject": "s", "text": "t", "html": "<b>"}),
            "POST",
            "/v3/mail/send",
            &[("authorization", "Bearer SG.canary0123456789")],
            Body::Json(
                json!({"personalizations": [{"to": [{"email": "a@example.com"}, {"email": "b@example.com"}]}], "from": {"email": "c@example.com"}, "subject": "s", "content": [{"type": "text/plain", "value": "t"}, {"type": "text/html", "value": "<b>"}]}),
            ),
        ),
        case(
            "notion",
            "pages.create",
            json!({"parent": {"page_id": "p"}, "properties": {"title": []}, "children": []}),
            "POST",
            "/v1/pages",
            &[notion, ("notion-version", "2022-06-28")],
            Body::Json(
                json!({"parent": {"page_id": "p"}, "properties": {"title": []}, "children": []}),
            ),
        ),
        case(
            "notion",
            "databases.query",
            json!({"database_id": "d1", "page_size": 5, "filter": {"property": "x"}}),
            "POST",
            "/v1/databases/d1/query",
            &[notion, ("notion-version", "2022-06-28")],
            Body::Json(json!({"page_size": 5, "filter": {"property": "x"}})),
        ),
        case(
            "linear",
            "issues.create",
            linear_input.clone(),
            "POST",
            "/graphql",
            &[
                ("authorization", "lin_api_canary0123456789"),
                ("content-type", "application/json"),
            ],
            Body::Json(json!({"variables": {"input": linear_input}})),
        ),
        case(
            "twilio",
            "messages.create",
            json!({"to": "+15558675310", "from": "+15017122661", "body": "hi & bye", "mediaUrl": ["https://a.example/1", "https://a.example/2"]}),
            "POST",
            "/2010-04-01/Accounts/AC00000000000000000000000000000000/Messages.json",
            &[
                (
                    "authorization",
                    "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDpjYW5hcnkwMTIzNDU2Nzg5YWJjZGVm",
                ),
                form,
            ],
            Body::Form(&[
                ("To", "+15558675310"),
                ("From", "+15017122661"),
                ("Body", "hi & bye"),
                ("MediaUrl", "https://a.example/1"),
                ("MediaUrl", "https://a.example/2"),
            ]),
        ),
        case(
            "aws",
            "s3.getObject",
            json!({"bucket": "my-bucket", "key": "a/b c.txt", "region": "eu-west-1", "range": "bytes=0-9"}),
            "GET",
            "/my-bucket/a/b%20c.txt",
            &[("range", "bytes=0-9")],
            Body::None,
        ),
        case(
            "aws",
            "s3.putObject",
            json!({"bucket": "my-bucket", "key": "k", "region": "eu-west-1", "body": "hello", "content_type": "text/plain"}),
            "PUT",
            "/my-bucket/k",
            &[("content-type", "text/plain")],
            Body::Text("hello"),
        ),
        case(
            "gcp",
            "storage.getObject",
            json!({"bucket": "my-bucket", "object": "a/b"}),
            "GET",
            "/storage/v1/b/my-bucket/o/a%2Fb?alt=media",
            &[("authorization", "Bearer ya29.canary0123456789abcdef")],
            Body::None,
        ),
        case(
            "gcp",
            "storage.listObjects",
            json!({"bucket": "my-bucket", "prefix": "a/", "maxResults": 2}),
            "GET",
            "/storage/v1/b/my-bucket/o?prefix=a%2F&maxResults=2",
            &[("authorization", "Bearer ya29.canary0123456789abcdef")],
            Body::None,
        ),
    ]
}

/// A home with a credential for each service, all bound to `upstream`.
fn home(upstream: &Upstream) -> Home {
    let home = Home::ready();
    for (service, secret, base) in CREDENTIALS {
        home.add(service, secret, &format!("{}{base}", upstream.url()));
    }
    home.policy(ALLOW_ALL);
    home
}

/// What makes each vendor's answer a good one.
fn friendly(request: &Recorded) -> Reply {
    match request.path.as_str() {
        "/v3/mail/send" => Reply {
            status: 202,
            headers: vec![("x-message-id".into(), "m1".into())],
            body: Vec::new(),
            delay: std::time::Duration::ZERO,
        },
        "/graphql" => Reply::json(
            200,
            &json!({"data": {"issueCreate": {"success": true, "issue": {"id": "i1"}}}}),
        ),
        _ => Reply::json(200, &json!({"ok": true, "id": "x1"})),
    }
}

fn pairs(body: &[u8]) -> Vec<(String, String)> {
    let text = std::str::from_utf8(body).unwrap();
    let pairs = text.split('&').map(|pair| pair.split_once('=').unwrap());
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let Some((first, more)) = rest.split_first() {
            rest = more;
            if *first == b'%' {
                bytes.extend(hex::decode(&rest[..2]).unwrap());
                rest = &rest[2..];
            } else {
                bytes.push(*first);
            }
        }
        String::from_utf8(bytes).unwrap()
    };
    pairs
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

#[test]
fn each_is_on_the_wire_what_its_vendor_expects() {
    let upstream = Upstream::answering(friendly);
    let home = home(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    let cases = cases();
    assert_eq!(cases.len(), 19);
    for case in cases {
        let name = format!("{} {}", case.service, case.action);
        let answer = host.execute(case.service, case.action, &case.params);
        assert_eq!(answer["ok"], true, "{name}: {answer}");
        let requests = upstream.requests();
        let request = requests.last().unwrap();
        assert_eq!(request.method, case.method, "{name}");
        assert_eq!(request.path, case.path, "{name}");
        for (header, value) in case.headers {
            let sent = request.headers.get(header).map(String::as_str);
            assert_eq!(sent, Some(value), "{name} {header}");
        }
        match case.body {
            Body::None => assert!(request.body.is_empty(), "{name}"),
            Body::Json(mut body) => {
                if case.service == "linear" {
                    let query = request.json()["query"].clone();
                    assert!(
                        query
                            .as_str()
                            .unwrap()
                            .contains("issueCreate(input: $input)")
                    );
                    body["query"] = query;
                }
                assert_eq!(request.json(), body, "{name}");
            }
            Body::Form(form) => {
                let sent = pairs(&request.body);
                let sent: Vec<_> = sent.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                assert_eq!(sent, form, "{name}");
            }
            Body::Text(text) => assert_eq!(request.body, text, "{name}"),
        }
        match (case.service, case.method) {
            ("stripe", "POST") => {
                assert_eq!(request.headers["idempotency-key"], answer["request_id"]);
            }
            ("sendgrid", _) => {
                assert_eq!(
                    answer["result"],
                    json!({"accepted": true, "message_id": "m1"})
                );
            }
            ("linear", _) => assert_eq!(answer["result"]["issue"]["id"], "i1", "{answer}"),
            ("aws", _) => {
                let signed = &request.headers["authorization"];
                assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7CANARY0/"));
                assert!(signed.contains("/eu-west-1/s3/aws4_request"), "{signed}");
            }
            _ => {}
        }
    }
    for (_, secret, _) in CREDENTIALS {
        let secret = secret.split_once(':').map_or(secret, |(_, secret)| secret);
        assert!(!host.transcript.contains(secret), "{secret}");
    }
}

#[test]
fn a_vendors_refusal_reaches_the_agent_in_the_vendors_words() {
    let reply: Arc<Mutex<Reply>> = Arc::new(Mutex::new(Reply::json(200, &json!({}))));
    let next = reply.clone();
    let upstream = Upstream::answering(move |_| next.lock().unwrap().clone());
    let home = home(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    let params: BTreeMap<String, Value> = cases()
        .into_iter()
        .map(|case| (format!("{} {}", case.service, case.action), case.params))
        .collect();
    let xml = "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>k</Key></Error>";
    for (service, action, status, body, says) in [
        ("openai", "responses.create", 404, json!({"error": {"message": "The model does not exist", "type": "invalid_request_error", "code": "model_not_found"}}).to_string(), vec!["The model does not exist", "model_not_found"]),
        ("anthropic", "messages.create", 400, json!({"type": "error", "error": {"type": "invalid_request_error", "message": "max_tokens: too large"}}).to_string(), vec!["max_tokens: too large"]),
        ("github", "repos.get", 404, json!({"message": "Not Found", "documentation_url": "https://docs.github.com"}).to_string(), vec!["Not Found"]),
        ("stripe", "paymentIntents.create", 402, json!({"error": {"type": "card_error", "code": "card_declined", "message": "Your card was declined."}}).to_string(), vec!["Your card was declined.", "card_declined"]),
        ("slack", "chat.postMessage", 200, json!({"ok": false, "error": "channel_not_found"}).to_string(), vec!["channel_not_found"]),
        ("sendgrid", "mail.send", 400, json!({"errors": [{"message": "The subject is required.", "field": "subject"}]}).to_string(), vec!["The subject is required.", "\"field\":\"subject\""]),
        ("notion", "databases.query", 404, json!({"object": "error", "status": 404, "code": "object_not_found", "message": "Could not find database"}).to_string(), vec!["Could not find database", "object_not_found"]),
        ("linear", "issues.create", 200, json!({"errors": [{"message": "Argument Validation Error", "extensions": {"code": "INVALID_INPUT", "userPresentableMessage": "teamId must be a UUID."}}]}).to_string(), vec!["teamId must be a UUID.", "INVALID_INPUT"]),
        ("twilio", "messages.create", 400, json!({"code": 21211, "message": "Invalid 'To' Phone Number", "status": 400}).to_string(), vec!["Invalid 'To' Phone Number", "21211"]),
        ("aws", "s3.getObject", 404, xml.to_owned(), vec!["The specified key does not exist.", "NoSuchKey"]),
        ("gcp", "storage.getObject", 404, json!({"error": {"code": 404, "message": "No such object: my-bucket/a", "errors": [{"reason": "notFound"}]}}).to_string(), vec!["No such object: my-bucket/a"]),
    ] {
        *reply.lock().unwrap() = Reply {
            status,
            headers: Vec::new(),
            body: body.into_bytes(),
            delay: std::time::Duration::ZERO,
        };
        let answer = host.execute(service, action, &params[&format!("{service} {action}")]);
        assert_eq!(answer["ok"], false, "{service}: {answer}");
        assert_eq!(answer["error"]["code"], "upstream_error", "{service}");
        assert_eq!(answer["error"]["status"], status, "{service}");
        let message = answer["error"]["message"].as_str().unwrap();
        for word in says {
            assert!(message.contains(word), "{service} {word:?}: {message}");
        }
    }
}

/// Follows hints and knows nothing else: it tries with nothing, and sends what
/// the error shows.
#[test]
fn an_agent_that_follows_hints_reaches_each_in_two_calls() {
    let upstream = Upstream::answering(friendly);
    let home = home(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    for case in cases() {
        let name = format!("{} {}", case.service, case.action);
        let first = host.execute(case.service, case.action, &json!({}));
        if first["ok"] == true {
            continue;
        }
        let message = first["error"]["message"].as_str().unwrap();
        let (_, shown) = message.split_once("Send for example ").expect(&name);
        let mut shown = serde_json::Deserializer::from_str(shown).into_iter::<Value>();
        let params = shown.next().unwrap().unwrap();
        let second = host.execute(case.service, case.action, &params);
        assert_eq!(second["ok"], true, "{name} {params}: {second}");
    }
    let actions: Vec<String> = upstream.requests().into_iter().map(|r| r.path).collect();
    assert_eq!(actions.len(), 19, "{actions:?}");
}

#[test]
fn the_tools_stay_short_with_every_action_allowed() {
    let upstream = Upstream::answering(friendly);
    let home = home(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    let tools = host.request("tools/list", &json!({}));
    let length = tools["result"]["tools"].to_string().chars().count();
    assert!(length <= 6_000, "{length} characters");
}
