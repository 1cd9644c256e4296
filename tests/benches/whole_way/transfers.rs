//! Bodies between a file and an upstream, through `axis mcp` and straight.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use axis_tests::{Home, Host, Upstream};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::Response;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio_stream::StreamExt;

use super::calls::{self, SECRET};
use super::figure;

const MEGABYTE: usize = 1_000_000;
const MEGABYTES: usize = 500;
const ROUNDS: usize = 5;

const FILES: &str = "service: files
title: Files
base_url: https://files.example
auth: bearer
actions:
  get: { effect: read, method: GET, path: /file, response: bytes }
  put:
    effect: write
    method: PUT
    path: /file
    body: bytes
    params: { body: { in: body, type: string } }
";
const POLICY: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: files, actions: ['*']}\n";

/// Half a gigabyte each way; the ways take turns.
pub fn measure() {
    let upstream = Upstream::routed(Router::new().fallback(serve));
    let home = Home::empty();
    fs::create_dir(home.file("services")).unwrap();
    fs::write(home.file("services/files.yaml"), FILES).unwrap();
    home.axis(&["init"]).ok();
    home.add("files", SECRET, &upstream.url());
    home.policy(POLICY);
    let mut host = Host::connect(&home, "local-dev");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let http = calls::http_client();
    let url = format!("{}/file", upstream.url());
    // not among Axis's own files, which no call touches
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("body");

    let [mut nowhere, mut direct, mut saved] = [const { Vec::new() }; 3];
    let [mut sent_directly, mut sent] = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        nowhere.push(timed(|| download(&runtime, &http, &url, None)));
        // both write a file that wasn't there: what it takes to be rid of an
        // old one is the file system's affair
        fs::remove_file(&file).unwrap_or_default();
        direct.push(timed(|| download(&runtime, &http, &url, Some(&file))));
        fs::remove_file(&file).unwrap();
        let to = json!({ "save_to": file });
        saved.push(timed(|| transfer(&mut host, "get", &to)));
        sent_directly.push(timed(|| upload(&runtime, &http, &url, &file)));
        let from = json!({ "body_file": file });
        sent.push(timed(|| transfer(&mut host, "put", &from)));
    }
    println!("{MEGABYTES} MB between a file and the upstream, the middle of {ROUNDS} rounds\n");
    let [nowhere, direct, saved] = [nowhere, direct, saved].map(per_second);
    figure("down, straight (reqwest), kept nowhere", nowhere, "MB/s");
    figure("down, straight, into a file", direct, "MB/s");
    figure("down, axis mcp with save_to", saved, "MB/s");
    figure(
        "    as a share of straight (budget 0.6)",
        saved / direct,
        "x",
    );
    figure("    as a share of kept nowhere", saved / nowhere, "x");
    let [direct, sent] = [sent_directly, sent].map(per_second);
    figure("up, straight, out of a file", direct, "MB/s");
    figure("up, axis mcp with body_file", sent, "MB/s");
    figure("    as a share of straight", sent / direct, "x");
}

/// Gives the body, or takes one and says how long it was.
async fn serve(request: Request) -> Response<Body> {
    if request.method() == "GET" {
        let megabyte = Bytes::from(vec![b'm'; MEGABYTE]);
        let chunks = (0..MEGABYTES).map(move |_| Ok::<_, std::io::Error>(megabyte.clone()));
        return Response::builder()
            .header("content-length", MEGABYTES * MEGABYTE)
            .body(Body::from_stream(tokio_stream::iter(chunks)))
            .unwrap();
    }
    let mut taken = 0;
    let mut body = request.into_body().into_data_stream();
    while let Some(chunk) = body.next().await {
        taken += chunk.unwrap().len();
    }
    assert_eq!(taken, MEGABYTES * MEGABYTE);
    Response::new(Body::from(r#"{"ok":true}"#))
}

/// Through the shim.
fn transfer(host: &mut Host, action: &str, files: &serde_json::Value) {
    let answer = host.execute_with("files", action, &json!({}), files);
    assert_eq!(answer["ok"], true, "{answer}");
}

fn download(runtime: &Runtime, http: &reqwest::Client, url: &str, to: Option<&Path>) {
    let mut file = to.map(|path| File::create(path).unwrap());
    let (http, url) = (http.clone(), url.to_owned());
    let came = runtime.block_on(runtime.spawn(async move {
        let request = http.get(url).bearer_auth(SECRET);
        let mut response = request.send().await.unwrap();
        let mut came = 0;
        while let Some(chunk) = response.chunk().await.unwrap() {
            came += chunk.len();
            if let Some(file) = &mut file {
                file.write_all(&chunk).unwrap();
            }
        }
        came
    }));
    assert_eq!(came.unwrap(), MEGABYTES * MEGABYTE);
}

fn upload(runtime: &Runtime, http: &reqwest::Client, url: &str, from: &Path) {
    let mut file = File::open(from).unwrap();
    let (http, url) = (http.clone(), url.to_owned());
    let sent = runtime.spawn(async move {
        let chunks = std::iter::from_fn(move || {
            let mut chunk = vec![0; 128 * 1024];
            let length = std::io::Read::read(&mut file, &mut chunk).unwrap();
            chunk.truncate(length);
            (length > 0).then(|| Ok::<_, std::io::Error>(Bytes::from(chunk)))
        });
        let body = reqwest::Body::wrap_stream(tokio_stream::iter(chunks));
        let request = http.put(url).bearer_auth(SECRET).body(body);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success());
    });
    runtime.block_on(sent).unwrap();
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

/// MB a second in the middle round.
fn per_second(mut rounds: Vec<Duration>) -> f64 {
    rounds.sort();
    MEGABYTES as f64 / rounds[rounds.len() / 2].as_secs_f64()
}
