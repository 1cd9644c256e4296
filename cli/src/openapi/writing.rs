//! The definition as YAML: block style for people down to a param, which
//! stands on one line. Whatever comes from the document is written as a JSON
//! string, which YAML reads as the same.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::auth::Auth;
use super::operation::Action;

/// What is written.
pub(super) struct Written<'a> {
    pub(super) name: &'a str,
    pub(super) title: &'a str,
    pub(super) base_url: &'a str,
    pub(super) auth: &'a Auth,
    pub(super) actions: &'a [Action],
}

/// The whole file.
pub(super) fn definition(service: &Written<'_>) -> String {
    let mut yaml = String::new();
    let mut line = |text: String| {
        yaml.push_str(&text);
        yaml.push('\n');
    };
    line(format!("service: {}", text(service.name)));
    line(format!("title: {}", text(service.title)));
    line(format!("base_url: {}", text(service.base_url)));
    line(format!("auth: {}", service.auth.written));
    if let Some(prompt) = &service.auth.prompt {
        line(format!("credential: {{ prompt: {} }}", text(prompt)));
    }
    line("actions:".into());
    for action in service.actions {
        write_action(&mut yaml, action);
    }
    yaml
}

fn write_action(yaml: &mut String, action: &Action) {
    let mut line = |text: String| {
        yaml.push_str(&text);
        yaml.push('\n');
    };
    line(format!("  {}:", key(&action.name)));
    line(format!("    effect: {}", action.effect));
    line(format!("    method: {}", action.method));
    line(format!("    path: {}", text(&action.path)));
    if let Some(word) = action.body {
        line(format!("    body: {word}"));
    }
    if !action.headers.is_empty() {
        let headers: Vec<String> = action
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", text(value)))
            .collect();
        line(format!("    headers: {{ {} }}", headers.join(", ")));
    }
    if !action.params.is_empty() {
        line("    params:".into());
        for (name, fields) in &action.params {
            line(format!("      {}: {}", key(name), fields_of(fields)));
        }
    }
    if action.passthrough {
        line("    passthrough: body".into());
    }
    if let Some(word) = action.response {
        line(format!("    response: {word}"));
    }
}

/// A mapping in flow style.
fn fields_of(fields: &Map<String, Value>) -> String {
    let mut flow = String::from("{");
    for (at, (name, value)) in fields.iter().enumerate() {
        flow.push_str(if at == 0 { " " } else { ", " });
        // writing to a text can't fail
        let _ = write!(flow, "{}: {}", key(name), flow_of(value));
    }
    flow.push_str(if fields.is_empty() { "}" } else { " }" });
    flow
}

fn flow_of(value: &Value) -> String {
    match value {
        Value::Object(fields) => fields_of(fields),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow_of).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(string) => text(string),
        other => other.to_string(),
    }
}

/// A text: plain where nothing could read it as something else.
fn text(text: &str) -> String {
    if is_word(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

fn key(name: &str) -> String {
    self::text(name)
}

/// As a JSON string, with whatever YAML wouldn't read as it stands escaped.
fn quoted(text: &str) -> String {
    let json = Value::from(text).to_string();
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\u{7f}' || (c.is_alphanumeric() && u32::from(c) <= 0xffff) {
            escaped.push(c);
        } else if u32::from(c) <= 0xffff {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            let _ = write!(escaped, "\\U{:08x}", u32::from(c));
        }
    }
    escaped
}

/// Letters, digits, `_`, `-`, `.` and `/` behind a letter, or a path; none of
/// YAML's words for a truth value or nothing.
fn is_word(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/');
    text.len() <= 200
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.bytes().all(is_plain)
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
        )
}
