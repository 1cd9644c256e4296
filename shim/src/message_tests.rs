use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn refused(line: &str) -> Vec<Value> {
    match read(&Bytes::copy_from_slice(line.as_bytes())) {
        Incoming::Refused(answers) => answers
            .iter()
            .map(|answer| serde_json::to_value(answer).unwrap())
            .collect(),
        other => panic!("{line:?} was taken as {other:?}"),
    }
}

fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn a_line_that_is_no_request_gets_an_error_that_says_what_to_send() {
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":"d","method":"tools/call","params":{}}}"#,
        nested(200)
    );
    let deeper = format!(
        r#"{{"jsonrpc":"2.0","id":"d","method":"x","params":{}}}"#,
        nested(50_000)
    );
    for (line, code, id, part) in [
        ("garbage", -32700, Value::Null, "is no JSON"),
        ("{", -32700, Value::Null, "is no JSON"),
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"#,
            -32700,
            json!(7),
            "is no JSON",
        ),
        (
            r#"{"jsonrpc":"2.0","id":7"#,
            -32700,
            Value::Null,
            "is no JSON",
        ),
        (
            r#"{"params":{"id":1},"id":"mine","method":x}"#,
            -32700,
            json!("mine"),
            "is no JSON",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"} trailing"#,
            -32700,
            json!(1),
            "is no JSON",
        ),
        ("42", -32600, Value::Null, "no JSON-RPC"),
        ("\"text\"", -32600, Value::Null, "no JSON-RPC"),
        ("{}", -32600, Value::Null, "no \"method\""),
        (
            r#"{"jsonrpc":"2.0","id":5}"#,
            -32600,
            json!(5),
            "no \"method\"",
        ),
        (
            r#"{"jsonrpc":"2.0","id":5,"method":6}"#,
            -32600,
            json!(5),
            "must be a string",
        ),
        (
            r#"{"id":5,"method":"ping"}"#,
            -32600,
            json!(5),
            "\"jsonrpc\":\"2.0\"",
        ),
        (
            r#"{"jsonrpc":"1.0","id":5,"method":"ping"}"#,
            -32600,
            json!(5),
            "\"jsonrpc\":\"2.0\"",
        ),
        (
            r#"{"jsonrpc":"2.0","id":5,"method":"ping","result":{}}"#,
            -32600,
            json!(5),
            "at once",
        ),
        (
            r#"{"jsonrpc":"2.0","id":5,"id":6,"method":"ping"}"#,
            -32600,
            json!(5),
            "duplicate",
        ),
        (
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            -32600,
            Value::Null,
            "\"id\" must be",
        ),
        (
            r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#,
            -32600,
            Value::Null,
            "\"id\" must be",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
            -32600,
            Value::Null,
            "\"id\" must be",
        ),
        ("[]", -32600, Value::Null, "batches"),
        (&deep, -32600, json!("d"), "128 levels"),
        (&deeper, -32600, json!("d"), "128 levels"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#,
            -32602,
            json!(1),
            "protocolVersion",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":3}}"#,
            -32602,
            json!(1),
            "protocolVersion",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#,
            -32602,
            json!(1),
            "needs params",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#,
            -32602,
            json!(1),
            "must be an object",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#,
            -32602,
            json!(1),
            "\"name\"",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":1}}"#,
            -32602,
            json!(1),
            "\"name\"",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","_meta":3}}"#,
            -32602,
            json!(1),
            "_meta",
        ),
    ] {
        let answers = refused(line);
        let shown: String = line.chars().take(80).collect();
        assert_eq!(answers.len(), 1, "{shown}");
        assert_eq!(answers[0]["jsonrpc"], "2.0");
        assert_eq!(answers[0]["error"]["code"], code, "{shown}");
        assert_eq!(answers[0]["id"], id, "{shown}");
        let message = answers[0]["error"]["message"].as_str().unwrap();
        assert!(message.contains(part), "{shown}: {message}");
    }
}

#[test]
fn each_request_of_a_batch_hears_that_batches_are_not_taken() {
    let answers = refused(
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"n"},{"jsonrpc":"2.0","id":"b","method":"ping"},7]"#,
    );
    let ids: Vec<&Value> = answers.iter().map(|answer| &answer["id"]).collect();
    assert_eq!(ids, [&json!(1), &json!("b")]);
    let many = format!("[{}]", vec![r#"{"id":1,"method":"m"}"#; 1000].join(","));
    assert_eq!(
        refused(&many).len(),
        1,
        "a batch must not be multiplied into answers"
    );
}

#[test]
fn what_wants_no_answer_gets_none() {
    for line in [
        "",
        "   ",
        "\u{feff}",
        r#"{"jsonrpc":"2.0","id":1,"result":7,"error":"no answer either"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":7}"#,
    ] {
        let incoming = read(&Bytes::copy_from_slice(line.as_bytes()));
        assert!(
            matches!(&incoming, Incoming::Ignored)
                || matches!(&incoming, Incoming::Message(message)
                    if matches!(**message, ClientJsonRpcMessage::Notification(_))),
            "{line:?}: {incoming:?}"
        );
    }
}

#[test]
fn an_answer_goes_to_who_may_have_asked() {
    for line in [
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"action":"accept","content":{"approve":true}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m"}}"#,
    ] {
        let Incoming::Message(message) = read(&Bytes::copy_from_slice(line.as_bytes())) else {
            panic!("{line}");
        };
        assert!(
            matches!(
                *message,
                ClientJsonRpcMessage::Response(_) | ClientJsonRpcMessage::Error(_)
            ),
            "{line}"
        );
    }
}

#[test]
fn a_byte_order_mark_and_white_space_around_a_message_are_no_fault() {
    let line = "\u{feff}  {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"} \t";
    assert!(matches!(read(&Bytes::from(line)), Incoming::Message(_)));
}

#[test]
fn a_tool_call_keeps_its_arguments_as_they_were_written() {
    let line = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{"progressToken":5},"arguments": {"n": 1e400, "m":12345678901234567890123} }}"#;
    let Incoming::Message(message) = read(&Bytes::from(line)) else {
        panic!("refused")
    };
    let ClientJsonRpcMessage::Request(request) = *message else {
        panic!("no request")
    };
    let arguments = request.request.extensions().get::<RawArguments>().unwrap();
    assert_eq!(
        arguments.0.as_deref(),
        Some(&br#"{"n": 1e400, "m":12345678901234567890123}"#[..])
    );
    assert!(request.request.get_meta().get_progress_token().is_some());
}

#[test]
fn an_unknown_method_is_left_to_the_server() {
    let line = r#"{"jsonrpc":"2.0","id":1,"method":"no/such","params":{"a":1}}"#;
    assert!(matches!(read(&Bytes::from(line)), Incoming::Message(_)));
}

proptest! {
    #[test]
    fn no_line_panics_and_every_refusal_is_one_line(line in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Incoming::Refused(answers) = read(&Bytes::from(line)) {
            for answer in answers {
                let text = serde_json::to_string(&answer).unwrap();
                prop_assert!(!text.contains('\n'));
            }
        }
    }

    #[test]
    fn no_json_panics(line in r#"[\[\]{}:,"a-z0-9\\ ]{0,60}"#) {
        let _ = read(&Bytes::from(line));
    }
}
