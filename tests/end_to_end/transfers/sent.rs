//! Files that are bodies.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axis_proto::v1::execute_request::Part;
use axis_tests::{Host, Upstream, canary};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_stream::StreamExt;

use super::*;

type Got = Arc<Mutex<Vec<(String, Option<String>, usize, String)>>>;

/// An upstream that counts and hashes what it gets.
fn taking_upstream() -> (Upstream, Got) {
    let got = Got::default();
    let record = got.clone();
    let router = Router::new().fallback(async move |request: Request| {
        let path = request.uri().path().to_owned();
        let length = header(request.headers(), "content-length");
        assert_eq!(header(request.headers(), "transfer-encoding"), None);
        let mut chunks = request.into_body().into_data_stream();
        let (mut digest, mut size) = (Sha256::new(), 0);
        if path == "/refused" {
            return Response::builder()
                .status(403)
                .body(Body::from("not yours"))
                .unwrap();
        }
        while let Some(Ok(chunk)) = chunks.next().await {
            digest.update(&chunk);
            size += chunk.len();
        }
        let hash = hex::encode(digest.finalize());
        record.lock().unwrap().push((path, length, size, hash));
        Response::new(Body::from("null"))
    });
    (Upstream::routed(router), got)
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

#[test]
fn a_file_is_sent_as_the_body_with_its_length() {
    let (upstream, got) = taking_upstream();
    let home = home_at(&upstream, &canary("upload"), "");
    let mut host = Host::connect(&home, "local-dev");
    let dir = tempfile::tempdir().unwrap();
    for content in [Vec::new(), b"few".to_vec(), vec![7; 700_001]] {
        let file = dir.path().join("upload");
        fs::write(&file, &content).unwrap();
        let answer = host.execute_with(
            "files",
            "put",
            &json!({"path": "a b"}),
            &json!({ "body_file": file }),
        );
        assert_eq!(answer["ok"], true, "{answer}");
        let length = content.len();
        assert_eq!(
            got.lock().unwrap().pop().unwrap(),
            (
                "/a%20b".to_owned(),
                Some(length.to_string()),
                length,
                sha256(&content)
            )
        );
    }
    let file = dir.path().join("upload");
    // also where the definition says that a body is needed
    let answer = host.execute_with(
        "files",
        "replace",
        &json!({"path": "a"}),
        &json!({ "body_file": file }),
    );
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(got.lock().unwrap().pop().unwrap().2, 700_001);
    let refused = host.execute_with(
        "files",
        "put",
        &json!({"path": "refused"}),
        &json!({ "body_file": file }),
    );
    assert_eq!(refused["error"]["status"], 403, "{refused}");
}

#[test]
fn a_file_that_can_not_be_the_body_is_told_before_anything_is_sent() {
    let (upstream, got) = taking_upstream();
    let home = home_at(&upstream, &canary("nobody"), "");
    let mut host = Host::connect(&home, "local-dev");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("there");
    fs::write(&file, "x").unwrap();
    let put = json!({"path": "p"});
    for (action, params, path, part) in [
        ("put", &put, Path::new("/no/such/file"), "No such file"),
        ("put", &put, dir.path(), "no plain file"),
        ("put", &put, Path::new("/dev/zero"), "no plain file"),
        ("note", &json!({"text": "t"}), &file, "made of its params"),
        ("get", &put, &file, "made of its params"),
        (
            "put",
            &json!({"path": "p", "body": "also"}),
            &file,
            "leave out body",
        ),
    ] {
        let answer = host.execute_with("files", action, params, &json!({ "body_file": path }));
        assert_eq!(answer["error"]["code"], "invalid_params", "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(part), "{action} {path:?}: {message}");
    }
    // and without a file it is missing as ever
    let answer = host.execute("files", "put", &put);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("body is missing"), "{message}");
    assert!(got.lock().unwrap().is_empty());
}

#[test]
fn an_upload_that_is_shorter_than_announced_is_an_error() {
    let (upstream, got) = taking_upstream();
    let home = home_at(&upstream, &canary("short"), "");
    let socket = home.file("run/broker.sock");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for (chunks, part) in [
        (vec!["12345"], "5 of 10 bytes"),
        (vec!["12345", "678901"], "longer than the 10 bytes"),
    ] {
        let call = axis_proto::v1::Call {
            identity: "local-dev".into(),
            service: "files".into(),
            action: "put".into(),
            justification: "to lie about a length".into(),
            params: r#"{"path":"short"}"#.into(),
            client_version: axis_proto::VERSION.into(),
            body_size: Some(10),
            ..Default::default()
        };
        let parts = std::iter::once(Part::Call(call)).chain(
            chunks
                .into_iter()
                .map(|chunk| Part::Body(Bytes::from_static(chunk.as_bytes()))),
        );
        let messages: Vec<_> = parts
            .map(|part| axis_proto::v1::ExecuteRequest { part: Some(part) })
            .collect();
        let outcome = runtime.block_on(async {
            let mut client = axis_proto::socket::broker_client(&socket).unwrap();
            let answers = client.execute(tokio_stream::iter(messages)).await.unwrap();
            answers.into_inner().message().await.unwrap().unwrap()
        });
        assert!(format!("{outcome:?}").contains(part), "{outcome:?}");
    }
    assert!(
        got.lock().unwrap().iter().all(|(_, _, size, _)| *size < 10),
        "no upstream takes it for whole"
    );
}

#[test]
fn slow_a_large_file_is_sent_in_little_memory() {
    const COUNT: usize = 200;
    let (upstream, got) = taking_upstream();
    let home = home_at(&upstream, &canary("large"), "");
    let mut host = Host::connect(&home, "local-dev");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("upload");
    let put = |host: &mut Host, count: usize| {
        fs::write(&file, vec![b'u'; count * MEGABYTE]).unwrap();
        let more = json!({ "body_file": file });
        host.start_execute_with("files", "put", &json!({"path": "p"}), &more)
    };
    let warm = put(&mut host, 3);
    host.executed(warm);
    let processes = [home.pid().unwrap(), host.pid()];
    let before = processes.map(memory_peak_kb);
    let id = put(&mut host, COUNT);
    wait_for_patiently("the upload to be over", || got.lock().unwrap().len() == 2);
    assert_eq!(host.executed(id)["ok"], true);
    assert_eq!(got.lock().unwrap()[1].2, COUNT * MEGABYTE);
    for (before, after) in before.into_iter().zip(processes.map(memory_peak_kb)) {
        assert!(
            after - before < MOST_GROWTH_KB,
            "grew from {before} to {after} kB"
        );
    }
}

#[test]
fn axis_call_selects_saves_and_sends_files_as_well() {
    let (upstream, got) = taking_upstream();
    let home = home_at(&upstream, &canary("cli"), "");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("f");
    fs::write(&file, "from a file").unwrap();
    let path = file.to_str().unwrap();
    home.axis(&["call", "files", "put", "path=x", "--body-file", path])
        .ok();
    assert_eq!(got.lock().unwrap()[0].2, 11);

    let saved = home.axis(&["call", "files", "get", "path=x", "--save-to", path]);
    assert_eq!(saved.ok().json()["result"]["size"], 4);
    assert_eq!(fs::read_to_string(&file).unwrap(), "null");

    let chosen = home.axis(&["call", "files", "get", "path=x", "--select", "[., 1]"]);
    assert_eq!(chosen.ok().json()["result"], json!([null, 1]));
    let wrong = home.axis(&["call", "files", "get", "path=x", "--select", "["]);
    assert_eq!(wrong.code(), 2, "{wrong:?}");
    let nowhere = home.axis(&["call", "files", "get", "path=x", "--save-to", "/no/such/x"]);
    assert_eq!(nowhere.code(), 2, "{nowhere:?}");
    assert_eq!(nowhere.json()["error"]["code"], "invalid_params");
    assert_eq!(names(dir.path()), ["f"]);
}
