//! What axisd wrote, and what whoever lacks its key can make of that.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axisd::audit::{
    Act, AdminAct, ApprovalRecord, Audit, AuditKey, CallRecord, ConnectionId, End, Refusal, Stage,
};
use sha2::{Digest, Sha256};

use super::super::Bytes;
use super::home::Home;

/// Identity, service and action of every call.
pub const CALL: [&str; 3] = ["local-dev", "openai", "responses.create"];

/// Records of a vault's first hours, without their newlines.
pub static WRITTEN: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let home = Home::new();
    write(&home.open());
    let lines = home
        .log()
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect::<Vec<_>>();
    lines.into_iter().filter(|line| !line.is_empty()).collect()
});

/// Bytes of an input that stand for a line of [`WRITTEN`], whose number follows:
/// as it is; with one byte changed, whose place in two bytes and value follow;
/// without its MAC. And the one that begins the next file.
const LINE: u8 = 0xff;
const EDITED: u8 = 0xfe;
const UNSEALED: u8 = 0xfd;
const NEXT_FILE: u8 = 0xfc;
/// More of them make an input slow and no richer.
const MOST_LINES: usize = 64;

const PREV: &[u8] = br#","prev":""#;
const MAC: &[u8] = br#","mac":""#;
/// Length of `,"mac":"<64>"}`.
const MAC_BYTES: usize = MAC.len() + 64 + 2;

struct Fixed([u8; 32]);

impl AuditKey for Fixed {
    fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The audit key.
pub fn key() -> Arc<dyn AuditKey> {
    Arc::new(Fixed([7; 32]))
}

/// A call of that number.
pub fn call(request_id: &str) -> CallRecord<'_> {
    let [identity, service, action] = CALL;
    CallRecord {
        request_id,
        identity,
        service,
        action,
        justification: "to see what comes",
        credential: None,
        approval: None,
        own_socket: false,
        peer: None,
    }
}

fn write(audit: &Audit) {
    let admin = |act: Act, generation| {
        let act = AdminAct {
            generation,
            ..act.into()
        };
        audit.admin(&act).expect("a log");
    };
    let make = |request_id: &str, error| {
        let started = audit.started(&call(request_id)).expect("a log");
        let end = End {
            error,
            status: Some(200),
            latency: Duration::from_millis(342),
            redacted: 1,
        };
        audit.finished(started, &end);
    };
    admin(Act::DaemonStarted, None);
    audit.set_key(Some(key()));
    admin(Act::Init, None);
    admin(Act::Keystore, Some(3));
    make("a", None);
    let reason = "Policy denied; try again in 9s";
    audit.refused(ConnectionId(1), &call("b"), &Refusal::Deny { reason });
    audit.approval(&ApprovalRecord {
        approval: "ap-1",
        stage: Stage::Asked,
        call: call("c"),
        by: None,
        lasts: None,
        reason: None,
    });
    admin(Act::Lock, None);
    audit.set_key(None);
    admin(Act::WrongPassword, None);
    audit.set_key(Some(key()));
    admin(Act::Unlock, Some(3));
    make("d", Some("upstream_error"));
}

/// Whether axisd gave `line` its MAC.
pub fn is_sealed(line: &[u8]) -> bool {
    has_mac(line) && WRITTEN.iter().any(|it| it == line)
}

/// Whether `line` ends in a MAC, be it a wrong one.
pub fn has_mac(line: &[u8]) -> bool {
    let before = line.len().checked_sub(MAC_BYTES);
    before.is_some_and(|at| line[at..].starts_with(MAC) && line.ends_with(b"\"}"))
}

/// `line` without its MAC, and without the brace at its end.
pub fn open(line: &[u8]) -> &[u8] {
    if has_mac(line) {
        return &line[..line.len() - MAC_BYTES];
    }
    line.strip_suffix(b"}").unwrap_or(line)
}

/// The files that an input describes.
pub fn files(input: &[u8], rehashed: bool) -> Vec<Vec<u8>> {
    let mut files = vec![Vec::new()];
    let mut input = Bytes(input);
    let mut lines = 0;
    while !input.0.is_empty() {
        let byte = input.byte();
        let file = files.last_mut().expect("one at least");
        if !matches!(byte, LINE | EDITED | UNSEALED | NEXT_FILE) {
            file.push(byte);
            continue;
        }
        lines += 1;
        if lines > MOST_LINES {
            break;
        }
        if byte == NEXT_FILE {
            files.push(Vec::new());
            continue;
        }
        let nth = usize::from(input.byte()) % WRITTEN.len();
        let mut line = WRITTEN[nth].clone();
        match byte {
            EDITED => {
                let at = input.short() % line.len();
                line[at] = input.byte();
            }
            UNSEALED => {
                line = open(&line).to_vec();
                line.push(b'}');
            }
            _ => {}
        }
        file.extend_from_slice(&line);
        file.push(b'\n');
    }
    if rehashed {
        rehash(&mut files);
    }
    files
}

/// Gives each record the hashes that fit it, as anyone can; MACs stay.
fn rehash(files: &mut [Vec<u8>]) {
    let mut prev = "0".repeat(64);
    for file in files {
        let mut text = Vec::with_capacity(file.len());
        for line in file.split_inclusive(|byte| *byte == b'\n') {
            let (line, end) = match line.strip_suffix(b"\n") {
                Some(line) => (line, &b"\n"[..]),
                None => (line, &b""[..]),
            };
            let open = open(line);
            let mac = if has_mac(line) {
                &line[open.len()..]
            } else {
                b"}"
            };
            let at = open.windows(PREV.len()).rposition(|window| window == PREV);
            let body = &open[..at.unwrap_or(open.len())];
            if !body.starts_with(b"{") {
                text.extend_from_slice(line);
                text.extend_from_slice(end);
                continue;
            }
            let digest = Sha256::new().chain_update(&prev);
            let hash = hex::encode(digest.chain_update(body).chain_update(b"}").finalize());
            text.extend_from_slice(body);
            text.extend_from_slice(format!(r#","prev":"{prev}","hash":"{hash}""#).as_bytes());
            text.extend_from_slice(mac);
            text.extend_from_slice(end);
            prev = hash;
        }
        *file = text;
    }
}
