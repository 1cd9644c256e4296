//! What stands around a body, and what is no HTTP at all: none of it brings the
//! credential back either.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use axis_tests::{Home, Host, canary, wait_for};
use serde_json::json;

use super::ALLOW;
use super::forms::holds_nothing_of;

/// What such an upstream does with a connection once the request's head came.
type Answer = dyn Fn(&str, &mut TcpStream) + Send + Sync;

/// An upstream below HTTP; its URL.
fn upstream(answer: Arc<Answer>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for connection in listener.incoming() {
            let (mut connection, answer) = (connection.unwrap(), Arc::clone(&answer));
            thread::spawn(move || {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && connection.read(&mut byte).unwrap_or(0) > 0 {
                    head.push(byte[0]);
                }
                answer(&String::from_utf8_lossy(&head), &mut connection);
                let _ = connection.shutdown(Shutdown::Write);
            });
        }
    });
    url
}

fn home(key: &str, url: &str) -> Home {
    let home = Home::ready();
    home.add("github", key, url);
    home.policy(ALLOW);
    home
}

/// What comes for each way, with the key in a place where no body is.
fn around(way: &str, key: &str) -> Vec<u8> {
    let json = "content-type: application/json";
    let end = "connection: close\r\n";
    match way {
        "trailers" => format!(
            "HTTP/1.1 200 OK\r\n{json}\r\ntransfer-encoding: chunked\r\ntrailer: x-echo, etag\r\n\r\n2\r\n{{}}\r\n0\r\nx-echo: {key}\r\netag: \"{key}\"\r\n\r\n"
        ),
        "reason" => format!("HTTP/1.1 200 {key}\r\n{json}\r\ncontent-length: 2\r\n{end}\r\n{{}}"),
        "refusal" => format!("HTTP/1.1 403 {key}\r\ncontent-length: 0\r\n{end}\r\n"),
        "hint" => format!(
            "HTTP/1.1 103 Early Hints\r\nlink: <{key}>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n{json}\r\ncontent-length: 2\r\n{end}\r\n{{}}"
        ),
        "extension" => format!(
            "HTTP/1.1 200 OK\r\n{json}\r\ntransfer-encoding: chunked\r\n\r\n2;{key}={key}\r\n{{}}\r\n0\r\n\r\n"
        ),
        "no-http" => format!("{key} {key}\r\n{key}\r\n\r\n"),
        "status" => format!("HTTP/1.1 {key} OK\r\ncontent-length: 0\r\n{end}\r\n"),
        "header" => format!("HTTP/1.1 200 OK\r\nx y{key}: {key}\r\ncontent-length: 0\r\n{end}\r\n"),
        "value" => format!("HTTP/1.1 200 OK\r\nx: \u{1}{key}\r\ncontent-length: 0\r\n{end}\r\n"),
        "length" => format!("HTTP/1.1 200 OK\r\n{json}\r\ncontent-length: {key}\r\n{end}\r\n{{}}"),
        "chunk" => format!(
            "HTTP/1.1 200 OK\r\n{json}\r\ntransfer-encoding: chunked\r\n\r\n{key}\r\n{key}\r\n0\r\n\r\n"
        ),
        "short" => format!("HTTP/1.1 200 OK\r\n{json}\r\ncontent-length: 9999\r\n{end}\r\n\"{key}"),
        "gzip" => format!(
            "HTTP/1.1 200 OK\r\n{json}\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n{end}\r\n{key}",
            key.len()
        ),
        "coding" => format!(
            "HTTP/1.1 200 OK\r\n{json}\r\ntransfer-encoding: {key}, chunked\r\n{end}\r\n2\r\n{{}}\r\n0\r\n\r\n"
        ),
        _ => format!(
            "HTTP/1.1 307 {key}\r\nlocation: /{key}\r\nrefresh: 0;url=/{key}\r\ncontent-length: 0\r\n{end}\r\n"
        ),
    }
    .into_bytes()
}

#[test]
fn nothing_around_a_body_brings_it_back_nor_does_what_is_no_http() {
    let ways = [
        "trailers",
        "reason",
        "refusal",
        "hint",
        "extension",
        "no-http",
        "status",
        "header",
        "value",
        "length",
        "chunk",
        "short",
        "gzip",
        "coding",
        "redirects",
    ];
    let key = canary("around");
    let copy = key.clone();
    let url = upstream(Arc::new(move |head, connection| {
        let way = ways.iter().find(|way| head.contains(&format!("/{way} ")));
        let _ = connection.write_all(&around(way.unwrap_or(&"redirects"), &copy));
    }));
    let home = home(&key, &url);
    let mut host = Host::connect(&home, "local-dev");
    for way in ways {
        let params = json!({"owner": "around", "repo": way});
        let answer = host.execute("github", "repos.get", &params);
        holds_nothing_of(&answer.to_string(), &key, way);
        let is_good = ["trailers", "reason", "hint", "extension"].contains(&way);
        assert_eq!(answer["ok"], is_good, "{way}: {answer}");
    }
    holds_nothing_of(&host.transcript, &key, "the transcript");
    holds_nothing_of(&host.stderr(), &key, "the shim's log");
    for file in ["axisd.log", "audit.jsonl"] {
        let text = fs::read_to_string(home.file(file)).unwrap();
        holds_nothing_of(&text, &key, file);
    }
}

#[test]
fn a_file_holds_no_part_of_it_even_while_it_is_written() {
    let key = canary("written");
    let copy = key.clone();
    let (go_on, waiting) = mpsc::channel::<()>();
    let waiting = Mutex::new(waiting);
    let url = upstream(Arc::new(move |_, connection| {
        let body = format!("{}{copy}!", "x".repeat(1000));
        let (first, rest) = body.split_at(1000 + copy.len() - 3);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        connection
            .write_all(format!("{head}{first}").as_bytes())
            .unwrap();
        // until it was looked at how far the file is
        let _ = waiting.lock().unwrap().recv();
        connection.write_all(rest.as_bytes()).unwrap();
    }));
    let home = home(&key, &url);
    let mut host = Host::connect(&home, "local-dev");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("saved");
    let params = json!({"owner": "o", "repo": "r"});
    let id = host.start_execute_with("github", "repos.get", &params, &json!({"save_to": path}));
    let written = wait_for("what has come so far", || {
        let files = fs::read_dir(directory.path()).unwrap();
        let texts = files.filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
        texts.into_iter().find(|text| text.len() >= 1000)
    });
    assert_eq!(
        written,
        "x".repeat(1000),
        "the secret's beginning was not held back"
    );
    go_on.send(()).unwrap();
    let answer = host.executed(id);
    assert_eq!(answer["ok"], true, "{answer}");
    let saved = fs::read_to_string(&path).unwrap();
    assert_eq!(saved, format!("{}[redacted by axis]!", "x".repeat(1000)));
}
