//! An MCP host: it starts the real shim and speaks JSON-RPC lines to it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Home, PATIENCE, wait_for};

/// A host with one running shim.
pub struct Host {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    unread: VecDeque<Value>,
    stderr: Arc<Mutex<Vec<u8>>>,
    /// Everything the shim wrote to stdout.
    pub transcript: String,
    next_id: u64,
}

impl Host {
    /// Starts `axis mcp` in `home` as `identity`, and shakes hands.
    pub fn connect(home: &Home, identity: &str) -> Self {
        let mut command = home.command("axis");
        command.arg("mcp").env("AXIS_IDENTITY", identity);
        let mut host = Self::spawn(command);
        host.initialize("2025-06-18");
        host
    }

    /// Starts `command` without shaking hands.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the shim starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let mut pipe = child.stderr.take().expect("stderr is piped");
        let copy = stderr.clone();
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut chunk) {
                copy.lock().unwrap().extend_from_slice(&chunk[..length]);
            }
        });
        Self {
            stdin: child.stdin.take(),
            child,
            lines,
            unread: VecDeque::new(),
            stderr,
            transcript: String::new(),
            next_id: 0,
        }
    }

    /// The handshake; the server's answer.
    pub fn initialize(&mut self, version: &str) -> Value {
        let answer = self.request(
            "initialize",
            &json!({
                "protocolVersion": version,
                "capabilities": {},
                "clientInfo": {"name": "axis-tests", "version": "1"}
            }),
        );
        self.notify("notifications/initialized", &json!({}));
        answer
    }

    /// Sends raw bytes.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(bytes).expect("the shim reads");
        stdin.flush().expect("the shim reads");
    }

    /// Sends a request and returns its id, without waiting.
    pub fn send(&mut self, method: &str, params: &Value) -> u64 {
        self.next_id += 1;
        let id = self.next_id;
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.send_raw(format!("{message}\n").as_bytes());
        id
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: &Value) {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        self.send_raw(format!("{message}\n").as_bytes());
    }

    /// Sends a request and waits for its answer, `result` or `error` in it.
    pub fn request(&mut self, method: &str, params: &Value) -> Value {
        let id = self.send(method, params);
        self.answer(id)
    }

    /// Waits for the answer to the request `id`.
    pub fn answer(&mut self, id: u64) -> Value {
        self.message(&format!("the answer to request {id}"), |message| {
            message["id"] == id && message.get("method").is_none()
        })
    }

    /// The same, for an answer that takes its time.
    pub fn answer_within(&mut self, id: u64, time: Duration) -> Value {
        self.message_within(time, &format!("the answer to request {id}"), |message| {
            message["id"] == id && message.get("method").is_none()
        })
    }

    /// Waits for a message that `wanted` picks; others are kept for later.
    pub fn message(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.message_within(PATIENCE, what, wanted)
    }

    fn message_within(
        &mut self,
        time: Duration,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        if let Some(at) = self.unread.iter().position(&wanted) {
            return self.unread.remove(at).expect("it is there");
        }
        let deadline = Instant::now() + time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self
                .lines
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("waited in vain for {what}; stderr: {}", self.stderr()));
            self.transcript.push_str(&line);
            self.transcript.push('\n');
            let message: Value = serde_json::from_str(&line)
                .unwrap_or_else(|error| panic!("not JSON on stdout ({error}): {line}"));
            if wanted(&message) {
                return message;
            }
            self.unread.push_back(message);
        }
    }

    /// Whether no message that `wanted` picks comes within `time`.
    pub fn silent_for(&mut self, time: Duration, wanted: impl Fn(&Value) -> bool) -> bool {
        let deadline = Instant::now() + time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                return !self.unread.iter().any(&wanted);
            };
            self.transcript.push_str(&line);
            let message: Value = serde_json::from_str(&line).expect("stdout is JSON");
            self.unread.push_back(message);
        }
    }

    /// Calls `execute_action`; the answer's object.
    pub fn execute(&mut self, service: &str, action: &str, params: &Value) -> Value {
        let id = self.start_execute(service, action, params);
        self.executed(id)
    }

    /// Starts `execute_action` without waiting; the request's id.
    pub fn start_execute(&mut self, service: &str, action: &str, params: &Value) -> u64 {
        self.start_execute_with(service, action, params, &json!({}))
    }

    /// Calls `execute_action` with `more` arguments; the answer's object.
    pub fn execute_with(
        &mut self,
        service: &str,
        action: &str,
        params: &Value,
        more: &Value,
    ) -> Value {
        let id = self.start_execute_with(service, action, params, more);
        self.executed(id)
    }

    /// Starts `execute_action` with `more` arguments, of which `_meta` goes
    /// beside them; the request's id.
    pub fn start_execute_with(
        &mut self,
        service: &str,
        action: &str,
        params: &Value,
        more: &Value,
    ) -> u64 {
        let mut call = json!({
            "name": "execute_action",
            "arguments": {
                "service": service,
                "action": action,
                "justification": "a test asks for it",
                "params": params,
            }
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            if name == "_meta" {
                call["_meta"] = value.clone();
            } else {
                call["arguments"][name] = value.clone();
            }
        }
        self.send("tools/call", &call)
    }

    /// The object that `execute_action` answered to the request `id`: text and
    /// structured content must both hold it.
    pub fn executed(&mut self, id: u64) -> Value {
        let answer = self.answer(id);
        let result = &answer["result"];
        let text = result["content"][0]["text"]
            .as_str()
            .unwrap_or_else(|| panic!("no text in {answer}"));
        let object: Value = serde_json::from_str(text).expect("the text is JSON");
        assert_eq!(
            object, result["structuredContent"],
            "both hold the same object"
        );
        let failed = object["ok"] == false || object["denied"] == true;
        assert_eq!(result["isError"] == true, failed, "{answer}");
        object
    }

    /// What the shim wrote to stderr so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.lock().unwrap()).into_owned()
    }

    /// The shim's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Closes the shim's stdin and waits for its end.
    pub fn close(&mut self) -> ExitStatus {
        self.stdin = None;
        wait_for("the shim to end", || self.child.try_wait().ok().flatten())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
