//! What is sealed stays so, whatever axisd is started with.

use std::os::unix::fs::PermissionsExt;

use super::*;

/// Starts an axisd with another environment, unlocked.
fn restarted(home: &Home, variables: &[(&str, &str)]) -> axis_tests::Axisd {
    home.axis(&["daemon", "stop"]).ok();
    let mut command = home.command("axisd");
    command.env("AXIS_MASTER_PASSWORD", axis_tests::PASSWORD);
    for (name, value) in variables {
        command.env(name, value);
    }
    let axisd = home.spawn(command);
    home.wait_until_up();
    axisd
}

#[test]
fn a_restart_and_kill_9_bring_the_sealed_policy_back() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    fs::write(home.file("policy.yaml"), ALLOW_ALL).unwrap();
    let mut host = Host::connect(&home, "local-dev");
    home.axis(&["daemon", "restart"]).ok();
    assert_eq!(create(&mut host)["denied"], true);
    assert_eq!(get(&mut host)["ok"], true);
    home.kill();
    home.axis(&["unlock"]).ok();
    assert_eq!(create(&mut host)["denied"], true);
    assert_eq!(get(&mut host)["ok"], true);
    assert_eq!(differing(&home), ["policy.yaml"]);
}

#[test]
fn no_environment_turns_the_seal_off() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    let other = tempfile::tempdir().unwrap();
    let policy = other.path().join("policy.yaml");
    fs::write(&policy, ALLOW_ALL).unwrap();
    let policy = policy.display().to_string();
    let axisd = restarted(&home, &[("AXIS_POLICY_PATH", &policy)]);
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(create(&mut host)["denied"], true);
    assert_eq!(get(&mut host)["ok"], true);
    let shown = shown(&home);
    assert_eq!(shown["differences"][0]["path"], policy, "{shown}");
    drop(axisd);

    // the other pieces of a home, with the keystore where it was
    fs::create_dir(other.path().join("services")).unwrap();
    let keystore = home.file("keystore.json").display().to_string();
    let sockets = home.file("run").display().to_string();
    let moved = other.path().display().to_string();
    let log = home.file("audit.jsonl");
    fs::copy(&log, other.path().join("audit.jsonl")).unwrap();
    fs::set_permissions(other.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let _axisd = restarted(
        &home,
        &[
            ("AXIS_HOME", &moved),
            ("AXIS_KEYSTORE_PATH", &keystore),
            ("AXIS_SOCKET_DIR", &sockets),
        ],
    );
    assert_eq!(create(&mut host)["denied"], true);
    assert_eq!(get(&mut host)["ok"], true);
}

#[test]
fn while_the_vault_was_not_opened_nothing_is_allowed_and_everything_says_why() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    fs::write(home.file("policy.yaml"), ALLOW_ALL).unwrap();
    wait_for_differences(&home, 1);
    home.axis(&["daemon", "stop"]).ok();
    home.axis_without_password(&["daemon", "start"]).ok();
    let status = home.axis_without_password(&["status"]).ok().stdout;
    assert!(status.contains("sealed in the locked vault"), "{status}");
    let doctor = home.axis_without_password(&["doctor"]).stdout;
    assert!(doctor.contains("it is sealed in the vault"), "{doctor}");
    let show = home.axis_without_password(&["policy", "show"]).ok().stdout;
    assert!(show.contains("axis unlock"), "{show}");
    assert!(
        !show.contains("http.get"),
        "the file is not in force: {show}"
    );
    let ran = home.axis_without_password(&["policy", "explain", "github", "repos.get"]);
    assert_eq!(ran.code(), 3, "{ran:?}");

    let mut host = Host::connect(&home, "local-dev");
    let arguments = json!({"name": "list_actions", "arguments": {"service": "github"}});
    let listed = host.request("tools/call", &arguments);
    let services = &listed["result"]["structuredContent"]["services"];
    let actions = services[0]["actions"].as_array().unwrap();
    assert!(
        actions.iter().all(|action| action["allowed"] == false),
        "{listed}"
    );
    // also of a service that only a file defines: nothing is said of it
    for (service, action) in [("github", "repos.get"), ("acme", "things.list")] {
        let answer = host.execute(service, action, &json!({}));
        assert_eq!(answer["error"]["code"], "vault_locked", "{answer}");
    }
    // what is saved meanwhile doesn't count, and nothing on record says so
    let loaded = acts(&home, "policy_loaded").len();
    fs::write(home.file("policy.yaml"), ALLOW_GITHUB).unwrap();
    home.axis(&["unlock"]).ok();
    assert_eq!(
        acts(&home, "policy_loaded")[loaded..],
        ["rules: 1, as sealed"]
    );
    assert_eq!(get(&mut host)["ok"], true);
    assert_eq!(create(&mut host)["denied"], true);
    assert_eq!(acts(&home, "seal_differs").len(), 2, "once each start");
}

#[test]
fn a_lock_and_an_unlock_change_nothing() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    let mut host = Host::connect(&home, "local-dev");
    home.axis(&["lock"]).ok();
    fs::write(home.file("policy.yaml"), ALLOW_ALL).unwrap();
    wait_for_differences(&home, 1);
    assert_eq!(get(&mut host)["error"]["code"], "vault_locked");
    assert_eq!(create(&mut host)["denied"], true);
    let ran = home.axis(&["policy", "seal"]);
    assert_eq!(ran.code(), 3, "{ran:?}");
    home.axis(&["unlock"]).ok();
    assert_eq!(get(&mut host)["ok"], true);
    assert_eq!(create(&mut host)["denied"], true);
}

#[test]
fn a_keystore_from_before_the_seal_is_found_out() {
    let upstream = Upstream::friendly();
    let policy = "policies: []\n";
    let home = Home::with_github(&upstream, &canary("older"), policy);
    let before = fs::read(home.file("keystore.json")).unwrap();
    home.axis(&["policy", "seal"]).ok();
    fs::write(home.file("policy.yaml"), ALLOW_ALL).unwrap();
    home.axis(&["daemon", "stop"]).ok();
    fs::write(home.file("keystore.json"), &before).unwrap();
    let ran = home.axis(&["unlock"]);
    assert_ne!(ran.code(), 0, "{ran:?}");
    assert!(ran.stderr.contains("--accept-older"), "{}", ran.stderr);
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(get(&mut host)["error"]["code"], "vault_locked");
}

#[test]
fn a_keystore_without_its_seal_is_not_opened() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    home.axis(&["daemon", "stop"]).ok();
    let path = home.file("keystore.json");
    let mut keystore: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert!(
        keystore["entries"]
            .as_object_mut()
            .unwrap()
            .remove(".seal")
            .is_some()
    );
    fs::write(&path, keystore.to_string()).unwrap();
    fs::write(home.file("policy.yaml"), ALLOW_ALL).unwrap();
    let ran = home.axis(&["unlock"]);
    assert_ne!(ran.code(), 0, "{ran:?}");
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(get(&mut host)["error"]["code"], "vault_locked");
    assert!(upstream.requests().is_empty());
}
