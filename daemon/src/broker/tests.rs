//! A call through all the rooms, with a clock that the test moves.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use axis_proto::socket::SocketDir;
use axum::Router;
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::audit::Peer;
use crate::clock::ManualClock;
use crate::names::{CredentialName, ServiceName};
use crate::owner::{Addition, Owner};

const PASSWORD: &str = "correct horse battery staple";
const POLICY: &str = "policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: [repos.get], ttl: 60}\n";

/// An owner with a vault in `home`, and `github` bound to a loopback upstream.
async fn owner_in(home: &std::path::Path, clock: Arc<ManualClock>) -> Owner {
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
    std::fs::write(&paths.policy, POLICY).unwrap();
    let broker = Broker::build(&Config::default(), &paths, clock).unwrap();
    let owner = Owner::new(Arc::new(broker), paths, CancellationToken::new());
    owner.init(PASSWORD.into(), &peer()).await.unwrap();
    let github = Addition {
        name: CredentialName::unlabelled(ServiceName::parse("github").unwrap()),
        secret: "ghp_0123456789abcdefghij0123456789abcdef".into(),
        base_url: Some(base_url),
        replace: false,
        check: false,
        confirmed_host: String::new(),
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
    let owner = owner_in(home.path(), clock.clone()).await;
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
