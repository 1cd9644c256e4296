//! Very many clients, and clients that take nothing, say nothing or never end.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use axis_proto::socket;
use axis_proto::v1::execute_request::Part;
use axis_proto::v1::{Call, ExecuteRequest, ExecuteResponse, execute_response, outcome};
use axis_tests::{Burden, Home, Host, PATIENCE, Reply, Upstream, canary, wait_for};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tonic::{Status, Streaming};

use crate::ALLOW;

const MEGABYTE: usize = 1024 * 1024;

fn repo() -> Value {
    json!({"owner": "a", "repo": "b"})
}

fn call() -> Call {
    Call {
        identity: "local-dev".into(),
        service: "github".into(),
        action: "repos.get".into(),
        justification: "to be one of many".into(),
        params: r#"{"owner":"a","repo":"b"}"#.into(),
        client_version: axis_proto::VERSION.into(),
        ..Call::default()
    }
}

async fn begin(path: &Path) -> Result<Streaming<ExecuteResponse>, Status> {
    let mut client = socket::broker_client(path).unwrap();
    let part = Some(Part::Call(call()));
    let messages = tokio_stream::once(ExecuteRequest { part });
    Ok(client.execute(messages).await?.into_inner())
}

async fn succeeds(path: PathBuf) -> bool {
    let Ok(mut answers) = begin(&path).await else {
        return false;
    };
    while let Ok(Some(answer)) = answers.message().await {
        if let Some(execute_response::Part::Outcome(outcome)) = answer.part {
            return matches!(outcome.end, Some(outcome::End::Success(_)));
        }
    }
    false
}

/// As many descriptors as this process may have.
fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}

#[test]
fn a_thousand_clients_at_once_all_get_their_answer_and_leave_nothing_behind() {
    allow_many_files();
    let upstream = Upstream::kilobyte();
    let home = Home::with_github(&upstream, &canary("thousand"), ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(host.execute("github", "repos.get", &repo())["ok"], true);
    let (pid, path) = (home.pid().unwrap(), home.file("run/broker.sock"));
    let clients = tokio::runtime::Runtime::new().unwrap();
    let mut before = None;
    // What so many took the allocator keeps for the next so many, and how many
    // of them meet differs from round to round. What leaks a kilobyte for each
    // client never comes to a round that adds nothing.
    let (mut most, mut flat) = (0, false);
    for _ in 0..8 {
        let answered = clients.block_on(async {
            let calls: Vec<_> = (0..1000)
                .map(|_| tokio::spawn(succeeds(path.clone())))
                .collect();
            let mut answered = 0;
            for call in calls {
                answered += usize::from(call.await.unwrap());
            }
            answered
        });
        assert_eq!(answered, 1000);
        // connections to the upstream are kept, after the first round all of them
        let before = before.get_or_insert_with(|| Burden::of(pid));
        before.holds_again(pid, 128 * 1024);
        let now = Burden::of(pid).memory_kb;
        flat = now < most + 512;
        if flat {
            break;
        }
        most = now;
    }
    assert!(flat, "memory grows with each round: {most} kB at last");
    assert_eq!(host.execute("github", "repos.get", &repo())["ok"], true);
}

#[test]
fn connections_that_come_and_go_by_the_thousand_leave_nothing_behind() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("comeandgo"), ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(host.execute("github", "repos.get", &repo())["ok"], true);
    let pid = home.pid().unwrap();
    let mut before = Burden::of(pid);
    // the first round is there to warm up
    for (round, memory) in [(0, 64 * 1024), (1, 16 * 1024)] {
        for number in 0..5000 {
            let name = ["run/broker.sock", "run/admin.sock"][number % 2];
            let mut stream = UnixStream::connect(home.file(name)).unwrap();
            // some say half a word first
            if number % 3 == 0 {
                let _ = stream.write_all(b"PRI * HTTP/2.0\r\n\r\nS");
            }
        }
        assert_eq!(host.execute("github", "repos.get", &repo())["ok"], true);
        before.holds_again(pid, memory);
        if round == 0 {
            before = Burden::of(pid);
        }
    }
}

/// A client of few words: the beginning of HTTP/2, a byte at a time.
fn drip(path: &Path) -> UnixStream {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.write_all(b"P").unwrap();
    stream
}

#[test]
fn clients_that_say_a_byte_at_a_time_or_half_close_hold_up_nobody() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("slow"), ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    let sockets = [home.file("run/broker.sock"), home.file("run/admin.sock")];
    let mut slow: Vec<_> = (0..400).map(|n| drip(&sockets[n % 2])).collect();
    for byte in b"RI * HTT" {
        for stream in &mut slow {
            let _ = stream.write_all(&[*byte]);
        }
        assert_eq!(host.execute("github", "repos.get", &repo())["ok"], true);
        home.axis_without_password(&["status"]).ok();
    }
    let pid = home.pid().unwrap();
    let before = Burden::of(pid);
    for stream in &mut slow {
        stream.shutdown(std::net::Shutdown::Write).unwrap();
    }
    // whoever says no more is let go
    for stream in &mut slow {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = Vec::new();
        let _ = stream.take(100_000).read_to_end(&mut rest);
    }
    if let Some(held) = before.descriptors {
        wait_for("half-closed connections to be closed", || {
            let now = Burden::of(pid).descriptors?;
            (now + 300 < held).then_some(())
        });
    }
    assert_eq!(host.execute("github", "repos.get", &repo())["ok"], true);
}

#[test]
fn metadata_without_end_is_refused_and_the_others_are_served() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("metadata"), ALLOW);
    let path = home.file("run/broker.sock");
    let clients = tokio::runtime::Runtime::new().unwrap();
    clients.block_on(async {
        for (entries, length) in [(1, 1_000_000), (20_000, 10)] {
            let mut client = socket::broker_client(&path).unwrap();
            let part = Some(Part::Call(call()));
            let messages = tokio_stream::once(ExecuteRequest { part });
            let mut request = tonic::Request::new(messages);
            for number in 0..entries {
                let name = format!("x-{number}").parse::<tonic::metadata::AsciiMetadataKey>();
                let value = "v".repeat(length).parse().unwrap();
                request.metadata_mut().insert(name.unwrap(), value);
            }
            let answer = tokio::time::timeout(PATIENCE, client.execute(request)).await;
            let answer = answer.expect("it is answered or cut off");
            assert!(answer.is_err(), "{entries} of {length} bytes");
        }
    });
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(host.execute("github", "repos.get", &repo())["ok"], true);
}

#[test]
fn a_shim_whose_answers_nobody_reads_takes_no_more_than_they_are_and_loses_none() {
    const CALLS: usize = 600;
    let upstream = Upstream::answering(|_| Reply::json(200, &json!("x".repeat(100_000))));
    let home = Home::with_github(&upstream, &canary("unread"), ALLOW);
    let mut shim = home.command("axis");
    let mut shim = shim
        .arg("mcp")
        .env("AXIS_IDENTITY", "local-dev")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = shim.stdin.take().unwrap();
    let mut stdout = std::io::BufReader::new(shim.stdout.take().unwrap());
    let said = |stdin: &mut std::process::ChildStdin, message: &Value| {
        stdin.write_all(format!("{message}\n").as_bytes()).unwrap();
    };
    said(
        &mut stdin,
        &json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "deaf", "version": "1"}}}),
    );
    said(
        &mut stdin,
        &json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
    );
    // it writes in a thread of its own: a shim that takes no more lets it wait
    let writing = std::thread::spawn(move || {
        for id in 1..=CALLS {
            said(
                &mut stdin,
                &json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": "execute_action", "arguments": {"service": "github", "action": "repos.get", "justification": "nobody reads it", "params": {"owner": "a", "repo": "b"}}}}),
            );
        }
        stdin
    });
    upstream.wait_for_requests(64);
    // whatever more it takes, it has taken when nothing more comes
    let mut seen = (upstream.requests().len(), Instant::now());
    wait_for("the shim to take no more", || {
        let now = upstream.requests().len();
        if now > seen.0 {
            seen = (now, Instant::now());
        }
        (seen.1.elapsed() > Duration::from_millis(500)).then_some(())
    });
    let held = Burden::of(shim.id()).memory_kb;
    // each answer is there twice in its line, as text and as an object, and
    // beside it as it came
    let answers = u64::try_from(seen.0).unwrap();
    let bound = 20 * 1024 + answers * 500;
    assert!(held < bound, "{held} kB for {answers} answers of 100 kB");
    let mut answered = 0;
    let mut line = String::new();
    while answered <= CALLS {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut stdout, &mut line).unwrap() > 0);
        let message: Value = serde_json::from_str(&line).unwrap();
        answered += usize::from(message.get("id").is_some());
    }
    drop(writing.join().unwrap());
    assert!(shim.wait().unwrap().success());
}

#[test]
fn answers_that_nobody_takes_hold_up_nobody_and_dont_add_up() {
    const CLIENTS: usize = 20;
    let large = "x".repeat(4 * MEGABYTE);
    let upstream = Upstream::answering(move |request| {
        if request.path.ends_with("/small") {
            Reply::json(200, &json!([]))
        } else {
            Reply::json(200, &json!(large))
        }
    });
    let home = Home::with_github(&upstream, &canary("untaken"), ALLOW);
    let (pid, path) = (home.pid().unwrap(), home.file("run/broker.sock"));
    let mut host = Host::connect(&home, "local-dev");
    let small = json!({"owner": "a", "repo": "small"});
    for _ in 0..2 {
        let clients = tokio::runtime::Runtime::new().unwrap();
        // what is held here is never read
        let held = clients.block_on(async {
            let begun: Vec<_> = (0..CLIENTS)
                .map(|_| {
                    let path = path.clone();
                    tokio::spawn(async move { begin(&path).await })
                })
                .collect();
            let mut held = Vec::new();
            for call in begun {
                held.push(call.await.unwrap());
            }
            held
        });
        assert_eq!(host.execute("github", "repos.get", &small)["ok"], true);
        // each is held, and is once more, with room to grow, on its way out
        let most = u64::try_from(CLIENTS * 4 * 4 * MEGABYTE / 1024).unwrap();
        let holds = Burden::of(pid).memory_kb;
        // what the allocator keeps of the first round serves the second one
        assert!(holds < most + 48 * 1024, "{holds} kB for {CLIENTS} answers");
        drop(held);
        drop(clients);
    }
    assert_eq!(host.execute("github", "repos.get", &small)["ok"], true);
}
