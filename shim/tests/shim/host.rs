//! An MCP host that speaks to the shim over two pipes and takes nothing but
//! JSON-RPC from it.

use std::time::Duration;

use axis_shim::{Settings, ShimError};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

pub struct Host {
    pub input: Option<DuplexStream>,
    output: BufReader<DuplexStream>,
    shim: JoinHandle<Result<(), ShimError>>,
    next_id: i64,
}

impl Host {
    pub fn start(settings: Settings) -> Self {
        let (input, shim_input) = tokio::io::duplex(64 * 1024);
        let (shim_output, output) = tokio::io::duplex(64 * 1024);
        Self {
            input: Some(input),
            output: BufReader::new(output),
            shim: tokio::spawn(axis_shim::run(shim_input, shim_output, settings)),
            next_id: 1,
        }
    }

    /// A host after its handshake.
    pub async fn open(settings: Settings) -> Self {
        let mut host = Self::start(settings);
        host.handshake("2025-11-25").await;
        host
    }

    pub async fn handshake(&mut self, version: &str) -> Value {
        let answer = self
            .request(
                "initialize",
                json!({
                    "protocolVersion": version,
                    "capabilities": {},
                    "clientInfo": {"name": "test", "version": "1"},
                }),
            )
            .await;
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await;
        answer
    }

    pub async fn raw(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).await.unwrap();
    }

    pub async fn send(&mut self, message: &Value) {
        self.raw(format!("{message}\n").as_bytes()).await;
    }

    /// The next message, whichever it is.
    pub async fn receive(&mut self) -> Value {
        let line = self.receive_text().await;
        let message: Value = serde_json::from_str(&line).expect("something other than JSON-RPC");
        assert_eq!(message["jsonrpc"], "2.0", "{line}");
        message
    }

    /// The next line as it is written.
    pub async fn receive_text(&mut self) -> String {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.output.read_line(&mut line))
            .await
            .expect("the shim answers nothing")
            .unwrap();
        assert!(read > 0, "the shim has closed its output");
        line
    }

    /// Everything that is still written until the shim closes its output.
    pub async fn rest(&mut self) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            let mut line = String::new();
            let read = timeout(PATIENCE, self.output.read_line(&mut line))
                .await
                .expect("the shim does not end")
                .unwrap();
            if read == 0 {
                return messages;
            }
            messages.push(serde_json::from_str(&line).unwrap());
        }
    }

    pub async fn post(&mut self, method: &str, params: Value) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
            .await;
        id
    }

    pub async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.post(method, params).await;
        loop {
            let message = self.receive().await;
            if message["id"] == id {
                return message;
            }
            assert!(
                message.get("method").is_some(),
                "an answer to nothing: {message}"
            );
        }
    }

    pub async fn tool(&mut self, name: &str, arguments: Value) -> Value {
        self.request("tools/call", json!({"name": name, "arguments": arguments}))
            .await["result"]
            .clone()
    }

    /// The description of `execute_action`.
    pub async fn description(&mut self) -> String {
        let listed = self.request("tools/list", json!({})).await;
        listed["result"]["tools"][0]["description"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Closes stdin and stdout's other end, and waits for the shim's end.
    pub async fn close(mut self) -> Result<(), ShimError> {
        self.input = None;
        drop(self.output);
        timeout(PATIENCE, self.shim)
            .await
            .expect("the shim does not end")
            .unwrap()
    }

    /// Closes stdout alone.
    pub async fn stop_reading(self) -> (Option<DuplexStream>, Result<(), ShimError>) {
        drop(self.output);
        let ended = timeout(PATIENCE, self.shim)
            .await
            .expect("the shim does not end")
            .unwrap();
        (self.input, ended)
    }
}

/// Good arguments of `execute_action`.
pub fn a_call() -> Value {
    json!({
        "service": "github",
        "action": "repos.get",
        "justification": "a test",
        "params": {"owner": "octocat"},
    })
}

/// The one object of an answer, after checking that text and structured
/// content are the same.
pub fn object(result: &Value) -> Value {
    let content = result["content"].as_array().unwrap();
    assert_eq!(content.len(), 1, "{result}");
    assert_eq!(content[0]["type"], "text");
    let text = content[0]["text"].as_str().unwrap();
    let object: Value = serde_json::from_str(text).unwrap();
    assert!(object.is_object());
    assert_eq!(result["structuredContent"], object);
    object
}
