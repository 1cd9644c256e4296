//! What a host can put at the shim's standard input and output.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use axis_tests::{Home, wait_for};
use rustix::fs::{OFlags, fcntl_getfl};
use serde_json::{Value, json};

/// A session of two requests, and notes that want no answer.
fn session() -> String {
    let opening = json!({
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "streams", "version": "1"},
    });
    let lines = [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": opening}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}),
    ];
    lines.map(|line| format!("{line}\n")).concat()
}

fn shim(
    home: &Home,
    stdin: impl Into<Stdio>,
    stdout: impl Into<Stdio>,
    stderr: impl Into<Stdio>,
) -> Child {
    let mut shim = home.command("axis");
    shim.arg("mcp")
        .env("AXIS_IDENTITY", "local-dev")
        .stdin(stdin)
        .stdout(stdout)
        .stderr(stderr);
    shim.spawn().unwrap()
}

/// Both answers, whatever notifications come between.
fn answers(output: impl Read) {
    let mut lines = BufReader::new(output).lines();
    for id in [1, 2] {
        let answer = lines.by_ref().find_map(|line| {
            let message: Value = serde_json::from_str(&line.unwrap()).unwrap();
            message.get("id").is_some().then_some(message)
        });
        let answer = answer.expect("an answer for each request");
        assert_eq!(answer["id"], id, "{answer}");
        assert!(answer["result"].is_object(), "{answer}");
    }
}

#[test]
fn a_shim_talks_over_sockets_over_one_socket_for_both_and_over_files() {
    let home = Home::ready();

    // as Node.js connects its children
    let (mut to, input) = UnixStream::pair().unwrap();
    let (from, output) = UnixStream::pair().unwrap();
    let mut child = shim(
        &home,
        OwnedFd::from(input),
        OwnedFd::from(output),
        Stdio::null(),
    );
    to.write_all(session().as_bytes()).unwrap();
    answers(from);
    drop(to);
    assert!(child.wait().unwrap().success());

    let (mut host, both) = UnixStream::pair().unwrap();
    let output = both.try_clone().unwrap();
    let mut child = shim(
        &home,
        OwnedFd::from(both),
        OwnedFd::from(output),
        Stdio::null(),
    );
    host.write_all(session().as_bytes()).unwrap();
    answers(host.try_clone().unwrap());
    host.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(child.wait().unwrap().success());

    let (requests, said) = (home.file("requests"), home.file("said"));
    std::fs::write(&requests, session()).unwrap();
    let input = File::open(&requests).unwrap();
    let mut child = shim(&home, input, File::create(&said).unwrap(), Stdio::null());
    assert!(child.wait().unwrap().success());
    answers(File::open(&said).unwrap());
}

#[test]
fn what_shares_a_stream_with_the_shim_finds_it_as_it_was() {
    let home = Home::ready();
    let waits = |stream: &OwnedFd| !fcntl_getfl(stream).unwrap().contains(OFlags::NONBLOCK);
    let (input, to) = std::io::pipe().unwrap();
    let (from, output) = std::io::pipe().unwrap();
    let (input, output) = (OwnedFd::from(input), OwnedFd::from(output));
    let (shared_input, shared_output) = (input.try_clone().unwrap(), output.try_clone().unwrap());
    let mut child = shim(&home, input, output, Stdio::null());
    let mut to = File::from(OwnedFd::from(to));
    to.write_all(session().as_bytes()).unwrap();
    answers(from);
    assert!(!waits(&shared_input) && !waits(&shared_output));
    drop(to);
    assert!(child.wait().unwrap().success());
    assert!(waits(&shared_input) && waits(&shared_output));
}

#[test]
fn an_output_that_is_also_the_shims_standard_error_goes_on_blocking() {
    let home = Home::ready();
    let (from, output) = std::io::pipe().unwrap();
    let output = OwnedFd::from(output);
    let (errors, shared) = (output.try_clone().unwrap(), output.try_clone().unwrap());
    let mut child = shim(&home, Stdio::piped(), output, errors);
    let mut to = child.stdin.take().unwrap();
    to.write_all(session().as_bytes()).unwrap();
    answers(from);
    assert!(!fcntl_getfl(&shared).unwrap().contains(OFlags::NONBLOCK));
    drop(to);
    wait_for("the shim to end", || child.try_wait().unwrap());
}

#[test]
fn one_socket_for_all_three_streams_loses_no_answer() {
    let home = Home::ready();
    let (mut host, all) = UnixStream::pair().unwrap();
    let (output, errors) = (all.try_clone().unwrap(), all.try_clone().unwrap());
    let mut child = shim(
        &home,
        OwnedFd::from(all),
        OwnedFd::from(output),
        OwnedFd::from(errors),
    );
    let mut said = session();
    // more than a socket holds, before anybody reads
    for id in 3..400 {
        let list = json!({"jsonrpc": "2.0", "id": id, "method": "tools/list"});
        said += &list.to_string();
        said.push('\n');
    }
    host.write_all(said.as_bytes()).unwrap();
    let mut lines = BufReader::new(host.try_clone().unwrap()).lines();
    let mut answered = std::collections::BTreeSet::new();
    while answered.len() < 399 {
        let line = lines.next().expect("an answer for each request").unwrap();
        answered.extend(serde_json::from_str::<Value>(&line).unwrap()["id"].as_u64());
    }
    host.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(child.wait().unwrap().success());
}
