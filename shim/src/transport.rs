//! MCP over a pair of byte streams, one message a line: the transport under
//! rmcp's server. Every line that wants an answer gets one.

use std::collections::HashSet;
use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use rmcp::RoleServer;
use rmcp::model::{
    CallToolResult, ClientJsonRpcMessage, ClientNotification, ClientRequest, ContentBlock,
    ErrorCode, JsonRpcMessage, MetaObject, RequestId, ResultType, ServerJsonRpcMessage,
    ServerResult,
};
use rmcp::transport::Transport;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::lines::{Line, LineReader};
use crate::message::{self, ErrorAnswer, Incoming};

/// Answers that may wait for the client to read.
const QUEUED_ANSWERS: usize = 64;

/// Requests that may be under way at once.
const MAX_IN_FLIGHT: usize = 1000;

/// How long calls that are under way when stdin ends may still answer: a
/// script that pipes its requests in and closes gets the quick answers.
const LAST_ANSWERS: Duration = Duration::from_millis(250);

/// How long the end of the session waits for the client to read what is queued.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// Why an answer could not be handed to the client.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Nobody reads stdout any more.
    #[error("the MCP host has closed the connection")]
    Closed,
    /// The answer is no JSON: a fault in the shim or in axisd.
    #[error("the answer can't be written as JSON: {0}")]
    Encoding(#[from] serde_json::Error),
}

/// The transport: reads lines itself and hands answers to one writer task.
pub struct StdioTransport<R> {
    lines: LineReader<R>,
    output: Option<mpsc::Sender<Bytes>>,
    writer: Option<JoinHandle<()>>,
    /// Error answers that wait for room in the queue.
    refusals: Vec<Bytes>,
    /// Requests that rmcp has and that are not answered yet.
    in_flight: HashSet<RequestId>,
    /// Whether rmcp has left its handshake: until then anything but a request
    /// would make it end the session.
    open: bool,
    /// Set once stdin has ended: when the last answers are due.
    ends_at: Option<Instant>,
    /// Cancelled when the session ends.
    session: CancellationToken,
}

impl<R: AsyncRead + Unpin + Send> StdioTransport<R> {
    /// A transport that cancels `session` when the client is gone.
    pub fn new<W>(input: R, output: W, session: CancellationToken) -> Self
    where
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(QUEUED_ANSWERS);
        Self {
            lines: LineReader::new(input),
            output: Some(sender),
            writer: Some(tokio::spawn(write_lines(output, receiver))),
            refusals: Vec::new(),
            in_flight: HashSet::new(),
            open: false,
            ends_at: None,
            session,
        }
    }

    /// The next line for rmcp, after all refusals before it were queued.
    /// `None`: nobody reads the answers, or nothing more will come.
    async fn next_message(&mut self) -> Option<ClientJsonRpcMessage> {
        let output = self.output.clone()?;
        loop {
            while !self.refusals.is_empty() {
                let permit = output.reserve().await.ok()?;
                permit.send(self.refusals.remove(0));
            }
            if let Some(ends_at) = self.ends_at {
                if !self.in_flight.is_empty() {
                    tokio::select! {
                        () = tokio::time::sleep_until(ends_at) => {}
                        () = output.closed() => {}
                    }
                }
                return None;
            }
            let line = tokio::select! {
                line = self.lines.next() => line,
                () = output.closed() => return None,
            };
            match line {
                Ok(Some(Line::Whole(line))) => {
                    if let Some(message) = self.admit(message::read(&line)) {
                        return Some(message);
                    }
                }
                Ok(Some(Line::TooLong(head))) => self.refuse(&ErrorAnswer::too_long(&head)),
                Ok(None) => self.ends_at = Some(Instant::now() + LAST_ANSWERS),
                Err(error) => {
                    tracing::warn!(%error, "stdin can't be read any more");
                    self.ends_at = Some(Instant::now());
                }
            }
        }
    }

    fn admit(&mut self, incoming: Incoming) -> Option<ClientJsonRpcMessage> {
        match incoming {
            Incoming::Ignored => None,
            Incoming::Refused(answers) => {
                for answer in &answers {
                    self.refuse(answer);
                }
                None
            }
            Incoming::Message(message) => match &*message {
                JsonRpcMessage::Request(request) => {
                    if !self.admit_request(&request.request, &request.id) {
                        return None;
                    }
                    Some(*message)
                }
                JsonRpcMessage::Notification(notification) => {
                    if let ClientNotification::CancelledNotification(cancelled) =
                        &notification.notification
                        && let Some(id) = &cancelled.params.request_id
                    {
                        self.in_flight.remove(id);
                    }
                    self.open.then_some(*message)
                }
                // the answers to what rmcp asked
                JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {
                    self.open.then_some(*message)
                }
            },
        }
    }

    fn admit_request(&mut self, request: &ClientRequest, id: &RequestId) -> bool {
        if !self.open && !message::answered_before_session(request) {
            self.refuse_request(id, "the session is not open yet: send \"initialize\" first");
            return false;
        }
        if self.in_flight.contains(id) {
            self.refuse_request(
                id,
                "a request with this id is still being answered: give each request an id of its own",
            );
            return false;
        }
        if self.in_flight.len() >= MAX_IN_FLIGHT {
            self.refuse_request(
                id,
                "too many requests are in flight: wait for answers first",
            );
            return false;
        }
        self.open = self.open || message::opens_session(request);
        // A subscription stays open for as long as the session.
        if !matches!(request, ClientRequest::SubscriptionsListenRequest(_)) {
            self.in_flight.insert(id.clone());
        }
        true
    }

    fn refuse_request(&mut self, id: &RequestId, message: &str) {
        let id = serde_json::value::to_raw_value(id).ok();
        self.refuse(&ErrorAnswer::new(
            ErrorCode::INVALID_REQUEST,
            message,
            id.as_deref(),
        ));
    }

    fn refuse(&mut self, answer: &ErrorAnswer) {
        match to_line(answer) {
            Ok(line) => self.refusals.push(line),
            Err(error) => tracing::error!(%error, "an error answer can't be written"),
        }
    }
}

impl<R: AsyncRead + Unpin + Send> Transport<RoleServer> for StdioTransport<R> {
    type Error = TransportError;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), TransportError>> + Send + 'static {
        match &message {
            JsonRpcMessage::Response(response) => {
                self.in_flight.remove(&response.id);
            }
            JsonRpcMessage::Error(error) => {
                if let Some(id) = &error.id {
                    self.in_flight.remove(id);
                }
            }
            _ => {}
        }
        let output = self.output.clone();
        async move {
            let line = encode(&message)?;
            let output = output.ok_or(TransportError::Closed)?;
            output.send(line).await.map_err(|_| TransportError::Closed)
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        let message = self.next_message().await;
        if message.is_none() {
            self.session.cancel();
        }
        message
    }

    async fn close(&mut self) -> Result<(), TransportError> {
        self.output = None;
        if let Some(writer) = self.writer.take() {
            // A client that doesn't read must not keep the process.
            let _ = tokio::time::timeout(LAST_WRITE, writer).await;
        }
        Ok(())
    }
}

async fn write_lines<W: AsyncWrite + Unpin>(mut output: W, mut lines: mpsc::Receiver<Bytes>) {
    while let Some(line) = lines.recv().await {
        let mut written = output.write_all(&line).await;
        // Answers that wait already share one flush.
        while written.is_ok()
            && let Ok(line) = lines.try_recv()
        {
            written = output.write_all(&line).await;
        }
        if let Err(error) = match written {
            Ok(()) => output.flush().await,
            Err(error) => Err(error),
        } {
            if error.kind() != io::ErrorKind::BrokenPipe {
                tracing::warn!(%error, "stdout can't be written any more");
            }
            return;
        }
    }
}

/// A tool's answer: its text is a JSON object, which stands in
/// `structuredContent` byte for byte, so that no number changes and nothing
/// large is parsed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolAnswer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    result_type: Option<&'a ResultType>,
    content: &'a [ContentBlock],
    structured_content: &'a RawValue,
    is_error: bool,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<&'a MetaObject>,
}

#[derive(Serialize)]
struct ToolResponse<'a> {
    jsonrpc: &'static str,
    id: &'a RequestId,
    result: ToolAnswer<'a>,
}

fn encode(message: &ServerJsonRpcMessage) -> Result<Bytes, TransportError> {
    if let JsonRpcMessage::Response(response) = message
        && let ServerResult::CallToolResult(result) = &response.result
        && let Some(answer) = tool_answer(result)
    {
        return Ok(to_line(&ToolResponse {
            jsonrpc: "2.0",
            id: &response.id,
            result: answer,
        })?);
    }
    Ok(to_line(message)?)
}

fn tool_answer(result: &CallToolResult) -> Option<ToolAnswer<'_>> {
    let [content] = result.content.as_slice() else {
        return None;
    };
    Some(ToolAnswer {
        result_type: result.result_type.as_ref(),
        content: &result.content,
        structured_content: serde_json::from_str(&content.as_text()?.text).ok()?,
        is_error: result.is_error.unwrap_or(false),
        meta: result.meta.as_ref(),
    })
}

fn to_line(message: &impl Serialize) -> Result<Bytes, serde_json::Error> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line.into())
}
