use serde_json::json;

use super::*;

fn reader(format: ResponseFormat, message: &str) -> ResponseReader {
    let error = ErrorShape {
        message: Some(message.into()),
    };
    ResponseReader::new(ServiceName::parse("github").unwrap(), format, &error)
}

fn result(format: ResponseFormat, content_type: &str, body: &[u8]) -> String {
    let body = Bytes::copy_from_slice(body);
    match reader(format, "message").read(StatusCode::OK, Some(content_type), &body) {
        ActionOutcome::Result(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        ActionOutcome::Refused(error) => panic!("{error:?}"),
    }
}

fn refused(status: u16, content_type: &str, body: &[u8]) -> VendorError {
    let status = StatusCode::from_u16(status).unwrap();
    let body = Bytes::copy_from_slice(body);
    match reader(ResponseFormat::Json, "message").read(status, Some(content_type), &body) {
        ActionOutcome::Refused(error) => error,
        ActionOutcome::Result(result) => panic!("{result:?}"),
    }
}

fn with_text() -> ResponseFormat {
    ResponseFormat::JsonWithText(DecodeBase64 {
        from: "content".into(),
        into: "text".into(),
    })
}

#[test]
fn json_goes_through_byte_for_byte() {
    for body in [
        r#"{ "id": 9007199254740993,  "big": 1e400, "n": 0.10 }"#,
        "[]",
        "null",
        "\"text\"",
        r#"{"a":1,"a":2}"#,
    ] {
        assert_eq!(
            result(ResponseFormat::Json, "application/json", body.as_bytes()),
            body
        );
    }
    assert_eq!(
        result(
            ResponseFormat::Json,
            "application/json",
            b"\xef\xbb\xbf {} \r\n"
        ),
        "{}"
    );
}

#[test]
fn what_is_no_json_becomes_json() {
    let deep = "[".repeat(5_000) + &"]".repeat(5_000);
    for (format, kind, body, expected) in [
        (
            ResponseFormat::Json,
            "application/json",
            &b""[..],
            json!(null),
        ),
        (
            ResponseFormat::Json,
            "text/html",
            b"<p>\xc3\xbc",
            json!("<p>ü"),
        ),
        (
            ResponseFormat::Json,
            "application/json",
            b"{\"a\":",
            json!("{\"a\":"),
        ),
        (
            ResponseFormat::Json,
            "application/json",
            deep.as_bytes(),
            json!(deep),
        ),
        (
            ResponseFormat::Json,
            "text/event-stream",
            b"data: {}\n\n",
            json!("data: {}\n\n"),
        ),
        (
            ResponseFormat::Json,
            "image/png",
            b"\x89PNG",
            json!({ "content_type": "image/png", "size": 4, "base64": "iVBORw==" }),
        ),
        (ResponseFormat::Text, "text/plain", b"{}", json!("{}")),
        (
            ResponseFormat::Text,
            "text/plain",
            b"\xff",
            json!({ "content_type": "text/plain", "size": 1, "base64": "/w==" }),
        ),
        (
            ResponseFormat::Bytes,
            "text/plain",
            b"{}",
            json!({ "content_type": "text/plain", "size": 2, "base64": "e30=" }),
        ),
        (ResponseFormat::Bytes, "text/plain", b"", json!(null)),
    ] {
        let text = result(format, kind, body);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    }
}

#[test]
fn a_file_is_also_there_as_text() {
    for (body, expected) in [
        (
            r#"{"size":5,"content":"aGVs\nbG8=\n"}"#,
            r#"{"size":5,"content":"aGVsbG8=","text":"hello"}"#,
        ),
        (
            r#"{"id":1e400,"content":"InF1b3RlIgo="}"#,
            r#"{"id":1e400,"content":"InF1b3RlIgo=","text":"\"quote\"\n"}"#,
        ),
        // not text, not base64, not there, taken: as it was
        (r#"{"content":"/w=="}"#, r#"{"content":"/w=="}"#),
        (r#"{"content":"%"}"#, r#"{"content":"%"}"#),
        (r#"{"content":""}"#, r#"{"content":""}"#),
        (r#"{"content":7}"#, r#"{"content":7}"#),
        (
            r#"{"content":"aGVsbG8=","text":1}"#,
            r#"{"content":"aGVsbG8=","text":1}"#,
        ),
        (r#"[{"name":"a"}]"#, r#"[{"name":"a"}]"#),
        ("{}", "{}"),
    ] {
        assert_eq!(
            result(with_text(), "application/json", body.as_bytes()),
            expected
        );
    }
}

#[test]
fn an_error_speaks_with_the_vendor_s_words() {
    for (kind, body, message) in [
        (
            "application/json",
            r#"{"message":"Not Found","documentation_url":"https://x"}"#,
            "Not Found",
        ),
        (
            "application/json",
            r#"{"message":"Validation Failed","errors":[{"field":"title","code":"missing"}]}"#,
            r#"Validation Failed: [{"field":"title","code":"missing"}]"#,
        ),
        (
            "application/json",
            r#"{"error":{"message":"bad model","type":"x"}}"#,
            "bad model",
        ),
        (
            "application/json",
            r#"{"error":"invalid_grant"}"#,
            "invalid_grant",
        ),
        (
            "application/json",
            r#"{"error":"invalid_grant","error_description":"expired"}"#,
            "expired",
        ),
        (
            "application/json",
            r#"{"errors":[{"message":"first"}]}"#,
            r#"first: [{"message":"first"}]"#,
        ),
        ("application/json", r#"{"detail":"no"}"#, "no"),
        ("application/json", r#""just words""#, "just words"),
        (
            "text/plain; charset=utf-8",
            "go\r\n away\u{1b}[31m",
            "go away [31m",
        ),
        (
            "text/html",
            "<html>nginx</html>",
            "HTTP 422 Unprocessable Entity",
        ),
        ("application/json", "", "HTTP 422 Unprocessable Entity"),
        ("application/json", "{}", "HTTP 422 Unprocessable Entity"),
        (
            "application/json",
            r#"{"message":7}"#,
            "HTTP 422 Unprocessable Entity",
        ),
        (
            "application/octet-stream",
            "\u{0}\u{1}",
            "HTTP 422 Unprocessable Entity",
        ),
    ] {
        let error = refused(422, kind, body.as_bytes());
        assert_eq!(
            (error.status, error.message.as_str()),
            (422, message),
            "{body}"
        );
        assert_eq!(error.hint, None);
    }
}

#[test]
fn the_definition_says_where_the_message_is() {
    let body = Bytes::from_static(br#"{"message":"general","meta":{"why":{"text":"exact"}}}"#);
    let outcome =
        reader(ResponseFormat::Json, "meta.why.text").read(StatusCode::BAD_REQUEST, None, &body);
    assert!(matches!(outcome, ActionOutcome::Refused(error) if error.message == "exact"));
}

#[test]
fn a_refused_credential_comes_with_a_hint() {
    for status in [401, 403] {
        let hint = refused(
            status,
            "application/json",
            br#"{"message":"Bad credentials"}"#,
        )
        .hint
        .unwrap();
        assert!(hint.contains("axis add github --replace"), "{hint}");
    }
    assert!(
        refused(302, "text/html", b"")
            .hint
            .unwrap()
            .contains("redirect")
    );
}

#[test]
fn a_vendor_s_flood_is_cut() {
    let long = "ü".repeat(100_000);
    let error = refused(
        400,
        "application/json",
        json!({ "message": long, "errors": [long] })
            .to_string()
            .as_bytes(),
    );
    assert!(error.message.chars().count() <= MAX_MESSAGE_CHARS + MAX_DETAIL_BYTES + 5);
    let huge = json!({ "message": "m".repeat(2 * MAX_ERROR_BODY_BYTES) }).to_string();
    assert_eq!(
        refused(500, "application/json", huge.as_bytes()).message,
        "HTTP 500 Internal Server Error"
    );
}
