//! What leads a path elsewhere, or only looks as if it did.

use percent_encoding::percent_decode_str;
use serde_json::json;

use super::super::{build, build_with, service};
use super::*;

/// No path, wherever it stands, and however often it is decoded on the way.
const LEADS_ELSEWHERE: &[&str] = &[
    ".",
    "..",
    "%2e",
    "%2E%2e",
    ".%2e",
    "%252e%252e",
    "%25252E.",
    "..%2f..",
    "..%2Fuser",
    "x%2f..%2f..%2fuser",
    "%2e%2e%2f%2e%2e",
    "..\\..",
    "x\\..\\y",
    "..%5c..",
    "x%255cy",
    "\u{ff0e}\u{ff0e}",
    "\u{ff0e}%2e",
    "\u{2024}\u{2024}",
    "\u{2025}",
    "x\u{ff0f}\u{ff0e}\u{ff0e}\u{ff0f}y",
    "\u{ff05}2e\u{ff05}2e",
    "x\u{ff3c}y",
    "..;x=1",
    "..%3b",
    ".. ",
    "..%20",
    "%u002e%u002e",
    "%uff0e%uff0e",
    "",
    "%00",
    "x\0",
    "x%2500y",
    "x\ty",
    "x%09y",
    "x\r\nHost: evil.example",
    "x\r\n\r\nGET /user HTTP/1.1",
    "x%0d%0aHost:%20evil.example",
    "x\u{85}y",
    "x\u{7f}",
    "%c0%ae%c0%ae",
    "x%ff",
];

/// Odd, but only text: sent, each in its own segment.
const ONLY_ODD: &[&str] = &[
    "x?y=1",
    "x#y",
    "x;y",
    "x&y=z",
    "%",
    "100%",
    "%zz",
    "%u12",
    "x y",
    "x+y",
    "@evil.example",
    "user@evil.example:443",
    "https:",
    ":80",
    "...",
    "x..y",
    ".git",
    "{repo}",
    "'\"`<>|^",
    "*",
    "~root",
    "é漢😀",
    "\u{200b}x",
    "\u{202e}x",
];

#[test]
fn a_path_param_that_leads_elsewhere_is_refused() {
    let mut tried = 0;
    for (service, action, param) in params(|target| {
        matches!(
            target,
            Target::Path { .. } | Target::Bucket | Target::RawPath
        )
    }) {
        let is_text = schemas(action)[&param.name]["type"] == "string";
        for value in LEADS_ELSEWHERE.iter().filter(|_| is_text) {
            // the root of the service is a path too
            if !(matches!(param.target, Target::RawPath) && value.is_empty()) {
                let params = with(action, &param.name, &json!(value));
                refused(service, action, &param.name, &params);
                tried += 1;
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
}

#[test]
fn an_overlong_path_param_is_refused() {
    for (service, action, param) in params(|target| {
        matches!(
            target,
            Target::Path { .. } | Target::Bucket | Target::RawPath
        )
    }) {
        for long in ["x".repeat(4_097), "漢".repeat(1_366)] {
            let params = with(action, &param.name, &json!(long));
            refused(service, action, &param.name, &params);
        }
    }
}

#[test]
fn an_odd_path_param_stays_one_segment() {
    let mut tried = 0;
    for (service, action, param) in params(|target| matches!(target, Target::Path { .. })) {
        let plain = sent(service, action, &with(action, &param.name, &json!("zzz")));
        let Ok(plain) = plain else {
            continue; // its own pattern or type takes no such text
        };
        let segments = |url: &url::Url| -> Vec<String> {
            let segments = url.path_segments().unwrap();
            let decoded = segments.map(|segment| percent_decode_str(segment).decode_utf8());
            decoded.map(|text| text.unwrap().into_owned()).collect()
        };
        for value in ONLY_ODD {
            let params = with(action, &param.name, &json!(value));
            let request = sent(service, action, &params).unwrap();
            let expected: Vec<_> = segments(&plain.url)
                .into_iter()
                .map(|segment| segment.replace("zzz", value))
                .collect();
            assert_eq!(segments(&request.url), expected, "{action:?} {value:?}");
            assert_eq!(request.url.host_str(), plain.url.host_str());
            assert_eq!(request.url.query(), plain.url.query());
            assert_eq!(request.url.fragment(), None);
            tried += 1;
        }
    }
    assert!(tried > 1_000, "{tried}");
}

#[test]
fn a_path_over_several_segments_has_no_empty_and_no_dot_segment() {
    for (service, action, param) in
        params(|target| matches!(target, Target::Path { multi: true } | Target::RawPath))
    {
        for value in [
            "../actions/secrets",
            "../../user/repos",
            "a/..",
            "a/../../../x",
            "a/./b",
            "a/%2e%2e/b",
            "a/%2e%2e%2fb",
            "a/%252e%252e/b",
            "a//b",
            "a/ /../b",
            "docs/..\\..\\user",
            "docs/\u{ff0e}\u{ff0e}/x",
            "docs/..;/x",
            "a/%00/b",
            "a/\r\nX: y",
        ] {
            let params = with(action, &param.name, &json!(value));
            refused(service, action, &param.name, &params);
        }
    }
    for (path, written) in [
        ("a/b#x", "a/b%23x"),
        ("a b/c?d=1", "a%20b/c%3Fd%3D1"),
        (".github/…", ".github/%E2%80%A6"),
    ] {
        let params = json!({"owner": "o", "repo": "r", "path": path}).to_string();
        let request = build("github", "contents.read", &params).unwrap();
        let expected = format!("/repos/o/r/contents/{written}");
        assert_eq!(request.path_and_query, expected);
    }
    for path in ["/", "a/", "/a"] {
        let params = json!({"owner": "o", "repo": "r", "path": path}).to_string();
        assert!(build("github", "contents.read", &params).is_err(), "{path}");
    }
}

#[test]
fn a_number_goes_into_a_path_in_digits() {
    let number = "{ effect: read, method: GET, path: '/x/{number}', params: { number: { in: path, type: integer, required: true } } }";
    for (written, path) in [
        ("17", Some("/x/17")),
        ("-17", Some("/x/-17")),
        ("-0", Some("/x/0")),
        ("-0.0", Some("/x/0")),
        ("17.0", Some("/x/17")),
        ("1.7e1", Some("/x/17")),
        ("18446744073709551615", Some("/x/18446744073709551615")),
        ("18446744073709551616", None),
        ("1e300", None),
        ("1e400", None),
        ("0.5", None),
        ("\"17\"", None),
        ("\"17/..\"", None),
        ("[17]", None),
        ("true", None),
    ] {
        let service = service(number);
        let params = format!(r#"{{"number":{written}}}"#);
        let request = service
            .action("x.do")
            .unwrap()
            .build(params.as_bytes(), None);
        let made = request.ok().map(|request| request.path_and_query);
        assert_eq!(made.as_deref(), path, "{written}");
    }
    let fits = json!({ "number": 1 });
    assert_eq!(build_with(number, &fits).unwrap().path_and_query, "/x/1");
}

#[test]
fn a_raw_path_stays_below_the_base_url_s() {
    let service = service("{ effect: read, method: GET, path: /x }");
    let action = service.action("http.get").unwrap();
    let mut made = 0;
    for value in LEADS_ELSEWHERE.iter().chain(ONLY_ODD) {
        for path in [
            format!("/{value}"),
            format!("a/{value}"),
            format!("{value}/b"),
        ] {
            let params = json!({ "path": path }).to_string();
            let Ok(request) = sent(&service, action, &params) else {
                continue;
            };
            let url = &request.url;
            assert!(url.path().starts_with("/base/"), "{path:?}: {url}");
            assert_eq!(url.host_str(), Some("api.example.com"));
            assert_eq!((url.query(), url.fragment()), (None, None));
            made += 1;
        }
    }
    assert!(made > 50, "{made}");
}
