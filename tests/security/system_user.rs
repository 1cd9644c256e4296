//! Level 4 of docs/isolation.md: axisd is a system user of its own, the agent is
//! another user, and the owner's commands are run as that system user.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use axis_tests::{
    Axisd, Home, Host, PASSWORD, Ran, Upstream, as_user, binary, canary, run, wait_for,
};
use serde_json::{Value, json};

use super::isolation::{check, packaged};

const AGENT: u32 = 65533;

const POLICY: &str = "policies:
  - identity: claude
    socket: required
    allow: [{ service: github, actions: [repos.get] }]
  - identity: other
    socket: required
    allow: [{ service: github, actions: ['*'] }]
";

#[expect(clippy::print_stderr, reason = "nothing is left out silently")]
fn may_be_others() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("not tried: only root can be three users");
    }
    root
}

fn shell_as(uid: u32, line: &str) -> Ran {
    let mut shell = as_user(uid, "/bin/sh");
    shell.args(["-c", line]);
    run(shell, "")
}

/// An account that a service of this machine has, in the place of `axis`: its
/// name and its uid.
fn service_account() -> (String, u32) {
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let found = accounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let uid = fields.get(2)?.parse().ok()?;
        let turns_away = fields.last()?.ends_with("/nologin");
        (turns_away && uid > 0 && uid < 1000).then(|| (fields[0].to_owned(), uid))
    });
    found.expect("every Linux has an account such as `daemon` or `bin`")
}

/// A machine with axisd as its system has it: the account, its state, its
/// sockets where anybody may pass by, and `axis-owner`.
struct System {
    home: Home,
    sockets: PathBuf,
    programs: PathBuf,
    account: u32,
    _run: tempfile::TempDir,
}

impl System {
    fn new() -> Self {
        let home = Home::empty();
        let (name, account) = service_account();
        let open = || fs::Permissions::from_mode(0o711);
        let run = tempfile::Builder::new()
            .prefix("axis-run-")
            .permissions(open())
            .tempdir()
            .unwrap();
        // as systemd's RuntimeDirectory and StateDirectory make them
        let sockets = run.path().join("axis");
        let programs = run.path().join("bin");
        for directory in [&sockets, &programs] {
            fs::create_dir(directory).unwrap();
            fs::set_permissions(directory, open()).unwrap();
        }
        for directory in [home.path(), &sockets] {
            chown(directory, Some(account), Some(account)).unwrap();
        }
        let text = fs::read_to_string(packaged("systemd/system/axis-owner")).unwrap();
        let text = text
            .replace("!= axis ]", &format!("!= {name} ]"))
            .replace(
                "/usr/bin/axis \"",
                &format!("{}/axis \"", programs.display()),
            )
            .replace("/var/lib/axis", &home.path().display().to_string())
            .replace("/run/axis", &sockets.display().to_string());
        fs::write(programs.join("axis-owner"), text).unwrap();
        for program in ["axis", "axisd"] {
            fs::copy(binary(program), programs.join(program)).unwrap();
        }
        for program in ["axis", "axisd", "axis-owner"] {
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(programs.join(program), mode).unwrap();
        }
        Self {
            home,
            sockets,
            programs,
            account,
            _run: run,
        }
    }

    /// As systemd starts it, in the very process.
    fn starts_axisd(&self) -> Axisd {
        let mut command = as_user(self.account, "/bin/sh");
        command
            .args(["-c", "umask 077; SYSTEMD_EXEC_PID=$$ exec \"$0\""])
            .arg(self.programs.join("axisd"))
            .env("AXIS_HOME", self.home.path())
            .env("AXIS_SOCKET_DIR", &self.sockets);
        let axisd = self.home.spawn(command);
        let admin = self.sockets.join("admin.sock");
        wait_for("axisd to listen", || admin.exists().then_some(()));
        axisd
    }

    /// The owner, whom sudo has made the system user.
    fn owner(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = as_user(self.account, self.programs.join("axis-owner"));
        command
            .args(arguments)
            .env("AXIS_MASTER_PASSWORD", PASSWORD);
        run(command, input).ok()
    }

    fn level(&self) -> Value {
        let mut doctor = as_user(self.account, self.programs.join("axis-owner"));
        doctor.args(["doctor", "--json"]);
        run(doctor, "").json()
    }

    /// The user's shim on the socket at `path`.
    fn answered(&self, user: u32, socket: &Path) -> Value {
        let mut shim = as_user(user, self.programs.join("axis"));
        shim.arg("mcp").env("AXIS_SOCKET", socket);
        let mut host = Host::spawn(shim);
        host.initialize("2025-06-18");
        host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}))
    }
}

#[test]
fn an_agent_of_another_user_reaches_its_identitys_socket_and_nothing_else_of_axis() {
    if !may_be_others() {
        return;
    }
    let upstream = Upstream::friendly();
    let key = canary("level4");
    let system = System::new();
    let axisd = system.starts_axisd();
    system.owner(&["init"], "");
    system.home.policy(POLICY);
    let url = upstream.url();
    let add = ["add", "github", "--stdin", "--no-check", "--base-url", &url];
    system.owner(&add, &key);
    let report = system.level();
    assert_eq!(report["level"], 4, "{report}");
    let fix = check(&report, "level")["fix"].to_string();
    assert!(
        fix.contains("axis identity add"),
        "no agent gets in yet: {fix}"
    );
    system.owner(&["identity", "add", "claude", "--uid", "65533"], "");
    system.owner(&["identity", "add", "other", "--uid", "65532"], "");

    let identities = system.sockets.join("identity");
    let own = identities.join("claude/broker.sock");
    let answer = system.answered(AGENT, &own);
    assert_eq!(answer["ok"], true, "{answer}");
    let log = system.home.audited_calls();
    let peer = &log.last().unwrap()["peer"];
    assert_eq!(peer["uid"], AGENT, "{peer}");
    for closed in [
        identities.join("other/broker.sock"),
        system.sockets.join("broker.sock"),
        system.sockets.join("admin.sock"),
    ] {
        let answer = system.answered(AGENT, &closed);
        let code = &answer["error"]["code"];
        assert_eq!(code, "daemon_unavailable", "{}: {answer}", closed.display());
    }

    // what axisd's own user can do, and the agent can't
    let (pid, home) = (axisd.pid(), system.home.path().display());
    let sockets = system.sockets.display();
    for look in [
        format!("ls {sockets}"),
        format!("ls {sockets}/identity"),
        format!("cat {home}/keystore.json"),
        format!("cat {home}/policy.yaml"),
        format!("cat {home}/audit.jsonl"),
        format!("kill -0 {pid}"),
        format!("touch {sockets}/identity/claude/x"),
        format!("touch {sockets}/x"),
        format!("touch {home}/x"),
    ] {
        shell_as(system.account, &look).ok();
        let ran = shell_as(AGENT, &look);
        assert!(!ran.status.success(), "{look}: {ran:?}");
    }
    for attack in [
        format!("head -c1 /proc/{pid}/environ"),
        format!("head -c1 /proc/{pid}/mem"),
        format!("head -c1 /proc/{pid}/maps"),
        format!("ls /proc/{pid}/fd /proc/{pid}/cwd/ /proc/{pid}/root/"),
        format!("kill -9 {pid}"),
        format!("rm -f {sockets}/identity/claude/broker.sock"),
        format!("mv {sockets}/identity/claude {sockets}/identity/mine"),
        format!("{}/axis-owner status", system.programs.display()),
        format!(
            "AXIS_HOME={home} AXIS_SOCKET_DIR={sockets} AXIS_AUTOSTART=0 {}/axis status",
            system.programs.display()
        ),
    ] {
        let ran = shell_as(AGENT, &attack);
        assert!(!ran.status.success(), "{attack}: {ran:?}");
    }
    let report = system.level();
    assert_eq!(report["level"], 4, "{report}");
    for name in ["directories", "seal", "level"] {
        assert_eq!(check(&report, name)["state"], "ok", "{report}");
    }
    assert_eq!(check(&report, "level")["fix"], "");
    assert_eq!(upstream.requests().len(), 1);
    system.owner(&["daemon", "stop"], "");
}
