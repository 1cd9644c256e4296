//! What happens when things break in mid-call: the daemon, the disk, the log.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "tests, which say what they couldn't do"
)]

mod clients;
mod disk;
mod kills;
mod machine;
mod rotations;
mod steps;
mod upstreams;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use axis_tests::{Home, Host, Upstream, canary, wait_for};
use serde_json::{Value, json};

pub(crate) const ALLOW: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: '*', actions: ['*']}\n";

fn repo() -> Value {
    json!({"owner": "a", "repo": "b"})
}

#[test]
fn a_torn_last_line_is_set_aside_and_said_and_the_chain_goes_on() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("torn"), ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(host.execute("github", "repos.get", &repo())["ok"], true);
    home.kill();
    let path = home.file("audit.jsonl");
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 20);
    fs::write(&path, &bytes).unwrap();
    home.axis(&["unlock"]).ok();
    assert_eq!(host.execute("github", "repos.get", &repo())["ok"], true);
    home.axis_without_password(&["logs", "verify"]).ok();
    assert!(home.audit().iter().any(|line| line["act"] == "torn_line"));
    let torn: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| name.contains("torn"))
        .collect();
    assert_eq!(torn.len(), 1, "{torn:?}");
    let status = home.axis_without_password(&["status"]).ok().stdout;
    assert!(status.contains("torn"), "{status}");
}

#[test]
fn a_log_that_cant_be_written_refuses_calls_until_it_is_mended() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("readonly"), ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    let path = home.file("audit.jsonl");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let answer = host.execute("github", "repos.get", &repo());
    assert_eq!(answer["error"]["code"], "audit_unavailable", "{answer}");
    assert!(upstream.requests().is_empty());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(host.execute("github", "repos.get", &repo())["ok"], true);
    home.axis_without_password(&["logs", "verify"]).ok();
}

#[test]
fn a_deleted_log_is_noticed_and_the_chain_goes_on() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("deleted"), ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(host.execute("github", "repos.get", &repo())["ok"], true);
    fs::remove_file(home.file("audit.jsonl")).unwrap();
    assert_eq!(host.execute("github", "repos.get", &repo())["ok"], true);
    let lines = home.audit();
    assert_eq!(lines[0]["act"], "log_vanished", "{lines:?}");
    assert!(lines[0]["seq"].as_u64().unwrap() > 1);
    assert!(
        home.axis_without_password(&["status"])
            .ok()
            .stdout
            .contains("audit")
    );
}

#[test]
fn a_flood_of_denials_is_folded_into_few_lines() {
    let home = Home::ready();
    home.policy("policies: []\n");
    let mut host = Host::connect(&home, "local-dev");
    for _ in 0..400 {
        assert_eq!(host.execute("github", "repos.get", &repo())["denied"], true);
    }
    drop(host);
    let folded = wait_for("the folded line", || {
        home.audited_calls()
            .into_iter()
            .find(|line| line["folded"].is_u64())
    });
    let lines = home.audited_calls();
    assert!(lines.len() <= 70, "{} lines for 400 denials", lines.len());
    let total = lines.len() as u64 - 1 + folded["folded"].as_u64().unwrap();
    assert_eq!(total, 400, "none is lost: {folded}");
}

#[test]
fn a_hundred_shims_at_once_are_served() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("many"), ALLOW);
    let mut hosts: Vec<Host> = (0..100)
        .map(|_| {
            let mut command = home.command("axis");
            command.arg("mcp").env("AXIS_IDENTITY", "local-dev");
            Host::spawn(command)
        })
        .collect();
    let ids: Vec<u64> = hosts
        .iter_mut()
        .map(|host| {
            host.initialize("2025-06-18");
            host.start_execute("github", "repos.get", &repo())
        })
        .collect();
    for (host, id) in hosts.iter_mut().zip(ids) {
        assert_eq!(host.executed(id)["ok"], true);
    }
    assert_eq!(upstream.requests().len(), 100);
}

#[test]
fn a_client_that_speaks_nonsense_harms_nobody_else() {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("nonsense"), ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    for _ in 0..20 {
        let mut stream = UnixStream::connect(home.file("run/broker.sock")).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let _ = stream.write_all(&vec![0xff; 100_000]);
        let _ = stream.read(&mut [0; 1024]);
    }
    // and one that connects and never says a word
    let _silent: Vec<UnixStream> = (0..50)
        .map(|_| UnixStream::connect(home.file("run/broker.sock")).unwrap())
        .collect();
    assert_eq!(host.execute("github", "repos.get", &repo())["ok"], true);
}

#[test]
fn thousands_of_calls_through_one_shim_all_get_their_answer_on_one_connection() {
    let upstream = Upstream::kilobyte();
    let home = Home::with_github(&upstream, &canary("streams"), ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    for _ in 0..100 {
        let ids: Vec<u64> = (0..24)
            .map(|_| host.start_execute("github", "repos.get", &repo()))
            .collect();
        for id in ids {
            assert_eq!(host.executed(id)["ok"], true);
        }
    }
    // h2 warns of streams that were reset, and gives up the connection after many
    assert_eq!(host.stderr(), "", "no stream was dropped before its end");
}
