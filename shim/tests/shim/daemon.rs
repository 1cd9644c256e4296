//! axisd coming, going, changing its mind and being asked to stop.

use std::time::{Duration, Instant};

use axis_proto::pages::SecretPages;
use axis_proto::v1::outcome::End;
use axis_proto::v1::vault_status::State;
use axis_shim::settings::{Identity, Password};
use serde_json::{Value, json};
use tonic::Status;

use crate::fake::{Fake, Home, Reply, failed, success, until};
use crate::host::{Host, a_call, object};

async fn next_list_changed(host: &mut Host) {
    let message = host.receive().await;
    assert_eq!(
        message["method"], "notifications/tools/list_changed",
        "{message}"
    );
}

#[tokio::test]
async fn a_cancelled_call_is_dropped_at_axisd_and_not_answered() {
    let home = Home::new();
    let daemon = home.start();
    daemon.fake.reply(|_| Reply::Hang);
    let mut host = Host::open(home.settings()).await;
    let id = host
        .post(
            "tools/call",
            json!({"name": "execute_action", "arguments": a_call()}),
        )
        .await;
    until("the call arrives", || {
        !daemon.fake.calls.lock().unwrap().is_empty()
    })
    .await;
    host.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}})).await;
    until("axisd sees the stream dropped", || {
        *daemon.fake.cancelled.lock().unwrap() == 1
    })
    .await;
    assert!(
        host.request("ping", json!({}))
            .await
            .get("result")
            .is_some()
    );
    host.close().await.unwrap();
}

#[tokio::test]
async fn a_slow_call_holds_up_no_other() {
    let home = Home::new();
    let daemon = home.start();
    daemon.fake.reply(|call| match call.action.as_str() {
        "slow" => Reply::Hang,
        _ => Reply::End(success("1")),
    });
    let mut host = Host::open(home.settings()).await;
    let mut slow = a_call();
    slow["action"] = json!("slow");
    host.post(
        "tools/call",
        json!({"name": "execute_action", "arguments": slow}),
    )
    .await;
    for _ in 0..20 {
        assert_eq!(
            object(&host.tool("execute_action", a_call()).await)["result"],
            1
        );
    }
    host.close().await.unwrap();
}

#[tokio::test]
async fn without_axisd_each_answer_says_what_to_do_and_a_start_heals_it() {
    let home = Home::new();
    let mut host = Host::open(home.settings()).await;
    for (tool, arguments) in [("execute_action", a_call()), ("list_actions", json!({}))] {
        let answer = object(&host.tool(tool, arguments).await);
        assert_eq!(answer["error"]["code"], "daemon_unavailable");
        assert!(
            answer["error"]["message"]
                .as_str()
                .unwrap()
                .contains("nothing was sent"),
            "{answer}"
        );
        assert!(
            answer["error"]["hint"]
                .as_str()
                .unwrap()
                .contains("axis daemon start"),
            "{answer}"
        );
        assert_eq!(answer["request_id"].as_str().unwrap().len(), 36);
    }
    assert!(host.description().await.contains("does not run"));
    let _daemon = home.start();
    assert_eq!(
        object(&host.tool("execute_action", a_call()).await)["ok"],
        true
    );
    // The tools were listed without axisd, so the host hears that there is more.
    next_list_changed(&mut host).await;
    assert!(host.description().await.contains("repos.get"));
    host.close().await.unwrap();
}

#[tokio::test]
async fn a_change_of_policy_is_told_to_the_host() {
    let home = Home::new();
    let daemon = home.start();
    let mut host = Host::open(home.settings()).await;
    assert!(host.description().await.contains("repos.get"));
    until("the shim watches", || {
        *daemon.fake.watchers.lock().unwrap() == 1
    })
    .await;
    for _ in 0..3 {
        daemon.fake.change();
        next_list_changed(&mut host).await;
    }
    host.close().await.unwrap();
}

#[tokio::test]
async fn a_restarted_axisd_is_found_again_and_the_host_told() {
    let home = Home::new();
    let daemon = home.start();
    let mut host = Host::open(home.settings()).await;
    assert_eq!(
        object(&host.tool("execute_action", a_call()).await)["ok"],
        true
    );
    until("the shim watches", || {
        *daemon.fake.watchers.lock().unwrap() == 1
    })
    .await;
    drop(daemon);
    let daemon = home.start();
    next_list_changed(&mut host).await;
    assert_eq!(
        object(&host.tool("execute_action", a_call()).await)["ok"],
        true
    );
    daemon.fake.change();
    next_list_changed(&mut host).await;
    host.close().await.unwrap();
}

#[tokio::test]
async fn an_axisd_that_dies_in_mid_call_leaves_no_doubt_about_the_doubt() {
    let home = Home::new();
    let daemon = home.start();
    daemon.fake.reply(|_| Reply::Hang);
    let mut host = Host::open(home.settings()).await;
    let id = host
        .post(
            "tools/call",
            json!({"name": "execute_action", "arguments": a_call()}),
        )
        .await;
    until("the call arrives", || {
        !daemon.fake.calls.lock().unwrap().is_empty()
    })
    .await;
    drop(daemon);
    let message = host.receive().await;
    assert_eq!(message["id"], id);
    let answer = object(&message["result"]);
    assert_eq!(answer["error"]["code"], "daemon_unavailable");
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("may or may not"),
        "{answer}"
    );
    assert!(
        answer["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("axis logs"),
        "{answer}"
    );
    host.close().await.unwrap();
}

#[tokio::test]
async fn another_version_of_axisd_is_named_with_what_mends_it() {
    let home = Home::new();
    let fake = Fake::new();
    *fake.version.lock().unwrap() = "0.0.1".into();
    fake.reply(|_| Reply::Refuse(Status::unimplemented("no such method")));
    let _daemon = home.start_with(fake);
    let mut host = Host::open(home.settings()).await;
    for (tool, arguments) in [("list_actions", json!({})), ("execute_action", a_call())] {
        let answer = object(&host.tool(tool, arguments).await);
        assert_eq!(answer["error"]["code"], "daemon_unavailable");
        let hint = answer["error"]["hint"].as_str().unwrap();
        assert!(
            hint.contains("0.0.1") && hint.contains("axis daemon restart"),
            "{hint}"
        );
    }
    host.close().await.unwrap();
}

#[tokio::test]
async fn an_unexpanded_identity_fails_each_call_in_words_but_not_the_session() {
    let home = Home::new();
    let daemon = home.start();
    let mut settings = home.settings();
    settings.identity = Identity::parse("${AXIS_IDENTITY}");
    let mut host = Host::open(settings).await;
    assert!(host.description().await.contains("${AXIS_IDENTITY}"));
    for (tool, arguments) in [("execute_action", a_call()), ("list_actions", json!({}))] {
        let answer = object(&host.tool(tool, arguments).await);
        assert_eq!(answer["error"]["code"], "invalid_params");
        assert!(
            answer["error"]["message"]
                .as_str()
                .unwrap()
                .contains("without expanding"),
            "{answer}"
        );
    }
    assert!(daemon.fake.calls.lock().unwrap().is_empty());
    host.close().await.unwrap();
}

#[tokio::test]
async fn a_socket_that_cannot_be_is_a_failure_of_the_call_alone() {
    let home = Home::new();
    let mut settings = home.settings();
    settings.broker_socket = Ok(home.dir.path().join("x".repeat(200)));
    let mut host = Host::open(settings).await;
    let answer = object(&host.tool("execute_action", a_call()).await);
    assert_eq!(answer["error"]["code"], "daemon_unavailable");
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("bytes long"),
        "{answer}"
    );
    host.close().await.unwrap();
}

fn locked_until_unlocked(fake: &std::sync::Arc<Fake>) {
    *fake.vault.lock().unwrap() = State::Locked;
    let vault = std::sync::Arc::downgrade(fake);
    fake.reply(
        move |_| match *vault.upgrade().unwrap().vault.lock().unwrap() {
            State::Unlocked => Reply::End(success("1")),
            _ => Reply::End(End::Failed(failed("vault_locked"))),
        },
    );
}

fn password(text: &str) -> Password {
    Password::of(SecretPages::copy_of(text.as_bytes()))
}

#[tokio::test]
async fn a_password_opens_a_vault_that_never_had_one_and_is_sent_once() {
    let home = Home::new();
    let fake = Fake::new();
    locked_until_unlocked(&fake);
    let daemon = home.start_with(fake);
    let mut settings = home.settings();
    settings.password = password("correct horse battery");
    let mut host = Host::open(settings).await;
    for _ in 0..3 {
        assert_eq!(
            object(&host.tool("execute_action", a_call()).await)["ok"],
            true
        );
    }
    let unlocks = daemon.fake.unlocks.lock().unwrap().clone();
    assert_eq!(unlocks.len(), 1);
    assert_eq!(unlocks[0].master_password, "correct horse battery");
    assert!(unlocks[0].only_if_never_locked && !unlocks[0].accept_older);
    // The owner's lock stays: the same daemon is offered nothing twice.
    *daemon.fake.vault.lock().unwrap() = State::Locked;
    let answer = object(&host.tool("execute_action", a_call()).await);
    assert_eq!(answer["error"]["code"], "vault_locked");
    assert_eq!(daemon.fake.unlocks.lock().unwrap().len(), 1);
    host.close().await.unwrap();
}

#[tokio::test]
async fn a_password_that_is_wrong_or_unexpanded_is_told_and_not_repeated() {
    for (given, refusal, offers, part) in [
        (
            "wrong password",
            Status::permission_denied("wrong master password"),
            1,
            "is not the vault's master password",
        ),
        (
            "${PASSWORD}",
            Status::internal("never asked"),
            0,
            "without expanding",
        ),
    ] {
        let home = Home::new();
        let fake = Fake::new();
        locked_until_unlocked(&fake);
        *fake.unlock_answer.lock().unwrap() = Err(refusal);
        let daemon = home.start_with(fake);
        let mut settings = home.settings();
        settings.password = password(given);
        let mut host = Host::open(settings).await;
        let answers: Vec<Value> = [
            host.tool("execute_action", a_call()).await,
            host.tool("execute_action", a_call()).await,
        ]
        .iter()
        .map(object)
        .collect();
        for answer in answers {
            assert_eq!(answer["error"]["code"], "vault_locked");
            assert!(
                answer["error"]["hint"].as_str().unwrap().contains(part),
                "{answer}"
            );
            assert!(!answer.to_string().contains("wrong password"));
        }
        assert_eq!(daemon.fake.unlocks.lock().unwrap().len(), offers);
        host.close().await.unwrap();
    }
}

#[tokio::test]
async fn tools_list_does_not_wait_for_a_mute_axisd() {
    let home = Home::new();
    // A socket that takes connections and says nothing.
    let _mute = axis_proto::socket::listen(&home.broker_socket()).unwrap();
    let mut host = Host::open(home.settings()).await;
    let asked = Instant::now();
    assert!(host.description().await.contains("list_actions"));
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
    host.close().await.unwrap();
}
