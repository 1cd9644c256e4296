//! The calls that are measured: each makes one and looks at its answer.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use axis_proto::v1::broker_client::BrokerClient;
use axis_proto::{socket, v1};
use bytes::Bytes;
use serde_json::json;
use tonic::transport::Channel;

/// The credential of the benchmark.
pub const SECRET: &str = "ghp_bench0123456789abcdef";

/// A client of a broker socket.
pub type Client = BrokerClient<Channel>;

/// A client of the socket at `path`.
pub fn client(path: &Path) -> Client {
    socket::broker_client(path).unwrap()
}

/// A client for [`fetch`].
pub fn http_client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Straight to the upstream at `url`.
pub async fn fetch(client: &reqwest::Client, url: &str) -> Bytes {
    let request = client.get(url).bearer_auth(SECRET);
    let body = request.send().await.unwrap().bytes().await.unwrap();
    assert!(body.len() > 1000);
    body
}

/// The gRPC hop with nearly nothing behind it.
pub async fn list_one_action(mut client: Client) {
    client
        .list_actions(v1::ListActionsRequest {
            identity: "local-dev".into(),
            service: Some("github".into()),
            action: Some("repos.get".into()),
        })
        .await
        .unwrap();
}

/// One call over gRPC; its result.
pub async fn execute(mut client: Client) -> Bytes {
    let call = v1::ExecuteRequest {
        part: Some(v1::execute_request::Part::Call(v1::Call {
            identity: "local-dev".into(),
            service: "github".into(),
            action: "repos.get".into(),
            justification: "bench".into(),
            params: r#"{"owner":"a","repo":"b"}"#.into(),
            client_version: axis_proto::VERSION.into(),
            ..v1::Call::default()
        })),
    };
    let answers = client.execute(tokio_stream::once(call)).await;
    let mut answers = answers.unwrap().into_inner();
    let Some(v1::execute_response::Part::Outcome(outcome)) =
        answers.message().await.unwrap().unwrap().part
    else {
        panic!("no outcome");
    };
    assert!(answers.message().await.unwrap().is_none(), "it ends");
    match outcome.end {
        Some(v1::outcome::End::Success(success)) => success.result,
        other => panic!("{other:?}"),
    }
}

/// The host's side of the handshake, in one write.
pub fn shake_hands(shim: &mut ChildStdin) {
    let hello = json!({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}});
    let initialized = json!({"jsonrpc":"2.0","method":"notifications/initialized"});
    shim.write_all(format!("{hello}\n{initialized}\n").as_bytes())
        .unwrap();
}

/// An MCP host with as little in it as there can be: a line out, a line in.
pub struct LineHost {
    shim: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    call: String,
    answer: String,
}

impl LineHost {
    /// Starts `shim` and shakes hands.
    pub fn start(mut shim: Command) -> Self {
        let mut shim = shim
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let call = json!({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"execute_action","arguments":{"service":"github","action":"repos.get","justification":"bench","params":{"owner":"a","repo":"b"}}}});
        let mut host = Self {
            stdin: shim.stdin.take().unwrap(),
            stdout: BufReader::new(shim.stdout.take().unwrap()),
            shim,
            call: format!("{call}\n"),
            answer: String::new(),
        };
        shake_hands(&mut host.stdin);
        host.read_until("serverInfo");
        host
    }

    /// The shim's process.
    pub fn pid(&self) -> u32 {
        self.shim.id()
    }

    /// Asks for the tools.
    pub fn list_tools(&mut self) {
        let list = json!({"jsonrpc":"2.0","id":2,"method":"tools/list"});
        self.send(&format!("{list}\n"));
        self.read_until("\"id\":2");
    }

    /// One call over MCP.
    pub fn call(&mut self) {
        let call = std::mem::take(&mut self.call);
        self.send(&call);
        self.call = call;
        self.read_until("\"id\":1");
        assert!(self.answer.contains("xxxx"), "{}", self.answer);
    }

    fn send(&mut self, line: &str) {
        self.stdin.write_all(line.as_bytes()).unwrap();
    }

    fn read_until(&mut self, word: &str) {
        loop {
            self.answer.clear();
            assert!(self.stdout.read_line(&mut self.answer).unwrap() > 0);
            if self.answer.contains(word) {
                return;
            }
        }
    }
}

impl Drop for LineHost {
    fn drop(&mut self) {
        let _ = self.shim.kill();
        let _ = self.shim.wait();
    }
}
