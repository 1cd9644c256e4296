//! How a session begins and ends.

use serde_json::{Value, json};

use crate::fake::{Home, Reply, until};
use crate::host::{Host, a_call, object};

#[tokio::test]
async fn known_revisions_are_echoed_and_others_get_the_newest() {
    for (asked, answered) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2030-01-01", "2025-11-25"),
        ("1.0", "2025-11-25"),
    ] {
        let home = Home::new();
        let _daemon = home.start();
        let mut host = Host::start(home.settings());
        let result = host.handshake(asked).await["result"].clone();
        assert_eq!(result["protocolVersion"], answered, "{asked}");
        assert_eq!(result["serverInfo"]["name"], "axis");
        assert_eq!(result["serverInfo"]["version"], axis_proto::VERSION);
        assert_eq!(result["capabilities"]["tools"]["listChanged"], true);
        assert!(!result["instructions"].as_str().unwrap().is_empty());
        let names: Vec<Value> = host.request("tools/list", json!({})).await["result"]["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| tool["name"].clone())
            .collect();
        assert_eq!(names, ["execute_action", "list_actions"]);
        let called = host.tool("execute_action", a_call()).await;
        assert_eq!(object(&called)["ok"], true, "{asked}");
        host.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_session_without_initialize_is_served_since_2026_07_28() {
    let home = Home::new();
    let daemon = home.start();
    let mut host = Host::start(home.settings());
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    });
    let found = host
        .request("server/discover", json!({"_meta": meta}))
        .await;
    let revisions = found["result"]["supportedVersions"].as_array().unwrap();
    assert!(revisions.contains(&json!("2026-07-28")), "{found}");
    let listed = host.request("tools/list", json!({"_meta": meta})).await;
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 2);
    let called = host
        .request(
            "tools/call",
            json!({"name": "execute_action", "arguments": a_call(), "_meta": meta}),
        )
        .await;
    assert_eq!(object(&called["result"])["ok"], true, "{called}");
    assert_eq!(called["result"]["resultType"], "complete");

    let id = host
        .post(
            "subscriptions/listen",
            json!({"_meta": meta, "notifications": {"toolsListChanged": true}}),
        )
        .await;
    let acknowledged = host.receive().await;
    assert_eq!(
        acknowledged["method"],
        "notifications/subscriptions/acknowledged"
    );
    until("the shim watches", || {
        *daemon.fake.watchers.lock().unwrap() > 0
    })
    .await;
    daemon.fake.change();
    let change = host.receive().await;
    assert_eq!(change["method"], "notifications/tools/list_changed");
    assert_eq!(
        change["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], id,
        "{change}"
    );
    host.close().await.unwrap();
}

#[tokio::test]
async fn what_comes_before_initialize_does_not_end_the_session() {
    let home = Home::new();
    let _daemon = home.start();
    let mut host = Host::start(home.settings());
    host.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
        .await;
    host.send(
        &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 9}}),
    )
    .await;
    host.send(&json!({"jsonrpc": "2.0", "id": 77, "result": {}}))
        .await;
    for method in ["tools/list", "tools/call", "no/such"] {
        let answer = host
            .request(method, json!({"name": "execute_action"}))
            .await;
        assert_eq!(answer["error"]["code"], -32600, "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains("\"initialize\" first"), "{message}");
    }
    assert!(
        host.request("ping", json!({}))
            .await
            .get("result")
            .is_some()
    );
    host.handshake("2025-11-25").await;
    assert_eq!(
        object(&host.tool("execute_action", a_call()).await)["ok"],
        true
    );
    host.close().await.unwrap();
}

#[tokio::test]
async fn the_end_of_stdin_ends_the_shim_whenever_it_comes() {
    let home = Home::new();
    let _daemon = home.start();
    Host::start(home.settings()).close().await.unwrap();
    Host::open(home.settings()).await.close().await.unwrap();
}

#[tokio::test]
async fn the_end_of_stdin_cancels_calls_in_flight_and_says_so() {
    let home = Home::new();
    let daemon = home.start();
    daemon.fake.reply(|_| Reply::Hang);
    let mut host = Host::open(home.settings()).await;
    host.post(
        "tools/call",
        json!({"name": "execute_action", "arguments": a_call()}),
    )
    .await;
    until("the call arrives", || {
        !daemon.fake.calls.lock().unwrap().is_empty()
    })
    .await;
    let closed = std::time::Instant::now();
    host.input = None;
    let rest = host.rest().await;
    assert!(
        closed.elapsed().as_millis() < 1500,
        "{:?}",
        closed.elapsed()
    );
    assert_eq!(rest.len(), 1);
    assert_eq!(object(&rest[0]["result"])["error"]["code"], "cancelled");
    host.close().await.unwrap();
    until("axisd sees it", || {
        *daemon.fake.cancelled.lock().unwrap() == 1
    })
    .await;
}

#[tokio::test]
async fn requests_piped_in_and_closed_are_still_answered() {
    let home = Home::new();
    let _daemon = home.start();
    let mut host = Host::start(home.settings());
    host.post("initialize", json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "pipe", "version": "0"}})).await;
    host.post("tools/list", json!({})).await;
    let last = json!({"jsonrpc": "2.0", "id": "last", "method": "tools/call", "params": {"name": "execute_action", "arguments": a_call()}});
    host.raw(last.to_string().as_bytes()).await;
    host.input = None;
    let answers = host.rest().await;
    assert_eq!(answers.len(), 3, "{answers:?}");
    let last = answers
        .iter()
        .find(|answer| answer["id"] == "last")
        .unwrap();
    assert_eq!(object(&last["result"])["ok"], true);
    host.close().await.unwrap();
}

#[tokio::test]
async fn a_host_that_closes_stdout_ends_the_shim_cleanly() {
    let home = Home::new();
    let _daemon = home.start();
    let mut host = Host::open(home.settings()).await;
    host.post("tools/list", json!({})).await;
    let (_still_open, ended) = host.stop_reading().await;
    ended.unwrap();
}
