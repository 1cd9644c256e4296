//! What was answered before: the grants in force, and the last answers, out of
//! the record.

use axis_proto::v1::{LogsRequest, WatchApprovalsResponse};
use maud::{Markup, html};
use serde_json::Value;

use super::super::app::{App, answer};
use super::super::page::partly;
use super::super::session::Session;
use super::super::words::{Tone, moment, said, span, state};
use crate::failure::{Exit, Failure};

/// How many of the last answers are shown.
const SHOWN: u32 = 20;
/// Each answer follows a question, and a question of its own may be withdrawn.
const READ: u32 = SHOWN * 3;

/// The record's lines of approvals that ended, the newest first.
pub async fn read(app: &App) -> Result<Vec<Value>, Failure> {
    let request = LogsRequest {
        last: READ,
        events: vec!["approval".to_owned()],
        ..LogsRequest::default()
    };
    let mut admin = app.admin();
    let mut answers = answer(admin.logs(request)).await?;
    let mut lines = Vec::new();
    while let Some(response) = next(&mut answers).await? {
        let Ok(line) = serde_json::from_slice::<Value>(&response.line) else {
            continue;
        };
        if line["event"] == "approval" && line["stage"] != "asked" {
            lines.push(line);
        }
    }
    lines.reverse();
    lines.truncate(SHOWN as usize);
    Ok(lines)
}

async fn next(
    answers: &mut tonic::Streaming<axis_proto::v1::LogsResponse>,
) -> Result<Option<axis_proto::v1::LogsResponse>, Failure> {
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
    match tokio::time::timeout(PATIENCE, answers.message()).await {
        Ok(next) => Ok(next?),
        Err(_) => Err(Failure::new(
            Exit::Unavailable,
            "axisd didn't tell the record within 30 s",
        )),
    }
}

/// What needs no asking for now.
pub fn grants(now: &WatchApprovalsResponse, session: &Session) -> Markup {
    html! {
        section aria-labelledby="grants" {
            h2 #grants { "Grants in force" }
            @if now.grants.is_empty() {
                p.faint { "None. Approve for a time, and what it covers stands here until it ends." }
            } @else {
                ul.grants {
                    @for grant in &now.grants {
                        li {
                            span {
                                (said(&grant.identity)) " may do " (said(&grant.service)) " " (said(&grant.action))
                                " with the credential " (said(&grant.credential)) ", whatever the params, until "
                                (moment(&grant.until)) ", or until the vault is locked"
                            }
                            form method="post" action="/approvals" {
                                input type="hidden" name="csrf" value=(session.csrf);
                                input type="hidden" name="back" value="/approvals";
                                input type="hidden" name="grant" value=(grant.id);
                                button.danger type="submit" name="do" value="end" { "End it" }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The last answers.
pub fn answers(read: Result<&Vec<Value>, &Failure>) -> Markup {
    html! {
        section aria-labelledby="answers" {
            h2 #answers { "Answered lately" }
            @match read {
                Err(failure) => { (partly(failure)) }
                Ok(lines) if lines.is_empty() => { p.faint { "Nothing was answered yet." } }
                Ok(lines) => {
                    table.checks.answers {
                        thead { tr { th scope="col" { "Answer" } th scope="col" { "Call" } th scope="col" { "By" } th scope="col" { "When" } } }
                        tbody { @for line in lines { (row(line)) } }
                    }
                }
            }
        }
    }
}

fn row(line: &Value) -> Markup {
    let field = |name: &str| line[name].as_str().unwrap_or_default();
    let (tone, word) = match field("stage") {
        "approved" => (Tone::Good, "approved"),
        "rejected" => (Tone::Bad, "rejected"),
        "expired" => (Tone::Warn, "not answered in time"),
        "withdrawn" => (Tone::Plain, "withdrawn"),
        other => (Tone::Plain, other),
    };
    html! {
        tr {
            td { (state(tone, word)) @if let Some(lasts_s) = line["lasts_s"].as_u64() { " for " (span(lasts_s)) } }
            th scope="row" { (said(field("service"))) " " (said(field("action"))) span.plain-word { " for " } (said(field("identity"))) }
            td {
                @match field("by") { "owner" => { "you" } "host" => { "the agent's host" } "" => { span.faint { "nobody" } } other => { (said(other)) } }
                @if !field("reason").is_empty() { ": " q { (said(field("reason"))) } }
            }
            td.nowrap { (moment(field("timestamp"))) }
        }
    }
}
