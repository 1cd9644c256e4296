//! The audit log at size: what `axis logs` waits for, and what calls notice of
//! a rotation. `AXIS_BENCH_LINES` sets how many lines are written first.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench"
)]

use std::num::NonZeroI64;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axisd::audit::{
    Audit, AuditKey, CallRecord, ConnectionId, End, Filter, Peer, Refusal, SyncMode,
};
use axisd::clock::SystemClock;

const DEFAULT_LINES: usize = 1_000_000;
const REPEATS: u32 = 5;

struct Key([u8; 32]);

impl AuditKey for Key {
    fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

fn main() {
    let lines = std::env::var("AXIS_BENCH_LINES")
        .ok()
        .and_then(|lines| lines.parse().ok())
        .unwrap_or(DEFAULT_LINES);
    let home = tempfile::TempDir::new().unwrap();
    let audit = open(&home.path().join("state/audit.jsonl"));
    write(&audit, lines);
    println!("\nreading {lines} lines:");
    let wanted = || true;
    let last = |n, filter: &Filter| audit.last(n, filter, &wanted).unwrap().lines.len();
    measure("last 50", || last(50, &Filter::default()));
    measure("last 50 of one identity in a hundred", || {
        last(50, &Filter::default().field("identity", "agent-42"))
    });
    measure("a service that no line has", || {
        last(50, &Filter::default().field("service", "nowhere"))
    });
    measure("a text that no line has", || {
        last(50, &Filter::default().holding("not to be found").unwrap())
    });
    for share in [10, 2] {
        let before = u64::try_from(lines / share).unwrap();
        measure(&format!("50 before line {before}"), || {
            last(50, &Filter::default().before(before))
        });
    }
    let finished = || Filter::default().events(["finished"]);
    measure("the last 50 ends of calls", || last(50, &finished()));
    let stats = |stretch_ms| {
        let stretch_ms = NonZeroI64::new(stretch_ms);
        let stats = audit.stats(&finished(), stretch_ms, &wanted).unwrap();
        usize::try_from(stats.total.calls).unwrap()
    };
    measure("stats", || stats(0));
    measure("stats with stretches of a second", || stats(1_000));
    measure("every line, as for an export", || {
        let mut count = 0;
        audit
            .each(&Filter::default(), &mut |_| {
                count += 1;
                true
            })
            .unwrap();
        count
    });
    measure("verify", || {
        let verification = audit.verify(None, &|| true).unwrap();
        assert!(verification.is_faultless());
        verification.files.len()
    });
    drop(audit);
    measure("a start of axisd", || {
        let audit = open(&home.path().join("state/audit.jsonl"));
        usize::try_from(audit.status().next_seq).unwrap()
    });
}

fn open(path: &Path) -> Audit {
    let audit = Audit::open(path.to_owned(), Arc::new(SystemClock), SyncMode::Interval);
    audit.set_key(Some(Arc::new(Key([7; 32]))));
    audit
}

/// Writes so many lines as calls do, while the log is looked after beside them.
fn write(audit: &Audit, lines: usize) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                audit.tick();
                audit.tidy(&|| true);
                std::thread::park_timeout(Duration::from_millis(100));
            }
        });
        let peer = Peer {
            uid: 1000,
            pid: Some(4242),
            exe: Some("/usr/bin/node".into()),
        };
        let services = [
            (
                "github",
                "repos.get",
                "look up the repository that the user asked about",
            ),
            (
                "openai",
                "responses.create",
                "summarise the thread for the weekly report",
            ),
            (
                "stripe",
                "balance.get",
                "check the balance before the payout",
            ),
            (
                "slack",
                "chat.postMessage",
                "tell the team that the build is green",
            ),
        ];
        let mut times: Vec<Duration> = Vec::with_capacity(lines);
        let mut written = 0;
        let mut nth: u32 = 0;
        while written < lines {
            nth += 1;
            let (service, action, justification) = services[usize::try_from(nth % 4).unwrap()];
            let request_id = format!(
                "{:08x}-0f8f-4d5b-9c1e-{:012x}",
                nth.wrapping_mul(2_654_435_761),
                nth
            );
            let identity = format!("agent-{}", nth % 100);
            let call = CallRecord {
                request_id: &request_id,
                identity: &identity,
                service,
                action,
                justification,
                credential: None,
                approval: None,
                own_socket: false,
                peer: Some(&peer),
            };
            let began = Instant::now();
            if nth.is_multiple_of(20) {
                let reason = "Policy denied: no rule allows it";
                audit.refused(
                    ConnectionId(u64::from(nth)),
                    &call,
                    &Refusal::Deny { reason },
                );
                audit.connection_closed(ConnectionId(u64::from(nth)));
                written += 1;
            } else {
                let started = audit.started(&call).unwrap();
                let end = End {
                    status: Some(200),
                    latency: Duration::from_millis(u64::from(nth % 900)),
                    ..End::default()
                };
                audit.finished(started, &end);
                written += 2;
            }
            times.push(began.elapsed());
        }
        done.store(true, Ordering::Relaxed);
        times.sort_unstable();
        let at = |share: usize| times[(times.len() - 1) * share / 1000];
        println!(
            "both lines of a call, while segments are rotated and compressed: p50 {:?}, p99 {:?}, p99.9 {:?}, most {:?}",
            at(500),
            at(990),
            at(999),
            at(1000)
        );
    });
    audit.tick();
    audit.tidy(&|| true);
}

fn measure(what: &str, mut work: impl FnMut() -> usize) {
    let mut best = Duration::MAX;
    let mut found = 0;
    for _ in 0..REPEATS {
        let began = Instant::now();
        found = work();
        best = best.min(began.elapsed());
    }
    println!("{what}: {best:?} ({found})");
}
