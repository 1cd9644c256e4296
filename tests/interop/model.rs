//! A model that stands in for the vendors': it asks for one tool and then says
//! what came of it. On loopback, so nothing that a host sends leaves the machine.

use axis_tests::{Recorded, Reply, Upstream};
use serde_json::{Value, json};

/// What the model says in the end.
pub const LAST_WORDS: &str = "The repository is acme/axis.";

/// The arguments that it calls the tool with.
fn arguments() -> String {
    json!({
        "service": "github",
        "action": "repos.get",
        "justification": "the user asked which repository it is",
        "params": {"owner": "acme", "repo": "axis"},
    })
    .to_string()
}

/// A model that speaks Anthropic's Messages API and OpenAI's Responses API as
/// far as the hosts need them.
pub fn stand_in() -> Upstream {
    Upstream::answering(|request| {
        let path = request.path.split('?').next().unwrap_or_default();
        match (request.method.as_str(), path) {
            ("POST", "/v1/messages") => stream(&messages(&request.json())),
            ("POST", "/v1/responses") => stream(&responses(&request.json())),
            _ => Reply::json(
                404,
                &json!({"error": {"message": "the stand-in has none of that"}}),
            ),
        }
    })
}

/// A model that speaks Anthropic's Messages API and asks for these tools, one after
/// the other, each with these arguments.
pub fn asks_for(tools: Vec<(&'static str, Value)>) -> Upstream {
    Upstream::answering(move |request| {
        let path = request.path.split('?').next().unwrap_or_default();
        if (request.method.as_str(), path) != ("POST", "/v1/messages") {
            return Reply::json(404, &json!({"error": {"message": "there is none of that"}}));
        }
        let request = request.json();
        let answered = tool_answers(&[recorded(&request)]).len();
        let next = tools
            .get(answered)
            .filter(|(name, _)| offers(&request, name));
        let next = next.map(|(name, arguments)| (*name, arguments.to_string()));
        stream(&message(&request, next))
    })
}

fn offers(request: &Value, tool: &str) -> bool {
    let mut tools = request["tools"].as_array().into_iter().flatten();
    tools.any(|it| it["name"] == tool)
}

/// What the hosts told the model that the tool had answered.
pub fn tool_answers(requests: &[Recorded]) -> Vec<String> {
    let mut answers = Vec::new();
    for request in requests {
        let body = request.json();
        for message in body["messages"].as_array().into_iter().flatten() {
            for part in message["content"].as_array().into_iter().flatten() {
                if part["type"] == "tool_result" {
                    answers.push(part["content"].to_string());
                }
            }
        }
        for item in body["input"].as_array().into_iter().flatten() {
            if item["type"] == "function_call_output" {
                answers.push(item["output"].to_string());
            }
        }
    }
    answers
}

/// Events of a stream, each with its type in its data, too.
fn stream(events: &[(&str, Value)]) -> Reply {
    let mut body = String::new();
    for (name, data) in events {
        let mut data = data.clone();
        data["type"] = json!(name);
        body += &["event: ", name, "\ndata: ", &data.to_string(), "\n\n"].concat();
    }
    let mut reply = Reply::json(200, &Value::Null);
    reply.headers = vec![("content-type".into(), "text/event-stream".into())];
    reply.body = body.into_bytes();
    reply
}

fn messages(request: &Value) -> Vec<(&'static str, Value)> {
    let tool = "mcp__axis__execute_action";
    let answered = !tool_answers(&[recorded(request)]).is_empty();
    let asks = offers(request, tool) && !answered;
    message(request, asks.then(|| (tool, arguments())))
}

/// A message that asks for a tool with arguments, or else the last words.
fn message(request: &Value, tool: Option<(&str, String)>) -> Vec<(&'static str, Value)> {
    let asked = tool_answers(&[recorded(request)]).len();
    let (block, delta, reason) = match tool {
        Some((name, arguments)) => (
            // a tool that is asked for twice has two ids, or hosts take both for one
            json!({"type": "tool_use", "id": format!("toolu_{asked}_{name}"), "name": name, "input": {}}),
            json!({"type": "input_json_delta", "partial_json": arguments}),
            "tool_use",
        ),
        None => (
            json!({"type": "text", "text": ""}),
            json!({"type": "text_delta", "text": LAST_WORDS}),
            "end_turn",
        ),
    };
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": request["model"],
        "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    });
    vec![
        ("message_start", json!({ "message": message })),
        (
            "content_block_start",
            json!({"index": 0, "content_block": block}),
        ),
        ("content_block_delta", json!({"index": 0, "delta": delta})),
        ("content_block_stop", json!({"index": 0})),
        (
            "message_delta",
            json!({
                "delta": {"stop_reason": reason, "stop_sequence": null},
                "usage": {"output_tokens": 1},
            }),
        ),
        ("message_stop", json!({})),
    ]
}

fn responses(request: &Value) -> Vec<(&'static str, Value)> {
    let answered = !tool_answers(&[recorded(request)]).is_empty();
    let item = match execute_action(request) {
        Some((namespace, name)) if !answered => {
            let mut item = json!({
                "type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed",
                "name": name, "arguments": arguments(),
            });
            if let Some(namespace) = namespace {
                item["namespace"] = json!(namespace);
            }
            item
        }
        _ => json!({
            "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": LAST_WORDS, "annotations": []}],
        }),
    };
    let response =
        json!({"id": "resp_1", "object": "response", "status": "in_progress", "output": []});
    let mut completed = response.clone();
    completed["status"] = json!("completed");
    completed["output"] = json!([item]);
    completed["usage"] = json!({
        "input_tokens": 1, "output_tokens": 1, "total_tokens": 2,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    });
    vec![
        ("response.created", json!({ "response": response })),
        (
            "response.output_item.added",
            json!({"output_index": 0, "item": item}),
        ),
        (
            "response.output_item.done",
            json!({"output_index": 0, "item": item}),
        ),
        ("response.completed", json!({ "response": completed })),
    ]
}

/// The tool as the host offers it: by a name of its own, or in a namespace.
fn execute_action(request: &Value) -> Option<(Option<String>, String)> {
    let is_it = |name: &str| name.ends_with("execute_action");
    for tool in request["tools"].as_array()? {
        let name = tool["name"].as_str().unwrap_or_default();
        if is_it(name) {
            return Some((None, name.to_owned()));
        }
        for inner in tool["tools"].as_array().into_iter().flatten() {
            let inner = inner["name"].as_str().unwrap_or_default();
            if is_it(inner) {
                return Some((Some(name.to_owned()), inner.to_owned()));
            }
        }
    }
    None
}

fn recorded(request: &Value) -> Recorded {
    Recorded {
        method: String::new(),
        path: String::new(),
        headers: std::collections::BTreeMap::new(),
        body: request.to_string().into(),
    }
}
