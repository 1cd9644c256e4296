//! Agents that have no files, or those of one directory (`AXIS_FILES`).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use axis_tests::{Home, Host, Reply, Upstream, canary};
use serde_json::{Value, json};

use super::*;

/// An agent whose shim is told so.
fn host(home: &Home, files: &Path) -> Host {
    let mut command = home.command("axis");
    command
        .arg("mcp")
        .env("AXIS_IDENTITY", "local-dev")
        .env("AXIS_FILES", files);
    let mut host = Host::spawn(command);
    host.initialize("2025-06-18");
    host
}

fn call(host: &mut Host, action: &str, more: &Value) -> Value {
    host.execute_with("files", action, &json!({"path": "p"}), more)
}

/// The words of a call that was refused before anything was sent.
fn refused(answer: &Value) -> &str {
    assert_eq!(answer["error"]["code"], "invalid_params", "{answer}");
    answer["error"]["message"].as_str().unwrap()
}

#[test]
fn an_agent_without_files_is_shown_none_and_its_calls_touch_none() {
    let long = "x".repeat(90_000);
    let upstream = Upstream::answering(move |_| Reply::json(200, &json!(long)));
    let home = home_at(&upstream, &canary("off"), "");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.json");
    fs::write(&file, "mine").unwrap();
    let mut host = host(&home, Path::new("off"));
    let tools = host.request("tools/list", &json!({})).to_string();
    assert!(tools.contains("\"select\""), "{tools}");
    for word in ["save_to", "body_file"] {
        assert!(!tools.contains(word), "{tools}");
    }
    for (action, more) in [
        ("get", json!({ "save_to": file })),
        ("get", json!({ "save_to": dir.path().join("new") })),
        ("put", json!({ "body_file": file })),
        ("put", json!({ "body_file": "/no/such/file" })),
    ] {
        let answer = call(&mut host, action, &more);
        let said = refused(&answer);
        for part in ["AXIS_FILES=off", "leave it out"] {
            assert!(said.contains(part), "{said}");
        }
        // nor whether there is such a file
        assert!(!said.contains("No such") && !answer.to_string().contains("no/such"));
    }
    assert!(upstream.requests().is_empty());
    assert!(home.audited_calls().is_empty());
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(names(dir.path()), ["settings.json"]);

    let answer = call(&mut host, "get", &json!({}));
    assert_eq!(answer["ok"], true, "{answer}");
    let hint = answer["hint"].as_str().unwrap();
    assert!(hint.contains("Give select"), "{hint}");
    assert!(!hint.contains("save_to") && hint.ends_with('.'), "{hint}");
}

#[test]
fn an_agent_with_one_directory_gets_no_file_out_of_it_or_into_another() {
    let upstream = Upstream::friendly();
    let home = home_at(&upstream, &canary("within"), "");
    let user = tempfile::tempdir().unwrap();
    let user = user.path().canonicalize().unwrap();
    let files = user.join("files");
    fs::create_dir_all(files.join(".git/hooks")).unwrap();
    fs::create_dir_all(files.join("deep")).unwrap();
    fs::create_dir(user.join(".claude")).unwrap();
    let settings = user.join(".claude/settings.json");
    fs::write(&settings, "mine").unwrap();
    fs::write(files.join(".env"), "KEY=1").unwrap();
    symlink(&settings, files.join("leaf")).unwrap();
    symlink(user.join(".claude"), files.join("way")).unwrap();
    let mut host = host(&home, &files);
    let tools = host.request("tools/list", &json!({})).to_string();
    assert!(tools.contains(&format!("a file in {}", files.display())));

    let in_dir = |name: &str| files.join(name).display().to_string();
    for (path, part) in [
        (settings.display().to_string(), "it isn't in"),
        (in_dir("../.claude/settings.json"), "has \"..\" in it"),
        (in_dir("leaf"), "it is a link"),
        (in_dir("way/settings.json"), "or a link"),
        (in_dir(".git/hooks/pre-commit"), "begins with a dot"),
        (in_dir(".env"), "begins with a dot"),
    ] {
        for (action, argument) in [("get", "save_to"), ("put", "body_file")] {
            let answer = call(&mut host, action, &json!({argument: path}));
            let said = refused(&answer);
            let start = format!("{argument} can't be \"{path}\": ");
            assert!(said.starts_with(&start) && said.contains(part), "{said}");
        }
    }
    assert!(upstream.requests().is_empty());
    assert_eq!(fs::read_to_string(&settings).unwrap(), "mine");
    assert_eq!(names(&user.join(".claude")), ["settings.json"]);
    assert_eq!(fs::read_dir(files.join(".git/hooks")).unwrap().count(), 0);

    // named in full or from there
    for (path, file) in [(&*in_dir("a.json"), "a.json"), ("deep/b", "deep/b")] {
        let saved = call(&mut host, "get", &json!({"save_to": path}));
        assert_eq!(saved["result"]["path"], in_dir(file), "{saved}");
        let sent = call(&mut host, "put", &json!({"body_file": path}));
        assert_eq!(sent["ok"], true, "{sent}");
        let requests = upstream.requests();
        let body = &requests.last().unwrap().body;
        assert_eq!(fs::read(files.join(file)).unwrap(), **body);
    }
}

#[test]
fn the_owners_own_call_has_files_whatever_agents_have() {
    let upstream = Upstream::friendly();
    let home = home_at(&upstream, &canary("owners"), "");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("saved");
    let mut command = home.command("axis");
    command
        .args(["call", "files", "get", "path=p", "--save-to"])
        .arg(&file)
        .env("AXIS_FILES", "off");
    axis_tests::run(command, "").ok();
    assert!(file.exists());
}
