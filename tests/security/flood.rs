//! A client that takes all it can get: the others and the owner are served.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use axis_proto::socket;
use axis_proto::v1::ExecuteRequest;
use axis_tests::{Home, Host, PATIENCE, Upstream, canary};
use serde_json::json;
use tonic::{Code, Status};

const ALLOW: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: '*', actions: ['*']}\n";

/// Begins a call and never sends it.
async fn half_open(
    client: &axis_proto::v1::broker_client::BrokerClient<tonic::transport::Channel>,
) -> Option<Status> {
    let never = tokio_stream::pending::<ExecuteRequest>();
    client.clone().execute(never).await.err()
}

#[test]
fn calls_that_are_begun_and_never_sent_are_given_up_and_hold_up_nobody() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("halfopen"), ALLOW);
    let path = home.file("run/broker.sock");
    let clients = tokio::runtime::Runtime::new().unwrap();
    let status = clients.block_on(flood(&path));
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");

    let mut host = Host::connect(&home, "local-dev");
    let answer = host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
    assert_eq!(answer["ok"], true, "{answer}");
}

/// What the first call hears of several hundred that are begun and never sent.
async fn flood(path: &Path) -> Status {
    let (given_up, mut ends) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..8 {
        let client = socket::broker_client(path).unwrap();
        for _ in 0..60 {
            let (client, given_up) = (client.clone(), given_up.clone());
            tokio::spawn(async move { given_up.send(half_open(&client).await) });
        }
        // a pause as a flood has it, not one to wait for anything: the oldest must have aged
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let first = tokio::time::timeout(PATIENCE, ends.recv()).await;
    first.expect("the oldest is given up").unwrap().unwrap()
}

#[test]
fn a_client_that_opens_connections_without_end_leaves_the_owner_his_own() {
    let home = Home::ready();
    home.kill();
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", "ulimit -n 256; exec \"$0\""])
        .arg(axis_tests::binary("axisd"))
        .env_clear()
        .env("AXIS_HOME", home.path())
        .env("AXIS_MASTER_PASSWORD", axis_tests::PASSWORD);
    let _axisd = home.spawn(command);
    home.wait_until_up();

    let path = home.file("run/broker.sock");
    let taken: Vec<UnixStream> = (0..400)
        .map(|_| UnixStream::connect(&path).unwrap())
        .collect();
    home.axis_without_password(&["status"]).ok();
    drop(taken);
    axis_tests::wait_for("a place for another client", || {
        let mut host = Host::connect(&home, "local-dev");
        let answer = host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
        (answer["error"]["code"] != "daemon_unavailable").then_some(())
    });
}
