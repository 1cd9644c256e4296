//! What real hosts and broken ones write to stdin.

use serde_json::{Value, json};

use crate::fake::{Home, Reply};
use crate::host::{Host, a_call, object};

#[tokio::test]
async fn lines_that_are_no_messages_are_answered_and_the_session_goes_on() {
    let home = Home::new();
    let _daemon = home.start();
    let mut host = Host::open(home.settings()).await;
    let deep = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":\"deep\",\"method\":\"tools/call\",\"params\":{}1{}}}",
        "[".repeat(300),
        "]".repeat(300)
    );
    for (line, code, id) in [
        ("garbage", -32700, Value::Null),
        ("\u{0}\u{1}", -32700, Value::Null),
        ("{\"jsonrpc\":\"2.0\",\"id\":3,", -32700, json!(3)),
        (
            "[{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"ping\"}]",
            -32600,
            json!(4),
        ),
        ("{\"jsonrpc\":\"2.0\",\"id\":5}", -32600, json!(5)),
        (&deep, -32600, json!("deep")),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"no/such\"}",
            -32601,
            json!(6),
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"no_such\",\"arguments\":{}}}",
            -32602,
            json!(7),
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"tools/call\",\"params\":[]}",
            -32602,
            json!(8),
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"tools/list\",\"params\":7}",
            -32602,
            json!(9),
        ),
    ] {
        host.raw(line.as_bytes()).await;
        host.raw(b"\n").await;
        let answer = host.receive().await;
        assert_eq!(
            (&answer["error"]["code"], &answer["id"]),
            (&json!(code), &id),
            "{answer}"
        );
        assert!(
            answer["error"]["message"].as_str().unwrap().len() > 20,
            "{answer}"
        );
    }
    host.raw(b"\xff\xfe\n").await;
    assert_eq!(host.receive().await["error"]["code"], -32700);
    assert_eq!(
        object(&host.tool("execute_action", a_call()).await)["ok"],
        true
    );
    host.close().await.unwrap();
}

#[tokio::test]
async fn crlf_and_blank_lines_are_read() {
    let home = Home::new();
    let _daemon = home.start();
    let mut host = Host::open(home.settings()).await;
    host.raw(b"\r\n\n   \n{\"jsonrpc\":\"2.0\",\"id\":\"crlf\",\"method\":\"ping\"}\r\n")
        .await;
    assert_eq!(
        host.receive().await,
        json!({"jsonrpc": "2.0", "id": "crlf", "result": {}})
    );
    host.close().await.unwrap();
}

#[tokio::test]
async fn a_line_of_10_mb_is_served() {
    let home = Home::new();
    let daemon = home.start();
    let mut host = Host::open(home.settings()).await;
    let text = "x".repeat(10_000_000);
    let mut arguments = a_call();
    arguments["params"] = json!({"text": text});
    assert_eq!(
        object(&host.tool("execute_action", arguments).await)["ok"],
        true
    );
    assert_eq!(
        daemon.fake.calls.lock().unwrap()[0].params.len(),
        text.len() + 11
    );
    let mut arguments = a_call();
    arguments["justification"] = json!(text);
    let answer = object(&host.tool("execute_action", arguments).await);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("10000000 characters") && message.len() < 200,
        "{message}"
    );
    host.close().await.unwrap();
}

#[tokio::test]
async fn a_line_over_16_mib_is_skipped_and_answered() {
    let home = Home::new();
    let _daemon = home.start();
    let mut host = Host::open(home.settings()).await;
    host.raw(b"{\"jsonrpc\":\"2.0\",\"id\":\"big\",\"method\":\"tools/call\",\"params\":\"")
        .await;
    for _ in 0..17 {
        host.raw(&vec![b'x'; 1024 * 1024]).await;
    }
    host.raw(b"\"}\n").await;
    let answer = host.receive().await;
    assert_eq!(
        (&answer["error"]["code"], &answer["id"]),
        (&json!(-32600), &json!("big"))
    );
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("16 MiB")
    );
    assert!(
        host.request("ping", json!({}))
            .await
            .get("result")
            .is_some()
    );
    host.close().await.unwrap();
}

#[tokio::test]
async fn wrong_arguments_are_answered_in_words_and_reach_no_daemon() {
    let home = Home::new();
    let daemon = home.start();
    let mut host = Host::open(home.settings()).await;
    for (arguments, part) in [
        (json!({}), "\"service\" is missing"),
        (
            json!({"service": 5, "action": "a", "justification": "j", "params": {}}),
            "must be a string",
        ),
        (
            json!({"service": "s", "action": "a", "justification": "", "params": {}}),
            "\"justification\" is empty",
        ),
        (
            json!({"service": "s", "action": "a", "justification": "j", "params": [1]}),
            "must be an object",
        ),
        (
            json!({"service": "s", "action": "a", "justification": "j", "params": {}, "saveto": "/x"}),
            "\"saveto\" is no argument",
        ),
        (json!([]), "must be a JSON object"),
        (json!("{}"), "must be a JSON object"),
    ] {
        let result = host.tool("execute_action", arguments).await;
        let answer = object(&result);
        assert_eq!(result["isError"], true);
        assert_eq!(answer["ok"], false);
        assert_eq!(answer["error"]["code"], "invalid_params");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(part), "{message}");
        assert!(
            answer["error"]["hint"].as_str().unwrap().contains("Send {"),
            "{answer}"
        );
    }
    assert!(daemon.fake.calls.lock().unwrap().is_empty());
    host.close().await.unwrap();
}

#[tokio::test]
async fn params_as_a_json_string_are_taken_as_the_object() {
    let home = Home::new();
    let daemon = home.start();
    let mut host = Host::open(home.settings()).await;
    let mut arguments = a_call();
    arguments["params"] = json!("{\"owner\": \"octocat\", \"n\": 12345678901234567890123}");
    assert_eq!(
        object(&host.tool("execute_action", arguments).await)["ok"],
        true
    );
    assert_eq!(
        daemon.fake.calls.lock().unwrap()[0].params,
        "{\"owner\": \"octocat\", \"n\": 12345678901234567890123}"
    );
    host.close().await.unwrap();
}

#[tokio::test]
async fn an_id_that_is_in_use_is_refused_and_free_again_afterwards() {
    let home = Home::new();
    let daemon = home.start();
    daemon.fake.reply(|_| Reply::Hang);
    let mut host = Host::open(home.settings()).await;
    let call = json!({"jsonrpc": "2.0", "id": "same", "method": "tools/call", "params": {"name": "execute_action", "arguments": a_call()}});
    host.send(&call).await;
    host.send(&call).await;
    let answer = host.receive().await;
    assert_eq!(answer["error"]["code"], -32600);
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("still being answered")
    );
    host.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "same"}})).await;
    host.send(&json!({"jsonrpc": "2.0", "id": "same", "method": "ping"}))
        .await;
    assert!(host.receive().await.get("result").is_some());
    host.close().await.unwrap();
}

#[tokio::test]
async fn requests_beyond_a_thousand_at_once_are_refused_one_by_one() {
    let home = Home::new();
    let daemon = home.start();
    daemon.fake.reply(|_| Reply::Hang);
    let mut host = Host::open(home.settings()).await;
    let params = json!({"name": "execute_action", "arguments": a_call()});
    for _ in 0..1000 {
        host.post("tools/call", params.clone()).await;
    }
    let beyond = host.post("tools/call", params).await;
    let answer = host.receive().await;
    assert_eq!(answer["id"], beyond);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("too many requests"), "{message}");
    host.close().await.unwrap();
}
