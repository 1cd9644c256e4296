//! The parts of a call, each alone. All but the derivation share the 90 µs that
//! Axis may add to the direct call; `policy.rs` has the policy's and the limits'
//! part, `whole_way.rs` the whole.

#![expect(clippy::expect_used, reason = "a benchmark ends at its first surprise")]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use axisd::audit::{Audit, AuditKey, CallRecord, End, Filter, SyncMode};
use axisd::catalogue::Catalogue;
use axisd::clock::SystemClock;
use axisd::host::BaseUrl;
use axisd::names::{CredentialName, ServiceName};
use axisd::upstream::LeakGuard;
use axisd::vault::{KnownGeneration, NewCredential, Vault};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const PASSWORD: &str = "correct horse battery staple";
const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const SECRET: &str = "ghp_bench0123456789abcdefghijklmnop";

fn main() {
    divan::main();
}

/// A directory that log and keystore accept: closed to others.
fn private_dir() -> TempDir {
    tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .expect("a directory")
}

/// Params to a request: resolve, schema, path, body. Budget: 10 µs.
#[divan::bench(args = ["repos.get", "issues.create", "responses.create"])]
fn build(bencher: Bencher, action: &str) {
    let catalogue = Catalogue::builtin().expect("the built-in services are sound");
    let (service, params) = match action {
        "repos.get" => ("github", r#"{"owner":"octocat","repo":"hello-world"}"#),
        "issues.create" => (
            "github",
            r#"{"owner":"octocat","repo":"hello-world","title":"It does not start","body":"Since yesterday.","labels":["bug"]}"#,
        ),
        _ => (
            "openai",
            r#"{"model":"gpt-5","input":[{"role":"user","content":"Say hello"}],"max_output_tokens":100}"#,
        ),
    };
    bencher.bench(|| {
        let (_, action) = catalogue
            .resolve(black_box(service), action)
            .expect("it is built in");
        action
            .build(params.as_bytes(), None)
            .expect("the params are valid")
    });
}

/// Bytes of a small answer, a large one and one that is saved.
const ANSWERS: [usize; 3] = [1024, 1024 * 1024, 16 * 1024 * 1024];

/// An answer without the secret through the leak guard. Budget: 5 µs for
/// 1 KB, 20 ms for 16 MiB.
#[divan::bench(args = ANSWERS)]
fn leak_guard(bencher: Bencher, bytes: usize) {
    guard_answer(bencher, bytes, &LeakGuard::new(&[SECRET]));
}

/// The same where a vault has so many credentials for the host of the call.
#[divan::bench(args = [2, 4, 8, 16])]
fn leak_guard_of_one_mib_and_many(bencher: Bencher, credentials: usize) {
    let others = other_guards(credentials - 1);
    let guard = LeakGuard::new(&[SECRET]).beside(&others);
    guard_answer(bencher, 1024 * 1024, &guard);
}

/// Guards of secrets that have nothing in common.
fn other_guards(count: usize) -> Vec<Arc<LeakGuard>> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut secret = || {
        let letters = (0..36).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let at = usize::try_from(state % 62).unwrap_or(0);
            LETTERS[at] as char
        });
        letters.collect::<String>()
    };
    let guards = (0..count).map(|_| Arc::new(LeakGuard::new(&[&secret()])));
    guards.collect()
}

/// What that takes once a call. No budget.
#[divan::bench(args = [2, 4, 8, 16])]
fn leak_guard_beside(bencher: Bencher, credentials: usize) {
    let others = other_guards(credentials - 1);
    let guard = LeakGuard::new(&[SECRET]);
    bencher.bench(|| guard.beside(black_box(&others)));
}

/// The same through a guard that knows nothing: what is left is the copy, so the
/// difference is what looking costs.
#[divan::bench(args = ANSWERS)]
fn leak_guard_of_nothing(bencher: Bencher, bytes: usize) {
    guard_answer(bencher, bytes, &LeakGuard::new(&[]));
}

fn guard_answer(bencher: Bencher, bytes: usize, guard: &LeakGuard) {
    let item = r#"{"id":1296269,"full_name":"octocat/hello-world","private":false},"#;
    let text = &item.repeat(bytes / item.len() + 1)[..bytes];
    bencher
        .counter(BytesCount::new(bytes))
        .with_inputs(|| Vec::with_capacity(bytes))
        .bench_values(|mut out| {
            let mut stream = guard.stream();
            stream.push(black_box(text.as_bytes()), &mut out);
            (stream.finish(&mut out), out)
        });
}

/// The forms of a secret, made once for each stored credential. No budget.
#[divan::bench]
fn leak_guard_made() -> LeakGuard {
    LeakGuard::new(&[black_box(SECRET)])
}

/// The same for a signature beside them, made for each signed call. Budget: 300 µs.
#[divan::bench]
fn leak_guard_and_signature(bencher: Bencher) {
    let guard = LeakGuard::new(&[SECRET]);
    let signature = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    bencher.bench(|| guard.and(&[black_box(signature)]));
}

struct BenchKey([u8; 32]);

impl AuditKey for BenchKey {
    fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Both lines of a call, hashed, keyed and with the kernel. Budget: 10 µs, 5 µs
/// a line.
#[divan::bench]
fn audit_started_and_finished(bencher: Bencher) {
    let dir = private_dir();
    let path = dir.path().join("audit.jsonl");
    let audit = Audit::open(path, Arc::new(SystemClock), SyncMode::Interval);
    audit.set_key(Some(Arc::new(BenchKey([7; 32]))));
    let call = CallRecord {
        request_id: "2f1c9a52-3a5e-4f0a-9a53-1f2f6f0e7a11",
        identity: "local-dev",
        service: "github",
        action: "repos.get",
        justification: "to see how many stars it has",
        credential: None,
        approval: None,
        own_socket: false,
        peer: None,
    };
    let end = End {
        status: Some(200),
        latency: Duration::from_millis(1),
        ..End::default()
    };
    bencher.bench_local(|| {
        let started = audit.started(&call).expect("the log is writable");
        audit.finished(started, &end);
    });
}

/// A vault with `credentials` credentials, unlocked.
struct Opened {
    vault: Vault,
    generation: u64,
    runtime: Runtime,
    _dir: TempDir,
}

fn name(number: usize) -> CredentialName {
    let service = format!("service-{number}");
    CredentialName::unlabelled(ServiceName::parse(&service).expect("a name"))
}

impl Opened {
    fn with(credentials: usize) -> Self {
        let dir = private_dir();
        let runtime = Runtime::new().expect("a runtime");
        let vault = Vault::open(dir.path().join("keystore.json"), Arc::new(SystemClock));
        let made = runtime.block_on(vault.init(PASSWORD.into()));
        let mut generation = made.expect("a new vault");
        let base_url = BaseUrl::parse("https://api.example.com").expect("a URL");
        for number in 0..credentials {
            let credential = NewCredential {
                name: name(number),
                secret: SecretString::from(SECRET),
                hosts: vec![base_url.host().clone()],
                base_url: None,
                source: None,
            };
            let added = runtime.block_on(vault.add(PASSWORD.into(), credential, false));
            generation = added.expect("a new credential").generation;
        }
        Self {
            vault,
            generation,
            runtime,
            _dir: dir,
        }
    }
}

/// One PBKDF2 derivation and the check of the file. Budget: 65 ms.
#[divan::bench(sample_count = 20)]
fn derivation(bencher: Bencher) {
    let opened = Opened::with(1);
    bencher.bench_local(|| {
        let verified = opened.vault.verify_password(PASSWORD.into());
        opened.runtime.block_on(verified).expect("it is right");
    });
}

/// Unlocking, whatever is in the vault. Budget: 1.2 × one derivation.
#[divan::bench(args = [1, 20], sample_count = 20)]
fn unlock(bencher: Bencher, credentials: usize) {
    let opened = Opened::with(credentials);
    let known = KnownGeneration::At(opened.generation);
    bencher.bench_local(|| {
        let unlocked = opened.vault.unlock(PASSWORD.into(), known, false);
        opened.runtime.block_on(unlocked).expect("it opens")
    });
}

/// The credential of a call. Budget: 1 µs, however many there are.
#[divan::bench(args = [1, 20])]
fn credential(bencher: Bencher, credentials: usize) {
    let opened = Opened::with(credentials);
    let name = name(credentials - 1);
    bencher.bench(|| {
        opened
            .vault
            .credential(black_box(&name))
            .expect("it is there")
    });
}

/// 1,000 lines of the log looked at by one field. Budget: 300 µs, so that a
/// million are through in 300 ms.
#[divan::bench]
fn filter_1000_log_lines(bencher: Bencher) {
    let hash = "0".repeat(64);
    let line = format!(
        r#"{{"seq":41,"event":"finished","timestamp":"2026-01-15T10:30:00.000Z","request_id":"2f1c9a52-3a5e-4f0a-9a53-1f2f6f0e7a11","identity":"local-dev","service":"github","action":"repos.get","decision":"allow","justification":"to see how many stars it has","latency_ms":342,"status":200,"peer":{{"uid":1000,"pid":4242,"exe":"/usr/bin/node"}},"prev":"{hash}","hash":"{hash}","mac":"{hash}"}}"#
    );
    let filter = Filter::default().field("service", "stripe");
    bencher.bench(|| {
        let lines = (0..1000).filter(|_| filter.takes(black_box(line.as_bytes())));
        lines.count()
    });
}
