//! Streams of events (`text/event-stream`) as one result: what the call would
//! have brought without `stream: true`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// How the events of an action belong together. The shapes are named after the
/// interface that they were first seen in; many services speak the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::catalogue) enum EventShape {
    /// The last event holds the whole response.
    OpenaiResponses,
    /// A message, its blocks and what is added to them.
    AnthropicMessages,
    /// Chunks of choices, `[DONE]` at the end.
    ChatCompletions,
}

/// Why events are no result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum EventFault {
    /// One of them tells of an error; its JSON.
    Told(Bytes),
    /// The last one is missing.
    BrokenOff {
        /// How many came.
        events: usize,
    },
}

/// Whether an answer is a stream of events.
pub(super) fn is_stream(content_type: Option<&str>) -> bool {
    let essence = content_type.and_then(|kind| kind.split(';').next());
    essence.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// The result that `text` tells, as JSON; of events whose shape isn't known
/// the list of their data.
pub(super) fn result(shape: Option<EventShape>, text: &str) -> Result<Bytes, EventFault> {
    let events = data(text);
    if let Some(error) = events.iter().find(|data| is_error(data)) {
        return Err(EventFault::Told(Bytes::copy_from_slice(error.as_bytes())));
    }
    let whole = match shape {
        None => Some(list(&events)),
        Some(EventShape::OpenaiResponses) => last_response(&events),
        Some(EventShape::AnthropicMessages) => message(&events),
        Some(EventShape::ChatCompletions) => completion(&events),
    };
    whole.map(Bytes::from).ok_or(EventFault::BrokenOff {
        events: events.len(),
    })
}

/// The data of each event; lines of one event are joined as the standard says.
fn data(text: &str) -> Vec<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut events = Vec::new();
    let mut data: Option<String> = None;
    for line in text.split_terminator('\n') {
        if line.is_empty() {
            events.extend(data.take());
            continue;
        }
        let Some(more) = line.strip_prefix("data") else {
            continue;
        };
        let more = match more.strip_prefix(':') {
            Some(more) => more.strip_prefix(' ').unwrap_or(more),
            None if more.is_empty() => "",
            None => continue,
        };
        match &mut data {
            Some(data) => {
                data.push('\n');
                data.push_str(more);
            }
            None => data = Some(more.to_owned()),
        }
    }
    // an event without its empty line may not be complete
    events
}

/// An error told in the midst of a stream has a member of that name, and is
/// nothing else.
fn is_error(data: &str) -> bool {
    #[derive(Deserialize)]
    struct Told<'a> {
        #[serde(borrow)]
        error: Option<&'a RawValue>,
        #[serde(rename = "type")]
        kind: Option<Value>,
    }
    let Ok(told) = serde_json::from_str::<Told<'_>>(data) else {
        return false;
    };
    let is_typed = told.kind.as_ref().is_some_and(|kind| kind == "error");
    let has_error = told.error.is_some_and(|error| error.get() != "null");
    is_typed || (has_error && told.kind.is_none())
}

fn list(events: &[String]) -> String {
    let items: Vec<String> = events
        .iter()
        .filter(|data| *data != "[DONE]")
        .map(|data| match serde_json::from_str::<&RawValue>(data) {
            Ok(json) => json.get().to_owned(),
            Err(_) => Value::from(data.as_str()).to_string(),
        })
        .collect();
    format!("[{}]", items.join(","))
}

/// The response in the last event that has one and says that it is over.
fn last_response(events: &[String]) -> Option<String> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(rename = "type")]
        kind: String,
        #[serde(borrow)]
        response: &'a RawValue,
    }
    const LAST: [&str; 4] = [
        "response.completed",
        "response.incomplete",
        "response.failed",
        "response.cancelled",
    ];
    let mut latest_first = events.iter().rev();
    latest_first.find_map(|data| {
        let event: Event<'_> = serde_json::from_str(data).ok()?;
        LAST.contains(&event.kind.as_str())
            .then(|| event.response.get().to_owned())
    })
}

fn message(events: &[String]) -> Option<String> {
    let mut message = Value::Null;
    let mut blocks: Vec<Value> = Vec::new();
    let mut is_over = false;
    for data in events {
        let Ok(mut event) = serde_json::from_str::<Value>(data) else {
            continue;
        };
        let index = event["index"]
            .as_u64()
            .and_then(|at| usize::try_from(at).ok());
        match event["type"].as_str().unwrap_or_default() {
            "message_start" if event["message"].is_object() => {
                message = event["message"].take();
            }
            "content_block_start" if event["content_block"].is_object() => {
                let block = event["content_block"].take();
                match index.filter(|at| *at < blocks.len()) {
                    Some(at) => blocks[at] = block,
                    None => blocks.push(block),
                }
            }
            "content_block_delta" => {
                if let Some(block) = index.and_then(|at| blocks.get_mut(at)) {
                    add_to_block(block, &event["delta"]);
                }
            }
            "message_delta" if message.is_object() => {
                for (from, to) in [("delta", None), ("usage", Some("usage"))] {
                    let target = match to {
                        Some(member) => &mut message[member],
                        None => &mut message,
                    };
                    if let Some(Value::Object(members)) = event.get_mut(from).map(Value::take) {
                        set_members(target, members);
                    }
                }
            }
            "message_stop" => is_over = true,
            _ => {}
        }
    }
    if !is_over || !message.is_object() {
        return None;
    }
    for block in &mut blocks {
        read_tool_input(block);
    }
    message["content"] = blocks.into();
    Some(message.to_string())
}

/// The member that a tool's input comes in, in pieces of its JSON text.
const PARTIAL_INPUT: &str = "partial_json";

fn add_to_block(block: &mut Value, delta: &Value) {
    let Some(delta) = delta.as_object() else {
        return;
    };
    for (name, value) in delta {
        match (name.as_str(), value) {
            ("type", _) => {}
            ("citation", citation) => match &mut block["citations"] {
                Value::Array(citations) => citations.push(citation.clone()),
                none => *none = Value::Array(vec![citation.clone()]),
            },
            (name, Value::String(more)) => append(&mut block[name], more),
            (name, value) => block[name] = value.clone(),
        }
    }
}

fn read_tool_input(block: &mut Value) {
    let Some(Value::String(text)) = block
        .as_object_mut()
        .and_then(|block| block.shift_remove(PARTIAL_INPUT))
    else {
        return;
    };
    if !text.is_empty() {
        block["input"] = serde_json::from_str(&text).unwrap_or(Value::String(text));
    }
}

fn completion(events: &[String]) -> Option<String> {
    let mut whole = Map::new();
    let mut choices: Vec<Value> = Vec::new();
    let mut is_over = false;
    for data in events {
        if data == "[DONE]" {
            is_over = true;
            continue;
        }
        let Ok(Value::Object(chunk)) = serde_json::from_str::<Value>(data) else {
            continue;
        };
        for (name, value) in chunk {
            match value {
                Value::Array(items) if name == "choices" => {
                    for item in &items {
                        merge_item(&mut choices, item);
                    }
                }
                Value::Null => {
                    whole.entry(name).or_insert(Value::Null);
                }
                value => {
                    whole.insert(name, value);
                }
            }
        }
    }
    let finished = |choice: &Value| !choice["finish_reason"].is_null();
    if whole.is_empty() || !(is_over || (!choices.is_empty() && choices.iter().all(finished))) {
        return None;
    }
    for choice in &mut choices {
        let Some(members) = choice.as_object_mut() else {
            continue;
        };
        let mut message = members.shift_remove("delta").unwrap_or_default();
        let calls = message.get_mut("tool_calls");
        if let Some(calls) = calls.and_then(Value::as_array_mut) {
            for call in calls.iter_mut().filter_map(Value::as_object_mut) {
                call.shift_remove("index");
            }
        } else if let Some(members) = message.as_object_mut() {
            members.shift_remove("tool_calls");
        }
        members.insert("message".to_owned(), message);
    }
    whole.insert("object".to_owned(), "chat.completion".into());
    whole.insert("choices".to_owned(), choices.into());
    Some(Value::Object(whole).to_string())
}

/// Adds a piece of a list's item to the one with the same `index`.
fn merge_item(items: &mut Vec<Value>, piece: &Value) {
    // a list of scalars has no items in pieces, so nothing is known of it
    let found = items
        .iter_mut()
        .find(|item| piece.get("index").is_some() && item["index"] == piece["index"]);
    match found {
        Some(item) => merge(item, piece),
        None if piece.is_object() => items.push(piece.clone()),
        None => {}
    }
}

/// Adds a piece to what came before: texts grow, except those that name
/// something.
fn merge(whole: &mut Value, piece: &Value) {
    const NAMES: [&str; 5] = ["id", "type", "role", "name", "finish_reason"];
    let (Value::Object(whole), Value::Object(piece)) = (whole, piece) else {
        return;
    };
    for (name, more) in piece {
        let known = whole.entry(name.clone()).or_insert(Value::Null);
        match (&mut *known, more) {
            (_, Value::Null) => {}
            (Value::String(_), Value::String(more)) if !NAMES.contains(&name.as_str()) => {
                append(known, more);
            }
            (Value::Array(items), Value::Array(more)) => {
                for item in more {
                    merge_item(items, item);
                }
            }
            (Value::Object(_), Value::Object(_)) => merge(known, more),
            (known, more) => *known = more.clone(),
        }
    }
}

fn append(text: &mut Value, more: &str) {
    match text {
        Value::String(text) => text.push_str(more),
        none => *none = more.into(),
    }
}

fn set_members(target: &mut Value, members: Map<String, Value>) {
    match target {
        Value::Object(known) => known.extend(members),
        none => *none = Value::Object(members),
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
