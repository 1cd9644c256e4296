//! The exact shape of every answer.

use axis_proto::v1::outcome::End;
use axis_proto::v1::{Denied, Failed, Success};
use serde_json::{Value, json};
use tonic::Status;

use crate::fake::{Home, Reply, failed, success};
use crate::host::{Host, a_call, object};

const ID: &str = "0b3c1d9e-0000-4000-8000-000000000001";

#[tokio::test]
async fn each_outcome_has_its_object() {
    let home = Home::new();
    let daemon = home.start();
    let mut host = Host::open(home.settings()).await;
    let reason =
        "Policy denied: identity=\"local-dev\" service=\"stripe\" action=\"paymentIntents.create\"";
    for (end, expected, is_error) in [
        (
            success(r#"{ "id" : 7, "text": "a b" }"#),
            json!({"ok": true, "result": {"id": 7, "text": "a b"}, "request_id": ID}),
            false,
        ),
        (
            success("[1,2]"),
            json!({"ok": true, "result": [1, 2], "request_id": ID}),
            false,
        ),
        (
            success("null"),
            json!({"ok": true, "result": null, "request_id": ID}),
            false,
        ),
        (
            End::Success(Success {
                result: "[]".into(),
                next: Some(r#"{"page": 2}"#.into()),
                total: Some(7),
                hint: Some("h".into()),
            }),
            json!({"ok": true, "result": [], "next": {"page": 2}, "total": 7, "request_id": ID, "hint": "h"}),
            false,
        ),
        (
            End::Denied(Denied {
                reason: reason.into(),
                hint: None,
                retry_after_s: None,
            }),
            json!({"denied": true, "reason": reason, "request_id": ID}),
            true,
        ),
        (
            End::Denied(Denied {
                reason: "limit".into(),
                hint: Some("wait".into()),
                retry_after_s: Some(42),
            }),
            json!({"denied": true, "reason": "limit", "request_id": ID, "hint": "wait", "retry_after_s": 42}),
            true,
        ),
        (
            End::Failed(failed("no_credential")),
            json!({"ok": false, "error": {"code": "no_credential", "message": "no_credential happened"}, "request_id": ID}),
            true,
        ),
        (
            End::Failed(Failed {
                hint: Some("h".into()),
                status: Some(429),
                retry_after_s: Some(3),
                ..failed("upstream_error")
            }),
            json!({"ok": false, "error": {"code": "upstream_error", "message": "upstream_error happened", "hint": "h", "status": 429, "retry_after_s": 3}, "request_id": ID}),
            true,
        ),
    ] {
        daemon.fake.reply(move |_| Reply::End(end.clone()));
        let result = host.tool("execute_action", a_call()).await;
        assert_eq!(object(&result), expected);
        assert_eq!(result["isError"], is_error, "{result}");
    }
    host.close().await.unwrap();
}

#[tokio::test]
async fn numbers_pass_unchanged_in_both_directions() {
    let home = Home::new();
    let daemon = home.start();
    let big = r#"{"n":123456789012345678901234567890,"f":0.10000000000000000000001,"e":1e400}"#;
    daemon.fake.reply(move |_| Reply::End(success(big)));
    let mut host = Host::open(home.settings()).await;
    host.raw(
        format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":\"n\",\"method\":\"tools/call\",\"params\":{{\"name\":\"execute_action\",\"arguments\":{{\"service\":\"s\",\"action\":\"a\",\"justification\":\"j\",\"params\":{big}}}}}}}\n"
        )
        .as_bytes(),
    )
    .await;
    let line = host.receive_text().await;
    assert!(
        line.contains(&format!(
            "\"structuredContent\":{{\"ok\":true,\"result\":{big}"
        )),
        "{line}"
    );
    assert!(line.contains(&big.replace('"', "\\\"")), "{line}");
    let calls = daemon.fake.calls.lock().unwrap().clone();
    assert_eq!(calls[0].params, big);
    assert_eq!(calls[0].identity, "local-dev");
    assert_eq!(calls[0].client_version, axis_proto::VERSION);
    host.close().await.unwrap();
}

#[tokio::test]
async fn a_result_of_many_lines_stays_on_one() {
    let home = Home::new();
    let daemon = home.start();
    daemon
        .fake
        .reply(|_| Reply::End(success("{\n  \"a\": [\r\n 1 ]\n}")));
    let mut host = Host::open(home.settings()).await;
    let result = host.tool("execute_action", a_call()).await;
    assert_eq!(
        result["content"][0]["text"],
        format!("{{\"ok\":true,\"result\":{{\"a\":[1]}},\"request_id\":\"{ID}\"}}")
    );
    host.close().await.unwrap();
}

#[tokio::test]
async fn what_axisd_sends_amiss_is_an_answer_too() {
    let home = Home::new();
    let daemon = home.start();
    let mut host = Host::open(home.settings()).await;
    for (reply, code, part) in [
        (Reply::End(success("{\"a\":")), "internal_error", "no JSON"),
        (
            Reply::Nothing,
            "daemon_unavailable",
            "may or may not have reached",
        ),
        (
            Reply::Refuse(Status::invalid_argument("bad identity")),
            "invalid_params",
            "bad identity",
        ),
        (
            Reply::Refuse(Status::internal("broke")),
            "internal_error",
            "broke",
        ),
        (
            Reply::Refuse(Status::unimplemented("old")),
            "daemon_unavailable",
            "old",
        ),
    ] {
        daemon.fake.reply(move |_| reply.clone());
        let result = host.tool("execute_action", a_call()).await;
        let answer = object(&result);
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(part),
            "{answer}"
        );
        assert_eq!(answer["request_id"].as_str().unwrap().len(), 36);
        assert_eq!(result["isError"], true);
    }
    host.close().await.unwrap();
}

#[tokio::test]
async fn list_actions_lists_services_or_details_one_action() {
    let home = Home::new();
    let _daemon = home.start();
    let mut host = Host::open(home.settings()).await;
    let services = json!({"services": [{"service": "github", "title": "GitHub", "has_credential": true, "actions": [
        {"action": "repos.get", "effect": "read", "allowed": true},
        {"action": "issues.create", "effect": "write", "allowed": false},
    ]}]});
    let detail = json!({"service": "github", "action": "repos.get", "effect": "read",
        "params": {"type": "object"}, "example": {"owner": "octocat"}, "allowed": true});
    for (arguments, expected) in [
        (json!({}), &services),
        (json!({"service": "github"}), &services),
        (json!({"service": "github", "action": "repos.get"}), &detail),
    ] {
        let result = host.tool("list_actions", arguments).await;
        assert_eq!(&object(&result), expected);
        assert_eq!(result["isError"], false);
    }
    for (arguments, code) in [
        (json!({"service": "gihub"}), "unknown_service"),
        (
            json!({"service": "gihub", "action": "repos.get"}),
            "unknown_service",
        ),
        (
            json!({"service": "github", "action": "repos.gte"}),
            "unknown_action",
        ),
        (json!({"action": "repos.get"}), "invalid_params"),
    ] {
        let result = host.tool("list_actions", arguments).await;
        assert_eq!(object(&result)["error"]["code"], code, "{result}");
        assert_eq!(result["isError"], true);
    }
    host.close().await.unwrap();
}

#[tokio::test]
async fn the_description_of_execute_action_says_what_is_allowed_now() {
    let home = Home::new();
    let daemon = home.start();
    let mut host = Host::open(home.settings()).await;
    let text = host.description().await;
    assert!(
        text.contains("- github: repos.get") && !text.contains("issues.create"),
        "{text}"
    );
    *daemon.fake.vault.lock().unwrap() = axis_proto::v1::vault_status::State::Locked;
    assert!(host.description().await.contains("`axis unlock`"));
    let tools: Value = host.request("tools/list", json!({})).await["result"]["tools"].clone();
    for tool in tools.as_array().unwrap() {
        assert!(tool.get("outputSchema").is_none());
        assert!(tool["inputSchema"].get("additionalProperties").is_none());
        assert!(tool["annotations"]["readOnlyHint"].is_boolean());
    }
    host.close().await.unwrap();
}
