use serde_json::json;

use super::*;

/// Events as they come over the wire.
fn wire(events: &[Value]) -> String {
    let lines = events.iter().map(|event| {
        let kind = event["type"].as_str().unwrap_or("message");
        format!("event: {kind}\ndata: {event}\n\n")
    });
    lines.collect()
}

fn told(shape: EventShape, text: &str) -> Value {
    serde_json::from_slice(&result(Some(shape), text).unwrap()).unwrap()
}

#[test]
fn data_is_read_as_the_standard_says() {
    for (text, expected) in [
        ("data: a\n\n", &["a"][..]),
        ("data:a\r\n\r\ndata:  b\r\r", &["a", " b"]),
        ("data: a\ndata: b\ndata\n\n", &["a\nb\n"]),
        ("\u{feff}: comment\n\nid: 7\nevent: x\n\n", &[]),
        ("data: a\n\ndata: cut off", &["a"]),
        ("database: no\n\n", &[]),
        ("", &[]),
    ] {
        assert_eq!(data(text), expected, "{text:?}");
    }
}

#[test]
fn the_response_of_the_last_event_is_the_result_digit_by_digit() {
    let text = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"status\":\"in_progress\"}}\n\n\
        event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\n\n\
        event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"n\":1.10,\"error\":null}}\n\n";
    assert_eq!(
        result(Some(EventShape::OpenaiResponses), text).unwrap(),
        r#"{"id":"r","n":1.10,"error":null}"#
    );
    for last in ["response.incomplete", "response.failed"] {
        let text = text.replace("response.completed", last);
        assert!(result(Some(EventShape::OpenaiResponses), &text).is_ok());
    }
}

fn anthropic() -> Vec<Value> {
    vec![
        json!({"type": "message_start", "message": {"id": "msg", "role": "assistant", "content": [], "stop_reason": null, "usage": {"input_tokens": 25, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Let "}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "me"}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "sig"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "ping"}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hello"}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": ", ü"}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": {"cited_text": "x"}}}),
        json!({"type": "content_block_stop", "index": 1}),
        json!({"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "t", "name": "get", "input": {}}}),
        json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ""}}),
        json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{\"city\": \"Kö"}}),
        json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "ln\"}"}}),
        json!({"type": "content_block_stop", "index": 2}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 89}}),
        json!({"type": "message_stop"}),
    ]
}

#[test]
fn a_message_is_put_together_from_its_blocks() {
    assert_eq!(
        told(EventShape::AnthropicMessages, &wire(&anthropic())),
        json!({
            "id": "msg",
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Let me", "signature": "sig"},
                {"type": "text", "text": "Hello, ü", "citations": [{"cited_text": "x"}]},
                {"type": "tool_use", "id": "t", "name": "get", "input": {"city": "Köln"}},
            ],
            "stop_reason": "tool_use",
            "stop_sequence": null,
            "usage": {"input_tokens": 25, "output_tokens": 89},
        })
    );
}

fn chunk(choice: &Value) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], "usage": null})
}

#[test]
fn a_completion_is_put_together_from_its_chunks() {
    let mut chunks = vec![
        chunk(
            &json!({"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": null}),
        ),
        chunk(&json!({"index": 0, "delta": {"content": "Hel"}, "finish_reason": null})),
        chunk(
            &json!({"index": 1, "delta": {"role": "assistant", "content": "B"}, "finish_reason": null}),
        ),
        chunk(&json!({"index": 0, "delta": {"content": "lo"}, "finish_reason": null})),
        chunk(
            &json!({"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "t", "type": "function", "function": {"name": "get", "arguments": ""}}]}, "finish_reason": null}),
        ),
        chunk(
            &json!({"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{\"a\":"}}]}, "finish_reason": null}),
        ),
        chunk(
            &json!({"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}, "finish_reason": null}),
        ),
        chunk(&json!({"index": 0, "delta": {}, "finish_reason": "tool_calls"})),
        chunk(&json!({"index": 1, "delta": {}, "finish_reason": "stop"})),
    ];
    let expected = json!({
        "id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": null,
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": "Hello",
                    "tool_calls": [{"id": "t", "type": "function", "function": {"name": "get", "arguments": "{\"a\":1}"}}],
                },
            },
            {"index": 1, "finish_reason": "stop", "message": {"role": "assistant", "content": "B"}},
        ],
    });
    // some services leave the last line out
    assert_eq!(told(EventShape::ChatCompletions, &wire(&chunks)), expected);
    chunks.push(json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": {"total_tokens": 9}}));
    let text = wire(&chunks) + "data: [DONE]\n\n";
    let whole = told(EventShape::ChatCompletions, &text);
    assert_eq!(whole["usage"]["total_tokens"], 9);
    assert_eq!(whole["choices"], expected["choices"]);
}

#[test]
fn events_of_no_known_shape_are_a_list() {
    let text = "data: {\"n\": 1.10}\n\ndata: words\n\ndata: [DONE]\n\n";
    assert_eq!(result(None, text).unwrap(), r#"[{"n": 1.10},"words"]"#);
    assert_eq!(result(None, "").unwrap(), "[]");
}

#[test]
fn a_stream_that_breaks_off_is_no_result() {
    let whole = wire(&anthropic());
    for cut in (0..whole.len()).filter(|cut| whole.is_char_boundary(*cut)) {
        let found = result(Some(EventShape::AnthropicMessages), &whole[..cut]);
        assert!(
            matches!(found, Err(EventFault::BrokenOff { .. })),
            "{cut}: {found:?}"
        );
    }
    let chunks = wire(&[chunk(
        &json!({"index": 0, "delta": {"content": "a"}, "finish_reason": null}),
    )]);
    for (shape, text, events) in [
        (EventShape::ChatCompletions, chunks.as_str(), 1),
        (
            EventShape::OpenaiResponses,
            "data: {\"type\":\"response.created\",\"response\":{}}\n\n",
            1,
        ),
        (EventShape::OpenaiResponses, "", 0),
        (EventShape::ChatCompletions, "data: [DONE]\n\n", 1),
    ] {
        assert_eq!(
            result(Some(shape), text),
            Err(EventFault::BrokenOff { events }),
            "{text}"
        );
    }
}

#[test]
fn an_error_in_the_midst_of_a_stream_is_one() {
    for (data, expected) in [
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            true,
        ),
        (r#"{"error":{"message":"quota"}}"#, true),
        (r#"{"type":"error","code":"x","message":"m"}"#, true),
        (r#"{"type":"response.completed","error":{"a":1}}"#, false),
        (r#"{"error":null}"#, false),
        (r#""error""#, false),
    ] {
        let found = result(None, &format!("data: {data}\n\n"));
        assert_eq!(found.is_err(), expected, "{data}: {found:?}");
    }
}

#[test]
fn odd_events_are_no_panic() {
    for data in [
        "[]",
        "7",
        r#"{"type":"content_block_delta","index":9,"delta":{"text":"x"}}"#,
        r#"{"type":"message_start","message":7}"#,
        r#"{"type":"content_block_start","index":0,"content_block":7}"#,
        r#"{"type":"message_delta","delta":7,"usage":7}"#,
        r#"{"choices":[7,{"index":0},{"index":0,"delta":7}]}"#,
        r#"{"choices":7}"#,
    ] {
        let text = format!(
            "data: {data}\n\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"text\":\"x\"}}}}\n\ndata: {{\"type\":\"message_stop\"}}\n\ndata: [DONE]\n\n"
        );
        for shape in [
            EventShape::OpenaiResponses,
            EventShape::AnthropicMessages,
            EventShape::ChatCompletions,
        ] {
            let _ = result(Some(shape), &text);
        }
    }
}
