//! The agent of the demo: the real shim, started and spoken to as an MCP host
//! does it, with all that came out of it kept.

use std::env;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::IDENTITY;
use super::child::OwnedChild;
use crate::failure::{Exit, Failure};

/// How long the shim may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A running `axis mcp` and the host's side of its pipes.
pub struct Agent {
    shim: OwnedChild,
    to_shim: ChildStdin,
    from_shim: Lines<BufReader<ChildStdout>>,
    stderr: JoinHandle<Vec<u8>>,
    stdout: Vec<u8>,
    environment: Vec<(String, String)>,
    next_id: u64,
}

/// All that the agent's side ever got.
pub struct Transcript {
    /// What the shim wrote to the host.
    pub stdout: Vec<u8>,
    /// What the shim wrote beside it.
    pub stderr: Vec<u8>,
}

impl Agent {
    /// Starts the shim with an environment that has nothing but what it needs.
    pub fn start(home: &Path) -> Result<Self, Failure> {
        let program = env::current_exe().map_err(|error| {
            Failure::new(
                Exit::Failed,
                format!("this program's own path is not known: {error}"),
            )
        })?;
        let environment = vec![
            ("AXIS_HOME".to_owned(), home.display().to_string()),
            ("AXIS_IDENTITY".to_owned(), IDENTITY.to_owned()),
            // A second daemon would outlive the demo.
            ("AXIS_AUTOSTART".to_owned(), "0".to_owned()),
        ];
        let mut shim = OwnedChild::start(
            Command::new(program)
                .arg("mcp")
                .env_clear()
                .envs(environment.iter().map(|(name, value)| (name, value)))
                .current_dir("/")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped()),
        )
        .map_err(|error| Failure::new(Exit::Failed, format!("can't start axis mcp: {error}")))?;
        let (Some(to_shim), Some(stdout), Some(mut stderr)) = shim.pipes() else {
            return Err(Failure::new(Exit::Failed, "axis mcp has no pipes"));
        };
        let stderr = tokio::spawn(async move {
            let mut said = Vec::new();
            // What came before a broken pipe counts too.
            let _ = stderr.read_to_end(&mut said).await;
            said
        });
        Ok(Self {
            shim,
            to_shim,
            from_shim: BufReader::new(stdout).lines(),
            stderr,
            stdout: Vec::new(),
            environment,
            next_id: 1,
        })
    }

    /// The handshake of MCP.
    pub async fn initialize(&mut self) -> Result<Value, Failure> {
        let answer = self
            .request(
                "initialize",
                json!({
                    "protocolVersion": "2025-06-18",
                    "capabilities": {},
                    "clientInfo": {"name": "axis-demo", "version": env!("CARGO_PKG_VERSION")},
                }),
            )
            .await?;
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await?;
        Ok(answer)
    }

    /// The names of the tools that the agent sees.
    pub async fn tools(&mut self) -> Result<Vec<String>, Failure> {
        let answer = self.request("tools/list", json!({})).await?;
        Ok(answer["tools"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|tool| tool["name"].as_str().map(str::to_owned))
            .collect())
    }

    /// One `execute_action`; the answer is the object that the agent reads.
    pub async fn call(&mut self, arguments: &Value) -> Result<Value, Failure> {
        let answer = self
            .request(
                "tools/call",
                json!({"name": "execute_action", "arguments": arguments}),
            )
            .await?;
        let text = answer["content"][0]["text"].as_str().unwrap_or_default();
        serde_json::from_str(text).map_err(|_| {
            Failure::new(Exit::Failed, "axis mcp gave an answer that is no object")
                .because(answer.to_string())
        })
    }

    /// The environment of the shim as its neighbours can read it, or none
    /// where the system refuses to show it.
    pub fn environment_as_read(&self) -> Option<Vec<u8>> {
        let pid = self.shim.pid()?;
        std::fs::read(format!("/proc/{pid}/environ")).ok()
    }

    /// The environment of the shim as it was given.
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// Closes the shim's stdin, as a host does at its end.
    pub async fn end(self) -> Result<Transcript, Failure> {
        let Self {
            shim,
            to_shim,
            mut from_shim,
            stderr,
            mut stdout,
            ..
        } = self;
        drop(to_shim);
        let failed = |error: std::io::Error| {
            Failure::new(Exit::Failed, format!("axis mcp can't be read: {error}"))
        };
        let rest = async {
            while let Some(line) = from_shim.next_line().await? {
                stdout.extend_from_slice(line.as_bytes());
                stdout.push(b'\n');
            }
            Ok(())
        };
        timeout(ANSWER_TIMEOUT, rest)
            .await
            .map_err(|_| Failure::new(Exit::Failed, "axis mcp goes on after its stdin was closed"))?
            .map_err(failed)?;
        shim.wait_or_kill().await.map_err(failed)?;
        let stderr = stderr.await.unwrap_or_default();
        Ok(Transcript { stdout, stderr })
    }

    async fn request(&mut self, method: &str, params: Value) -> Result<Value, Failure> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
            .await?;
        timeout(ANSWER_TIMEOUT, self.answer_to(id))
            .await
            .unwrap_or_else(|_| {
                Err(Failure::new(
                    Exit::Failed,
                    format!(
                        "axis mcp didn't answer {method} within {} s",
                        ANSWER_TIMEOUT.as_secs()
                    ),
                ))
            })
    }

    async fn send(&mut self, message: &Value) -> Result<(), Failure> {
        let line = format!("{message}\n");
        self.to_shim
            .write_all(line.as_bytes())
            .await
            .map_err(|_| Failure::new(Exit::Failed, "axis mcp ended before the demo was over"))
    }

    async fn answer_to(&mut self, id: u64) -> Result<Value, Failure> {
        loop {
            let line = self
                .from_shim
                .next_line()
                .await
                .ok()
                .flatten()
                .ok_or_else(|| {
                    Failure::new(Exit::Failed, "axis mcp ended before the demo was over")
                })?;
            self.stdout.extend_from_slice(line.as_bytes());
            self.stdout.push(b'\n');
            let mut message: Value = serde_json::from_str(&line).map_err(|_| {
                Failure::new(Exit::Failed, "axis mcp wrote something that is no JSON-RPC")
                    .because(line)
            })?;
            if message["id"] != id {
                continue; // a notification
            }
            if message.get("error").is_some() {
                return Err(
                    Failure::new(Exit::Failed, "axis mcp answered with an error")
                        .because(message["error"].to_string()),
                );
            }
            return Ok(message["result"].take());
        }
    }
}
