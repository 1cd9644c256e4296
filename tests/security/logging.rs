//! Logs at their most talkative: axisd's, the shim's and the commands' own.

use std::fs;

use axis_tests::{Home, Host, PASSWORD, run, wait_for};
use serde_json::json;

use crate::memory::{SERVICES, Stage};

/// The lines of `log` that hold a secret of the stage's.
fn telling<'l>(stage: &Stage, log: &'l str) -> Vec<&'l str> {
    let holds = |line: &&str| stage.secrets.iter().any(|secret| line.contains(secret));
    log.lines().filter(holds).collect()
}

#[test]
fn no_log_holds_a_secret_however_much_of_it_is_asked_for() {
    let stage = Stage::set();
    let home = &stage.home;
    home.kill();
    let talkative = |home: &Home, program: &str| {
        let mut command = home.command(program);
        command
            .env("AXIS_LOG", "trace")
            .env("RUST_LOG", "trace")
            .env("AXIS_MASTER_PASSWORD", PASSWORD)
            .env("AXIS_NEW_MASTER_PASSWORD", PASSWORD.to_owned() + "!");
        command
    };
    let axisd = home.spawn(talkative(home, "axisd"));
    wait_for("the vault to be open", || {
        let ran = home.axis_without_password(&["status", "--json"]);
        (ran.status.success() && ran.json()["vault"]["state"] == "unlocked").then_some(())
    });
    let mut shim = talkative(home, "axis");
    shim.arg("mcp").env("AXIS_IDENTITY", "local-dev");
    let mut host = Host::spawn(shim);
    host.initialize("2025-06-18");
    Stage::call(&mut host, 1);
    // an upstream that isn't there, and one that answers nonsense
    let said = axisd.log();
    assert!(
        said.contains("DEBUG") || said.contains("TRACE"),
        "it is talkative"
    );
    let mut told = telling(&stage, &said).join("\n");
    told += &telling(&stage, &host.stderr()).join("\n");
    for (arguments, input) in [
        (&["lock"][..], ""),
        (&["unlock"], ""),
        (
            &["add", "github", "--replace", "--stdin", "--no-check"],
            stage.secrets[0].as_str(),
        ),
        (&["policy", "seal", "--yes"], ""),
        (&["rotate", "--all"], ""),
    ] {
        let mut command = talkative(home, "axis");
        command.args(arguments);
        let ran = run(command, input).ok();
        told += &telling(&stage, &ran.stderr).join("\n");
        told += &telling(&stage, &ran.stdout).join("\n");
    }
    told += &telling(&stage, &axisd.log()).join("\n");
    assert!(told.is_empty(), "{told}");
    let audit = fs::read_to_string(home.file("audit.jsonl")).unwrap();
    assert!(telling(&stage, &audit).is_empty());
    // the search does find what it looks for
    let echo = json!({"key": stage.secrets[0]}).to_string();
    assert_eq!(telling(&stage, &echo).len(), 1);
    assert_eq!(SERVICES.len() + 4, stage.secrets.len());
}
