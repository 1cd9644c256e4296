//! Upstreams that answer as badly as they can, one axisd for all of them.

mod table;

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use axis_tests::{Act, Burden, Faulty, Home, Host, canary, wait_for};
use serde_json::{Value, json};

use self::table::{Fault, Told, that_end, that_hang};

/// A service whose paths are the faults.
pub(crate) const ODD: &str = "service: odd
title: Odd
base_url: https://odd.example
auth: bearer
actions:
  get:
    effect: read
    method: GET
    path: /{path}
    params:
      path: { in: path, type: string, required: true }
  change:
    effect: write
    method: POST
    path: /{path}
    params:
      path: { in: path, type: string, required: true }
      text: { in: body, type: string }
  put:
    effect: write
    method: PUT
    path: /{path}
    body: bytes
    params:
      path: { in: path, type: string, required: true }
      body: { in: body, type: string }
";

/// How much more memory axisd may take after a round of faults than after the
/// one before, in kB: what an allocator keeps differs.
const SOME_MEMORY: u64 = 6 * 1024;

/// A home with that service at `url`.
pub(crate) fn home_at(url: &str, key: &str, daemon_yaml: &str) -> Home {
    let home = Home::empty();
    fs::create_dir(home.file("services")).unwrap();
    fs::write(home.file("services/odd.yaml"), ODD).unwrap();
    fs::write(home.file("daemon.yaml"), daemon_yaml).unwrap();
    home.axis(&["init"]).ok();
    home.add("odd", key, url);
    home.policy(crate::ALLOW);
    home
}

/// An upstream that has the `faults`, and answers all else as it should.
fn with(faults: &[Fault]) -> Faulty {
    let acts: HashMap<_, _> = faults
        .iter()
        .map(|fault| (format!("/{}", fault.name), fault.acts.clone()))
        .collect();
    Faulty::doing(move |request| match acts.get(&request.path) {
        Some(acts) => acts.clone(),
        None => Act::json(&json!({"path": request.path}).to_string()),
    })
}

fn check(fault: &Fault, answer: &Value, key: &str) {
    let name = fault.name;
    match &fault.told {
        Told::Result(result) => assert_eq!(answer["result"], *result, "{name}: {answer}"),
        Told::Failed(code, part) => {
            assert_eq!(answer["error"]["code"], *code, "{name}: {answer}");
            let message = answer["error"]["message"].as_str().unwrap();
            assert!(message.contains(part), "{name}: {message}");
        }
    }
    assert!(!answer.to_string().contains(key), "{name}: {answer}");
}

/// The audit's word on the call: begun, and ended as the agent was told.
fn is_on_record(home: &Home, answer: &Value) {
    let lines = home.audited_calls();
    let of_call = lines
        .iter()
        .filter(|line| line["request_id"] == answer["request_id"]);
    let events: Vec<_> = of_call.map(|line| &line["event"]).collect();
    assert_eq!(events, ["started", "finished"], "{answer}");
    let end = lines
        .iter()
        .rfind(|line| line["request_id"] == answer["request_id"])
        .unwrap();
    assert_eq!(end["error"], answer["error"]["code"], "{end}");
}

fn good_call(host: &mut Host, after: &str) {
    let answer = host.execute("odd", "get", &json!({"path": "good"}));
    assert_eq!(answer["result"]["path"], "/good", "after {after}: {answer}");
}

#[test]
fn after_each_fault_of_an_upstream_its_agent_knows_what_was_and_the_next_call_works() {
    let faults = that_end();
    let upstream = with(&faults);
    let key = canary("faults");
    let home = home_at(&upstream.url(), &key, "limits: {response: 100000}\n");
    let mut host = Host::connect(&home, "local-dev");
    let pid = home.pid().unwrap();
    let mut before = None;
    for round in 0..2 {
        for fault in &faults {
            let asked = upstream.came_to(&format!("/{}", fault.name));
            let answer = host.execute("odd", "change", &json!({"path": fault.name, "text": "x"}));
            check(fault, &answer, &key);
            if round == 0 {
                is_on_record(&home, &answer);
                let came = upstream.came_to(&format!("/{}", fault.name)) - asked;
                // a POST that is redirected goes on as a GET
                let most = if fault.name == "in-circles" { 6 } else { 1 };
                assert_eq!(came, most, "{}: what changes is sent once", fault.name);
            }
            good_call(&mut host, fault.name);
        }
        match before {
            // the first round is there to warm up
            None => before = Some(Burden::of(pid)),
            Some(before) => before.holds_again(pid, SOME_MEMORY),
        }
    }
    wait_for("broken connections to be closed", || {
        (upstream.open() <= 1).then_some(())
    });
    home.axis_without_password(&["logs", "verify"]).ok();
    assert_eq!(host.stderr(), "");
}

#[test]
fn upstreams_that_never_end_are_given_up_and_hold_up_nobody() {
    let faults = that_hang();
    let upstream = with(&faults);
    let key = canary("hanging");
    let home = home_at(&upstream.url(), &key, "limits: {call_timeout: 1}\n");
    let mut host = Host::connect(&home, "local-dev");
    let pid = home.pid().unwrap();
    good_call(&mut host, "the start");
    let mut before = None;
    for _ in 0..2 {
        let ids: Vec<_> = faults
            .iter()
            .map(|fault| host.start_execute("odd", "change", &json!({"path": fault.name})))
            .collect();
        for fault in &faults {
            upstream.wait_for(&format!("/{}", fault.name));
        }
        // all of them hang, and others are answered
        good_call(&mut host, "the faults' beginning");
        for (fault, id) in faults.iter().zip(ids) {
            let answer = host.executed(id);
            check(fault, &answer, &key);
            is_on_record(&home, &answer);
        }
        good_call(&mut host, "the faults' end");
        wait_for("the connections to be given up", || {
            (upstream.open() <= 1).then_some(())
        });
        match before {
            None => before = Some(Burden::of(pid)),
            Some(before) => before.holds_again(pid, SOME_MEMORY),
        }
    }
    home.axis_without_password(&["logs", "verify"]).ok();
}

#[test]
fn what_is_saved_of_a_faulty_upstream_is_whole_or_not_there() {
    let faults = that_end();
    let upstream = with(&faults);
    let key = canary("saved");
    let home = home_at(&upstream.url(), &key, "limits: {saved: 100000}\n");
    let mut host = Host::connect(&home, "local-dev");
    let pid = home.pid().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("saved");
    let more = json!({ "save_to": file });
    let mut before = None;
    for _ in 0..2 {
        for fault in &faults {
            let params = json!({"path": fault.name});
            let answer = host.execute_with("odd", "get", &params, &more);
            match &fault.told {
                Told::Failed(..) => {
                    check(fault, &answer, &key);
                    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0, "{}", fault.name);
                }
                Told::Result(_) => {
                    assert_eq!(answer["ok"], true, "{}: {answer}", fault.name);
                    let size = fs::metadata(&file).unwrap().len();
                    assert_eq!(answer["result"]["size"], size, "{}", fault.name);
                    fs::remove_file(&file).unwrap();
                }
            }
            is_on_record(&home, &answer);
            let answer = host.execute_with("odd", "get", &json!({"path": "good"}), &more);
            assert_eq!(answer["ok"], true, "after {}: {answer}", fault.name);
            assert_eq!(fs::read_to_string(&file).unwrap(), r#"{"path":"/good"}"#);
            fs::remove_file(&file).unwrap();
        }
        match before {
            None => before = Some(Burden::of(pid)),
            Some(before) => before.holds_again(pid, SOME_MEMORY),
        }
    }
}

#[test]
fn a_kept_connection_that_dies_sends_no_change_twice() {
    let dying = ["/closes", "/resets"];
    let upstream = Faulty::doing(move |request| {
        let is_first = request.nth == 0;
        match request.path.as_str() {
            // the connection that was good for one request is not for the next
            "/closes" if !is_first => vec![],
            "/resets" if !is_first => vec![Act::Reset],
            _ => Act::json("[]"),
        }
    });
    let home = home_at(&upstream.url(), &canary("dying"), "");
    let mut host = Host::connect(&home, "local-dev");
    for path in dying {
        let name = path.trim_start_matches('/');
        // keeps a connection
        good_or_null(&mut host);
        let answer = host.execute("odd", "change", &json!({"path": name}));
        assert_eq!(answer["error"]["code"], "upstream_error", "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains("may have taken effect"), "{message}");
        assert_eq!(upstream.came_to(path), 1, "it was sent once");
        // on a connection of its own it is answered
        let answer = host.execute("odd", "change", &json!({"path": name}));
        assert_eq!(answer["ok"], true, "{answer}");
    }
}

fn good_or_null(host: &mut Host) {
    let answer = host.execute("odd", "get", &json!({"path": "good"}));
    assert_eq!(answer["ok"], true, "{answer}");
}

#[test]
fn connections_that_are_closed_while_idle_fail_no_call() {
    let served = AtomicUsize::new(0);
    // it says nothing of closing, and closes after each answer
    let upstream = Faulty::doing(move |_| {
        let number = served.fetch_add(1, Ordering::SeqCst).to_string();
        let length = number.len();
        vec![Act::say(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{number}"
        ))]
    });
    let home = home_at(&upstream.url(), &canary("idle"), "");
    let mut host = Host::connect(&home, "local-dev");
    for number in 0..20 {
        let answer = host.execute("odd", "change", &json!({"path": "a"}));
        assert_eq!(answer["result"], number, "{answer}");
        wait_for("the connection to be closed", || {
            (upstream.open() == 0).then_some(())
        });
    }
}
