//! The shim as hosts treat it.

use std::time::{Duration, Instant};

use axis_tests::{Home, Host, PASSWORD, Ran, Reply, Upstream, canary, run};
use serde_json::{Value, json};

use crate::calls::ALLOW_GITHUB;

fn execute_raw(host: &mut Host, arguments: &Value) -> Value {
    let answer = host.request(
        "tools/call",
        &json!({"name": "execute_action", "arguments": arguments}),
    );
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    answer["result"]["structuredContent"].clone()
}

#[test]
fn every_protocol_revision_is_answered_in_kind() {
    let home = Home::ready();
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut command = home.command("axis");
        command.arg("mcp");
        let mut host = Host::spawn(command);
        let answer = host.initialize(version);
        assert_eq!(answer["result"]["protocolVersion"], version, "{answer}");
        assert_eq!(answer["result"]["serverInfo"]["name"], "axis");
        assert_eq!(
            answer["result"]["capabilities"]["tools"]["listChanged"],
            true
        );
        let tools = host.request("tools/list", &json!({}));
        let names: Vec<&str> = tools["result"]["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| tool["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["execute_action", "list_actions"]);
        assert!(host.close().success());
    }
}

#[test]
fn wrong_arguments_are_answered_with_what_to_send() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("args"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    let cases = [
        (json!({}), "service"),
        (
            json!({"service": 5, "action": "repos.get", "justification": "j", "params": {}}),
            "service",
        ),
        (
            json!({"service": "github", "action": "repos.get", "params": {}}),
            "justification",
        ),
        (
            json!({"service": "github", "action": "repos.get", "justification": "", "params": {}}),
            "justification",
        ),
        (
            json!({"service": "github", "action": "repos.get", "justification": "j", "params": [1]}),
            "params",
        ),
        (
            json!({"service": "github", "action": "repos.get", "justification": "j", "params": "not json"}),
            "params",
        ),
        (
            json!({"service": "github", "action": "repos.get", "justification": "j", "params": {}, "parms": 1}),
            "parms",
        ),
    ];
    for (arguments, named) in cases {
        let object = execute_raw(&mut host, &arguments);
        assert_eq!(object["ok"], false, "{object}");
        assert_eq!(object["error"]["code"], "invalid_params", "{object}");
        assert!(
            object["error"]["message"].as_str().unwrap().contains(named),
            "{object}"
        );
    }
    let long = "j".repeat(2001);
    let object = execute_raw(
        &mut host,
        &json!({"service": "github", "action": "repos.get", "justification": long, "params": {}}),
    );
    assert_eq!(object["error"]["code"], "invalid_params");
    assert!(upstream.requests().is_empty());
}

#[test]
fn params_may_come_as_a_json_string() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("string"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    let answer = host.execute(
        "github",
        "repos.get",
        &json!("{\"owner\":\"a\",\"repo\":\"b\"}"),
    );
    assert_eq!(answer["ok"], true, "{answer}");
}

#[test]
fn malformed_lines_are_answered_and_the_session_goes_on() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("lines"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    let deep = format!("{}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let big = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"tools/call\",\"params\":{{\"name\":\"execute_action\",\"arguments\":{{\"service\":\"github\",\"action\":\"repos.get\",\"justification\":\"{}\",\"params\":{{}}}}}}}}\n",
        "x".repeat(10_000_000)
    );
    let too_big = format!("{}\n", "y".repeat(20_000_000));
    let lines: [&[u8]; 7] = [
        b"this is not JSON\n",
        b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]\n",
        b"[]\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":\n",
        b"\xff\xfe\x00binary\n",
        deep.as_bytes(),
        too_big.as_bytes(),
    ];
    for line in lines {
        host.send_raw(line);
        let answer = host.message("an error", |message| message.get("error").is_some());
        let shown = String::from_utf8_lossy(&line[..line.len().min(40)]).into_owned();
        let code = answer["error"]["code"].as_i64().unwrap();
        assert!([-32700, -32600].contains(&code), "{shown}: {answer}");
    }
    host.send_raw(big.as_bytes());
    let answer = host.message("the answer to the 10 MB line", |message| {
        message["id"] == 77
    });
    assert!(
        answer.to_string().len() < 10_000,
        "the line is not sent back"
    );
    host.send_raw(b"\n\r\n");
    host.send_raw(b"{\"jsonrpc\":\"2.0\",\"id\":78,\"method\":\"ping\"}\r\n");
    host.message("the answer to a CRLF line", |message| message["id"] == 78);
    let answer = host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
    assert_eq!(answer["ok"], true, "{answer}");
}

#[test]
fn the_shim_outlives_the_daemon_and_finds_the_next_one() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("outlive"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    let repo = json!({"owner": "a", "repo": "b"});
    assert_eq!(host.execute("github", "repos.get", &repo)["ok"], true);
    home.kill();
    // a call starts a new daemon, which has no password; the first one may
    // still find the old connection
    axis_tests::wait_for("a new daemon", || {
        let answer = host.execute("github", "repos.get", &repo);
        assert_eq!(answer["ok"], false, "{answer}");
        (answer["error"]["code"] == "vault_locked").then_some(())
    });
    home.axis(&["unlock"]).ok();
    assert_eq!(host.execute("github", "repos.get", &repo)["ok"], true);
}

#[test]
fn a_shim_with_the_password_unlocks_a_daemon_that_never_had_one_but_not_one_that_was_locked() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("handover"), ALLOW_GITHUB);
    home.kill();
    let connect = || {
        let mut command = home.command("axis");
        command
            .arg("mcp")
            .env("AXIS_IDENTITY", "local-dev")
            .env("AXIS_MASTER_PASSWORD", PASSWORD);
        let mut host = Host::spawn(command);
        host.initialize("2025-06-18");
        host
    };
    let repo = json!({"owner": "a", "repo": "b"});
    // started by the shim, password through the pipe
    let mut first = connect();
    let answer = axis_tests::wait_for("the vault to be open", || {
        let answer = first.execute("github", "repos.get", &repo);
        (answer["ok"] == true).then_some(answer)
    });
    assert_eq!(answer["ok"], true);
    // running without a password: handed over
    home.kill();
    home.axis_without_password(&["daemon", "start"]).ok();
    let mut second = connect();
    axis_tests::wait_for("the vault to be open again", || {
        (second.execute("github", "repos.get", &repo)["ok"] == true).then_some(())
    });
    // locked by its owner: stays locked
    home.axis_without_password(&["lock"]).ok();
    let mut third = connect();
    for host in [&mut second, &mut third] {
        let answer = host.execute("github", "repos.get", &repo);
        assert_eq!(answer["error"]["code"], "vault_locked", "{answer}");
    }
}

#[test]
fn the_shim_ends_at_once_when_stdin_closes_and_leaves_no_child() {
    let home = Home::ready();
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(children(host.pid()), "", "the shim is one process");
    let began = Instant::now();
    assert!(host.close().success());
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_killed_shim_leaves_no_child_and_its_call_ends() {
    let upstream =
        Upstream::answering(|_| Reply::json(200, &json!({})).after(Duration::from_mins(1)));
    let home = Home::with_github(&upstream, &canary("killed"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    host.start_execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
    upstream.wait_for_requests(1);
    assert_eq!(children(host.pid()), "", "the shim is one process");
    drop(host); // by kill -9
    let line = axis_tests::wait_for("the call's end on record", || {
        home.audited_calls()
            .into_iter()
            .find(|line| line["event"] == "finished")
    });
    assert_eq!(line["error"], "cancelled", "{line}");
    home.wait_until_up();
}

/// What `/proc` lists as children of `pid`, in whichever of its threads.
fn children(pid: u32) -> String {
    std::fs::read_dir(format!("/proc/{pid}/task"))
        .unwrap()
        .map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).unwrap())
        .collect()
}

#[test]
fn the_tools_are_plain_enough_for_every_known_host_and_listed_at_once() {
    let home = Home::empty();
    let mut command = home.command("axis");
    command.arg("mcp");
    let began = Instant::now();
    let mut host = Host::spawn(command);
    host.initialize("2025-06-18");
    let answer = host.request("tools/list", &json!({}));
    // hosts give up after 10 s; without a daemon it is being started meanwhile
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    let tools = answer["result"]["tools"].as_array().unwrap();
    assert_eq!(tools.len(), 2);
    for tool in tools {
        let name = tool["name"].as_str().unwrap();
        assert!(format!("mcp__axis__{name}").len() <= 60, "{name}");
        assert!(tool.get("outputSchema").is_none(), "{tool}");
        let acts = name == "execute_action";
        assert_eq!(tool["annotations"]["readOnlyHint"], !acts, "{tool}");
        assert_eq!(tool["annotations"]["openWorldHint"], acts, "{tool}");
        assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
        is_plain(&tool["inputSchema"], name);
    }
}

/// Nothing in the schema but what every known host takes.
fn is_plain(schema: &Value, place: &str) {
    let kind = schema["type"].as_str().unwrap_or_default();
    assert!(
        ["string", "object", "boolean", "integer"].contains(&kind),
        "{place}: {schema}"
    );
    for (keyword, value) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "type" | "description" | "required" => {}
            "properties" => {
                for (name, property) in value.as_object().unwrap() {
                    is_plain(property, &format!("{place}.{name}"));
                }
            }
            other => panic!("{place} has {other:?}, which some host refuses"),
        }
    }
}

/// Everything under one HOME and nothing else in the environment, as hosts
/// start servers. Where this user has a runtime directory the sockets would be
/// there, with the user's own axisd: then they are kept apart by one variable.
struct HomeAlone {
    home: Home,
}

impl HomeAlone {
    fn command(&self) -> std::process::Command {
        let mut command = std::process::Command::new(axis_tests::binary("axis"));
        command.env_clear().env("HOME", self.home.path());
        let uid = rustix::process::geteuid().as_raw();
        if std::path::Path::new(&format!("/run/user/{uid}")).exists() {
            command.env("AXIS_SOCKET_DIR", self.home.file("run"));
        }
        command
    }

    fn axis(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command();
        command
            .args(arguments)
            .env("AXIS_MASTER_PASSWORD", PASSWORD);
        run(command, input)
    }
}

impl Drop for HomeAlone {
    fn drop(&mut self) {
        self.axis(&["daemon", "stop"], "");
    }
}

#[test]
fn a_shim_with_nothing_but_home_in_a_deleted_directory_finds_and_starts_axisd() {
    let upstream = Upstream::friendly();
    let alone = HomeAlone {
        home: Home::empty(),
    };
    alone.axis(&["init"], "").ok();
    let url = upstream.url();
    let add = [
        "add",
        "github",
        "--stdin",
        "--no-check",
        "--base-url",
        url.as_str(),
    ];
    alone.axis(&add, &canary("alone")).ok();
    std::fs::write(
        alone.home.file(".config/axis/policy.yaml"),
        ALLOW_GITHUB.replace("local-dev", "unknown"),
    )
    .unwrap();
    let connect = || {
        let gone = alone.home.file("gone");
        std::fs::create_dir(&gone).unwrap();
        let axis = alone.command();
        let mut command = std::process::Command::new("/bin/sh");
        command
            .args([
                "-c",
                "cd \"$0\" && rmdir \"$0\" && unset PWD OLDPWD && exec \"$1\" mcp",
            ])
            .arg(gone)
            .arg(axis.get_program())
            .env_clear()
            .envs(
                axis.get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        let mut host = Host::spawn(command);
        host.initialize("2025-06-18");
        host
    };
    let repo = json!({"owner": "a", "repo": "b"});
    let mut host = connect();
    axis_tests::wait_for("the policy to be loaded", || {
        (host.execute("github", "repos.get", &repo)["ok"] == true).then_some(())
    });
    alone.axis(&["daemon", "stop"], "").ok();
    let answer = connect().execute("github", "repos.get", &repo);
    assert_eq!(
        answer["error"]["code"], "vault_locked",
        "an axisd was started: {answer}"
    );
}

#[test]
fn the_shim_works_in_any_directory_with_hardly_an_environment() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("bare"), ALLOW_GITHUB);
    let mut command = home.command("axis");
    command
        .env_clear()
        .env("AXIS_HOME", home.path())
        .env("AXIS_IDENTITY", "local-dev")
        .current_dir("/proc")
        .arg("mcp");
    let mut host = Host::spawn(command);
    host.initialize("2025-06-18");
    let answer = host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
    assert_eq!(answer["ok"], true, "{answer}");
}

#[test]
fn an_unexpanded_identity_is_named_in_words() {
    let home = Home::ready();
    let mut host = Host::connect(&home, "${AXIS_IDENTITY}");
    let answer = host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
    assert_eq!(answer["ok"], false);
    assert!(answer.to_string().contains("${AXIS_IDENTITY}"), "{answer}");
    assert!(answer.to_string().contains("expand"), "{answer}");
}

#[test]
fn without_autostart_the_agent_is_told_how_to_start_the_daemon() {
    let home = Home::empty();
    let mut command = home.command("axis");
    command.arg("mcp").env("AXIS_AUTOSTART", "0");
    let mut host = Host::spawn(command);
    host.initialize("2025-06-18");
    let answer = host.execute("github", "repos.get", &json!({}));
    assert_eq!(answer["error"]["code"], "daemon_unavailable", "{answer}");
    assert!(answer.to_string().contains("axis daemon start"), "{answer}");
    assert!(home.pid().is_none(), "nothing was started");
}

#[test]
fn the_shims_log_has_colours_on_a_terminal_only() {
    let home = Home::ready();
    let mut command = home.command("axis");
    command.arg("mcp").env("AXIS_LOG", "debug");
    let input = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\",\"params\":3}\n";
    let logged = run(command, input).stderr;
    assert!(logged.contains("DEBUG"), "{logged}");
    assert!(!logged.contains('\u{1b}'), "{logged}");
}
