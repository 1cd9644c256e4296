//! Level 2: the password is typed, the service manager starts axisd, and what
//! counts is sealed. The agent runs as the same user, with a shell.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use axis_tests::{Axisd, wait_for};

use super::{Machine, as_ordinary_user, within};

/// Typed in this test alone, so that it stands nowhere else on the machine.
const TYPED: &str = "seven lamps above the harbour";

const POLICY: &str = "policies:
  - identity: local-dev
    allow: [{ service: github, actions: [repos.get] }]
";

/// `axis`, at a terminal where the owner types the password.
fn typed(machine: &Machine, arguments: &str) -> String {
    let mut terminal = machine.at_a_terminal(&[], arguments);
    terminal.after("Master password: ", &format!("{TYPED}\r"));
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains(TYPED), "it isn't shown: {screen}");
    screen
}

/// The sockets as the user's own systemd holds them, and axisd behind them.
fn served_by_the_service_manager(machine: &Machine) -> Axisd {
    let home = &machine.home;
    let sockets = ["run/broker.sock", "run/admin.sock"].map(|name| home.file(name));
    // those of the axisd that was killed: the manager's are waited for below
    for left in &sockets {
        fs::remove_file(left).unwrap();
    }
    let mut manager = Command::new("sh");
    manager
        .args([
            "-c",
            "umask 077; export SYSTEMD_EXEC_PID=$$ MANAGERPID=$PPID; exec systemd-socket-activate \"$@\"",
            "sh",
        ])
        .args(["AXIS_HOME", "HOME", "SYSTEMD_EXEC_PID", "MANAGERPID"].iter().flat_map(|name| ["-E", name]))
        .args(sockets.iter().flat_map(|path| [PathBuf::from("-l"), path.clone()]))
        .arg(home.file("axisd"))
        .env("AXIS_HOME", home.path())
        .env("HOME", home.path())
        .env("PATH", "/usr/bin:/bin");
    let axisd = home.spawn(within(as_ordinary_user(&manager), home.path()));
    wait_for("the sockets", || {
        sockets.iter().all(|path| path.exists()).then_some(())
    });
    axisd
}

fn call(machine: &Machine, action: &str) -> axis_tests::Ran {
    machine.agent(&["call", "github", action, "owner=a", "repo=b", "title=t"])
}

#[test]
fn a_typed_password_is_nowhere_to_be_read_and_without_it_nothing_is_widened() {
    let machine = Machine::new("typed", POLICY, TYPED);
    let home = &machine.home;
    home.kill();
    // no service manager runs here: its files are written, and its tool stands in
    machine.written("systemctl", "#!/bin/sh\nexit 0\n");
    machine.agent_shell("chmod 755 \"$HOME/systemctl\"").ok();
    machine.agent_shell("axis daemon install").ok();
    let _axisd = served_by_the_service_manager(&machine);
    typed(&machine, "unlock");
    typed(&machine, "policy seal");
    let (level, said) = machine.doctor("level");
    assert_eq!(level, 2, "{said}");
    let get = machine.agent(&["call", "github", "repos.get", "owner=a", "repo=b"]);
    assert_eq!(get.code(), 0, "{get:?}");
    let pid = home.pid().unwrap();

    // to be read: in no environment or command line, in no file, not from axisd
    let found = machine.agent_shell(
        "grep -slE '[s]even lamps' /proc/[0-9]*/environ /proc/[0-9]*/cmdline; \
         grep -rsl -e '[s]even lamps' -e '[g]hp_CANARYtyped' \"$AXIS_HOME\"",
    );
    assert_eq!(found.stdout, "", "{found:?}");
    for file in ["environ", "mem", "maps", "fd/0"] {
        let look = machine.agent_shell(&format!("head -c1 /proc/{pid}/{file}"));
        assert!(!look.status.success(), "{file}: {look:?}");
    }

    // to be widened: by a file, or by a command
    machine.written("policy.yaml", &POLICY.replace("[repos.get]", "['*']"));
    machine.written("daemon.yaml", "limits: {call_timeout: 1}\n");
    wait_for("axisd to see the edits", || {
        let (_, said) = machine.doctor("seal");
        let message = said["message"].as_str().unwrap();
        message.contains("policy.yaml differs").then_some(())
    });
    for attempt in [
        &["policy", "seal"][..],
        &["policy", "unseal"],
        &["allow", "github", "issues.create"],
        &["identity", "add", "mine"],
        &["add", "stripe", "--stdin", "--no-check"],
        &["keychain", "set"],
    ] {
        let ran = machine.agent(attempt);
        assert!(!ran.status.success(), "{attempt:?}: {ran:?}");
    }
    assert_eq!(call(&machine, "issues.create").code(), 4);
    let (level, said) = machine.doctor("level");
    assert_eq!(level, 2, "what it proposes changes nothing: {said}");

    // an axisd of its own has the same files, and not the password
    machine.agent_shell(&format!("kill -9 {pid}")).ok();
    wait_for("axisd to be gone", || home.pid().is_none().then_some(()));
    machine.agent_shell("axis daemon start").ok();
    let locked = call(&machine, "issues.create");
    assert_eq!(locked.code(), 3, "{locked:?}");
    let (level, said) = machine.doctor("level");
    assert_eq!(level, 1, "{said}");
    assert_eq!(machine.upstream.requests().len(), 1);
}
