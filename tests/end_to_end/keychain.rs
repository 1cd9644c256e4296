//! The OS keychain: a real GNOME Keyring on a D-Bus of its own, and what
//! happens where there is none, or one that doesn't answer.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::{Duration, Instant};

use axis_tests::{Home, Host, PASSWORD, Ran, Session, Upstream, canary};
use serde_json::{Value, json};

use crate::calls::ALLOW_GITHUB;

/// How long any answer may take where the keychain gives none: the 2 s that it
/// is waited for, and time for a busy machine. D-Bus itself waits far longer.
const IN_TIME: Duration = Duration::from_secs(6);

/// `axis` in a session whose D-Bus is at `bus`.
fn command(home: &Home, bus: &str, arguments: &[&str]) -> Command {
    let mut command = home.command("axis");
    command.args(arguments).env("DBUS_SESSION_BUS_ADDRESS", bus);
    command
}

fn axis(home: &Home, bus: &str, arguments: &[&str]) -> Ran {
    axis_tests::run(command(home, bus, arguments), "")
}

fn axis_with_password(home: &Home, bus: &str, arguments: &[&str], password: &str) -> Ran {
    let mut command = command(home, bus, arguments);
    command.env("AXIS_MASTER_PASSWORD", password);
    axis_tests::run(command, "")
}

fn ready(bus: &str) -> Home {
    let home = Home::empty();
    axis_with_password(&home, bus, &["init"], PASSWORD).ok();
    home
}

fn vault(home: &Home, bus: &str) -> Value {
    axis(home, bus, &["status", "--json"]).ok().json()["vault"].clone()
}

fn keychain(home: &Home, bus: &str) -> Value {
    axis(home, bus, &["keychain", "status", "--json"])
        .ok()
        .json()
}

fn acts(home: &Home, act: &str) -> usize {
    home.audit()
        .iter()
        .filter(|line| line["act"] == act)
        .count()
}

#[test]
fn the_keychain_opens_the_vault_of_a_started_axisd_and_the_first_call_goes_out() {
    let session = Session::login();
    let bus = session.address();
    let upstream = Upstream::friendly();
    let home = ready(bus);
    home.add("github", &canary("keychain"), &upstream.url());
    home.policy(ALLOW_GITHUB);
    let before = keychain(&home, bus);
    assert_eq!(before["available"], true, "{before}");
    assert_eq!(before["stored"], false, "{before}");
    assert_eq!(before["fix"], "axis keychain set", "{before}");

    let set = axis_with_password(&home, bus, &["keychain", "set"], PASSWORD).ok();
    assert!(
        set.stderr.contains("any program"),
        "its cost is said: {set:?}"
    );
    assert_eq!(acts(&home, "keychain_set"), 1);
    axis(&home, bus, &["daemon", "stop"]).ok();

    // the shim starts axisd, and its first call finds the vault open
    let mut shim = command(&home, bus, &["mcp"]);
    shim.env("AXIS_IDENTITY", "local-dev");
    let mut host = Host::spawn(shim);
    host.initialize("2025-06-18");
    let repo = json!({"owner": "acme", "repo": "axis"});
    let answer = host.execute("github", "repos.get", &repo);
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(keychain(&home, bus)["stored"], true);

    // what its owner locked stays locked
    axis(&home, bus, &["lock"]).ok();
    let answer = host.execute("github", "repos.get", &repo);
    assert_eq!(answer["error"]["code"], "vault_locked", "{answer}");
    let restarted = axis(&home, bus, &["daemon", "restart"]).ok();
    assert!(restarted.stdout.contains("unlocked"), "{restarted:?}");

    let deleted = axis(&home, bus, &["keychain", "delete"]).ok();
    assert!(deleted.stdout.contains("axis unlock"), "{deleted:?}");
    assert_eq!(acts(&home, "keychain_delete"), 1);
    assert_eq!(vault(&home, bus)["state"], "unlocked", "still");
    let restarted = axis(&home, bus, &["daemon", "restart"]).ok();
    assert!(restarted.stdout.contains("locked"), "{restarted:?}");
    assert_eq!(vault(&home, bus)["state"], "locked");
    let again = axis(&home, bus, &["keychain", "delete"]).ok();
    assert!(again.stdout.contains("no master password"), "{again:?}");
    assert_eq!(acts(&home, "keychain_delete"), 1, "nothing was done");
}

#[test]
fn only_the_master_password_gets_into_the_keychain() {
    let session = Session::login();
    let bus = session.address();
    let home = ready(bus);
    let wrong = axis_with_password(&home, bus, &["keychain", "set"], "wrong wrong wrong");
    assert_eq!(wrong.code(), 1, "{wrong:?}");
    assert_eq!(acts(&home, "wrong_password"), 1);
    assert_eq!(keychain(&home, bus)["stored"], false);
}

#[test]
fn one_vaults_password_is_no_other_vaults() {
    let session = Session::login();
    let bus = session.address();
    let (first, second) = (ready(bus), ready(bus));
    axis_with_password(&first, bus, &["keychain", "set"], PASSWORD).ok();
    let [of_first, of_second] = [&first, &second].map(|home| keychain(home, bus));
    assert_eq!(of_first["stored"], true, "{of_first}");
    assert_eq!(of_second["stored"], false, "{of_second}");
    assert_ne!(of_first["account"], of_second["account"]);
    assert_ne!(of_second["account"], "master-password", "{of_second}");
    axis(&second, bus, &["keychain", "delete"]).ok();
    assert_eq!(keychain(&first, bus)["stored"], true);
}

#[test]
fn a_kept_password_that_is_not_this_vaults_leaves_it_locked_and_says_so() {
    let session = Session::login();
    let bus = session.address();
    let home = ready(bus);
    axis_with_password(&home, bus, &["keychain", "set"], PASSWORD).ok();
    axis(&home, bus, &["daemon", "stop"]).ok();
    for file in ["keystore.json", "audit.jsonl"] {
        fs::remove_file(home.file(file)).unwrap();
    }
    let other = "another password altogether";
    axis_with_password(&home, bus, &["init"], other).ok();
    axis(&home, bus, &["daemon", "restart"]).ok();

    let vault = vault(&home, bus);
    assert_eq!(vault["state"], "locked", "{vault}");
    let told = vault["detail"].as_str().unwrap();
    assert!(told.contains("axis keychain set"), "{told}");
    assert_eq!(acts(&home, "wrong_password"), 1, "asked and tried once");
    assert_eq!(keychain(&home, bus)["fix"], "axis keychain set");
    axis_with_password(&home, bus, &["keychain", "set"], other).ok();
    let restarted = axis(&home, bus, &["daemon", "restart"]).ok();
    assert!(restarted.stdout.contains("unlocked"), "{restarted:?}");
}

fn rotate(home: &Home, bus: &str, from: &str, to: &str) -> Ran {
    let mut command = command(home, bus, &["rotate"]);
    command
        .env("AXIS_MASTER_PASSWORD", from)
        .env("AXIS_NEW_MASTER_PASSWORD", to);
    axis_tests::run(command, "").ok()
}

#[test]
fn the_keychain_follows_a_new_master_password_where_it_kept_the_old_one() {
    let session = Session::login();
    let bus = session.address();
    let home = ready(bus);
    let [second, third] = ["a second password of mine", "a third password of mine"];
    rotate(&home, bus, PASSWORD, second);
    assert_eq!(keychain(&home, bus)["stored"], false, "it kept none");
    axis_with_password(&home, bus, &["keychain", "set"], second).ok();

    let rotated = rotate(&home, bus, second, third);
    assert!(!rotated.stderr.contains("keychain"), "{rotated:?}");
    assert_eq!(acts(&home, "keychain_set"), 2);
    let restarted = axis(&home, bus, &["daemon", "restart"]).ok();
    assert!(restarted.stdout.contains("unlocked"), "{restarted:?}");

    // what it doesn't know already it isn't told
    axis(&home, bus, &["daemon", "stop"]).ok();
    for file in ["keystore.json", "audit.jsonl"] {
        fs::remove_file(home.file(file)).unwrap();
    }
    axis_with_password(&home, bus, &["init"], PASSWORD).ok();
    let rotated = rotate(&home, bus, PASSWORD, second);
    assert!(rotated.stderr.contains("axis keychain set"), "{rotated:?}");
    assert_eq!(acts(&home, "keychain_set"), 0);

    // nor one that doesn't answer
    axis_with_password(&home, bus, &["keychain", "set"], second).ok();
    session.lock();
    let rotated = rotate(&home, bus, second, third);
    assert!(rotated.stderr.contains("may still keep"), "{rotated:?}");
}

#[test]
fn a_locked_keychain_leaves_the_vault_locked_and_is_named() {
    let session = Session::login();
    let bus = session.address();
    let home = ready(bus);
    axis_with_password(&home, bus, &["keychain", "set"], PASSWORD).ok();
    session.lock();
    let began = Instant::now();
    let restarted = axis(&home, bus, &["daemon", "restart"]).ok();
    assert!(restarted.stdout.contains("axis unlock"), "{restarted:?}");
    let status = keychain(&home, bus);
    assert!(began.elapsed() < IN_TIME * 2, "{:?}", began.elapsed());
    assert_eq!(status["available"], false, "{status}");
    assert!(
        status["detail"].as_str().unwrap().contains("locked"),
        "{status}"
    );
    let set = axis_with_password(&home, bus, &["keychain", "set"], PASSWORD);
    assert_eq!(set.code(), 3, "{set:?}");
    assert!(set.stderr.contains("AXIS_MASTER_PASSWORD"), "{set:?}");
    // and without it all is as ever
    axis_with_password(&home, bus, &["unlock"], PASSWORD).ok();
    assert_eq!(vault(&home, bus)["state"], "unlocked");
}

#[test]
fn without_a_d_bus_it_says_what_else_works() {
    let home = Home::ready();
    home.kill();
    // a bus of whoever runs the tests isn't found there
    let runtime = home.file("runtime");
    fs::create_dir(&runtime).unwrap();
    let status = || {
        let mut command = home.command("axis");
        command
            .args(["keychain", "status", "--json"])
            .env("XDG_RUNTIME_DIR", &runtime);
        axis_tests::run(command, "").ok().json()
    };
    let began = Instant::now();
    let status = status();
    assert!(began.elapsed() < IN_TIME, "{:?}", began.elapsed());
    assert_eq!(status["available"], false, "{status}");
    assert!(
        status["detail"].as_str().unwrap().contains("D-Bus"),
        "{status}"
    );
    for other in ["axis unlock", "AXIS_MASTER_PASSWORD", "systemd"] {
        assert!(status["fix"].as_str().unwrap().contains(other), "{status}");
    }
    let set = home.axis(&["keychain", "set"]);
    assert_eq!(set.code(), 3, "{set:?}");
    home.axis(&["unlock"]).ok();
}

#[test]
fn a_d_bus_that_never_answers_holds_nothing_up_for_long() {
    let home = Home::ready();
    home.kill();
    let socket = home.file("mute");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        // kept open, and never answered
        let mut taken = Vec::new();
        taken.extend(listener.incoming().map_while(Result::ok));
    });
    let bus = format!("unix:path={}", socket.display());
    let timed = |arguments: &[&str]| {
        let began = Instant::now();
        let ran = axis(&home, &bus, arguments);
        assert!(
            began.elapsed() < IN_TIME,
            "{arguments:?}: {:?}",
            began.elapsed()
        );
        ran
    };
    let started = timed(&["daemon", "start"]).ok();
    assert!(started.stdout.contains("axis unlock"), "{started:?}");
    let status = timed(&["keychain", "status", "--json"]).ok().json();
    assert_eq!(status["available"], false, "{status}");
    assert!(
        status["detail"].as_str().unwrap().contains("2 s"),
        "{status}"
    );
    // however often it is asked
    for _ in 0..5 {
        timed(&["keychain", "delete"]);
    }
    let began = Instant::now();
    axis_with_password(&home, &bus, &["unlock"], PASSWORD).ok();
    assert_eq!(vault(&home, &bus)["state"], "unlocked");
    timed(&["daemon", "stop"]).ok();
    assert!(began.elapsed() < IN_TIME, "{:?}", began.elapsed());
}

#[test]
fn a_setting_keeps_the_keychain_from_being_asked() {
    let session = Session::login();
    let bus = session.address();
    let home = ready(bus);
    axis_with_password(&home, bus, &["keychain", "set"], PASSWORD).ok();
    axis(&home, bus, &["daemon", "stop"]).ok();
    fs::write(home.file("daemon.yaml"), "keychain: false\n").unwrap();
    let started = axis(&home, bus, &["daemon", "start"]).ok();
    assert!(started.stdout.contains("axis unlock"), "{started:?}");
    let status = keychain(&home, bus);
    assert_eq!(status["available"], false, "{status}");
    assert!(
        status["detail"]
            .as_str()
            .unwrap()
            .contains("keychain: false"),
        "{status}"
    );
    let set = axis_with_password(&home, bus, &["keychain", "set"], PASSWORD);
    assert_eq!(set.code(), 3, "{set:?}");
    axis(&home, bus, &["keychain", "delete"]).ok();
    assert_eq!(keychain(&home, bus)["stored"], false);
}
