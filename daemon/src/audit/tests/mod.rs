//! The audit against full disks, editors, thieves and power cuts.

mod counting;
mod crashes;
mod disk;
mod edits;
mod flood;
mod forged;
mod format;
mod past;
mod pinning;
mod pruning;
mod recovery;
mod rotation;
mod segments;
mod strangers;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::{
    Act, AdminAct, Audit, AuditKey, CallRecord, ConnectionId, End, FileReport, Filter, Peer,
    Refusal, SyncMode, whole,
};
use crate::clock::ManualClock;

impl AuditKey for Zeroizing<[u8; 32]> {
    fn bytes(&self) -> &[u8; 32] {
        self
    }
}

const KEY: [u8; 32] = [7; 32];
const CONNECTION: ConnectionId = ConnectionId(1);

fn key() -> Arc<dyn AuditKey> {
    Arc::new(Zeroizing::new(KEY))
}

fn peer() -> Peer {
    Peer {
        uid: 1000,
        pid: Some(4242),
        exe: Some("/usr/bin/node".into()),
    }
}

fn call(request_id: &str) -> CallRecord<'_> {
    CallRecord {
        request_id,
        identity: "local-dev",
        service: "openai",
        action: "responses.create",
        justification: "to answer the question",
        credential: None,
        approval: None,
        own_socket: false,
        peer: None,
    }
}

fn success() -> End {
    End {
        status: Some(200),
        latency: Duration::from_millis(342),
        ..End::default()
    }
}

fn failure() -> End {
    End {
        error: Some("upstream_error"),
        status: Some(500),
        ..End::default()
    }
}

/// A directory with a log in it, and a clock.
struct Home {
    directory: TempDir,
    clock: Arc<ManualClock>,
}

impl Home {
    fn new() -> Self {
        let clock = ManualClock::starting_at("2026-01-15T10:30:00Z".parse().unwrap());
        let directory = TempDir::new().unwrap();
        chmod(directory.path(), 0o700);
        Self {
            directory,
            clock: Arc::new(clock),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("audit.jsonl")
    }

    /// A start of axisd, up to where the vault would be unlocked.
    fn open(&self) -> Audit {
        Audit::open(self.path(), self.clock.clone(), SyncMode::Interval)
    }

    fn open_unlocked(&self) -> Audit {
        let audit = self.open();
        audit.set_key(Some(key()));
        audit
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path()).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "no torn end");
        text.lines().map(str::to_owned).collect()
    }

    fn records(&self) -> Vec<serde_json::Value> {
        let parse = |line: &String| serde_json::from_str(line).unwrap();
        self.lines().iter().map(parse).collect()
    }

    /// Of each line the act, or the event and the request.
    fn outline(&self) -> Vec<String> {
        let word = |record: &serde_json::Value| match record["act"].as_str() {
            Some(act) => act.to_owned(),
            None => format!(
                "{} {}",
                record["event"].as_str().unwrap(),
                record["request_id"].as_str().unwrap()
            ),
        };
        self.records().iter().map(word).collect()
    }

    /// The files beside the log.
    fn beside(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| *path != self.path())
            .collect();
        files.sort();
        files
    }

    /// What a verification of the log says that knows nothing of a running axisd.
    fn verified(&self, with_key: bool) -> FileReport {
        verified_at(&self.path(), with_key)
    }

    /// Nothing is wrong but that a file was lost or left, which it says.
    #[track_caller]
    fn assert_gap(&self) {
        let fault = verified_at(&self.path(), true).fault;
        let fault = fault.expect("what is missing is a fault");
        assert!(fault.contains("line 1: it goes on with record"), "{fault}");
    }

    fn assert_intact(&self) {
        assert_eq!(self.verified(true).fault, None, "{:#?}", self.lines());
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn verified_at(path: &Path, with_key: bool) -> FileReport {
    let key = with_key.then(key);
    whole::report_alone(path, key.as_deref())
}

/// What the running axisd says of its files.
fn verified(audit: &Audit) -> Vec<FileReport> {
    audit.verify(None, &|| true).unwrap().files
}

/// The last lines, all of which can be read.
fn last(audit: &Audit, n: usize) -> Vec<Bytes> {
    let found = audit.last(n, &Filter::default(), &|| true).unwrap();
    assert!(found.unread.is_none(), "{:?}", found.unread);
    found.lines
}

/// A whole call.
fn make(audit: &Audit, request_id: &str, end: &End) {
    let started = audit.started(&call(request_id)).unwrap();
    audit.finished(started, end);
}

fn deny(audit: &Audit, connection: ConnectionId, request_id: &str) {
    let reason = "Policy denied";
    audit.refused(connection, &call(request_id), &Refusal::Deny { reason });
}

fn keystore(generation: u64) -> AdminAct<'static> {
    AdminAct {
        generation: Some(generation),
        ..Act::Keystore.into()
    }
}

/// Two starts and a few calls: 8 records.
fn filled() -> Home {
    let home = Home::new();
    let audit = home.open();
    audit.admin(&Act::DaemonStarted.into()).unwrap();
    audit.set_key(Some(key()));
    audit.admin(&keystore(3)).unwrap();
    make(&audit, "a", &success());
    drop(audit);
    let audit = home.open_unlocked();
    make(&audit, "b", &failure());
    deny(&audit, CONNECTION, "c");
    audit.set_key(None);
    audit.note(&Act::WrongPassword.into());
    home
}
