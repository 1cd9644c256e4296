//! Where the system lets nobody lock memory: it is said, and nothing breaks.

use axis_tests::{Home, Host, PASSWORD, Upstream, canary, run};
use serde_json::{Value, json};

use crate::process::{as_ordinary_user, is_root, ordinary_home, own_command};

/// A command that may lock no memory, or as much as usual.
fn limited(home: &Home, arguments: &[&str], none: bool) -> std::process::Command {
    let mut inner = own_command(home, "axis");
    inner.args(arguments).env("AXIS_MASTER_PASSWORD", PASSWORD);
    let words = as_ordinary_user(&inner);
    if !none {
        return words;
    }
    let mut command = std::process::Command::new("prlimit");
    command
        .arg("--memlock=0:0")
        .arg(words.get_program())
        .args(words.get_args())
        .env_clear();
    command.envs(
        words
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command
}

fn memory(home: &Home) -> Value {
    let doctor = run(limited(home, &["doctor", "--json"], false), "").json();
    let checks = doctor["checks"].as_array().unwrap().iter();
    let mut found = checks.filter(|check| check["name"] == "memory").cloned();
    found.next().expect("doctor looks at the memory")
}

#[test]
fn where_no_memory_may_be_locked_calls_go_on_and_doctor_and_log_say_so() {
    if !is_root() {
        return; // root may always lock memory, and only root becomes another user
    }
    let upstream = Upstream::friendly();
    for (none, state) in [(true, "warn"), (false, "ok")] {
        let home = ordinary_home();
        let axis = |arguments: &[&str], input: &str| run(limited(&home, arguments, none), input);
        axis(&["init"], "").ok();
        let url = upstream.url();
        let add = ["add", "github", "--stdin", "--no-check", "--base-url", &url];
        axis(&add, &canary("limited")).ok();
        let check = memory(&home);
        assert_eq!(check["state"], state, "{check}");
        let log = std::fs::read_to_string(home.file("axisd.log")).unwrap_or_default();
        assert_eq!(log.contains("may be swapped out"), none, "{log}");
        if !none {
            continue;
        }
        let told = check["message"].as_str().unwrap();
        // the credential, the vault key and the audit log's
        assert!(
            told.contains("3 secrets") && told.contains("swapped"),
            "{told}"
        );
        assert!(
            check["fix"].as_str().unwrap().contains("ulimit -l"),
            "{check}"
        );
        let policy = "policies:\n  - identity: unknown\n    allow:\n      - {service: github, actions: ['*']}\n";
        std::fs::write(home.file("policy.yaml"), policy).unwrap();
        let mut host = Host::spawn(limited(&home, &["mcp"], true));
        host.initialize("2025-06-18");
        axis_tests::wait_for("the policy to be in force", || {
            let answer = host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
            (answer["ok"] == true).then_some(())
        });
    }
}
