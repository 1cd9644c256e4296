//! An agent that wants to be another identity than its own.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use axis_tests::{Home, Host, Upstream, as_user, canary, wait_for};
use serde_json::{Value, json};

const POLICY: &str = "policies:
  - identity: admin
    socket: required
    allow: [{ service: github, actions: ['*'] }]
  - identity: ci-runner
    socket: required
    allow: [{ service: github, actions: [repos.get] }]
";

fn get(host: &mut Host) -> Value {
    host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}))
}

fn host_at(home: &Home, socket: &Path) -> Host {
    let mut command = home.command("axis");
    command.arg("mcp").env("AXIS_SOCKET", socket);
    let mut host = Host::spawn(command);
    host.initialize("2025-06-18");
    host
}

fn own_directory(path: &Path) {
    fs::create_dir_all(path).unwrap();
    for path in [path, path.parent().unwrap()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn a_directory_that_the_agent_made_itself_serves_no_call_and_is_shut_once_the_vault_is_open() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("forged"), POLICY);
    home.axis(&["identity", "add", "ci-runner"]).ok();
    home.kill();
    let forged = home.file("run/identity/admin");
    own_directory(&forged);
    let _axisd = home.axisd(&[]);
    home.wait_until_up();
    let socket = forged.join("broker.sock");
    wait_for("what lies there to be served", || {
        socket.exists().then_some(())
    });
    let mut host = host_at(&home, &socket);
    assert_eq!(get(&mut host)["error"]["code"], "vault_locked");
    let unlisted = home.axis_without_password(&["identity", "list", "--json"]);
    assert_eq!(unlisted.json()["sealed"], false);

    home.axis(&["unlock"]).ok();
    for _ in 0..2 {
        let answer = get(&mut host);
        assert_eq!(answer["error"]["code"], "daemon_unavailable", "{answer}");
    }
    assert!(!socket.exists());
    assert!(upstream.requests().is_empty());
    // made while the vault is open it is not even looked at
    own_directory(&home.file("run/identity/another"));
    let mut owners = host_at(&home, &home.file("run/identity/ci-runner/broker.sock"));
    assert_eq!(get(&mut owners)["ok"], true);
    let listed = home.axis_without_password(&["identity", "list", "--json"]);
    let listed = listed.json();
    let served: Vec<_> = listed["identities"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|identity| !identity["socket"].is_null())
        .collect();
    assert_eq!(served.len(), 1, "{listed}");
    for line in home.audited_calls() {
        let is_own = line["identity"] == "ci-runner";
        assert_eq!(line["socket"] == "own", is_own, "{line}");
    }
}

#[test]
fn no_claim_and_no_request_on_one_socket_borrows_anothers_rights() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("borrowed"), POLICY);
    for identity in ["admin", "ci-runner"] {
        home.axis(&["identity", "add", identity]).ok();
    }
    let issue = json!({"owner": "a", "repo": "b", "title": "t"});
    for claimed in ["admin", "ADMIN", "*"] {
        for socket in ["run/broker.sock", "run/identity/ci-runner/broker.sock"] {
            let mut command = home.command("axis");
            command
                .arg("mcp")
                .env("AXIS_IDENTITY", claimed)
                .env("AXIS_SOCKET", home.file(socket));
            let mut host = Host::spawn(command);
            host.initialize("2025-06-18");
            let answer = host.execute("github", "issues.create", &issue);
            assert_ne!(answer["ok"], true, "{claimed} on {socket}: {answer}");
        }
        let called = home.axis(&[
            "call",
            "github",
            "issues.create",
            "owner=a",
            "repo=b",
            "title=t",
            "--identity",
            claimed,
        ]);
        assert_ne!(called.code(), 0, "{called:?}");
    }
    assert!(upstream.requests().is_empty());
}

#[test]
fn what_a_sandbox_puts_in_its_directory_leads_axisd_nowhere() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("links"), POLICY);
    home.axis(&["identity", "add", "ci-runner", "--uid", "65533"])
        .ok();
    let directory = home.file("run/identity/ci-runner");
    let socket = directory.join("broker.sock");
    let secret = home.file("secret");
    fs::write(&secret, "the owner's").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let untouched = || {
        assert_eq!(fs::read_to_string(&secret).unwrap(), "the owner's");
        let mode = fs::metadata(&secret).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    };
    let is_served = || {
        wait_for("the socket to be back", || {
            use std::os::unix::fs::FileTypeExt;
            let metadata = fs::symlink_metadata(&socket).ok()?;
            metadata.file_type().is_socket().then_some(())
        });
    };
    for restart in [false, true] {
        fs::remove_file(&socket).unwrap();
        symlink(&secret, &socket).unwrap();
        if restart {
            home.axis(&["daemon", "restart"]).ok();
        }
        is_served();
        untouched();
    }
    // what can't give way is a problem of this socket alone, and is said
    fs::remove_file(&socket).unwrap();
    fs::create_dir(&socket).unwrap();
    fs::write(socket.join("file"), "").unwrap();
    wait_for("the problem to be listed", || {
        let listed = home.axis_without_password(&["identity", "list", "--json"]);
        let listed = listed.json();
        let mut identities = listed["identities"].as_array().unwrap().iter();
        let listed = identities.find(|it| it["identity"] == "ci-runner")?;
        listed["problem"].as_str().map(ToOwned::to_owned)
    });
    home.axis(&["identity", "add", "admin"]).ok();
    let mut host = host_at(&home, &home.file("run/identity/admin/broker.sock"));
    assert_eq!(get(&mut host)["ok"], true);
    let removed = home.axis(&["identity", "remove", "ci-runner"]).ok();
    assert!(removed.stderr.contains("still there"), "{}", removed.stderr);
    assert!(socket.join("file").exists(), "what isn't Axis's own stays");
}

/// `axis`, where any user can run it.
fn copied_axis() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let axis = directory.path().join("axis");
    fs::copy(axis_tests::binary("axis"), &axis).unwrap();
    for path in [directory.path(), &axis] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    (directory, axis)
}

/// The directory as a mount shows it: reached without the directories above it,
/// which are the owner's alone.
fn mounted(directory: &Path) -> (OwnedFd, String) {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::PATH | OFlags::DIRECTORY;
    // not closed on exec: the shim inherits it
    let held = rustix::fs::open(directory, flags, Mode::empty()).unwrap();
    let place = format!("/proc/self/fd/{}/broker.sock", held.as_raw_fd());
    (held, place)
}

#[test]
fn of_other_users_only_the_one_that_it_was_ordered_for_comes_in() {
    if !rustix::process::geteuid().is_root() {
        return; // it takes other users to try
    }
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("uid"), POLICY);
    home.axis(&["identity", "add", "ci-runner", "--uid", "65533"])
        .ok();
    home.axis(&["identity", "add", "admin"]).ok();
    let refused = home.axis(&["identity", "add", "third", "--uid", "0"]);
    assert!(
        refused.stderr.contains("your own uid"),
        "{}",
        refused.stderr
    );
    let (_kept, axis) = copied_axis();
    let (_ci_runner, ci_runner) = mounted(&home.file("run/identity/ci-runner"));
    let (_admin, admin) = mounted(&home.file("run/identity/admin"));
    let answered = |uid: u32, socket: &str| {
        let mut shim = as_user(uid, &axis);
        shim.arg("mcp").env("AXIS_SOCKET", socket);
        let mut host = Host::spawn(shim);
        host.initialize("2025-06-18");
        get(&mut host)
    };
    for restart in [false, true] {
        if restart {
            home.axis(&["daemon", "restart"]).ok();
        }
        assert_eq!(answered(65533, &ci_runner)["ok"], true);
        let calls = home.audited_calls();
        assert_eq!(calls.last().unwrap()["peer"]["uid"], 65533);
        assert_eq!(answered(0, &ci_runner)["ok"], true, "the owner's own");
        let reached = upstream.requests().len();
        for (uid, socket) in [(65532, &ci_runner), (65533, &admin), (65532, &admin)] {
            let answer = answered(uid, socket);
            let code = &answer["error"]["code"];
            assert_eq!(code, "daemon_unavailable", "{uid} on {socket}: {answer}");
        }
        assert_eq!(upstream.requests().len(), reached);
    }
    // nobody else on this machine gets at what lies in the owner's directories
    let closed = home.file("run/identity");
    let mode = fs::metadata(closed).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
}

#[test]
fn connections_without_end_to_one_own_socket_leave_the_others_theirs() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("crowd"), POLICY);
    home.kill();
    // few descriptors, so that few connections are many
    let mut axisd = Command::new("sh");
    axisd
        .args(["-c", "ulimit -n 256; exec \"$0\""])
        .arg(axis_tests::binary("axisd"))
        .env_clear()
        .env("AXIS_HOME", home.path())
        .env("HOME", home.path())
        .env("AXIS_MASTER_PASSWORD", axis_tests::PASSWORD);
    let _axisd = home.spawn(axisd);
    home.wait_until_up();
    for identity in ["admin", "ci-runner"] {
        home.axis(&["identity", "add", identity]).ok();
    }
    let socket = home.file("run/identity/ci-runner/broker.sock");
    let crowd: Vec<_> = (0..100)
        .filter_map(|_| std::os::unix::net::UnixStream::connect(&socket).ok())
        .collect();
    assert!(crowd.len() > 50);
    let mut other = host_at(&home, &home.file("run/identity/admin/broker.sock"));
    assert_eq!(get(&mut other)["ok"], true);
    let mut general = Host::connect(&home, "ci-runner");
    assert_eq!(get(&mut general)["denied"], true, "it is heard");
    home.axis(&["identity", "remove", "ci-runner"]).ok();
    let mut byte = [0];
    let open = crowd.iter().filter(|stream| {
        use std::io::Read;
        let mut stream: &std::os::unix::net::UnixStream = stream;
        stream
            .set_read_timeout(Some(std::time::Duration::from_secs(5)))
            .unwrap();
        // axisd begins with its settings; whatever it said, then comes the end
        loop {
            match stream.read(&mut byte) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
            }
        }
    });
    assert_eq!(open.count(), 0, "they end with the socket");
}
