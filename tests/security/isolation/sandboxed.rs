//! Level 3: an agent in a sandbox that has one identity's directory of Axis and
//! nothing else, by the very script that the packages ship.

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::Command;

use axis_tests::{Host, PASSWORD, Ran, Terminal, run};
use serde_json::{Value, json};

use super::{Machine, as_ordinary_user, directory_of_the_user, own_command, packaged, within};

const POLICY: &str = "policies:
  - identity: claude
    socket: required
    allow: [{ service: github, actions: [repos.get] }]
  - identity: other
    socket: required
    allow: [{ service: github, actions: ['*'] }]
";

struct Sandbox {
    machine: Machine,
    project: tempfile::TempDir,
}

impl Sandbox {
    fn new(tag: &str) -> Self {
        let machine = Machine::new(tag, POLICY, PASSWORD);
        let script = machine.home.file("axis-sandbox");
        fs::copy(packaged("sandbox/bubblewrap/axis-sandbox"), &script).unwrap();
        for identity in ["claude", "other"] {
            machine.owner(&["identity", "add", identity], "", PASSWORD);
        }
        machine.owner(&["policy", "seal"], "", PASSWORD);
        Self {
            machine,
            project: directory_of_the_user("axis-project-"),
        }
    }

    /// A program of the agent's, started by somebody whose own environment
    /// holds more than an agent should see.
    fn command(&self, options: &[&str], program: &[&str]) -> Command {
        let home = &self.machine.home;
        let mut command = own_command(home, "axis-sandbox");
        command
            .arg("claude")
            .args(options)
            .arg("--")
            .args(program)
            .env("PATH", format!("{}:/usr/bin:/bin", home.path().display()))
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/1/bus")
            .env("AXIS_MASTER_PASSWORD", PASSWORD);
        within(as_ordinary_user(&command), self.project.path())
    }

    fn shell(&self, options: &[&str], line: &str) -> Ran {
        run(self.command(options, &["sh", "-c", line]), "")
    }

    fn host(&self) -> Host {
        let mut host = Host::spawn(self.command(&[], &["axis", "mcp"]));
        host.initialize("2025-06-18");
        host
    }
}

fn get(host: &mut Host) -> Value {
    host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}))
}

/// Connects, as a shell can with what every Debian has.
fn connect(family: &str, to: &str) -> String {
    format!("perl -MIO::Socket -e 'exit !IO::Socket::{family}->new({to})'")
}

#[test]
fn an_agent_in_the_sandbox_calls_by_its_socket_and_reaches_nothing_else_of_axis() {
    let sandbox = Sandbox::new("sandbox");
    let (machine, home) = (&sandbox.machine, sandbox.machine.home.path().display());
    let mut host = sandbox.host();
    assert_eq!(get(&mut host)["ok"], true);
    let calls = machine.home.audited_calls();
    assert_eq!(calls.last().unwrap()["identity"], "claude", "{calls:?}");
    let pid = machine.home.pid().unwrap();

    // what the agent can do outside of the sandbox, which shows that it is the
    // sandbox that keeps it from that
    let abstract_name = format!("axis-test-{pid}");
    let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
    let _listener = UnixListener::bind_addr(&address).unwrap();
    let port = machine.upstream.url().replace("http://127.0.0.1:", "");
    let own = format!("{home}/run");
    let outside = [
        format!("cat {home}/keystore.json"),
        format!("cat {home}/policy.yaml"),
        format!("cat {home}/audit.jsonl"),
        format!("ls {own}/identity/other"),
        format!("AXIS_SOCKET= AXIS_HOME={home} AXIS_AUTOSTART=0 axis status"),
        connect("UNIX", &format!("Peer => \"{own}/admin.sock\"")),
        connect("UNIX", &format!("Peer => \"{own}/broker.sock\"")),
        connect(
            "UNIX",
            &format!("Peer => \"{own}/identity/other/broker.sock\""),
        ),
        connect("UNIX", &format!("Peer => \"\\0{abstract_name}\"")),
        connect("INET", &format!("PeerAddr => \"127.0.0.1:{port}\"")),
        format!("kill -0 {pid}"),
        format!("cat /proc/{pid}/cmdline"),
        "cat /proc/[0-9]*/comm | grep -x axisd".to_owned(),
    ];
    for attack in &outside {
        machine.agent_shell(attack).ok();
        let ran = sandbox.shell(&["--unshare-net"], attack);
        assert!(!ran.status.success(), "{attack}: {ran:?}");
    }
    for attack in [
        "touch /run/axis/x",
        "rm -f /run/axis/broker.sock",
        "umount /run/axis",
        "unshare -rm umount /run/axis",
        "unshare -rm sh -c 'mount -o remount,bind,rw /run/axis && touch /run/axis/x'",
        "ls /run/axis/../identity /run/axis/../admin.sock",
        "ls /run/user /run/dbus",
        "env | grep -e PASSWORD -e DBUS -e XDG -e AXIS_HOME",
        "AXIS_SOCKET= axis status",
        "axis call github issues.create owner=a repo=b title=t --identity other",
        "AXIS_IDENTITY=other axis call github issues.create owner=a repo=b title=t",
        "echo > /etc/hosts || echo > /opt/axis/axis",
    ] {
        let ran = sandbox.shell(&[], attack);
        assert!(!ran.status.success(), "{attack}: {ran:?}");
    }
    // what it writes where you and Axis live is in a home of its own
    let policy = fs::read_to_string(machine.home.file("policy.yaml")).unwrap();
    sandbox
        .shell(&[], &format!("echo mine > {home}/policy.yaml; echo > kept"))
        .ok();
    let unchanged = fs::read_to_string(machine.home.file("policy.yaml")).unwrap();
    assert_eq!(unchanged, policy);
    assert!(sandbox.project.path().join("kept").exists());
    let again = sandbox.shell(&[], &format!("cat {home}/policy.yaml"));
    assert_eq!(again.stdout, "mine\n", "its home stays");

    assert_eq!(machine.upstream.requests().len(), 1, "{:?}", machine.key);
    let (level, said) = machine.doctor("level");
    assert_eq!(level, 3, "{said}");

    // the directory that it has stays the one that is served
    machine.owner(&["daemon", "restart"], "", PASSWORD);
    assert_eq!(get(&mut host)["ok"], true);
}

#[test]
fn the_sandbox_is_not_started_where_it_would_show_what_it_should_hide() {
    let machine = Machine::new("unsafe", POLICY, PASSWORD);
    let home = &machine.home;
    let script = home.file("axis-sandbox");
    fs::copy(packaged("sandbox/bubblewrap/axis-sandbox"), &script).unwrap();
    machine.owner(&["identity", "add", "claude"], "", PASSWORD);
    let project = directory_of_the_user("axis-project-");
    let start = |identity: &str, directory: &std::path::Path| {
        let mut command = own_command(home, "axis-sandbox");
        command
            .args([identity, "--", "true"])
            .env("PATH", format!("{}:/usr/bin:/bin", home.path().display()));
        run(within(as_ordinary_user(&command), directory), "")
    };
    start("claude", project.path()).ok();
    for (identity, directory, word) in [
        ("claude", home.path().to_owned(), "holds"),
        ("claude", home.path().parent().unwrap().to_owned(), "holds"),
        ("claude", home.file("run"), "holds"),
        ("claude", "/tmp".into(), "holds"),
        ("claude", home.file("services"), "belongs to Axis"),
        (
            "other",
            project.path().to_owned(),
            "axis identity add other",
        ),
        ("../claude", project.path().to_owned(), "usage"),
    ] {
        let ran = start(identity, &directory);
        assert!(!ran.status.success(), "{identity}: {ran:?}");
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
}

/// Pushes a key into the terminal that it runs on, as if somebody had typed it.
const PUSH: &str = r#"my $key = "x"; print ioctl(STDIN, 0x5412, $key) ? "pushed" : "closed";"#;

#[test]
fn an_agent_in_the_sandbox_types_nothing_into_its_owners_terminal() {
    let machine = Machine::new("terminal", POLICY, PASSWORD);
    let home = &machine.home;
    let script = home.file("axis-sandbox");
    fs::copy(packaged("sandbox/bubblewrap/axis-sandbox"), &script).unwrap();
    machine.owner(&["identity", "add", "claude"], "", PASSWORD);
    let project = directory_of_the_user("axis-project-");
    fs::write(project.path().join("push.pl"), PUSH).unwrap();
    let shown = |program: &str, arguments: &[&str]| {
        let mut command = own_command(home, program);
        command.args(arguments).args(["perl", "push.pl"]);
        let command = as_ordinary_user(&command);
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        let path = format!("{}:/usr/bin:/bin", home.path().display());
        let line = format!("cd {} && {}", project.path().display(), words.join(" "));
        let (code, screen) = Terminal::running(home, &[("PATH", &path)], &line).end();
        assert_eq!(code, 0, "{screen}");
        screen
    };
    let legacy = fs::read_to_string("/proc/sys/dev/tty/legacy_tiocsti").unwrap_or("1".into());
    if legacy.trim() == "1" {
        std::os::unix::fs::symlink("/usr/bin/env", home.file("env")).unwrap();
        assert!(shown("env", &[]).contains("pushed"), "outside it works");
    }
    let screen = shown("axis-sandbox", &["claude", "--"]);
    assert!(screen.contains("closed"), "{screen}");
}
