//! A line of the log as a row: what a person asks first, and behind it all that
//! the line says. What agents wrote is shown, never obeyed.

use maud::{Markup, html};
use serde_json::{Map, Value};

use super::selection::{Kind, PATH, Selection};
use crate::commands::logs::selection::DECISIONS;
use crate::dashboard::words::{Tone, count, decision, moment, said, state};
use crate::export::COLUMNS;

/// So much of what is no record is shown, in characters.
const MOST_DAMAGED: usize = 2_000;

type Record = Map<String, Value>;

/// The number of a line; none where it is no record.
pub fn seq(line: &[u8]) -> Option<u64> {
    record(line)?.get("seq")?.as_u64()
}

fn record(line: &[u8]) -> Option<Record> {
    serde_json::from_slice(line).ok()
}

/// Whether `line` tells how a call ended.
pub fn is_call(line: &[u8]) -> bool {
    record(line).is_some_and(|record| text(&record, "event") == Some("finished"))
}

/// One line.
pub fn row(line: &[u8]) -> Markup {
    match record(line) {
        Some(record) => whole(&record),
        None => damaged(line),
    }
}

fn whole(record: &Record) -> Markup {
    let number = record.get("seq").and_then(Value::as_u64);
    html! {
        li data-seq=[number] {
            details {
                summary {
                    span.act-time { (moment(text(record, "timestamp").unwrap_or_default())) }
                    span.act-who { @match text(record, "identity") {
                        Some(identity) => (said(identity)),
                        None => span.faint { "–" },
                    } }
                    span.act-what { (what(record)) }
                    span.act-decision { (decided(record)) }
                    span.act-result { (result(record)) }
                    span.act-ms { @if let Some(ms) = record.get("latency_ms").and_then(Value::as_u64) {
                        (count(ms)) " ms"
                    } }
                    span.act-why { (why(record)) }
                }
                dl { @for (name, value) in fields(record) {
                    dt { (said(&name)) }
                    dd { (said(&shown(value))) @if let Some(link) = alike(&name, value) {
                        " " a.act-only href=(link) { "only these" }
                    } }
                } }
            }
        }
    }
}

/// What is no record is evidence.
fn damaged(line: &[u8]) -> Markup {
    let words = String::from_utf8_lossy(line);
    let end = words.char_indices().nth(MOST_DAMAGED);
    let shown = end.map_or(&*words, |(end, _)| words.get(..end).unwrap_or_default());
    html! {
        li.act-damaged {
            details {
                summary {
                    span.act-time { (state(Tone::Bad, "damaged")) }
                    span.act-why { "a line that is no record: " (said(shown)) }
                }
                p {
                    "axisd didn't write this line so. " code { "axis logs verify" }
                    " names the file and the line, and what else is wrong."
                    @if end.is_some() { " It is longer than what is shown." }
                }
            }
        }
    }
}

fn text<'r>(record: &'r Record, name: &str) -> Option<&'r str> {
    record.get(name)?.as_str().filter(|text| !text.is_empty())
}

fn what(record: &Record) -> Markup {
    let service = text(record, "service");
    match (service, text(record, "action"), text(record, "act")) {
        (Some(service), Some(action), _) => html! { (said(service)) "." (said(action)) },
        (_, _, Some(act)) => said(act),
        _ => said(text(record, "event").unwrap_or("?")),
    }
}

fn decided(record: &Record) -> Markup {
    let event = text(record, "event").unwrap_or("?");
    let word = match text(record, "stage").or_else(|| text(record, "decision")) {
        Some(word) => word,
        None => event,
    };
    html! {
        (decision(word))
        @if let Some(times) = record.get("folded").and_then(Value::as_u64) {
            " " span title="so many like this in one line" { "×" (count(times)) }
        }
    }
}

fn result(record: &Record) -> Markup {
    let status = record.get("status").and_then(Value::as_u64);
    html! {
        @if let Some(status) = status { (status) " " }
        @if let Some(error) = text(record, "error") { (said(error)) }
    }
}

/// A denial's reason says more than the agent's words, so it comes first.
fn why(record: &Record) -> Markup {
    let redacted = record.get("redacted").and_then(Value::as_u64);
    let words = ["reason", "detail", "justification"];
    let words = words.iter().filter_map(|name| text(record, name));
    html! {
        @if redacted.is_some_and(|times| times > 0) {
            (state(Tone::Warn, "secret removed from the answer")) " "
        }
        @for (nth, words) in words.enumerate() {
            @if nth > 0 { span.faint { " · " } }
            (said(words))
        }
    }
}

/// All that stands in a record, what is known first.
fn fields(record: &Record) -> Vec<(String, &Value)> {
    let mut fields = Vec::new();
    for name in COLUMNS {
        let value = match name.strip_prefix("peer_") {
            Some(of_peer) => record.get("peer").and_then(|peer| peer.get(of_peer)),
            None => record.get(name),
        };
        fields.extend(value.map(|value| (name.to_owned(), value)));
    }
    let others = record.iter().filter(|(name, value)| {
        let is_known = COLUMNS.contains(&name.as_str());
        !is_known && (*name != "peer" || !value.is_object())
    });
    fields.extend(others.map(|(name, value)| (name.clone(), value)));
    fields
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Where all lines are that have the same there.
fn alike(name: &str, value: &Value) -> Option<String> {
    let value = value.as_str().filter(|value| !value.is_empty())?.to_owned();
    let mut alike = Selection::default();
    match name {
        "identity" => alike.identity = value,
        "service" => alike.service = value,
        "action" => alike.action = value,
        "decision" if DECISIONS.contains(&value.as_str()) => alike.decision = value,
        "request_id" | "approval" => {
            alike.text = value;
            alike.kind = Kind::All;
        }
        _ => return None,
    }
    Some(alike.link(PATH))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(line: &str, words: &[&str]) {
        let shown = row(line.as_bytes()).into_string();
        for word in words {
            assert!(shown.contains(word), "{word} in {shown}");
        }
    }

    #[test]
    fn each_kind_of_record_becomes_a_row() {
        shows(
            r#"{"seq":41,"event":"finished","timestamp":"2026-01-15T10:30:00.123Z","request_id":"r-1","identity":"local-dev","service":"openai","action":"responses.create","decision":"allow","justification":"sum up","latency_ms":3420,"status":200,"redacted":1,"peer":{"uid":1000,"exe":"/bin/x"},"hash":"ab","later":{"a":1}}"#,
            &[
                "data-seq=\"41\"",
                "2026-01-15T10:30:00Z",
                "<bdi>openai</bdi>.<bdi>responses.create</bdi>",
                "✓",
                "3\u{202f}420 ms",
                "secret removed",
                "peer_exe",
                "/bin/x",
                "{&quot;a&quot;:1}",
                "/activity?q=r-1&amp;events=all",
            ],
        );
        shows(
            r#"{"seq":42,"event":"finished","timestamp":"2026-01-15T10:30:00.000Z","decision":"deny","reason":"Policy denied","justification":"look","folded":7}"#,
            &[
                "✗",
                "deny",
                "×7",
                "<bdi>Policy denied</bdi>",
                "<bdi>look</bdi>",
            ],
        );
        shows(
            r#"{"seq":1,"event":"admin","timestamp":"2026-01-15T10:30:00.000Z","act":"unlock","detail":"3 credentials"}"#,
            &["<bdi>unlock</bdi>", "admin", "3 credentials"],
        );
        shows(
            r#"{"seq":7,"event":"approval","timestamp":"2026-01-15T10:30:00.000Z","stage":"rejected","approval":"k7f2"}"#,
            &["rejected", "/activity?q=k7f2&amp;events=all"],
        );
    }

    #[test]
    fn no_field_is_markup_or_a_forged_row() {
        let evil = "</li><script>alert(1)</script>\u{1b}[1A\u{202e}\n\" onx=\"";
        let names = COLUMNS.iter().filter(|name| !name.starts_with("peer_"));
        let mut record: Record = names
            .map(|name| ((*name).to_owned(), evil.into()))
            .collect();
        record.insert(evil.into(), evil.into());
        record.insert("peer".into(), serde_json::json!({"exe": evil, "uid": evil}));
        let line = serde_json::to_vec(&record).unwrap();
        let no_record = evil.replace('\n', " ");
        for line in [
            line.as_slice(),
            no_record.as_bytes(),
            b"[1]",
            b"{}",
            b"",
            b"\xff\r",
        ] {
            let shown = row(line).into_string();
            assert!(!shown.contains("<script"), "{shown}");
            assert!(!shown.contains("\" onx"), "{shown}");
            assert!(
                !shown.chars().any(|c| c.is_control() || c == '\u{202e}'),
                "{shown:?}"
            );
            assert_eq!(shown.matches("</li>").count(), 1);
        }
    }

    #[test]
    fn what_is_no_record_is_shown_up_to_a_length() {
        let long = "x".repeat(300_000);
        let shown = row(long.as_bytes()).into_string();
        assert!(shown.contains("damaged") && shown.len() < 4_000);
        assert_eq!(seq(long.as_bytes()), None);
        assert_eq!(seq(br#"{"seq":7,"x":1}"#), Some(7));
    }
}
