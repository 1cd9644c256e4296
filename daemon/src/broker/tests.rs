//! A call through all the rooms, with a clock that the test moves.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use axis_proto::socket::SocketDir;
use axum::Router;
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use super::request::Socket;
use super::*;
use crate::audit::Peer;
use crate::broker::outcome::Code;
use crate::clock::ManualClock;
use crate::identities::OwnSockets;
use crate::names::{CredentialName, ServiceName};
use crate::owner::{Addition, Owner};
use crate::supervision::StartedBy;
use crate::vault::Reserved;

const PASSWORD: &str = "correct horse battery staple";
const POLICY: &str = "policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: [repos.get], ttl: 60}\n";

/// An owner with a vault in `home`, and `github` bound to a loopback upstream.
async fn owner_in(home: &std::path::Path, policy: &str, clock: Arc<ManualClock>) -> Owner {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(async || axum::Json(serde_json::json!({"id": 1})));
    tokio::spawn(async move { axum::serve(listener, router).await });

    let paths = Paths {
        policy: home.join("policy.yaml"),
        daemon_yaml: home.join("daemon.yaml"),
        services: home.join("services"),
        keystore: home.join("keystore.json"),
        audit: home.join("audit.jsonl"),
        log: home.join("axisd.log"),
        sockets: SocketDir::in_home(home),
    };
    std::fs::write(&paths.policy, policy).unwrap();
    let broker = Broker::build(&Config::default(), &paths, clock).unwrap();
    let stopping = CancellationToken::new();
    let sockets = paths.sockets.identities();
    let own_sockets = OwnSockets::new(sockets, stopping.clone(), |_| tokio::spawn(async {}));
    let owner = Owner::new(
        Arc::new(broker),
        paths,
        own_sockets,
        stopping,
        StartedBy::Hand,
    );
    owner.init(PASSWORD.into(), &peer()).await.unwrap();
    let github = Addition {
        name: CredentialName::unlabelled(ServiceName::parse("github").unwrap()),
        secret: "ghp_0123456789abcdefghij0123456789abcdef".into(),
        base_url: Some(base_url),
        replace: false,
        check: false,
        confirmed_host: String::new(),
        elsewhere: None,
    };
    owner.add(PASSWORD.into(), github, &peer()).await.unwrap();
    owner
}

fn peer() -> Peer {
    Peer {
        uid: 1000,
        pid: None,
        exe: None,
    }
}

fn call() -> ActionRequest {
    ActionRequest {
        id: uuid::Uuid::new_v4(),
        identity: "local-dev".into(),
        socket: Socket::General,
        service: "github".into(),
        action: "repos.get".into(),
        justification: "to see the clock at work".into(),
        params: r#"{"owner":"a","repo":"b"}"#.into(),
        select: None,
        waits: true,
        can_ask: false,
        peer: peer(),
        connection: ConnectionId(1),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cooldown_does_not_follow_the_wall_clock() {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let now = "2026-01-15T10:30:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::starting_at(now));
    let owner = owner_in(home.path(), POLICY, clock.clone()).await;
    let broker = &owner.broker;

    let first = broker.execute(call(), Streams::default()).await;
    assert!(matches!(first.end, End::Success(_)), "{first:?}");
    for step in [24, -48] {
        clock.step_wall(SignedDuration::from_hours(step));
        let again = broker.execute(call(), Streams::default()).await;
        let End::Denied(denied) = again.end else {
            panic!("after a step of {step} hours: {again:?}");
        };
        assert_eq!(denied.retry_after_s, Some(60), "{denied:?}");
    }
    clock.advance(Duration::from_secs(61));
    let later = broker.execute(call(), Streams::default()).await;
    assert!(matches!(later.end, End::Success(_)), "{later:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_counts_the_time_that_passes_asleep_too_and_not_the_wall_clock() {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let now = "2026-01-15T10:30:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::starting_at(now));
    let policy = "policies:\n  - identity: local-dev\n    rateLimit: { requestsPerMinute: 2 }\n    allow:\n      - {service: github, actions: [repos.get]}\n";
    let owner = owner_in(home.path(), policy, clock.clone()).await;
    let broker = &owner.broker;
    for _ in 0..2 {
        let call = broker.execute(call(), Streams::default()).await;
        assert!(matches!(call.end, End::Success(_)), "{call:?}");
    }
    for step in [24, -48, 24 * 365] {
        clock.step_wall(SignedDuration::from_hours(step));
        let again = broker.execute(call(), Streams::default()).await;
        let End::Denied(denied) = again.end else {
            panic!("after a step of {step} hours: {again:?}");
        };
        assert!(denied.reason.contains("Rate limit"), "{denied:?}");
    }
    // the machine sleeps for an hour; tokio's timers know nothing of it
    clock.advance(Duration::from_hours(1));
    let later = broker.execute(call(), Streams::default()).await;
    assert!(matches!(later.end, End::Success(_)), "{later:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_holds_its_place_and_gives_it_back_when_it_is_rejected() {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let now = "2026-01-15T10:30:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::starting_at(now));
    let policy = POLICY.replace("ttl: 60", "ttl: 60, ask: true");
    let owner = owner_in(home.path(), &policy, clock.clone()).await;
    let broker = owner.broker.clone();
    for approve in [false, true] {
        let waiting = {
            let broker = broker.clone();
            tokio::spawn(async move { broker.execute(call(), Streams::default()).await })
        };
        let mut changes = broker.approvals.changes();
        let open = changes.wait_for(|_| broker.approvals.open().len() == 1);
        drop(open.await.unwrap());
        let mut other = call();
        other.params = r#"{"owner":"a","repo":"other"}"#.into();
        let other = broker.execute(other, Streams::default()).await;
        let End::Denied(denied) = other.end else {
            panic!("two at once would pass one ttl: {other:?}");
        };
        assert!(denied.reason.contains("under way"), "{denied:?}");
        let id = [broker.approvals.open()[0].id.clone()];
        if approve {
            let approved = owner.approve(PASSWORD.into(), &id, 0, &peer()).await;
            assert_eq!(approved.unwrap().len(), 1);
        } else {
            owner.reject(&id, "", &peer()).unwrap();
        }
        let ended = waiting.await.unwrap();
        assert_eq!(matches!(ended.end, End::Success(_)), approve, "{ended:?}");
    }
    let again = broker.execute(call(), Streams::default()).await;
    assert!(matches!(again.end, End::Denied(_)), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_goes_out_by_anything_else_than_what_the_open_vault_holds() {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let now = "2026-01-15T10:30:00Z".parse().unwrap();
    let policy = POLICY.replace(", ttl: 60", "");
    let owner = owner_in(home.path(), &policy, ManualClock::starting_at(now).into()).await;
    let broker = &owner.broker;
    let hold = async |text: Option<&str>| {
        let text = text.map(str::to_owned);
        let edit = move |_: Option<&str>| Ok::<_, ()>(text);
        let changed = broker
            .vault
            .change_reserved(PASSWORD.into(), Reserved::Seal, edit);
        changed.await.unwrap().unwrap();
    };
    let outcome = async || broker.execute(call(), Streams::default()).await.end;
    assert!(matches!(outcome().await, End::Success(_)));
    // between the write and the moment in which it is in force
    hold(Some("whatever it says")).await;
    let End::Failed(failure) = outcome().await else {
        panic!("a call went out by what is not sealed");
    };
    assert_eq!(failure.code, Code::VaultLocked, "{failure:?}");
    assert!(failure.message.contains("not in force yet"), "{failure:?}");
    hold(None).await;
    assert!(matches!(outcome().await, End::Success(_)));
}
