//! Streams of events: progress while they come, one result in the end.

use axis_tests::{Home, Host, Reply, Upstream, canary};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Response;
use serde_json::{Value, json};
use tokio_stream::StreamExt;

const ALLOW_ALL: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: '*', actions: ['*']}\n";

fn home_at(upstream: &Upstream, key: &str) -> Home {
    let home = Home::ready();
    for service in ["openai", "anthropic"] {
        home.add(service, key, &upstream.url());
    }
    home.policy(ALLOW_ALL);
    home
}

fn events(data: &[Value]) -> Vec<String> {
    data.iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect()
}

fn reply(body: &str) -> Reply {
    Reply {
        headers: vec![(
            "content-type".into(),
            "text/event-stream; charset=utf-8".into(),
        )],
        body: body.as_bytes().to_vec(),
        ..Reply::json(200, &Value::Null)
    }
}

fn anthropic_events(text: &[&str]) -> Vec<Value> {
    let mut events = vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "stop_reason": null, "usage": {"output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ];
    events.extend(text.iter().map(|text| {
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
    }));
    events.extend([
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ]);
    events
}

fn message() -> Value {
    json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}], "stream": true})
}

#[test]
fn a_stream_becomes_the_result_that_the_call_without_one_brings() {
    let key = canary("events");
    let (before, after) = key.split_at(10);
    let anthropic = events(&anthropic_events(&["The key is ", before, after])).concat();
    let openai = events(&[
        json!({"type": "response.created", "response": {"id": "r", "status": "in_progress"}}),
        json!({"type": "response.output_text.delta", "delta": "Hi"}),
        json!({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}}),
    ])
    .concat();
    let upstream = Upstream::answering(move |request| {
        assert_eq!(request.json()["stream"], true);
        reply(if request.path == "/v1/messages" {
            &anthropic
        } else {
            &openai
        })
    });
    let home = home_at(&upstream, &key);
    let mut host = Host::connect(&home, "local-dev");

    let answer = host.execute("anthropic", "messages.create", &message());
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(
        answer["result"]["content"],
        json!([{"type": "text", "text": "The key is [redacted by axis]"}])
    );
    assert_eq!(answer["result"]["stop_reason"], "end_turn");
    assert_eq!(answer["result"]["usage"]["output_tokens"], 5);

    let params = json!({"model": "m", "input": "hi", "stream": true});
    let answer = host.execute("openai", "responses.create", &params);
    assert_eq!(
        answer["result"],
        json!({"id": "r", "status": "completed", "output": []})
    );
    let chosen = host.execute_with(
        "openai",
        "responses.create",
        &params,
        &json!({"select": ".status"}),
    );
    assert_eq!(chosen["result"], "completed");
    assert!(!host.transcript.contains(&key));
}

#[test]
fn a_stream_that_breaks_off_or_tells_an_error_is_an_error() {
    let whole = events(&anthropic_events(&["Hello"]));
    let broken = whole[..3].concat();
    let told = whole[..3].concat()
        + &events(&[
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
        ])
        .concat();
    let upstream = Upstream::answering(move |request| {
        let is_first = request.json()["max_tokens"] == 1;
        reply(if is_first { &broken } else { &told })
    });
    let home = home_at(&upstream, &canary("broken"));
    let mut host = Host::connect(&home, "local-dev");
    for (max_tokens, part) in [(1, "broke off after 3 events"), (2, "Overloaded")] {
        let mut params = message();
        params["max_tokens"] = max_tokens.into();
        let answer = host.execute("anthropic", "messages.create", &params);
        assert_eq!(answer["error"]["code"], "upstream_error", "{answer}");
        let text = answer["error"]["message"].as_str().unwrap();
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_host_that_gave_a_token_hears_of_events_as_they_arrive() {
    let (go_on, wait) = tokio::sync::watch::channel(false);
    let upstream = Upstream::routed(Router::new().fallback(async move || {
        let all = events(&anthropic_events(&["Hel", "lo"]));
        let (first, rest) = (all[..3].concat(), all[3..].concat());
        let mut wait = wait.clone();
        let first = tokio_stream::once(Ok::<_, std::io::Error>(Bytes::from(first)));
        let rest = tokio_stream::once(Ok(Bytes::from(rest)));
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            let _ = wait.wait_for(|go_on| *go_on).await;
            let _ = sender.send(()).await;
        });
        let pause = tokio_stream::wrappers::ReceiverStream::new(receiver)
            .map(|()| Ok(Bytes::from_static(b": on it goes\n\n")));
        Response::builder()
            .header("content-type", "text/event-stream")
            .body(Body::from_stream(first.chain(pause).chain(rest)))
            .unwrap()
    }));
    let home = home_at(&upstream, &canary("token"));
    let mut host = Host::connect(&home, "local-dev");
    let id = host.start_execute_with(
        "anthropic",
        "messages.create",
        &message(),
        &json!({"_meta": {"progressToken": "t-1"}}),
    );
    let told = host.message("progress", |message| {
        message["method"] == "notifications/progress"
    });
    assert_eq!(told["params"]["progressToken"], "t-1", "{told}");
    assert_eq!(told["params"]["message"], "3 events", "{told}");
    go_on.send(true).unwrap();
    let answer = host.executed(id);
    assert_eq!(answer["result"]["content"][0]["text"], "Hello", "{answer}");
}
