//! What the processes take: memory, time to start, time to unlock.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axis_proto::{socket, v1};
use axis_tests::{Home, PASSWORD, binary, wait_for};

use super::calls::{self, LineHost};
use super::figure;

const SHIMS: usize = 1_000;
const CREDENTIALS: usize = 20;

/// `axis mcp` in `home`.
pub fn shim_command(home: &Home) -> Command {
    let mut command = home.command("axis");
    command.arg("mcp").env("AXIS_IDENTITY", "local-dev");
    command
}

/// From the start of a shim to its answer to `tools/list`.
pub fn start_of_shim(home: &Home) {
    let start = median(21, || {
        let began = Instant::now();
        LineHost::start(shim_command(home)).list_tools();
        began.elapsed()
    });
    figure(
        "shim: start to tools/list (budget 4)",
        milliseconds(start),
        "ms",
    );
}

/// The memory of a shim after its calls.
pub fn shim(home: &Home) {
    let mut host = LineHost::start(shim_command(home));
    host.list_tools();
    for _ in 0..100 {
        host.call();
    }
    figure("shim: RSS (budget 6)", resident(host.pid()), "MiB");
    figure(
        "    of it its own, not the binaries' pages",
        memory_of(host.pid(), "RssAnon:"),
        "MiB",
    );
}

/// The memory of the daemon: idle before any call, after the calls, and with
/// many shims connected.
pub fn daemon(home: &Home, idle: f64) {
    let pid = home.pid().unwrap();
    figure("axisd: RSS before any call (budget 16)", idle, "MiB");
    figure("axisd: RSS after the calls", resident(pid), "MiB");
    let shims: Vec<Child> = (0..SHIMS)
        .map(|_| {
            // each connects by itself after the handshake
            let mut shim = shim_command(home)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            calls::shake_hands(shim.stdin.as_mut().unwrap());
            shim
        })
        .collect();
    wait_for("all shims to be connected", || {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        (open.count() >= SHIMS).then_some(())
    });
    figure(
        "axisd: RSS with 1,000 connected shims (budget 80)",
        resident(pid),
        "MiB",
    );
    for mut shim in shims {
        shim.kill().unwrap();
        shim.wait().unwrap();
    }
}

/// The size of the binaries.
pub fn binaries() {
    for name in ["axis", "axisd"] {
        let bytes = std::fs::metadata(binary(name)).unwrap().len();
        figure(
            &format!("{name}: size of the binary"),
            bytes as f64 / f64::from(1 << 20),
            "MiB",
        );
    }
}

/// Unlock to the first call answered, of an axisd that started locked, beside
/// one derivation by the same axisd.
pub fn unlock(home: &Home) {
    for number in 1..CREDENTIALS {
        let label = format!("number-{number}");
        let add = ["add", "github", "--label", &label, "--stdin", "--no-check"];
        home.axis_fed(&add, "ghp_another0123456789abcdef\n").ok();
    }
    home.kill();
    let daemon = home.axisd(&[]);
    home.wait_until_up();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (derivation, unlocked) = runtime.block_on(async {
        let mut admin = socket::admin_client(&home.file("run/admin.sock")).unwrap();
        let broker = calls::client(&home.file("run/broker.sock"));
        let mut unlocks = Vec::new();
        let mut derivations = Vec::new();
        for _ in 0..11 {
            let began = Instant::now();
            let request = v1::UnlockRequest {
                master_password: PASSWORD.into(),
                ..Default::default()
            };
            admin.unlock(request).await.unwrap();
            calls::execute(broker.clone()).await;
            unlocks.push(began.elapsed());
            let began = Instant::now();
            let request = v1::VerifyPasswordRequest {
                master_password: PASSWORD.into(),
            };
            admin.verify_password(request).await.unwrap();
            derivations.push(began.elapsed());
            admin.lock(v1::LockRequest {}).await.unwrap();
        }
        (middle(derivations), middle(unlocks))
    });
    drop(daemon);
    figure(
        "one derivation, asked over gRPC",
        milliseconds(derivation),
        "ms",
    );
    figure(
        &format!("unlock of {CREDENTIALS} credentials to the first answer"),
        milliseconds(unlocked),
        "ms",
    );
    figure(
        "    as a multiple of the derivation (budget 1.2)",
        unlocked.as_secs_f64() / derivation.as_secs_f64(),
        "x",
    );
}

/// The resident memory of a process, in MiB.
pub fn resident(pid: u32) -> f64 {
    memory_of(pid, "VmRSS:")
}

fn memory_of(pid: u32, field: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes: f64 = line
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.parse().ok())
        .unwrap();
    kibibytes / 1024.0
}

fn median(times: usize, measure: impl FnMut() -> Duration) -> Duration {
    middle(std::iter::repeat_with(measure).take(times).collect())
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
