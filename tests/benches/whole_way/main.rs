//! The whole way of a call beside the direct call, in one run: what Axis adds,
//! as ratios. Prints and asserts nothing (budgets: docs/performance.md).

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark prints figures"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use axis_proto::socket;
use axis_proto::v1;
use axis_tests::{Home, Upstream, binary};
use serde_json::json;
use tokio::task::JoinSet;

const CALLS: usize = 5_000;
const WARM_UP: usize = 500;
const AT_ONCE: usize = 16;
const POLICY: &str = "policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: ['repos.get']}\n";

const HANDSHAKE: &str = concat!(
    r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#,
    "\n",
    r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
    "\n"
);

fn main() {
    build_the_binaries();
    let upstream = Upstream::kilobyte();
    let home = Home::with_github(&upstream, "ghp_bench0123456789abcdef", POLICY);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    println!("1 KB bodies, loopback upstream, {CALLS} calls each\n");

    let direct = runtime.block_on(direct(&upstream));
    let echo = runtime.block_on(grpc_alone(&home));
    let through = runtime.block_on(through_grpc(&home));
    let shim = through_shim(&home);
    println!(
        "{:<44} {:>9} {:>9} {:>10}",
        "", "p50 µs", "p99 µs", "calls/s"
    );
    for (name, times) in [
        ("direct (reqwest)", &direct),
        ("gRPC hop alone (ListActions of one action)", &echo),
        ("gRPC -> policy, audit, credential -> upstream", &through),
        ("MCP stdio -> shim -> the same", &shim),
    ] {
        println!(
            "{name:<44} {:>9.0} {:>9.0} {:>10.0}",
            times.p(50),
            times.p(99),
            times.per_second
        );
    }
    println!();
    ratio(
        "added over direct, p50 (budget 90 µs)",
        through.p(50) - direct.p(50),
        "µs",
    );
    ratio(
        "added over direct, p99 (budget 300 µs)",
        through.p(99) - direct.p(99),
        "µs",
    );
    ratio(
        "p50 through gRPC / direct",
        through.p(50) / direct.p(50),
        "x",
    );
    ratio(
        "calls/s, 16 at once, share of direct (budget 0.35)",
        through.per_second / direct.per_second,
        "",
    );
    ratio(
        "p50 through shim / through gRPC",
        shim.p(50) / through.p(50),
        "x",
    );

    let start = start_of_shim(&home);
    ratio(
        "shim: start to tools/list (budget 4 ms)",
        start.as_secs_f64() * 1e3,
        "ms",
    );
    memory(&home);
    unlock(&home);
}

fn build_the_binaries() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--workspace", "--bins"]);
    // what cargo tells a benchmark of its package would have crates rebuilt
    for (variable, _) in std::env::vars() {
        if variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(variable);
        }
    }
    assert!(cargo.status().unwrap().success());
}

fn ratio(name: &str, value: f64, unit: &str) {
    println!("{name:<56} {value:>9.2} {unit}");
}

struct Times {
    each: Vec<Duration>,
    per_second: f64,
}

impl Times {
    fn of(mut each: Vec<Duration>, per_second: f64) -> Self {
        each.sort();
        Self { each, per_second }
    }

    fn p(&self, percent: usize) -> f64 {
        self.each[(self.each.len() * percent / 100).min(self.each.len() - 1)].as_secs_f64() * 1e6
    }
}

async fn measure<F, Fut>(call: F) -> Times
where
    F: Fn() -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    for _ in 0..WARM_UP {
        call().await;
    }
    let mut each = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let began = Instant::now();
        call().await;
        each.push(began.elapsed());
    }
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE {
        let call = call.clone();
        tasks.spawn(async move {
            for _ in 0..CALLS / AT_ONCE {
                call().await;
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    let per_second = (CALLS / AT_ONCE * AT_ONCE) as f64 / began.elapsed().as_secs_f64();
    Times::of(each, per_second)
}

async fn direct(upstream: &Upstream) -> Times {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/repos/a/b", upstream.url());
    measure(move || {
        let request = client.get(&url).bearer_auth("ghp_bench0123456789abcdef");
        async move {
            let body = request.send().await.unwrap().bytes().await.unwrap();
            assert!(body.len() > 1000);
        }
    })
    .await
}

async fn grpc_alone(home: &Home) -> Times {
    let client = socket::broker_client(&home.file("run/broker.sock")).unwrap();
    measure(move || {
        let mut client = client.clone();
        async move {
            client
                .list_actions(v1::ListActionsRequest {
                    identity: "local-dev".into(),
                    service: Some("github".into()),
                    action: Some("repos.get".into()),
                })
                .await
                .unwrap();
        }
    })
    .await
}

async fn through_grpc(home: &Home) -> Times {
    let client = socket::broker_client(&home.file("run/broker.sock")).unwrap();
    measure(move || {
        let mut client = client.clone();
        async move {
            let call = v1::ExecuteRequest {
                part: Some(v1::execute_request::Part::Call(v1::Call {
                    identity: "local-dev".into(),
                    service: "github".into(),
                    action: "repos.get".into(),
                    justification: "bench".into(),
                    params: r#"{"owner":"a","repo":"b"}"#.into(),
                    client_version: axis_proto::VERSION.into(),
                })),
            };
            let mut answers = client
                .execute(tokio_stream::once(call))
                .await
                .unwrap()
                .into_inner();
            let Some(v1::execute_response::Part::Outcome(outcome)) =
                answers.message().await.unwrap().unwrap().part
            else {
                panic!("no outcome");
            };
            assert!(
                answers.message().await.unwrap().is_none(),
                "the stream ends"
            );
            assert!(
                matches!(outcome.end, Some(v1::outcome::End::Success(_))),
                "{outcome:?}"
            );
        }
    })
    .await
}

/// One JSON-RPC line at a time over pipes, with as little client as there can be.
fn through_shim(home: &Home) -> Times {
    let mut command = home.command("axis");
    let mut child = command
        .arg("mcp")
        .env("AXIS_IDENTITY", "local-dev")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut answer = String::new();
    let mut ask = |line: &str, is_answer: &dyn Fn(&str) -> bool| {
        stdin.write_all(line.as_bytes()).unwrap();
        loop {
            answer.clear();
            stdout.read_line(&mut answer).unwrap();
            if is_answer(&answer) {
                return;
            }
        }
    };
    let hello = json!({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}});
    ask(&format!("{hello}\n"), &|line| line.contains("serverInfo"));
    let initialized = json!({"jsonrpc":"2.0","method":"notifications/initialized"});
    let call = json!({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"execute_action","arguments":{"service":"github","action":"repos.get","justification":"bench","params":{"owner":"a","repo":"b"}}}});
    let call = format!("{call}\n");
    ask(&format!("{initialized}\n{call}"), &|line| {
        line.contains("\"id\":1")
    });
    let mut each = Vec::new();
    let began = Instant::now();
    for round in 0..WARM_UP + CALLS {
        let sent = Instant::now();
        ask(&call, &|line| line.contains("\"id\":1"));
        if round >= WARM_UP {
            each.push(sent.elapsed());
        }
    }
    let per_second = (WARM_UP + CALLS) as f64 / began.elapsed().as_secs_f64();
    println!("shim RSS {} kB (budget 6,000)", resident(child.id()));
    drop(stdin);
    child.wait().unwrap();
    Times::of(each, per_second)
}

fn start_of_shim(home: &Home) -> Duration {
    let mut times: Vec<Duration> = (0..21)
        .map(|_| {
            let began = Instant::now();
            let mut host = axis_tests::Host::connect(home, "local-dev");
            host.request("tools/list", &json!({}));
            began.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

fn memory(home: &Home) {
    let pid = home.pid().unwrap();
    println!(
        "daemon RSS after the calls {} kB (budget idle 16,000)",
        resident(pid)
    );
    let shims: Vec<_> = (0..1000)
        .map(|_| {
            let mut shim = home
                .command("axis")
                .arg("mcp")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut stdin = shim.stdin.take().unwrap();
            stdin.write_all(HANDSHAKE.as_bytes()).unwrap();
            (shim, stdin)
        })
        .collect();
    axis_tests::wait_for("all shims to be connected", || {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd"))
            .unwrap()
            .count();
        (open >= 1000).then_some(())
    });
    println!(
        "daemon RSS with 1,000 connected shims {} kB (budget 80,000)",
        resident(pid)
    );
    for (mut shim, _stdin) in shims {
        shim.kill().unwrap();
        shim.wait().unwrap();
    }
}

/// Unlock to the first call answered, beside one derivation alone.
fn unlock(home: &Home) {
    let verify = Instant::now();
    home.axis(&["unlock"]).ok();
    println!(
        "axis unlock, whole command {:.0} ms",
        verify.elapsed().as_secs_f64() * 1e3
    );
    let size = |name| std::fs::metadata(binary(name)).unwrap().len() / 1024;
    println!(
        "binaries: axis {} kB, axisd {} kB",
        size("axis"),
        size("axisd")
    );
}

fn resident(pid: u32) -> u64 {
    std::fs::read_to_string(format!("/proc/{pid}/status"))
        .unwrap()
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .unwrap()
}
