//! Answers that go into files.

use std::fs;
use std::io::Write;

use axis_proto::v1::execute_request::Part;
use axis_tests::{Home, Host, Upstream, canary, wait_for};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::Response;
use serde_json::{Value, json};
use tokio_stream::StreamExt;

use super::*;

fn get(host: &mut Host, path: &str, save_to: &str) -> Value {
    host.execute_with(
        "files",
        "get",
        &json!({ "path": path }),
        &json!({ "save_to": save_to }),
    )
}

fn body(chunks: Vec<Vec<u8>>) -> Body {
    Body::from_stream(tokio_stream::iter(
        chunks
            .into_iter()
            .map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk))),
    ))
}

/// `count` times the same megabyte.
fn megabytes(count: usize) -> Body {
    let megabyte = Bytes::from(vec![b'm'; MEGABYTE]);
    Body::from_stream(tokio_stream::iter(
        (0..count).map(move |_| Ok::<_, std::io::Error>(megabyte.clone())),
    ))
}

fn gzipped(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn last_finished(home: &Home) -> Value {
    let mut lines = home.audited_calls();
    lines.retain(|line| line["event"] == "finished");
    lines.pop().unwrap_or_default()
}

/// An upstream with one odd body a path.
fn odd_upstream(key: &str) -> Upstream {
    let key = key.to_owned();
    Upstream::routed(Router::new().fallback(async move |request: Request| {
        let (before, after) = key.split_at(9);
        let halves = vec![
            format!("<{before}").into_bytes(),
            format!("{after}>").into_bytes(),
        ];
        let answer = Response::builder();
        let answer = match request.uri().path() {
            "/split" => answer.body(body(halves)),
            "/gzip" => answer
                .header("content-encoding", "gzip")
                .body(Body::from(gzipped(format!("<{key}>").as_bytes()))),
            "/binary" => answer
                .header("content-type", "image/png")
                .body(body(vec![vec![0, 159, 146, 150], vec![255; 300_000]])),
            "/empty" => answer.body(Body::empty()),
            "/error" => answer
                .status(404)
                .header("content-type", "application/json")
                .body(Body::from(r#"{"message":"no such file"}"#)),
            "/broken" => answer.body(Body::from_stream(tokio_stream::iter([
                Ok(Bytes::from(vec![b'x'; 100_000])),
                Err(std::io::Error::other("cut")),
            ]))),
            "/bad-gzip" => answer
                .header("content-encoding", "gzip")
                .body(Body::from("this is not gzip, is it?")),
            "/bomb" => answer
                .header("content-encoding", "gzip")
                .body(Body::from(gzipped(&vec![0; 50 * MEGABYTE]))),
            "/endless" => answer.body(Body::from_stream(tokio_stream::iter(
                std::iter::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'e'; 65_536]))),
            ))),
            "/large" => answer
                .header("content-length", "99999999")
                .body(megabytes(1)),
            "/drip" => answer.body(Body::from_stream(
                tokio_stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"drip"))])
                    .chain(tokio_stream::pending()),
            )),
            other => answer.body(Body::from(other.to_owned())),
        };
        answer.unwrap()
    }))
}

#[test]
fn an_answer_is_saved_guarded_and_decoded_with_its_size_and_hash() {
    let key = canary("save");
    let upstream = odd_upstream(&key);
    let home = home_at(&upstream, &key, "");
    let mut host = Host::connect(&home, "local-dev");
    let dir = tempfile::tempdir().unwrap();
    let mut binary = vec![0, 159, 146, 150];
    binary.extend(vec![255; 300_000]);
    for (path, expected) in [
        ("split", b"<[redacted by axis]>".to_vec()),
        ("gzip", b"<[redacted by axis]>".to_vec()),
        ("binary", binary),
        ("empty", Vec::new()),
    ] {
        let file = dir.path().join(path);
        let answer = get(&mut host, path, file.to_str().unwrap());
        assert_eq!(answer["ok"], true, "{path}: {answer}");
        assert_eq!(
            answer["result"],
            json!({"path": file, "size": expected.len(), "sha256": sha256(&expected)}),
            "{path}"
        );
        assert_eq!(fs::read(&file).unwrap(), expected, "{path}");
        let line = last_finished(&home);
        assert_eq!(line["decision"], "allow", "{line}");
        assert_eq!(line["request_id"], answer["request_id"]);
    }
    assert_eq!(names(dir.path()), ["binary", "empty", "gzip", "split"]);
    assert!(!host.transcript.contains(&key));
}

#[test]
fn a_relative_path_is_in_the_shims_directory_and_a_file_that_is_there_is_replaced() {
    let key = canary("relative");
    let upstream = odd_upstream(&key);
    let home = home_at(&upstream, &key, "");
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("old"), "old").unwrap();
    std::os::unix::fs::symlink("old", dir.path().join("link")).unwrap();
    let mut command = home.command("axis");
    command
        .arg("mcp")
        .env("AXIS_IDENTITY", "local-dev")
        .current_dir(dir.path());
    let mut host = Host::spawn(command);
    host.initialize("2025-06-18");

    assert_eq!(get(&mut host, "a", "old")["ok"], true);
    assert_eq!(fs::read_to_string(dir.path().join("old")).unwrap(), "/a");
    assert_eq!(get(&mut host, "b", "link")["ok"], true);
    assert_eq!(fs::read_to_string(dir.path().join("old")).unwrap(), "/b");
    assert!(dir.path().join("link").is_symlink());
    assert_eq!(names(dir.path()), ["link", "old"]);
}

#[test]
fn a_place_where_no_file_can_be_is_told_before_anything_is_sent() {
    let upstream = Upstream::friendly();
    let home = home_at(&upstream, &canary("place"), "");
    let mut host = Host::connect(&home, "local-dev");
    let dir = tempfile::tempdir().unwrap();
    let in_dir = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (loops, nowhere) = (in_dir("loops"), in_dir("nowhere"));
    std::os::unix::fs::symlink("loops", &loops).unwrap();
    std::os::unix::fs::symlink("/no/such/file", &nowhere).unwrap();
    for (path, part) in [
        (
            "/no/such/directory/file",
            "No such file or directory (os error 2); nothing was sent",
        ),
        (&loops, "symbolic links"),
        (&nowhere, "a link that leads nowhere"),
        (&in_dir(&"n".repeat(300)), "name too long"),
        (&in_dir("a\0b"), "NUL byte"),
        ("/proc/file", "/proc/file"),
        ("/tmp", "it is a directory"),
        ("/tmp/", "names no file"),
        ("/dev/null", "no plain file"),
    ] {
        let answer = get(&mut host, "a", path);
        let error = &answer["error"];
        assert_eq!(error["code"], "invalid_params", "{path}: {answer}");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.starts_with("save_to can't be") && message.contains(part),
            "{path}: {message}"
        );
    }
    assert!(upstream.requests().is_empty());
    assert!(home.audited_calls().is_empty());
    assert_eq!(names(dir.path()), ["loops", "nowhere"]);
}

#[test]
fn no_call_writes_or_reads_the_files_of_axis() {
    let upstream = Upstream::friendly();
    let home = home_at(&upstream, &canary("own"), "");
    let mut host = Host::connect(&home, "local-dev");
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(home.file("services"), &link).unwrap();
    let before = fs::read(home.file("keystore.json")).unwrap();
    for path in [
        home.file("policy.yaml"),
        home.file("keystore.json"),
        home.file("audit.jsonl"),
        home.file("run/new.sock"),
        home.file("services/new.yaml"),
        home.file("services/../policy.yaml"),
        link.join("new.yaml"),
        link.join("files.yaml"),
    ] {
        let path = path.to_str().unwrap();
        let answer = get(&mut host, "a", path);
        assert_eq!(answer["error"]["code"], "invalid_params", "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains("among Axis's own files"), "{message}");
    }
    let sent = json!({ "body_file": home.file("keystore.json") });
    let answer = host.execute_with("files", "put", &json!({"path": "p"}), &sent);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("among Axis's own files"), "{message}");
    assert!(upstream.requests().is_empty());
    assert_eq!(fs::read(home.file("keystore.json")).unwrap(), before);
}

#[test]
fn a_shim_that_is_told_to_end_leaves_no_part_of_a_file() {
    use rustix::process::Signal;
    let key = canary("ended");
    let upstream = odd_upstream(&key);
    let home = home_at(&upstream, &key, "");
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let dir = tempfile::tempdir().unwrap();
        let mut host = Host::connect(&home, "local-dev");
        let file = dir.path().join("file");
        host.start_execute_with(
            "files",
            "get",
            &json!({"path": "drip"}),
            &json!({ "save_to": file }),
        );
        wait_for("the part of the file", || {
            (!names(dir.path()).is_empty()).then_some(())
        });
        let pid = rustix::process::Pid::from_raw(i32::try_from(host.pid()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        wait_for("it to be gone", || {
            names(dir.path()).is_empty().then_some(())
        });
    }
}

#[test]
fn a_body_that_does_not_come_whole_leaves_no_file() {
    let key = canary("broken");
    let upstream = odd_upstream(&key);
    let home = home_at(&upstream, &key, "limits: {saved: 2000000}\n");
    let mut host = Host::connect(&home, "local-dev");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kept");
    fs::write(&file, "as it was").unwrap();
    for (path, code, part) in [
        ("error", "upstream_error", "no such file"),
        ("broken", "upstream_error", "no complete answer"),
        ("bad-gzip", "upstream_error", "gzip"),
        ("bomb", "response_too_large", "2000000 bytes"),
        ("endless", "response_too_large", "2000000 bytes"),
        ("large", "response_too_large", "2000000 bytes"),
    ] {
        let answer = get(&mut host, path, file.to_str().unwrap());
        assert_eq!(answer["error"]["code"], code, "{path}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(part), "{path}: {message}");
        assert_eq!(last_finished(&home)["error"], code, "{path}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "as it was", "{path}");
        assert_eq!(names(dir.path()), ["kept"], "{path}");
    }
    // a denial and a wrong param leave none either
    home.policy("policies: []\n");
    let answer = get(&mut host, "a", file.to_str().unwrap());
    assert_eq!(answer["denied"], true, "{answer}");
    assert_eq!(names(dir.path()), ["kept"]);
}

#[test]
fn cancelling_in_the_midst_of_a_body_leaves_no_file_and_is_on_record() {
    let key = canary("cancelled");
    let upstream = odd_upstream(&key);
    let home = home_at(&upstream, &key, "");
    let mut host = Host::connect(&home, "local-dev");
    let dir = tempfile::tempdir().unwrap();
    let arguments = json!({"save_to": dir.path().join("never")});
    for end_session in [false, true] {
        let id = host.start_execute_with("files", "get", &json!({"path": "drip"}), &arguments);
        wait_for("the file to be begun", || {
            names(dir.path())
                .iter()
                .any(|name| fs::metadata(dir.path().join(name)).is_ok_and(|file| file.len() == 4))
                .then_some(())
        });
        if end_session {
            host.close();
        } else {
            host.notify("notifications/cancelled", &json!({"requestId": id}));
        }
        wait_for("the file to be gone", || {
            names(dir.path()).is_empty().then_some(())
        });
        let line = wait_for("the call's end on record", || {
            let lines = home.audited_calls();
            let ends = |line: &&Value| line["event"] == "finished";
            (lines.iter().filter(ends).count() == 1 + usize::from(end_session))
                .then(|| last_finished(&home))
        });
        assert_eq!(line["error"], "cancelled", "{line}");
    }
}

#[test]
fn a_client_that_takes_nothing_stalls_its_own_call_alone() {
    let key = canary("stalled");
    let upstream = odd_upstream(&key);
    let home = home_at(&upstream, &key, "");
    let socket = home.file("run/broker.sock");
    let call = axis_proto::v1::Call {
        identity: "local-dev".into(),
        service: "files".into(),
        action: "get".into(),
        justification: "to take nothing".into(),
        params: r#"{"path":"endless"}"#.into(),
        client_version: axis_proto::VERSION.into(),
        save: true,
        ..Default::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let before = memory_peak_kb(home.pid().unwrap());
    let mut stalled: Vec<_> = runtime.block_on(async {
        let mut client = axis_proto::socket::broker_client(&socket).unwrap();
        let mut answers = Vec::new();
        for _ in 0..8 {
            let part = Some(Part::Call(call.clone()));
            let messages = tokio_stream::once(axis_proto::v1::ExecuteRequest { part });
            answers.push(client.execute(messages).await.unwrap().into_inner());
        }
        answers
    });
    let mut host = Host::connect(&home, "local-dev");
    for _ in 0..20 {
        let answer = host.execute("files", "get", &json!({"path": "quick"}));
        assert_eq!(answer["result"], "/quick", "{answer}");
    }
    let grown = memory_peak_kb(home.pid().unwrap()) - before;
    assert!(
        grown < 4 * MOST_GROWTH_KB,
        "eight stalled calls take {grown} kB"
    );
    stalled.clear();
    drop(runtime);
    wait_for("the stalled calls' end on record", || {
        let lines = home.audited_calls();
        let cancelled = |line: &&Value| line["error"] == "cancelled";
        (lines.iter().filter(cancelled).count() == 8).then_some(())
    });
}

#[test]
fn slow_half_a_gigabyte_is_saved_in_little_memory() {
    const COUNT: usize = 500;
    let upstream =
        Upstream::routed(Router::new().fallback(
            async |request: Request| match request.uri().path() {
                "/warm" => Response::new(megabytes(3)),
                _ => Response::new(megabytes(COUNT)),
            },
        ));
    let home = home_at(&upstream, &canary("half"), "");
    let mut host = Host::connect(&home, "local-dev");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("large");
    assert_eq!(get(&mut host, "warm", file.to_str().unwrap())["ok"], true);
    let processes = [home.pid().unwrap(), host.pid()];
    let before = processes.map(memory_peak_kb);
    let id = host.start_execute_with(
        "files",
        "get",
        &json!({"path": "large"}),
        &json!({ "save_to": file }),
    );
    wait_for_patiently("the file to be complete", || {
        fs::metadata(&file).is_ok_and(|it| it.len() == size_of_megabytes(COUNT))
    });
    let answer = host.executed(id);
    assert_eq!(answer["result"]["size"], COUNT * MEGABYTE, "{answer}");
    let after = processes.map(memory_peak_kb);
    for (before, after) in before.into_iter().zip(after) {
        assert!(
            after - before < MOST_GROWTH_KB,
            "grew from {before} to {after} kB"
        );
    }
}

fn size_of_megabytes(count: usize) -> u64 {
    u64::try_from(count * MEGABYTE).unwrap()
}
