//! The last few things that happened.

use axis_proto::v1::LogsRequest;
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use crate::dashboard::app::App;
use crate::dashboard::record;
use crate::dashboard::words::{Tone, ago, decision, said, state};
use crate::failure::Failure;

/// How many are shown.
const LINES: u32 = 10;

/// What is shown of an audit record.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Record {
    event: String,
    timestamp: String,
    identity: Option<String>,
    service: Option<String>,
    action: Option<String>,
    decision: Option<String>,
    reason: Option<String>,
    error: Option<String>,
    act: Option<String>,
    stage: Option<String>,
    detail: Option<String>,
    justification: Option<String>,
}

/// Asks for the last lines; a call's beginning is none of them.
pub async fn read(app: &App) -> Result<record::Lines, Failure> {
    let request = LogsRequest {
        last: LINES,
        events: ["finished", "approval", "admin"]
            .map(str::to_owned)
            .to_vec(),
        ..LogsRequest::default()
    };
    record::lines(app, request).await
}

/// Whether any call ever ended.
pub async fn any_call(app: &App) -> Result<bool, Failure> {
    let request = LogsRequest {
        last: 1,
        events: vec!["finished".to_owned()],
        ..LogsRequest::default()
    };
    Ok(!record::lines(app, request).await?.lines.is_empty())
}

/// A row each, the newest first.
pub fn latest(lines: &record::Lines, now: Timestamp) -> Markup {
    html! {
        @if let Some(warning) = &lines.warning { p { (state(Tone::Bad, warning)) } }
        @if lines.lines.is_empty() {
            p.faint { "Nothing happened yet." }
        } @else {
            table.ov-latest.ov-blocks {
                thead { tr {
                    th scope="col" { "When" } th scope="col" { "How it ended" }
                    th scope="col" { "Who" } th scope="col" { "What" } th scope="col" { "Why" }
                } }
                tbody { @for line in lines.lines.iter().rev() { (row(line, now)) } }
            }
        }
    }
}

fn row(line: &[u8], now: Timestamp) -> Markup {
    let Ok(record) = serde_json::from_slice::<Record>(line) else {
        return html! { tr { td colspan="5" { (state(Tone::Bad, "damaged line")) " " (said(&String::from_utf8_lossy(line))) } } };
    };
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    let what = match (&record.service, &record.action) {
        (Some(service), Some(action)) => format!("{service} {action}"),
        (Some(service), None) => service.clone(),
        _ => String::new(),
    };
    let why = [
        &record.reason,
        &record.error,
        &record.detail,
        &record.justification,
    ];
    let why = why.into_iter().flatten().next();
    html! {
        tr {
            td.nowrap { (ago(&record.timestamp, now)) }
            td { @match (record.event.as_str(), &record.decision) {
                (_, Some(word)) => (decision(word)),
                ("approval", None) => (decision(&given(&record.stage))),
                _ => (act_state(record.act.as_deref())),
            } }
            td { (said(&given(&record.identity))) }
            td { @match record.act.as_deref() {
                Some(act) => { (said(&act.replace('_', " "))) " " (said(&what)) }
                None => (said(&what)),
            } }
            td.ov-why { @if let Some(why) = why { (said(&cut(why))) } }
        }
    }
}

/// How much an act of the owner, or of axisd itself, asks for a look.
fn act_state(act: Option<&str>) -> Markup {
    const ODD: [&str; 10] = [
        "wrong_password",
        "policy_refused",
        "service_refused",
        "seal_differs",
        "log_missing",
        "log_vanished",
        "chain_set_aside",
        "torn_line",
        "keystore_accepted",
        "records_dropped",
    ];
    match act {
        Some(act) if ODD.contains(&act) => state(Tone::Warn, "look"),
        _ => state(Tone::Plain, "event"),
    }
}

/// The beginning of a long text; the page of the log has all of it.
fn cut(text: &str) -> String {
    const MOST: usize = 140;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(MOST).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_hostile_words_and_obeys_none() {
        let line = br#"{"seq":1,"event":"finished","timestamp":"2026-01-15T10:30:00.000Z","identity":"<i>","service":"github","action":"repos.get","decision":"deny","reason":"<script>alert(1)</script>"}"#;
        let shown = row(line, Timestamp::UNIX_EPOCH).into_string();
        assert!(shown.contains("&lt;script&gt;") && shown.contains("&lt;i&gt;"));
        assert!(!shown.contains("<script>"), "{shown}");
        let damaged = row(b"<b>no record\x1b", Timestamp::UNIX_EPOCH).into_string();
        assert!(damaged.contains("&lt;b&gt;no record\\u{1b}"), "{damaged}");
        let odd =
            br#"{"event":"admin","timestamp":"2026-01-15T10:30:00.000Z","act":"wrong_password"}"#;
        let shown = row(odd, Timestamp::UNIX_EPOCH).into_string();
        assert!(
            shown.contains("wrong password") && shown.contains("state warn"),
            "{shown}"
        );
    }
}
