//! One line of JSON to one MCP message. What rmcp would drop in silence, or
//! end the session over, becomes an error answer that says what to send.

use std::collections::BTreeMap;

use bytes::Bytes;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientJsonRpcMessage, ClientRequest, ErrorCode,
    GetExtensions, GetMeta, ProtocolVersion, RequestId, RequestMetaObject,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::scan::{MAX_DEPTH, nested_too_deep, salvage_id};

/// How many requests of one batch are answered one by one.
const MAX_BATCH_ANSWERS: usize = 64;

/// The arguments of a `tools/call` as the host wrote them, so that no number
/// changes on its way. Travels beside the request in its extensions.
#[derive(Clone, Debug)]
pub struct RawArguments(pub Option<Bytes>);

/// What a line turned out to be.
#[derive(Debug)]
pub enum Incoming {
    /// A message for rmcp.
    Message(Box<ClientJsonRpcMessage>),
    /// Error answers to write; rmcp never hears of the line.
    Refused(Vec<ErrorAnswer>),
    /// Nothing that wants an answer.
    Ignored,
}

/// A JSON-RPC error answer, with the id as the client wrote it.
#[derive(Debug, Serialize)]
pub struct ErrorAnswer {
    jsonrpc: &'static str,
    /// `null` where the client's id can't be known.
    id: Option<Box<RawValue>>,
    error: ErrorBody,
}

#[derive(Debug, Serialize)]
struct ErrorBody {
    code: i32,
    message: String,
}

impl ErrorAnswer {
    /// An error answer to the request `id`.
    pub fn new(code: ErrorCode, message: impl Into<String>, id: Option<&RawValue>) -> Self {
        Self {
            jsonrpc: "2.0",
            id: id.map(ToOwned::to_owned),
            error: ErrorBody {
                code: code.0,
                message: message.into(),
            },
        }
    }

    /// The answer to a line that was too long to be read.
    pub fn too_long(head: &[u8]) -> Self {
        Self {
            id: salvage_id(head),
            ..Self::new(
                ErrorCode::INVALID_REQUEST,
                format!(
                    "the line is over {} MiB and was skipped: send less in one message",
                    crate::lines::MAX_LINE_BYTES / (1024 * 1024)
                ),
                None,
            )
        }
    }

    fn invalid_request(message: impl Into<String>, id: Option<&RawValue>) -> Incoming {
        Self::new(ErrorCode::INVALID_REQUEST, message, id).into()
    }

    fn invalid_params(message: impl Into<String>, id: &RawValue) -> Incoming {
        Self::new(ErrorCode::INVALID_PARAMS, message, Some(id)).into()
    }
}

impl From<ErrorAnswer> for Incoming {
    fn from(answer: ErrorAnswer) -> Self {
        Self::Refused(vec![answer])
    }
}

/// The parts of a JSON-RPC message; `Some` of `null` is not `None` here.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Reads one line.
pub fn read(line: &Bytes) -> Incoming {
    let text = trim(line);
    if text.is_empty() {
        return Incoming::Ignored;
    }
    if let Err(error) = serde_json::from_slice::<&RawValue>(text) {
        let answer = ErrorAnswer::new(
            ErrorCode::PARSE_ERROR,
            format!(
                "the line is no JSON ({error}): send one JSON-RPC 2.0 message a line, in UTF-8"
            ),
            salvage_id(text).as_deref(),
        );
        return answer.into();
    }
    if text.starts_with(b"[") {
        return refuse_batch(text);
    }
    let envelope = match serde_json::from_slice::<Envelope>(text) {
        Ok(envelope) => envelope,
        Err(error) => {
            return ErrorAnswer::invalid_request(
                format!(
                    "the line is no JSON-RPC 2.0 message ({error}): send an object with \"jsonrpc\", \"id\", \"method\" and \"params\""
                ),
                salvage_id(text).as_deref(),
            );
        }
    };
    if nested_too_deep(text) {
        return ErrorAnswer::invalid_request(
            format!("the message is nested more than {MAX_DEPTH} levels deep: send a flatter one"),
            envelope.id,
        );
    }
    read_envelope(line, text, &envelope)
}

fn read_envelope(line: &Bytes, text: &[u8], envelope: &Envelope) -> Incoming {
    if envelope.method.is_none() && (envelope.result.is_some() || envelope.error.is_some()) {
        // rmcp knows what it asked; an answer to anything else is nothing to it
        return read_notification(text);
    }
    let Some(method) = envelope.method else {
        return ErrorAnswer::invalid_request(
            "the message has no \"method\": send {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"} or the like",
            envelope.id,
        );
    };
    if envelope.result.is_some() || envelope.error.is_some() {
        return ErrorAnswer::invalid_request(
            "the message is a request and a response at once: send \"method\" without \"result\" and \"error\"",
            envelope.id,
        );
    }
    let Ok(method) = serde_json::from_str::<String>(method.get()) else {
        return ErrorAnswer::invalid_request(
            "\"method\" must be a string such as \"tools/call\"",
            envelope.id,
        );
    };
    if envelope
        .jsonrpc
        .is_none_or(|version| version.get() != "\"2.0\"")
    {
        return ErrorAnswer::invalid_request(
            "the message must say \"jsonrpc\":\"2.0\"",
            envelope.id,
        );
    }
    match envelope.id {
        None => read_notification(text),
        Some(id) => match serde_json::from_str::<RequestId>(id.get()) {
            Ok(parsed) if method == "tools/call" => {
                read_tool_call(line, id, parsed, envelope.params)
            }
            Ok(_) => read_request(text, &method, id),
            Err(_) => ErrorAnswer::invalid_request(
                format!(
                    "\"id\" must be a string or an integer that fits into 64 bits, but is {}",
                    shorten(id.get())
                ),
                None,
            ),
        },
    }
}

fn read_notification(text: &[u8]) -> Incoming {
    match serde_json::from_slice::<ClientJsonRpcMessage>(text) {
        Ok(message) => Incoming::Message(Box::new(message)),
        // JSON-RPC allows no answer to a notification.
        Err(error) => {
            tracing::debug!(%error, "a notification that can't be read");
            Incoming::Ignored
        }
    }
}

fn read_request(text: &[u8], method: &str, id: &RawValue) -> Incoming {
    let message = match serde_json::from_slice::<ClientJsonRpcMessage>(text) {
        Ok(message) => message,
        Err(error) => {
            return ErrorAnswer::invalid_params(
                format!("the params of {method:?} can't be read ({error})"),
                id,
            );
        }
    };
    // rmcp takes a known method with unreadable params for an unknown method.
    if let ClientJsonRpcMessage::Request(request) = &message
        && matches!(request.request, ClientRequest::CustomRequest(_))
        && let Some((_, expected)) = KNOWN_PARAMS.iter().find(|(known, _)| *known == method)
    {
        return ErrorAnswer::invalid_params(
            format!("the params of {method:?} are not as they should be: send {expected}"),
            id,
        );
    }
    Incoming::Message(Box::new(message))
}

/// The methods that are served, with the params that they take.
const KNOWN_PARAMS: &[(&str, &str)] = &[
    (
        "initialize",
        "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"…\",\"version\":\"…\"}}",
    ),
    ("ping", "none"),
    ("tools/list", "none"),
    (
        "server/discover",
        "only \"_meta\", with the protocol version and the client's capabilities",
    ),
    (
        "subscriptions/listen",
        "{\"notifications\":{\"toolsListChanged\":true}}",
    ),
];

/// Builds the request here instead of in rmcp, for two reasons: the arguments
/// stay as they were written, and whatever is wrong gets a sentence.
fn read_tool_call(
    line: &Bytes,
    raw_id: &RawValue,
    id: RequestId,
    params: Option<&RawValue>,
) -> Incoming {
    const EXPECTED: &str = "send {\"name\":\"execute_action\",\"arguments\":{…}}";
    let refuse = |message: String| ErrorAnswer::invalid_params(message, raw_id);
    let Some(params) = params else {
        return refuse(format!("\"tools/call\" needs params: {EXPECTED}"));
    };
    let Ok(fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(params.get()) else {
        return refuse(format!(
            "the params of \"tools/call\" must be an object: {EXPECTED}"
        ));
    };
    let Some(name) = fields
        .get("name")
        .and_then(|name| serde_json::from_str::<String>(name.get()).ok())
    else {
        return refuse(format!(
            "the params of \"tools/call\" need the tool's \"name\" as a string: {EXPECTED}"
        ));
    };
    let mut request = CallToolRequest::new(CallToolRequestParams::new(name));
    if let Some(meta) = fields.get("_meta").filter(|meta| meta.get() != "null") {
        match serde_json::from_str::<RequestMetaObject>(meta.get()) {
            Ok(meta) => {
                request.extensions.insert(meta);
            }
            Err(_) => return refuse("\"_meta\" must be an object".to_owned()),
        }
    }
    let arguments = fields
        .get("arguments")
        .filter(|arguments| arguments.get() != "null")
        .map(|arguments| line.slice_ref(arguments.get().as_bytes()));
    request.extensions.insert(RawArguments(arguments));
    Incoming::Message(Box::new(ClientJsonRpcMessage::request(
        ClientRequest::CallToolRequest(request),
        id,
    )))
}

/// Whether this request opens a session, by rmcp's own rule: `initialize`, or
/// any but `server/discover` that carries a known version in its `_meta`.
pub fn opens_session(request: &ClientRequest) -> bool {
    match request {
        ClientRequest::InitializeRequest(_) => true,
        ClientRequest::DiscoverRequest(_) | ClientRequest::PingRequest(_) => false,
        request => {
            let Some(meta) = request.extensions().get::<RequestMetaObject>() else {
                return false;
            };
            meta.missing_required_keys(&ProtocolVersion::V_2026_07_28)
                .is_empty()
                && meta
                    .protocol_version()
                    .is_some_and(|version| ProtocolVersion::KNOWN_VERSIONS.contains(&version))
        }
    }
}

/// Whether a request may be answered before a session is open.
pub fn answered_before_session(request: &ClientRequest) -> bool {
    matches!(
        request,
        ClientRequest::InitializeRequest(_)
            | ClientRequest::DiscoverRequest(_)
            | ClientRequest::PingRequest(_)
    ) || request.get_meta().protocol_version().is_some()
}

fn refuse_batch(text: &[u8]) -> Incoming {
    const MESSAGE: &str = "batches are not taken: send each message on a line of its own";
    #[derive(Deserialize)]
    struct Member<'a> {
        #[serde(borrow, default, deserialize_with = "present")]
        id: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "present")]
        method: Option<&'a RawValue>,
    }
    let members = serde_json::from_slice::<Vec<&RawValue>>(text).unwrap_or_default();
    let mut answers: Vec<ErrorAnswer> = members
        .iter()
        .filter_map(|member| serde_json::from_str::<Member>(member.get()).ok())
        .filter_map(|member| member.method.and(member.id))
        .take(MAX_BATCH_ANSWERS + 1)
        .map(|id| ErrorAnswer::new(ErrorCode::INVALID_REQUEST, MESSAGE, Some(id)))
        .collect();
    if answers.is_empty() || answers.len() > MAX_BATCH_ANSWERS {
        answers = vec![ErrorAnswer::new(ErrorCode::INVALID_REQUEST, MESSAGE, None)];
    }
    Incoming::Refused(answers)
}

fn trim(line: &[u8]) -> &[u8] {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    line.trim_ascii()
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
