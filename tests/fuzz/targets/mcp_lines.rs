//! What an MCP host may write to the shim.
//!
//! - Whatever comes, the shim ends soon after its input has, and never panics.
//! - Each line that it writes is one JSON-RPC message.
//! - No request is answered twice, and nothing is answered that wasn't asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use axis_shim::Settings;
use axis_shim::files::Reach;
use axis_shim::settings::{Identity, Password};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::runtime::Builder;
use tokio::time::timeout;

/// How long a session may take: no axisd is there, so nothing is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes: what comes on stdin. In place of an axisd there is nothing.
pub fn run(data: &[u8]) {
    let settings = Settings {
        identity: Identity::Named("fuzz".into()),
        broker_socket: Ok(PathBuf::from("/nonexistent/broker.sock")),
        admin_socket: None,
        autostart: false,
        // what it may name is this machine's
        files: Ok(Reach::Nowhere),
        password: Password::Absent,
    };
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let input = data.to_vec();
    let written = runtime.block_on(async {
        let (output, mut host) = tokio::io::duplex(1 << 20);
        let session = tokio::spawn(axis_shim::run(
            std::io::Cursor::new(input),
            output,
            settings,
        ));
        let mut written = Vec::new();
        let read = timeout(PATIENCE, host.read_to_end(&mut written)).await;
        read.expect("the session doesn't end").expect("a pipe");
        // a host that never opens the session is no fault of the shim's
        let _ = session.await.expect("the session panicked");
        written
    });
    answered(data, &written);
}

fn answered(asked: &[u8], written: &[u8]) {
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for line in written
        .split(|byte| *byte == b'\n')
        .filter(|it| !it.is_empty())
    {
        let message: Value = serde_json::from_slice(line)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(line)));
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        let is_answer = message.get("result").is_some() != message.get("error").is_some();
        assert!(is_answer || message["method"].is_string(), "{message}");
        if is_answer {
            assert!(message.get("id").is_some(), "{message}");
            *answers.entry(message["id"].to_string()).or_default() += 1;
        }
    }
    assert!(
        written.is_empty() || written.ends_with(b"\n"),
        "half a line"
    );
    // a line has one answer, but for a batch, which has one for each request in it
    let lines = asked.split(|byte| *byte == b'\n').count();
    let is_batch = asked.contains(&b'[');
    let count: usize = answers.values().sum();
    assert!(
        is_batch || count <= lines,
        "{count} answers to {lines} lines"
    );
    for id in answers.keys().filter(|id| *id != "null") {
        let text = String::from_utf8_lossy(asked);
        let plain = id.trim_matches('"');
        let is_plain = plain.bytes().all(|b| b.is_ascii_alphanumeric());
        assert!(
            !is_plain || text.contains(plain) || text.contains("\\u"),
            "{id} wasn't asked"
        );
    }
}
