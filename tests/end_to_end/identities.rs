//! Identities with a socket of their own, as an agent in a sandbox meets them.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use axis_tests::{Home, Host, PASSWORD, Reply, Upstream, canary, run, wait_for};
use serde_json::{Value, json};

/// What the socket of `ci-runner` is for; `local-dev` may do something else.
pub const TWO: &str = "policies:
  - identity: ci-runner
    socket: required
    allow: [{ service: github, actions: [repos.get] }]
  - identity: local-dev
    allow: [{ service: github, actions: [issues.create] }]
";

/// A shim that was given one socket, and a name that it claims.
pub fn host_at(home: &Home, socket: &Path, claimed: &str) -> Host {
    let mut command = home.command("axis");
    command
        .arg("mcp")
        .env_remove("AXIS_HOME")
        .env("AXIS_IDENTITY", claimed)
        .env("AXIS_SOCKET", socket);
    let mut host = Host::spawn(command);
    host.initialize("2025-06-18");
    host
}

fn get(host: &mut Host) -> Value {
    host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}))
}

fn with_ci_runner(upstream: &Upstream) -> Home {
    let home = Home::with_github(upstream, &canary("identities"), TWO);
    home.axis(&["identity", "add", "ci-runner"]).ok();
    home
}

fn directory(home: &Home) -> std::path::PathBuf {
    home.file("run/identity/ci-runner")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn on_its_own_socket_every_caller_is_the_identity_whatever_it_claims() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("own"), TWO);
    let added = home.axis(&["identity", "add", "ci-runner"]).ok();
    let socket = directory(&home).join("broker.sock");
    for says in [
        directory(&home).display().to_string(),
        format!("AXIS_SOCKET={}", socket.display()),
        "docker run -v ".to_owned(),
        "bwrap --ro-bind ".to_owned(),
    ] {
        assert!(added.stdout.contains(&says), "{}", added.stdout);
    }
    assert_eq!(mode(&directory(&home)), 0o700);
    assert_eq!(mode(&socket), 0o600);

    for claimed in ["local-dev", "", "not a name"] {
        let mut host = host_at(&home, &socket, claimed);
        assert_eq!(get(&mut host)["ok"], true, "{claimed}");
        let issue = json!({"owner": "a", "repo": "b", "title": "t"});
        let denied = host.execute("github", "issues.create", &issue);
        let reason = denied["reason"].as_str().unwrap_or_default();
        assert!(
            reason.contains("identity=\"ci-runner\""),
            "{claimed}: {denied}"
        );
        let tools = host.request("tools/list", &json!({}));
        let allows = "Policy allows \\\"ci-runner\\\" now";
        assert!(tools.to_string().contains(allows), "{tools}");
        assert!(!tools.to_string().contains("issues.create"), "{tools}");
    }
    for line in home.audited_calls() {
        assert_eq!(line["identity"], "ci-runner", "{line}");
        assert_eq!(line["socket"], "own", "{line}");
    }
    home.axis(&["logs", "verify"]).ok();
}

#[test]
fn elsewhere_an_identity_that_requires_its_own_socket_is_denied_and_told_where_it_is() {
    let upstream = Upstream::friendly();
    let home = with_ci_runner(&upstream);
    let mut host = Host::connect(&home, "ci-runner");
    let denied = get(&mut host);
    assert_eq!(denied["denied"], true, "{denied}");
    let reason = denied["reason"].as_str().unwrap();
    assert!(
        reason.ends_with(
            "(this identity is served on its own socket only, says the entry in line 2)"
        ),
        "{reason}"
    );
    let hint = denied["hint"].as_str().unwrap();
    let socket = directory(&home).join("broker.sock");
    assert!(
        hint.contains(&format!("AXIS_SOCKET={}", socket.display()))
            && hint.contains("axis identity add ci-runner"),
        "{hint}"
    );
    assert!(upstream.requests().is_empty());
    let tools = host.request("tools/list", &json!({}));
    assert!(
        tools.to_string().contains("nothing at the moment"),
        "{tools}"
    );
    let line = home.audited_calls().pop().unwrap();
    assert_eq!(line["decision"], "deny");
    assert_eq!(line["socket"], Value::Null, "the name was a claim: {line}");
    // the others are served there as before
    let mut host = Host::connect(&home, "local-dev");
    let issue = json!({"owner": "a", "repo": "b", "title": "t"});
    assert_eq!(host.execute("github", "issues.create", &issue)["ok"], true);
}

#[test]
fn the_directory_outlives_restarts_and_a_mount_of_it_goes_on_working() {
    let upstream = Upstream::friendly();
    let home = with_ci_runner(&upstream);
    let inode = fs::metadata(directory(&home)).unwrap().ino();
    // what a mount holds on to: this very directory, whatever its path is later
    let held = File::open(directory(&home)).unwrap();
    let place = format!(
        "/proc/{}/fd/{}/broker.sock",
        std::process::id(),
        held.as_raw_fd()
    );
    let mut host = host_at(&home, Path::new(&place), "local-dev");
    assert_eq!(get(&mut host)["ok"], true);

    home.axis(&["daemon", "restart"]).ok();
    assert_eq!(fs::metadata(directory(&home)).unwrap().ino(), inode);
    assert_eq!(get(&mut host)["ok"], true, "after a restart");

    home.kill();
    let gone = get(&mut host);
    assert_eq!(gone["error"]["code"], "daemon_unavailable", "{gone}");
    // an axisd without the password serves what lies there, and says so much
    let _axisd = home.axisd(&[]);
    home.wait_until_up();
    let locked = wait_for("the socket to be served", || {
        let answer = get(&mut host);
        (answer["error"]["code"] == "vault_locked").then_some(answer)
    });
    assert!(locked.to_string().contains("axis unlock"), "{locked}");
    home.axis(&["unlock"]).ok();
    assert_eq!(fs::metadata(directory(&home)).unwrap().ino(), inode);
    assert_eq!(get(&mut host)["ok"], true, "after kill -9 and unlock");

    home.axis(&["lock"]).ok();
    let locked = get(&mut host);
    assert_eq!(locked["error"]["code"], "vault_locked", "{locked}");
    home.axis(&["unlock"]).ok();
    assert_eq!(get(&mut host)["ok"], true);
}

#[test]
fn a_directory_that_is_removed_while_axisd_runs_is_made_again() {
    let upstream = Upstream::friendly();
    let home = with_ci_runner(&upstream);
    let socket = directory(&home).join("broker.sock");
    fs::remove_file(&socket).unwrap();
    wait_for("the socket to be back", || socket.exists().then_some(()));
    fs::remove_dir_all(directory(&home)).unwrap();
    wait_for("the directory to be back", || socket.exists().then_some(()));
    assert_eq!(mode(&directory(&home)), 0o700);
    let mut host = host_at(&home, &socket, "local-dev");
    assert_eq!(get(&mut host)["ok"], true);
}

#[test]
fn a_removed_identity_loses_its_connections_and_the_call_under_way() {
    let upstream =
        Upstream::answering(|_| Reply::json(200, &json!({})).after(Duration::from_mins(1)));
    let home = with_ci_runner(&upstream);
    let socket = directory(&home).join("broker.sock");
    let mut host = host_at(&home, &socket, "ci-runner");
    let repo = json!({"owner": "a", "repo": "b"});
    let id = host.start_execute("github", "repos.get", &repo);
    upstream.wait_for_requests(1);

    let wrong = home.axis(&["identity", "remove", "ci-runer"]);
    assert_eq!(wrong.code(), 2);
    assert!(wrong.stderr.contains("ci-runner"), "{}", wrong.stderr);
    home.axis(&["identity", "remove", "CI-Runner"]).ok();

    let cut = host.executed(id);
    assert_eq!(cut["error"]["code"], "daemon_unavailable", "{cut}");
    assert!(!directory(&home).exists());
    wait_for("the call to be on record as cancelled", || {
        let last = home.audited_calls().pop()?;
        (last["error"] == "cancelled").then_some(())
    });
    let gone = get(&mut host);
    assert_eq!(gone["error"]["code"], "daemon_unavailable", "{gone}");
    let acts: Vec<_> = home
        .audit()
        .into_iter()
        .filter_map(|line| line["act"].as_str().map(ToOwned::to_owned))
        .filter(|act| act.starts_with("identity"))
        .collect();
    assert_eq!(acts, ["identity_add", "identity_remove"]);
    // it doesn't come back
    home.axis(&["daemon", "restart"]).ok();
    assert!(!directory(&home).exists());
}

#[test]
fn adding_and_removing_need_the_password_and_listing_does_not() {
    let home = Home::ready();
    home.policy(TWO);
    let wrong = |arguments: &[&str]| {
        let mut command = home.command("axis");
        command
            .args(arguments)
            .env("AXIS_MASTER_PASSWORD", "not the password");
        axis_tests::run(command, "")
    };
    assert_ne!(wrong(&["identity", "add", "ci-runner"]).code(), 0);
    assert!(!directory(&home).exists());
    let none = home.axis_without_password(&["identity", "add", "ci-runner"]);
    assert_ne!(none.code(), 0);
    assert!(!directory(&home).exists());

    home.axis(&["identity", "add", "ci-runner"]).ok();
    let again = home.axis(&["identity", "add", "ci-runner"]);
    assert_eq!(again.code(), 1);
    assert!(
        again.stderr.contains("axis identity remove"),
        "{}",
        again.stderr
    );
    assert_ne!(wrong(&["identity", "remove", "ci-runner"]).code(), 0);
    assert!(directory(&home).join("broker.sock").exists());
    let wrongs = home.audit();
    let wrongs = wrongs.iter().filter(|line| line["act"] == "wrong_password");
    assert_eq!(wrongs.count(), 2);

    let listed = home.axis_without_password(&["identity", "list", "--json"]);
    let listed = listed.ok().json();
    assert_eq!(listed["sealed"], true);
    let ci_runner = &listed["identities"][0];
    assert_eq!(ci_runner["identity"], "ci-runner");
    assert_eq!(ci_runner["own_socket_required"], true);
    assert_eq!(ci_runner["problem"], Value::Null);
    let socket = ci_runner["socket"].as_str().unwrap();
    assert!(
        socket.ends_with("/run/identity/ci-runner/broker.sock"),
        "{socket}"
    );
    assert_eq!(listed["identities"][1]["identity"], "local-dev");
    assert_eq!(listed["identities"][1]["socket"], Value::Null);
    let bare = home.axis_without_password(&["identity"]).ok();
    assert!(
        bare.stdout.contains("its own socket only"),
        "{}",
        bare.stdout
    );

    for name in ["../evil", ".hidden", "a b", "${NAME}"] {
        let refused = home.axis(&["identity", "add", name]);
        assert_eq!(refused.code(), 2, "{refused:?}");
        assert!(
            refused.stderr.contains("the identity"),
            "{}",
            refused.stderr
        );
    }
    assert!(!home.file("run/evil").exists());
    let long = "a".repeat(64);
    let place = home.file("run/identity").join(&long).join("broker.sock");
    assert!(
        place.as_os_str().len() > 103,
        "the test needs a path too long"
    );
    let refused = home.axis(&["identity", "add", &long]);
    assert!(
        refused.stderr.contains("AXIS_SOCKET_DIR"),
        "{}",
        refused.stderr
    );
}

#[test]
fn one_may_be_added_while_the_vault_is_locked_and_then_hears_that_it_is() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("locked"), TWO);
    home.axis(&["lock"]).ok();
    home.axis(&["identity", "add", "ci-runner"]).ok();
    let mut host = host_at(&home, &directory(&home).join("broker.sock"), "x");
    let locked = get(&mut host);
    assert_eq!(locked["error"]["code"], "vault_locked", "{locked}");
    home.axis(&["unlock"]).ok();
    assert_eq!(get(&mut host)["ok"], true);
}

#[test]
fn the_sealed_list_comes_back_with_the_keystore() {
    let upstream = Upstream::friendly();
    let home = with_ci_runner(&upstream);
    let kept = fs::read(home.file("keystore.json")).unwrap();
    home.axis(&["identity", "remove", "ci-runner"]).ok();
    home.axis(&["daemon", "stop"]).ok();
    wait_for("axisd to end", || home.pid().is_none().then_some(()));
    fs::write(home.file("keystore.json"), kept).unwrap();
    home.axis(&["daemon", "start"]);
    let mut unlock = home.command("axis");
    unlock
        .args(["unlock", "--accept-older"])
        .env("AXIS_MASTER_PASSWORD", PASSWORD);
    axis_tests::run(unlock, "").ok();
    let mut host = host_at(&home, &directory(&home).join("broker.sock"), "x");
    assert_eq!(get(&mut host)["ok"], true);
}

#[test]
fn the_policys_commands_know_of_own_sockets() {
    let home = Home::ready();
    home.policy(TWO);
    let explain = |more: &[&str]| {
        let all = [
            "policy",
            "explain",
            "github",
            "repos.get",
            "--json",
            "--identity",
        ];
        home.axis(&[&all, more].concat()).json()
    };
    let own = explain(&["ci-runner"]);
    assert_eq!(
        (&own["decision"], &own["socket"]),
        (&json!("allow"), &json!("own"))
    );
    let general = explain(&["ci-runner", "--socket", "general"]);
    assert_eq!(general["decision"], "deny");
    assert_eq!(general["line"], 2);
    assert!(
        general["hint"].as_str().unwrap().contains("AXIS_SOCKET="),
        "{general}"
    );
    assert_eq!(explain(&["local-dev"])["socket"], "general");

    fs::write(
        home.file("tests.yaml"),
        "tests:
  - { identity: ci-runner, service: github, action: repos.get, expect: allow }
  - { identity: ci-runner, service: github, action: repos.get, socket: general, expect: deny, reason: own socket }
",
    )
    .unwrap();
    let tests = home.file("tests.yaml").display().to_string();
    home.axis(&["policy", "test", &tests]).ok();

    // one identity can be claimed there: no other one's rights come to it
    let notes = |text: &str| {
        fs::write(home.file("other.yaml"), text).unwrap();
        let file = home.file("other.yaml").display().to_string();
        let checked = home.axis(&["policy", "check", "--strict", "--json", &file]);
        checked.ok().json()["notes"].clone()
    };
    assert_eq!(notes(TWO), json!([]));
    let claimable = notes(&TWO.replace("    socket: required\n", ""));
    let note = claimable[0].as_str().unwrap();
    for says in [
        "line 4: ",
        "broker.sock",
        "\"ci-runner\", \"local-dev\"",
        "`socket: required`",
    ] {
        assert!(note.contains(says), "{note}");
    }
    let wrong = TWO.replace("socket: required", "socket: optional");
    fs::write(home.file("other.yaml"), wrong).unwrap();
    let file = home.file("other.yaml").display().to_string();
    let checked = home.axis(&["policy", "check", &file]);
    assert_eq!(checked.code(), 1);
    assert!(
        checked.stdout.contains("write `socket: required`") && checked.stdout.contains(":3:13"),
        "{}",
        checked.stdout
    );
}

#[test]
fn a_host_that_is_given_the_identitys_own_socket_is_asked_about_there() {
    let home = with_ci_runner(&Upstream::friendly());
    let socket = directory(&home).join("broker.sock");
    let add = |own: bool| {
        let mut command = home.command("axis");
        command.env("HOME", home.path()).args([
            "hosts",
            "add",
            "cursor",
            "--force",
            "--identity",
            "ci-runner",
        ]);
        if own {
            command.env("AXIS_SOCKET", &socket);
        }
        run(command, "").ok().stderr
    };
    let told = add(true);
    assert!(!told.contains("the policy allows"), "{told}");
    let told = add(false);
    assert!(told.contains("on its own socket alone"), "{told}");
    let variable = format!("AXIS_SOCKET={}", socket.display());
    assert!(told.contains(&variable), "{told}");
    assert!(!told.contains("nothing yet"), "{told}");
}
