use serde_json::json;

use super::vendor::{MAX_DETAIL_BYTES, MAX_ERROR_BODY_BYTES, MAX_MESSAGE_CHARS};
use super::*;

fn format(text: &str) -> ResponseFormat {
    serde_yaml::from_str(text).unwrap()
}

fn reader(shape: ResponseFormat, message: &str) -> ResponseReader {
    ResponseReader::new(Reading {
        service: ServiceName::parse("github").unwrap(),
        format: shape,
        events: None,
        error: ErrorShape {
            message: Reach::parse(message),
            code: None,
        },
        success: None,
        pages: None,
        integers: Vec::new(),
        result: None,
        is_graphql: false,
    })
}

fn read(reader: &ResponseReader, status: u16, content_type: &str, body: &[u8]) -> ActionOutcome {
    let answer = Answer {
        status: StatusCode::from_u16(status).unwrap(),
        content_type: Some(content_type),
        headers: &[],
        body: &Bytes::copy_from_slice(body),
    };
    reader.read(&answer, &mut str::to_owned)
}

fn text(outcome: ActionOutcome) -> String {
    match outcome {
        ActionOutcome::Result(found) => String::from_utf8(found.json.to_vec()).unwrap(),
        ActionOutcome::Refused(error) => panic!("{error:?}"),
    }
}

fn result(shape: &str, content_type: &str, body: &[u8]) -> String {
    text(read(
        &reader(format(shape), "message"),
        200,
        content_type,
        body,
    ))
}

fn refused(status: u16, content_type: &str, body: &[u8]) -> VendorError {
    match read(
        &reader(format("json"), "message"),
        status,
        content_type,
        body,
    ) {
        ActionOutcome::Refused(error) => error,
        ActionOutcome::Result(result) => panic!("{result:?}"),
    }
}

const WITH_TEXT: &str = "{ format: json, decode_base64: { from: content, into: text } }";

#[test]
fn json_goes_through_byte_for_byte() {
    for body in [
        r#"{ "id": 9007199254740993,  "big": 1e400, "n": 0.10 }"#,
        "[]",
        "null",
        "\"text\"",
        r#"{"a":1,"a":2}"#,
    ] {
        assert_eq!(result("json", "application/json", body.as_bytes()), body);
    }
    assert_eq!(
        result("json", "application/json", b"\xef\xbb\xbf {} \r\n"),
        "{}"
    );
}

#[test]
fn what_is_no_json_becomes_json() {
    let deep = "[".repeat(5_000) + &"]".repeat(5_000);
    for (format, kind, body, expected) in [
        ("json", "application/json", &b""[..], json!(null)),
        ("json", "text/html", b"<p>\xc3\xbc", json!("<p>ü")),
        ("json", "application/json", b"{\"a\":", json!("{\"a\":")),
        ("json", "application/json", deep.as_bytes(), json!(deep)),
        ("json", "text/event-stream", b"data: {}\n\n", json!([{}])),
        (
            "json",
            "image/png",
            b"\x89PNG",
            json!({ "content_type": "image/png", "size": 4, "base64": "iVBORw==" }),
        ),
        ("text", "text/plain", b"{}", json!("{}")),
        (
            "text",
            "text/plain",
            b"\xff",
            json!({ "content_type": "text/plain", "size": 1, "base64": "/w==" }),
        ),
        (
            "bytes",
            "text/plain",
            b"{}",
            json!({ "content_type": "text/plain", "size": 2, "base64": "e30=" }),
        ),
        ("bytes", "text/plain", b"", json!(null)),
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
            result(WITH_TEXT, "application/json", body.as_bytes()),
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
    let body = br#"{"message":"general","meta":{"why":{"text":"exact"}}}"#;
    let reader = reader(format("json"), "meta.why.text");
    let outcome = read(&reader, 400, "application/json", body);
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
fn a_signature_of_another_time_comes_with_a_hint_at_the_clock() {
    for (status, kind, body, is_the_clocks) in [
        (
            403,
            "application/xml",
            "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the current time is too large.</Message></Error>",
            true,
        ),
        (
            400,
            "application/xml",
            "<Error><Code>RequestExpired</Code><Message>Request has expired.</Message></Error>",
            true,
        ),
        (
            400,
            "application/x-amz-json-1.0",
            r#"{"__type":"com.amazon.coral.service#InvalidSignatureException","message":"Signature expired: 20260115T101500Z is now earlier than 20260115T102500Z (20260115T103000Z - 5 min.)"}"#,
            true,
        ),
        (
            403,
            "application/xml",
            "<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match</Message></Error>",
            false,
        ),
    ] {
        let hint = refused(status, kind, body.as_bytes()).hint.unwrap();
        assert_eq!(hint.contains("axis doctor"), is_the_clocks, "{hint}");
        assert_eq!(hint.contains("--replace"), !is_the_clocks, "{hint}");
    }
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
