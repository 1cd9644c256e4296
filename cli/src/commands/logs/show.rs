//! `axis logs` itself: the last lines, and those to come.

use axis_proto::v1::LogsRequest;
use clap::Args;
use serde::Deserialize;

use super::selection::Lines;
use crate::client::Daemon;
use crate::failure::{Exit, Failure, is_unreachable};
use crate::output::{Cell, Output, Table, Tone, printable_record, write};
use crate::prompt;

/// The last lines.
#[derive(Debug, Args)]
pub struct Show {
    /// Go on with new lines until Ctrl-C
    #[arg(short = 'f', long, alias = "follow")]
    pub(super) tail: bool,
    /// How many lines, up to 100000; `axis logs export` gives all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(..=100_000))]
    last: u32,
    #[command(flatten)]
    lines: Lines,
    /// The lines as they are: one JSON object a line
    #[arg(long)]
    json: bool,
}

/// What a person wants to see of an audit record.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Record {
    seq: u64,
    event: String,
    timestamp: String,
    identity: Option<String>,
    service: Option<String>,
    action: Option<String>,
    decision: Option<String>,
    reason: Option<String>,
    error: Option<String>,
    status: Option<u16>,
    latency_ms: Option<u64>,
    justification: Option<String>,
    act: Option<String>,
    approval: Option<String>,
    stage: Option<String>,
    detail: Option<String>,
    folded: Option<u64>,
    redacted: Option<u64>,
}

impl Show {
    /// Shows the lines, and follows where asked to.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let request = LogsRequest {
            last: self.last,
            follow: self.tail,
            all: false,
            ..self.lines.request()
        };
        let mut lines = daemon.admin.logs(request).await?.into_inner();
        let mut table = table();
        if !self.json {
            table.header(output)?;
        }
        loop {
            match lines.message().await {
                Ok(Some(message)) if self.json => {
                    let mut line = printable_record(&message.line).into_owned();
                    line.push(b'\n');
                    write(&line)?;
                }
                Ok(Some(message)) => table.flowing_row(output, &row(&message.line))?,
                Ok(None) if self.tail => return Err(stopped()),
                Ok(None) => return Ok(Exit::Done),
                Err(status) if self.tail && is_unreachable(&status) => return Err(stopped()),
                Err(status) => return Err(status.into()),
            }
        }
    }
}

fn stopped() -> Failure {
    Failure::new(
        Exit::Unavailable,
        "axisd has stopped, so no more lines come",
    )
    .fix("axis daemon start, then axis logs --tail")
}

/// A table with room for usual values: lines come one at a time.
fn table() -> Table {
    let mut table = Table::new(&[
        "TIME", "SEQ", "IDENTITY", "WHAT", "DECISION", "RESULT", "MS", "WHY",
    ]);
    table.fit(&[
        Cell::plain("2026-01-15 10:30:00Z"),
        Cell::plain("1234"),
        Cell::plain("local-dev"),
        Cell::plain("github.issues.create"),
    ]);
    table
}

fn row(line: &[u8]) -> Vec<Cell> {
    let Ok(record) = serde_json::from_slice::<Record>(line) else {
        // A damaged line is evidence: it is shown, not dropped.
        return vec![Cell::new(Tone::Bad, &String::from_utf8_lossy(line))];
    };
    let what = match (&record.service, &record.action, &record.act) {
        (Some(service), Some(action), _) => format!("{service}.{action}"),
        (_, _, Some(act)) => act.clone(),
        _ => record.event.clone(),
    };
    vec![
        Cell::new(Tone::Faint, &time(&record.timestamp)),
        Cell::plain(&record.seq.to_string()),
        Cell::plain(record.identity.as_deref().unwrap_or("-")),
        Cell::plain(&what),
        decision(&record),
        Cell::plain(&result(&record)),
        Cell::plain(
            &record
                .latency_ms
                .map_or_else(|| "-".to_owned(), |ms| ms.to_string()),
        ),
        Cell::plain(&why(&record)),
    ]
}

/// Seconds are enough for a person.
fn time(timestamp: &str) -> String {
    timestamp.parse::<jiff::Timestamp>().map_or_else(
        |_| timestamp.to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    )
}

fn decision(record: &Record) -> Cell {
    if let Some(stage) = &record.stage {
        let tone = match stage.as_str() {
            "approved" => Tone::Good,
            "rejected" => Tone::Bad,
            _ => Tone::Warn,
        };
        return Cell::new(tone, stage);
    }
    match (record.event.as_str(), record.decision.as_deref()) {
        ("started", _) => Cell::new(Tone::Faint, "started"),
        (_, Some("allow")) => Cell::new(Tone::Good, "allow"),
        (_, Some("deny")) => Cell::new(Tone::Bad, "deny"),
        (_, Some("error")) => Cell::new(Tone::Warn, "error"),
        (event, decision) => Cell::plain(decision.unwrap_or(event)),
    }
}

fn result(record: &Record) -> String {
    match (&record.error, record.status) {
        (Some(error), Some(status)) => format!("{status} {error}"),
        (Some(error), None) => error.clone(),
        (None, Some(status)) => status.to_string(),
        (None, None) => record.approval.clone().unwrap_or_else(|| "-".to_owned()),
    }
}

/// A denial's reason says more than the agent's words, so it comes first.
fn why(record: &Record) -> String {
    let folded = record.folded.map(|count| format!("({count} like this)"));
    let redacted = record
        .redacted
        .filter(|count| *count > 0)
        .map(|count| format!("(secret removed from the answer {count} times)"));
    [
        folded.as_deref(),
        redacted.as_deref(),
        record.reason.as_deref(),
        record.detail.as_deref(),
        record.justification.as_deref(),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        row(line.as_bytes())
            .iter()
            .map(|cell| cell.text().to_owned())
            .collect::<Vec<_>>()
            .join("|")
    }

    #[test]
    fn each_kind_of_record_becomes_a_row() {
        let cases = [
            (
                r#"{"seq":41,"event":"finished","timestamp":"2026-01-15T10:30:00.123Z","identity":"local-dev","service":"openai","action":"responses.create","decision":"allow","justification":"sum up","latency_ms":342,"status":200}"#,
                "2026-01-15 10:30:00Z|41|local-dev|openai.responses.create|allow|200|342|sum up",
            ),
            (
                r#"{"seq":42,"event":"finished","timestamp":"2026-01-15T10:30:00.000Z","identity":"ci","service":"github","action":"repos.get","decision":"deny","reason":"Policy denied","justification":"look","folded":7}"#,
                "2026-01-15 10:30:00Z|42|ci|github.repos.get|deny|-|-|(7 like this) · Policy denied · look",
            ),
            (
                r#"{"seq":43,"event":"finished","timestamp":"2026-01-15T10:30:00.000Z","identity":"ci","service":"github","action":"repos.get","decision":"error","error":"upstream_error","status":502,"latency_ms":5,"justification":"x"}"#,
                "2026-01-15 10:30:00Z|43|ci|github.repos.get|error|502 upstream_error|5|x",
            ),
            (
                r#"{"seq":1,"event":"admin","timestamp":"2026-01-15T10:30:00.000Z","act":"unlock","detail":"3 credentials"}"#,
                "2026-01-15 10:30:00Z|1|-|unlock|admin|-|-|3 credentials",
            ),
            (
                r#"{"seq":7,"event":"approval","timestamp":"2026-01-15T10:30:00.000Z","identity":"ci","service":"github","action":"repos.get","reason":"not there","approval":"k7f2qd9a","stage":"rejected","by":"owner"}"#,
                "2026-01-15 10:30:00Z|7|ci|github.repos.get|rejected|k7f2qd9a|-|not there",
            ),
            ("not json", "not json"),
        ];
        for (line, row) in cases {
            assert_eq!(shown(line), row);
        }
    }

    #[test]
    fn an_agent_can_not_forge_a_row() {
        let line = r#"{"seq":1,"event":"finished","timestamp":"x\n","identity":"a\u001b[1A","service":"s\r","action":"b\u202e","decision":"al\tlow","justification":"one\n2026-01-15 10:30:00Z 99 local-dev"}"#;
        let row = shown(line);
        assert!(!row.chars().any(char::is_control), "{row:?}");
        assert!(row.contains("one\\u{a}2026"), "{row}");
        assert!(
            row.contains("\\u{1b}[1A") && row.contains("b\\u{202e}"),
            "{row}"
        );
    }
}
