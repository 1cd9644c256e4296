//! Claude Code's own sandbox, with the settings that the packages ship: what its
//! Bash tool reaches of Axis, and that the tools of Axis work all the same.

use std::fs;
use std::path::Path;

use axis_tests::{Recorded, Upstream, run};
use serde_json::{Value, json};

use super::hosts::{Machine, run_in};
use super::model::{asks_for, tool_answers};

const POLICY: &str = "policies:\n  - identity: claude\n    socket: required\n    allow:\n      - {service: github, actions: [repos.get]}\n";

/// The settings, for an Axis that lies in `home`.
fn settings(home: &Path) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../packaging/sandbox/claude-code/settings.json");
    let text = fs::read_to_string(path).unwrap();
    let home = home.display().to_string();
    let text = text
        .replace("~/.local/share/axis/", &format!("/{home}/"))
        .replace("~/.local/share/axis", &home);
    serde_json::from_str(&text).unwrap()
}

/// What the agent tries in its shell. A line that it prints for each thing
/// begins with what came of it.
fn attack(home: &Path, pid: u32) -> String {
    let home = home.display();
    let connect = |socket: &str| {
        format!("perl -MIO::Socket -e 'exit !IO::Socket::UNIX->new(Peer => \"{socket}\")'")
    };
    let tries = [
        ("keystore", format!("cat {home}/keystore.json")),
        ("policy", format!("cat {home}/policy.yaml")),
        ("admin", connect(&format!("{home}/run/admin.sock"))),
        ("broker", connect(&format!("{home}/run/broker.sock"))),
        (
            "status",
            format!(
                "AXIS_HOME={home} AXIS_AUTOSTART=0 {} status",
                axis_tests::binary("axis").display()
            ),
        ),
        ("process", format!("kill -0 {pid}")),
        (
            "unix",
            "perl -MSocket -e 'socket(my $s, PF_UNIX, SOCK_STREAM, 0) or exit 1'".to_owned(),
        ),
        (
            "unit",
            "mkdir -p ~/.config/systemd/user && touch ~/.config/systemd/user/x".to_owned(),
        ),
        ("settings", "echo '{}' > ~/.claude/settings.json".to_owned()),
        ("work", "touch here".to_owned()),
    ];
    tries
        .map(|(name, line)| {
            format!("( {line} ) >/dev/null 2>&1 && echo reached-{name} || echo closed-{name}")
        })
        .join("\n")
}

#[test]
fn claude_codes_sandbox_keeps_its_shell_from_axis_and_its_tools_call() {
    let machine = Machine::new("claudebox");
    let home = machine.axis.path();
    fs::create_dir_all(machine.user.path().join(".claude")).unwrap();
    fs::create_dir_all(machine.user.path().join(".config/systemd")).unwrap();
    let file = machine.user.path().join(".claude/settings.json");
    let mut settings = settings(home);
    fs::write(&file, settings.to_string()).unwrap();
    machine.axis.axis(&["identity", "add", "claude"]).ok();
    machine.axis.policy(POLICY);
    let mut add = machine.hosts_command(&["add", "claude-code", "--force", "--identity", "claude"]);
    add.env("AXIS_SOCKET", home.join("run/identity/claude/broker.sock"));
    run(add, "").ok();

    let settings_file = file.clone();
    let call = |more: Value| {
        let mut call = json!({
            "service": "github", "action": "repos.get",
            "justification": "the user asked which repository it is",
            "params": {"owner": "acme", "repo": "axis"},
        });
        let call_members = call.as_object_mut().unwrap();
        call_members.extend(more.as_object().unwrap().clone());
        call
    };
    let script = attack(home, machine.axis.pid().unwrap());
    let model = |command: String| -> Upstream {
        asks_for(vec![
            (
                "Bash",
                json!({"command": command, "description": "look around"}),
            ),
            ("Read", json!({"file_path": home.join("keystore.json")})),
            ("mcp__axis__execute_action", call(json!({}))),
            (
                "mcp__axis__execute_action",
                call(json!({"save_to": settings_file})),
            ),
            (
                "mcp__axis__execute_action",
                call(json!({"save_to": machine.user.path().join(".bashrc")})),
            ),
        ])
    };
    let answers = |model: &Upstream| -> Vec<String> {
        let mut claude = machine.host("claude");
        claude.env("ANTHROPIC_BASE_URL", model.url());
        let arguments = [
            "--print",
            "Look around.",
            "--allowedTools",
            "mcp__axis__execute_action,Bash,Read",
        ];
        run_in(claude, &arguments).ok();
        let requests: Vec<Recorded> = model.requests();
        // the last request holds all that was answered
        tool_answers(&requests[requests.len() - 1..])
    };
    let told = answers(&model(script.clone()));
    let [shell, read, called, saved, profile] = &told[..] else {
        panic!("five tools answer: {told:#?}");
    };
    for closed in [
        "keystore", "policy", "admin", "broker", "status", "process", "unix", "unit", "settings",
    ] {
        assert!(shell.contains(&format!("closed-{closed}")), "{shell}");
    }
    assert!(shell.contains("reached-work"), "the shell works: {shell}");
    assert!(!read.contains("vault_key"), "{read}");
    assert!(called.contains("4711"), "{called}");
    // what the sandbox keeps its shell from is open to no call either
    for told in [saved, profile] {
        assert!(told.contains("AXIS_FILES=off"), "{told}");
    }
    let now: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(now, settings);
    assert!(!machine.user.path().join(".bashrc").exists());

    // the same shell without the sandbox, which shows that this keeps it
    settings["sandbox"] = json!({"enabled": false});
    fs::write(&file, settings.to_string()).unwrap();
    let told = answers(&model(script));
    for reached in [
        "keystore", "policy", "admin", "broker", "status", "process", "unix",
    ] {
        assert!(told[0].contains(&format!("reached-{reached}")), "{told:#?}");
    }
}
