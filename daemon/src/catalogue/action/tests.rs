mod endpoint;
mod hostile;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::Service;
use super::super::tests::{catalogue, define};
use super::*;
use crate::host::{BaseUrl, Host};
use crate::upstream::request::BoundRequest;

fn build(service: &str, action: &str, params: &str) -> Result<UpstreamRequest, ParamsError> {
    catalogue()
        .resolve(service, action)
        .unwrap()
        .1
        .build(params.as_bytes(), None)
}

fn body(request: &UpstreamRequest) -> &str {
    std::str::from_utf8(request.body.as_deref().unwrap_or_default()).unwrap()
}

/// A service with one action `x.do`.
fn service(action: &str) -> Service {
    let text = format!(
        "service: test\ntitle: Test\nbase_url: https://api.example.com/base\nauth: bearer\nactions:\n  x.do: {action}\n"
    );
    define(&text).unwrap_or_else(|error| panic!("{error}"))
}

fn build_with(action: &str, params: &Value) -> Result<UpstreamRequest, ParamsError> {
    service(action)
        .action("x.do")
        .unwrap()
        .build(params.to_string().as_bytes(), None)
}

#[test]
fn params_go_where_the_definition_says() {
    let request = build(
        "github",
        "contents.read",
        r#"{"owner":"o","repo":"r","path":"docs/a b.md","ref":"feature/x&y=1"}"#,
    )
    .unwrap();
    assert_eq!(
        request.path_and_query,
        "/repos/o/r/contents/docs/a%20b.md?ref=feature%2Fx%26y%3D1"
    );
    assert_eq!(request.headers["accept"], "application/vnd.github+json");
    assert_eq!(request.headers["x-github-api-version"], "2022-11-28");
    assert_eq!(request.body, None);

    let request = build(
        "github",
        "issues.create",
        r#"{"owner":"o","repo":"r","title":"t","labels":["a","b"],"milestone":null}"#,
    )
    .unwrap();
    assert_eq!(request.path_and_query, "/repos/o/r/issues");
    assert_eq!(
        body(&request),
        r#"{"title":"t","labels":["a","b"],"milestone":null}"#
    );
    assert_eq!(request.headers["content-type"], "application/json");
}

#[test]
fn no_field_is_dropped_by_guessing_at_its_name() {
    for (field, value) in [
        ("max_output_tokens", json!(100)),
        ("max_tokens", json!(100)),
        ("author", json!("a")),
        ("tokenizer", json!("x")),
        ("idempotency_key", json!("k")),
        ("keywords", json!(["a"])),
        ("api_key", json!("x")),
        ("password", json!("x")),
        (
            "metadata",
            json!({ "api_key": "x", "a": [{ "password": "x" }] }),
        ),
        ("__proto__", json!({ "a": 1 })),
        ("constructor", json!("x")),
        ("a_field_from_next_week", json!(null)),
    ] {
        let params = json!({ "model": "m", "input": "i", field: value });
        let request = build("openai", "responses.create", &params.to_string()).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(body(&request)).unwrap(),
            params
        );
    }
    for field in ["max_output_tokens", "author", "idempotency_key", "keywords"] {
        let params = json!({ "owner": "o", "repo": "r", field: "x" });
        let error = build("github", "repos.get", &params.to_string())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&format!("there is no param \"{field}\"")),
            "{error}"
        );
    }
}

#[test]
fn numbers_and_strings_reach_the_body_byte_for_byte() {
    for value in [
        "9007199254740993",
        "123456789012345678901234567890",
        "0.1000000000000000055511151231257827",
        "1.0",
        r#""\u0000 \ud83d\ude00 é \/""#,
    ] {
        let params = format!(r#"{{"model":"m","input":"i","x":{value}}}"#);
        let request = build("openai", "responses.create", &params).unwrap();
        assert_eq!(body(&request), params);
    }
}

#[test]
fn input_takes_a_string_an_object_or_an_array() {
    for input in [
        json!("hi"),
        json!({ "role": "user" }),
        json!([{ "role": "user" }]),
    ] {
        let params = json!({ "model": "m", "input": input }).to_string();
        assert!(build("openai", "responses.create", &params).is_ok());
    }
    let error = build("openai", "responses.create", r#"{"model":"m","input":1}"#).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("\"input\" must be string, array or object, not number"),
        "{error}"
    );
}

#[test]
fn one_message_names_every_wrong_param_and_a_call_that_works() {
    let params = r#"{"owner":7,"titel":"t","labels":"bug","body":null,"zzz":1}"#;
    let error = build("github", "issues.create", params)
        .unwrap_err()
        .to_string();
    for says in [
        "wrong params for github issues.create",
        "\"repo\" is missing",
        "\"title\" is missing",
        "\"owner\" must be string, not number",
        "\"labels\" must be array, not string; write it without quotes",
        "\"body\" must be string, not null; leave it out",
        "there is no param \"titel\" (Did you mean \"title\"?)",
        "there is no param \"zzz\" (it takes owner, repo, title,",
        r#"Send for example {"owner":"octocat","repo":"hello-world","title":"It does not start"}"#,
        "optional: body, labels, assignees",
    ] {
        assert!(error.contains(says), "{says}\nnot in: {error}");
    }
}

#[test]
fn a_flood_of_unknown_params_gets_a_short_answer() {
    let flood: Vec<_> = (0..50_000).map(|at| format!("\"x{at}\":1")).collect();
    let long = "y".repeat(100_000);
    let params = format!("{{\"{long}\":1,{}}}", flood.join(","));
    let error = build("github", "repos.get", &params)
        .unwrap_err()
        .to_string();
    assert!(error.contains("49983 more params are unknown"), "{error}");
    assert!(error.len() < 4_000);
}

#[test]
fn the_call_that_an_error_shows_works() {
    for service in catalogue().services() {
        for action in service.actions() {
            assert!(action.build(b"[]", Some("AC1")).is_err(), "{action:?}");
            for wrong in ["{}", "[]", r#"{"nonsense":1}"#] {
                let Err(error) = action.build(wrong.as_bytes(), Some("AC1")) else {
                    continue; // it requires nothing
                };
                let error = error.to_string();
                let (_, shown) = error.split_once("Send for example ").unwrap();
                let mut json = serde_json::Deserializer::from_str(shown).into_iter::<Value>();
                let example = json.next().unwrap().unwrap().to_string();
                assert!(
                    action.build(example.as_bytes(), Some("AC1")).is_ok(),
                    "{example}"
                );
            }
        }
    }
}

#[test]
fn params_that_are_no_object_are_told_what_to_send() {
    for params in ["[]", "\"x\"", "null", "{", "{\"a\":1,\"a\":1}"] {
        let error = build("github", "repos.get", params).unwrap_err();
        assert!(matches!(error, ParamsError::Unreadable { .. }));
        let error = error.to_string();
        assert!(error.contains("Send for example {\"owner\""), "{error}");
    }
}

#[test]
fn size_is_counted_in_bytes() {
    let sized = |bytes: usize| {
        let rest = r#"{"model":"m","input":""}"#.len();
        format!(
            r#"{{"model":"m","input":"{}"}}"#,
            "é".repeat((bytes - rest) / 2)
        )
    };
    assert!(build("openai", "responses.create", &sized(MAX_PARAMS_BYTES)).is_ok());
    let error = build("openai", "responses.create", &sized(MAX_PARAMS_BYTES + 2)).unwrap_err();
    assert_eq!(
        error,
        ParamsError::TooLarge {
            size: MAX_PARAMS_BYTES + 2
        }
    );
}

#[test]
fn path_tricks_never_reach_another_endpoint() {
    for owner in [
        "..",
        "%2e%2e",
        "..%2f..",
        "..\\..",
        "a%2f..%2f..",
        "\u{ff0e}\u{ff0e}",
        "",
        "%00",
        "a\r\nHost: x",
    ] {
        let params = json!({ "owner": owner, "repo": "user" }).to_string();
        let error = build("github", "repos.get", &params)
            .unwrap_err()
            .to_string();
        assert!(error.contains("\"owner\" must not"), "{error}");
    }
    for path in [
        "../../../../user/repos",
        "a//b",
        "/a",
        "a/..",
        "a/%2e%2e/b",
        "docs/..\\..\\user",
    ] {
        let params = json!({ "owner": "o", "repo": "r", "path": path }).to_string();
        assert!(build("github", "contents.read", &params).is_err(), "{path}");
    }
}

const QUERY: &str = "{ effect: read, method: GET, path: /x, params: {
    page: { in: query, type: integer, minimum: 1 },
    ratio: { in: query, type: number },
    all: { in: query, type: boolean },
    ref: { in: query, type: [string, 'null'] },
    tags: { in: query, as: 'tag[]', type: array, items: { type: string } },
    ids: { in: query, type: array, style: comma, items: { type: integer } } } }";

#[test]
fn a_query_is_encoded_and_typed() {
    for (params, query) in [
        (json!({}), ""),
        (json!({ "ref": "a=b&a=c" }), "?ref=a%3Db%26a%3Dc"),
        (json!({ "ref": "a b+c\0\n" }), "?ref=a%20b%2Bc%00%0A"),
        (json!({ "ref": null }), ""),
        (json!({ "page": 2, "all": false }), "?page=2&all=false"),
        (json!({ "page": 1.0 }), "?page=1"),
        (
            json!({ "page": 9_007_199_254_740_993_u64 }),
            "?page=9007199254740993",
        ),
        (json!({ "ratio": 0.5 }), "?ratio=0.5"),
        (
            json!({ "tags": ["a", "b&c"] }),
            "?tag%5B%5D=a&tag%5B%5D=b%26c",
        ),
        (json!({ "ids": [1, 2] }), "?ids=1,2"),
        (json!({ "ids": [], "tags": [] }), ""),
    ] {
        let request = build_with(QUERY, &params).unwrap();
        assert_eq!(request.path_and_query, format!("/x{query}"));
    }
    for params in [
        json!({ "ref": ["a", "b"] }),
        json!({ "page": "1" }),
        json!({ "page": -1 }),
        json!({ "page": null }),
        json!({ "page": 1.5 }),
        json!({ "page": 1e300 }),
        json!({ "tags": "a" }),
        json!({ "ids": ["1"] }),
        json!({ "tag[]": ["a"] }),
    ] {
        assert!(build_with(QUERY, &params).is_err(), "{params}");
    }
    let error = build_with(QUERY, &json!({ "tag[]": ["a"] }))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("\"tag[]\" is called \"tags\" here"),
        "{error}"
    );
}

const HEADER: &str = "{ effect: write, method: POST, path: /x, passthrough: body, headers: { x-fixed: one }, params: {
    range: { in: header, type: string },
    version: { in: header, as: X-Version, type: integer },
    from: { in: body, as: sender, type: string } } }";

#[test]
fn a_header_param_stays_one_header() {
    let request = build_with(
        HEADER,
        &json!({ "range": "bytes=0-9", "version": 2, "from": "me" }),
    )
    .unwrap();
    assert_eq!(request.headers["range"], "bytes=0-9");
    assert_eq!(request.headers["x-version"], "2");
    assert_eq!(request.headers["x-fixed"], "one");
    assert_eq!(body(&request), r#"{"sender":"me"}"#);
    for range in ["a\nb", "a\r\nX: y", "\u{1}", "ü", "\0"] {
        let error = build_with(HEADER, &json!({ "range": range }))
            .unwrap_err()
            .to_string();
        assert!(error.contains("\"range\" goes into a header"), "{error}");
    }
}

#[test]
fn an_undeclared_param_can_t_stand_in_for_a_declared_one() {
    let error = build_with(HEADER, &json!({ "from": "me", "sender": "you" }))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("\"sender\" is called \"from\" here"),
        "{error}"
    );
}

#[test]
fn a_header_s_name_is_free_for_a_field_of_the_body() {
    let request = build_with(HEADER, &json!({ "version": 2, "X-Version": 3 })).unwrap();
    assert_eq!(request.headers["x-version"], "2");
    assert_eq!(body(&request), r#"{"X-Version":3}"#);
}

#[test]
fn a_body_is_an_object_even_without_members() {
    let request = build_with(HEADER, &json!({})).unwrap();
    assert_eq!(body(&request), "{}");
}

fn any_text() -> impl Strategy<Value = Value> {
    let tricks = prop::sample::select(vec![
        "..",
        ".",
        "/",
        "\\",
        "%2e%2e",
        "%2f",
        "?",
        "#",
        "@evil.example",
        "\r\n",
        "\0",
        "//x",
        "",
    ]);
    prop_oneof![
        prop::sample::select(vec!["octocat", "a.b", "..", "a/../b"]).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::collection::vec(tricks, 0..5).prop_map(|parts| parts.concat().into()),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(|number| json!(number)),
        2 => any_text(),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// For a path param: anything but text is refused before it gets to a path.
fn mostly_text() -> impl Strategy<Value = Value> {
    prop_oneof![9 => any_text(), 1 => any_json()]
}

proptest! {
    // most are refused before they make a path
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn whatever_the_params_the_request_stays_at_its_endpoint(
        owner in mostly_text(), repo in mostly_text(), path in mostly_text(), git_ref in mostly_text()
    ) {
        let params = json!({ "owner": owner, "repo": repo, "path": path, "ref": git_ref });
        let Ok(request) = build("github", "contents.read", &params.to_string()) else {
            return Ok(());
        };
        let base = BaseUrl::parse("https://api.github.com").unwrap();
        let url = base.join(&request.path_and_query);
        let host = Host::of(&url);
        prop_assert_eq!(host.as_ref(), Some(base.host()));
        prop_assert_eq!(url.scheme(), "https");
        prop_assert_eq!(url.fragment(), None);
        let segments: Vec<_> = url.path_segments().unwrap().collect();
        prop_assert_eq!(segments.len(), 4 + path.as_str().unwrap().split('/').count());
        prop_assert_eq!((segments[0], segments[3]), ("repos", "contents"));
        prop_assert_eq!(url.query_pairs().count(), 1);
        prop_assert!(BoundRequest::bind(request, &base, &[base.host().clone()]).is_ok());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in any::<String>()) {
        for service in catalogue().services() {
            for action in service.actions() {
                let _ = action.build(&bytes, None);
                let _ = action.build(text.as_bytes(), None);
            }
        }
    }

    #[test]
    fn a_body_that_goes_through_is_the_params_unchanged(extra in any_json()) {
        let params = json!({ "model": "m", "input": "i", "extra": extra }).to_string();
        if let Ok(request) = build("openai", "responses.create", &params) {
            prop_assert_eq!(body(&request), params);
        }
    }
}
