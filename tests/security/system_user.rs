//! Level 4: axisd is a system user of its own, and the agent is another user.
//! Here root stands in for the system user.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use axis_tests::{Home, Host, PASSWORD, Ran, Upstream, canary, run};
use serde_json::{Value, json};

const AGENT: u32 = 65533;

const POLICY: &str = "policies:
  - identity: claude
    socket: required
    allow: [{ service: github, actions: [repos.get] }]
";

fn as_agent(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={AGENT}"))
        .arg(format!("--regid={AGENT}"))
        .args(["--clear-groups", "--"])
        .arg(program)
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    command
}

#[test]
fn an_agent_of_another_user_reaches_its_identitys_socket_and_nothing_else_of_axis() {
    if !rustix::process::geteuid().is_root() {
        return; // it takes another user to try
    }
    let upstream = Upstream::friendly();
    let home = Home::empty();
    // as systemd's RuntimeDirectoryMode makes it, where any user can pass by
    let runtime = tempfile::Builder::new()
        .prefix("axis-run-")
        .permissions(fs::Permissions::from_mode(0o711))
        .tempdir()
        .unwrap();
    let sockets = runtime.path().join("axis");
    fs::DirBuilder::new().mode(0o711).create(&sockets).unwrap();
    fs::set_permissions(&sockets, fs::Permissions::from_mode(0o711)).unwrap();
    let program = runtime.path().join("axis-copy");
    fs::copy(axis_tests::binary("axis"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let owner = |arguments: &[&str], input: &str| -> Ran {
        let mut command = home.command("axis");
        command
            .args(arguments)
            .env("AXIS_SOCKET_DIR", &sockets)
            .env("AXIS_MASTER_PASSWORD", PASSWORD);
        run(command, input).ok()
    };
    owner(&["init"], "");
    fs::write(home.file("policy.yaml"), POLICY).unwrap();
    let url = upstream.url();
    let add = ["add", "github", "--stdin", "--no-check", "--base-url", &url];
    owner(&add, &canary("level4"));
    owner(&["identity", "add", "claude", "--uid", "65533"], "");
    owner(&["identity", "add", "other"], "");
    owner(&["daemon", "restart"], "");

    let answered = |socket: &Path| -> Value {
        let mut shim = as_agent(&program);
        shim.arg("mcp").env("AXIS_SOCKET", socket);
        let mut host = Host::spawn(shim);
        host.initialize("2025-06-18");
        host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}))
    };
    let identities = sockets.join("identity");
    let answer = answered(&identities.join("claude/broker.sock"));
    assert_eq!(answer["ok"], true, "{answer}");
    for closed in [
        identities.join("other/broker.sock"),
        sockets.join("broker.sock"),
        sockets.join("admin.sock"),
    ] {
        let answer = answered(&closed);
        let code = &answer["error"]["code"];
        assert_eq!(code, "daemon_unavailable", "{}: {answer}", closed.display());
    }
    for look in [
        format!("ls {}", sockets.display()),
        format!("ls {}", identities.display()),
        format!("cat {}", home.file("keystore.json").display()),
        format!("touch {}/claude/x", identities.display()),
    ] {
        let mut shell = as_agent(Path::new("/bin/sh"));
        shell.args(["-c", &look]);
        let ran = run(shell, "");
        assert!(!ran.status.success(), "{look}: {ran:?}");
    }
    let doctor = owner(&["doctor", "--json"], "").json();
    let directories = doctor["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["name"] == "directories")
        .unwrap()
        .clone();
    assert_eq!(directories["state"], "ok", "{directories}");
    owner(&["daemon", "stop"], "");
}
