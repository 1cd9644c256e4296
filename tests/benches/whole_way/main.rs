//! The whole way of a call beside the direct call and beside the bare shape,
//! in one run: what Axis adds, as ratios. Prints and asserts nothing but that
//! the calls succeed (budgets: docs/performance.md). With the argument
//! `transfers` only bodies of half a gigabyte are measured.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark prints figures"
)]

mod bare;
mod calls;
mod footprint;
mod times;
mod transfers;

use std::process::Command;

use axis_tests::{Home, Upstream};

use calls::{LineHost, SECRET};
use times::{CALLS, ROUNDS, Times};

const POLICY: &str = "policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: ['repos.get']}\n";

fn main() {
    if bare::ran_as_asked() {
        return;
    }
    build_the_binaries();
    if std::env::args().any(|argument| argument == "transfers") {
        return transfers::measure();
    }
    let upstream = Upstream::kilobyte();
    let home = Home::with_github(&upstream, SECRET, POLICY);
    let resident_idle = footprint::resident(home.pid().unwrap());
    let bare = bare::Daemon::start(home.path(), &format!("{}/repos/a/b", upstream.url()));

    println!("1 KB bodies, loopback upstream, {ROUNDS} rounds of {CALLS} calls each\n");
    let ways = Ways::measured(&home, &upstream, &bare);
    ways.print();

    println!();
    footprint::start_of_shim(&home);
    footprint::shim(&home);
    footprint::daemon(&home, resident_idle);
    footprint::binaries();
    drop(bare);
    footprint::unlock(&home);

    println!();
    transfers::measure();
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

/// What each way takes.
#[derive(Default)]
struct Ways {
    direct: Times,
    hop: Times,
    bare: Times,
    axis: Times,
    bare_shim: Times,
    shim: Times,
}

impl Ways {
    /// The ways take turns, so that what else the machine does meets all alike.
    fn measured(home: &Home, upstream: &Upstream, bare: &bare::Daemon) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let http = calls::http_client();
        let url = format!("{}/repos/a/b", upstream.url());
        let axis = runtime.block_on(async { calls::client(&home.file("run/broker.sock")) });
        let bare_client = runtime.block_on(async { calls::client(&bare.socket) });
        let mut bare_host = LineHost::start(bare.shim());
        let mut host = LineHost::start(footprint::shim_command(home));

        let mut ways = Self::default();
        for _ in 0..ROUNDS {
            ways.direct.measure(&runtime, {
                let (http, url) = (http.clone(), url.clone());
                move || {
                    let (http, url) = (http.clone(), url.clone());
                    async move { drop(calls::fetch(&http, &url).await) }
                }
            });
            ways.hop.measure(&runtime, {
                let axis = axis.clone();
                move || calls::list_one_action(axis.clone())
            });
            for (times, client) in [(&mut ways.bare, &bare_client), (&mut ways.axis, &axis)] {
                let client = client.clone();
                times.measure(&runtime, move || {
                    let client = client.clone();
                    async move { drop(calls::execute(client).await) }
                });
            }
            ways.bare_shim.measure_one_by_one(|| bare_host.call());
            ways.shim.measure_one_by_one(|| host.call());
        }
        ways
    }

    fn print(&self) {
        println!(
            "{:<46} {:>8} {:>8} {:>18}",
            "", "p50 µs", "p99 µs", "calls/s, 16 at once"
        );
        self.direct.print("direct (reqwest)");
        self.hop.print("gRPC hop alone (ListActions of one action)");
        self.bare.print("bare shape: gRPC -> upstream");
        self.axis.print("axisd: gRPC -> upstream");
        self.bare_shim
            .print("bare shape: MCP stdio -> shim -> the same");
        self.shim.print("axis mcp: MCP stdio -> shim -> the same");
        println!();
        let over = |name, percent| {
            let direct = self.direct.percentile(percent);
            figure(
                &format!("added over direct, {name}: by Axis"),
                self.axis.percentile(percent) - direct,
                "µs",
            );
            figure(
                "    of it the bare shape's",
                self.bare.percentile(percent) - direct,
                "µs",
            );
        };
        over("p50 (budget 90)", 50);
        over("p99 (budget 300)", 99);
        figure(
            "gRPC, p50: axisd / bare shape",
            self.axis.percentile(50) / self.bare.percentile(50),
            "x",
        );
        figure(
            "calls/s: axisd / direct (budget 0.35)",
            self.axis.per_second() / self.direct.per_second(),
            "x",
        );
        figure(
            "    bare shape / direct",
            self.bare.per_second() / self.direct.per_second(),
            "x",
        );
        figure(
            "MCP, p50: axis mcp / bare shape (budget 1.15)",
            self.shim.percentile(50) / self.bare_shim.percentile(50),
            "x",
        );
    }
}

/// Prints one figure.
fn figure(name: &str, value: f64, unit: &str) {
    println!("{name:<54} {value:>9.2} {unit}");
}
