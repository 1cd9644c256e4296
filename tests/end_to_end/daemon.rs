//! axisd's own life: one at a time, started in any state, ended in good order.

use std::fs;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use axis_tests::{Home, Host, PASSWORD, Reply, Upstream, canary, wait_for};
use rustix::process::Signal;
use serde_json::json;

use crate::calls::ALLOW_GITHUB;

#[test]
fn a_second_axisd_says_who_holds_the_sockets() {
    let home = Home::empty();
    let first = home.axisd(&[]);
    home.wait_until_up();
    let mut second = home.axisd(&[]);
    assert!(!second.wait().success());
    let log = second.log();
    assert!(log.contains("already running"), "{log}");
    assert!(log.contains(&format!("process {}", first.pid())), "{log}");
    home.wait_until_up();
}

#[test]
fn the_stale_sockets_of_a_killed_axisd_are_replaced() {
    let home = Home::empty();
    let mut first = home.axisd(&[]);
    home.wait_until_up();
    first.signal(Signal::KILL);
    first.wait();
    assert!(
        home.file("run/broker.sock").exists(),
        "a killed daemon leaves its socket"
    );
    assert!(UnixStream::connect(home.file("run/broker.sock")).is_err());
    let _second = home.axisd(&[]);
    home.wait_until_up();
}

#[test]
fn without_a_password_it_starts_locked_and_answers() {
    let home = Home::ready();
    home.kill();
    let _axisd = home.axisd(&[]);
    home.wait_until_up();
    let status = home
        .axis_without_password(&["status", "--json"])
        .ok()
        .json();
    assert_eq!(status["vault"]["state"], "locked", "{status}");
    assert!(status.to_string().contains("axis unlock"), "{status}");
}

#[test]
fn a_wrong_password_at_start_leaves_it_locked_and_is_on_record() {
    let home = Home::ready();
    home.kill();
    let mut command = home.command("axisd");
    command.env("AXIS_MASTER_PASSWORD", "wrong wrong wrong");
    let _axisd = home.spawn(command);
    wait_for("the attempt to be on record", || {
        home.audit()
            .iter()
            .any(|line| line["act"] == "wrong_password")
            .then_some(())
    });
    let status = home
        .axis_without_password(&["status", "--json"])
        .ok()
        .json();
    assert_eq!(status["vault"]["state"], "locked");
}

#[test]
fn calls_in_flight_finish_before_it_ends() {
    let upstream = Upstream::answering(|_| {
        Reply::json(200, &json!({"late": true})).after(Duration::from_secs(2))
    });
    let home = Home::with_github(&upstream, &canary("drain"), ALLOW_GITHUB);
    home.kill();
    let mut axisd = home.axisd_unlocked();
    wait_for("the vault to be open", || {
        home.axis_without_password(&["status", "--json"]).json()["vault"]["state"]
            .eq("unlocked")
            .then_some(())
    });
    let mut host = Host::connect(&home, "local-dev");
    let id = host.start_execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
    upstream.wait_for_requests(1);
    axisd.signal(Signal::TERM);
    let answer = host.executed(id);
    assert_eq!(answer["result"]["late"], true, "{answer}");
    assert!(axisd.wait().success(), "{}", axisd.log());
    assert!(!home.file("run/broker.sock").exists(), "no socket is left");
    let last = home.audit().pop().unwrap();
    assert_eq!(last["act"], "daemon_stopped");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let upstream =
        Upstream::answering(|_| Reply::json(200, &json!({})).after(Duration::from_mins(1)));
    let home = Home::with_github(&upstream, &canary("second"), ALLOW_GITHUB);
    home.kill();
    let mut axisd = home.axisd_unlocked();
    wait_for("the vault to be open", || {
        home.axis_without_password(&["status", "--json"]).json()["vault"]["state"]
            .eq("unlocked")
            .then_some(())
    });
    let mut host = Host::connect(&home, "local-dev");
    host.start_execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
    upstream.wait_for_requests(1);
    let began = Instant::now();
    axisd.signal(Signal::TERM);
    wait_for("it to say that it waits", || {
        axisd.log().contains("in flight").then_some(())
    });
    axisd.signal(Signal::INT);
    assert!(!axisd.wait().success());
    assert!(began.elapsed() < Duration::from_secs(8));
}

#[test]
fn an_open_directory_or_keystore_is_refused_with_the_command_that_mends_it() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::ready();
    home.kill();
    let chmod = |name: &str, mode| {
        fs::set_permissions(home.file(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod("", 0o755);
    let mut axisd = home.axisd(&[]);
    assert!(!axisd.wait().success());
    assert!(axisd.log().contains("chmod 700"), "{}", axisd.log());
    chmod("", 0o700);
    chmod("keystore.json", 0o644);
    let answer = home.axis(&["unlock"]);
    assert_ne!(answer.code(), 0);
    assert!(answer.stderr.contains("chmod 600"), "{answer:?}");
    chmod("keystore.json", 0o600);
    home.kill();
    home.axis(&["unlock"]).ok();
}

#[test]
fn however_often_it_is_stopped_its_end_is_on_record() {
    let home = Home::empty();
    for round in 1..=20 {
        let mut axisd = home.axisd(&[]);
        home.wait_until_up();
        home.axis_without_password(&["daemon", "stop"]).ok();
        assert!(axisd.wait().success(), "{}", axisd.log());
        assert!(!axisd.log().contains("panicked"), "{}", axisd.log());
        let stops = home
            .audit()
            .iter()
            .filter(|line| line["act"] == "daemon_stopped")
            .count();
        assert_eq!(stops, round, "{}", axisd.log());
    }
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_named_and_not_waited_for() {
    for name in ["daemon.yaml", "axisd.log"] {
        let home = Home::empty();
        let made = std::process::Command::new("mkfifo")
            .arg(home.file(name))
            .status();
        assert!(made.unwrap().success());
        let ran = home.axis(&["daemon", "start"]);
        assert_eq!(ran.code(), 3, "{ran:?}");
        assert!(ran.stderr.contains("not a plain file"), "{ran:?}");
    }
}

#[test]
fn the_master_password_comes_by_pipe_credential_file_or_environment() {
    let home = Home::ready();
    let is_unlocked = || {
        wait_for("the vault to be open", || {
            let status = home.axis_without_password(&["status", "--json"]);
            (status.status.success() && status.json()["vault"]["state"] == "unlocked").then_some(())
        });
    };
    home.kill();
    {
        let credentials = home.file("credentials");
        fs::create_dir(&credentials).unwrap();
        fs::write(
            credentials.join("axis-master-password"),
            format!("{PASSWORD}\n"),
        )
        .unwrap();
        let mut command = home.command("axisd");
        command.env("CREDENTIALS_DIRECTORY", &credentials);
        let _axisd = home.spawn(command);
        is_unlocked();
    }
    {
        let _axisd = home.axisd_unlocked();
        is_unlocked();
    }
}

#[test]
fn logs_are_for_people_or_for_machines() {
    let home = Home::empty();
    fs::write(home.file("daemon.yaml"), "log: {format: json}\n").unwrap();
    let axisd = home.axisd(&[]);
    home.wait_until_up();
    let log = axisd.log();
    let first = log.lines().next().expect("it logs its start");
    serde_json::from_str::<serde_json::Value>(first).expect("a JSON object a line");
}
