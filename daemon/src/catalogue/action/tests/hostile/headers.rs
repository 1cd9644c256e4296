//! Headers that a call could be given, by a param or by its name.

use http::HeaderName;
use serde_json::{Value, json};

use super::super::build;
use super::*;

/// `params` with what else `action` requires.
fn with_required(action: &Action, params: &str) -> String {
    let mut all = example(action);
    let own: Value = serde_json::from_str(params).unwrap();
    for (name, value) in own.as_object().unwrap() {
        all[name] = value.clone();
    }
    all.to_string()
}

#[test]
fn a_header_param_is_one_line_of_ascii() {
    let mut tried = 0;
    for (service, action, param) in params(|target| matches!(target, Target::Header(_))) {
        for value in [
            "a\nb",
            "a\rb",
            "a\r\nX-Evil: 1",
            "a\r\n b",
            "a\r\n\tb",
            "\u{1}",
            "a\0b",
            "a\tb",
            "\u{7f}",
            "naïve",
            "\u{a0}",
            "\u{560d}\u{560a}",
            "\u{2028}",
        ] {
            refused(
                service,
                action,
                &param.name,
                &with(action, &param.name, &json!(value)),
            );
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn an_agent_s_own_headers_choose_a_form_and_do_no_more() {
    let methods = [
        "http.get",
        "http.post",
        "http.put",
        "http.patch",
        "http.delete",
    ];
    for service in catalogue().services() {
        for method in methods {
            let action = service.action(method).unwrap();
            for name in [
                "Host",
                "host",
                ":authority",
                ":path",
                "Authorization",
                "AUTHORIZATION",
                "Proxy-Authorization",
                "Proxy-Connection",
                "Cookie",
                "cookie2",
                "Set-Cookie",
                "X-Api-Key",
                "api-key",
                "Content-Length",
                "Content-Encoding",
                "Transfer-Encoding",
                "TE",
                "Trailer",
                "Connection",
                "Keep-Alive",
                "Upgrade",
                "Expect",
                "Accept-Encoding",
                "User-Agent",
                "Referer",
                "Origin",
                "Via",
                "Forwarded",
                "X-Forwarded-For",
                "X-Forwarded-Host",
                "X-Real-IP",
                "X-HTTP-Method",
                "X-HTTP-Method-Override",
                "X-Method-Override",
                "X-Original-URL",
                "X-Rewrite-URL",
                "X-Amz-Date",
                "X-Amz-Security-Token",
                "X-Amz-Content-Sha256",
                "X-Goog-User-Project",
                "Idempotency-Key",
                "Stripe-Account",
                "Anthropic-Version",
                "X-Custom",
                "accept ",
                " accept",
                "accept\r\nx",
                "accept:",
                "acc\u{0435}pt",
                "accept\0",
                "",
            ] {
                let params = json!({"path": "/x", "headers": {name: "evil"}}).to_string();
                let params = with_required(action, &params);
                refused(service, action, "headers", &params);
            }
            for value in ["a\nb", "a\r\nX: y", "a\r\n b", "\u{1}", "\0", "é", "\t"] {
                let params = json!({"path": "/x", "headers": {"accept": value}}).to_string();
                let params = with_required(action, &params);
                refused(service, action, "headers", &params);
            }
        }
    }
    // two of one name: which of them a server would take is its own affair
    let twice = r#"{"path":"/x","headers":{"Accept":"text/plain","accept":"text/html"}}"#;
    let error = build("github", "http.get", twice).unwrap_err().to_string();
    assert!(error.contains("twice"), "{error}");
}

#[test]
fn a_header_of_the_definition_can_t_be_named_as_a_param() {
    for (service, action) in actions().filter(|(_, action)| !action.passthrough) {
        for name in [
            "Authorization",
            "authorization",
            "Host",
            "Idempotency-Key",
            "Content-Length",
            "__header",
            "headers[]",
            "baseUrl",
            "base_url",
            "url",
            "method",
            "__proto__",
            "constructor",
        ] {
            if action.params.iter().all(|param| param.name != name) {
                refused(service, action, name, &with(action, name, &json!("x")));
            }
        }
    }
    for (service, action) in actions().filter(|(_, action)| action.passthrough) {
        for name in ["Authorization", "Host", "Idempotency-Key", "Cookie"] {
            let request = sent(service, action, &with(action, name, &json!("evil"))).unwrap();
            let name: HeaderName = name.parse().unwrap();
            assert!(!request.headers.contains_key(name), "{action:?}");
            let host = Some(service.base_url().host().as_str());
            assert_eq!(request.url.host_str(), host);
        }
    }
}
