//! Whether the log is as it was written: each file, what the audit key proves,
//! and the first fault.

use std::time::Duration;

use axis_proto::v1::{LogFile, VerifyLogsRequest, VerifyLogsResponse};
use axum::response::Response;
use maud::{Markup, html};
use tokio::time::timeout;

use super::selection::PATH;
use crate::dashboard::page::{Tab, Visit};
use crate::dashboard::words::{Tone, command, count, counted, said, state};
use crate::failure::{Exit, Failure};

/// A log of many gigabytes takes its time.
const PATIENCE: Duration = Duration::from_mins(10);

/// The page.
pub async fn verify(visit: Visit) -> Response {
    let mut admin = visit.app.admin();
    let asked = timeout(PATIENCE, admin.verify_logs(VerifyLogsRequest::default())).await;
    let report = match asked {
        Ok(Ok(report)) => Ok(body(report.get_ref())),
        Ok(Err(status)) => Err(status.into()),
        Err(_) => Err(Failure::new(
            Exit::Failed,
            "the log is so long that its check takes more than ten minutes",
        )
        .fix("axis logs verify")),
    };
    visit.page(Tab::Activity, report).await
}

fn body(report: &VerifyLogsResponse) -> Markup {
    let faults = report.files.iter().filter(|file| file.fault.is_some());
    let faults = u64::try_from(faults.count()).unwrap_or(u64::MAX);
    let lines = report.files.iter().map(|file| file.lines).sum();
    let proven: u64 = report.files.iter().map(|file| file.proven).sum();
    html! {
        h2 { "Is the record as it was written?" }
        p.lead {
            @if report.intact && faults == 0 && lines > 0 && proven == 0 {
                (state(Tone::Warn, "no fault, but nothing is proven"))
            } @else if report.intact && faults == 0 { (state(Tone::Good, "intact")) }
            @else { (state(Tone::Bad, &counted(faults, "file has a fault", "files have faults"))) }
            " " (counted(lines, "line", "lines")) " in "
            (counted(u64::try_from(report.files.len()).unwrap_or(u64::MAX), "file", "files")) "."
        }
        @for line in report.coverage.lines() { p { (said(line)) } }
        table.checks {
            thead { tr {
                th scope="col" { "State" } th scope="col" { "File" }
                th.number scope="col" { "Lines" } th.number scope="col" { "With MAC" }
                th scope="col" { "What was found" }
            } }
            tbody { @for file in &report.files { (row(file)) } }
        }
        p.faint {
            "That the very end was cut off shows only against a head kept elsewhere: "
            (command("axis logs head"))
        }
        p { a.button href=(PATH) { "Back to the activity" } " " a.button href="/activity/verify" { "Check again" } }
    }
}

fn row(file: &LogFile) -> Markup {
    let kind = match (file.set_aside, file.segment) {
        (true, _) => "set aside",
        (false, true) => "older segment",
        (false, false) => "the log",
    };
    html! {
        tr {
            td { @if file.fault.is_some() { (state(Tone::Bad, "fault")) } @else { (state(Tone::Good, "intact")) } }
            th scope="row" { (said(&file.path)) " " span.faint { (kind) } }
            td.number { (count(file.lines)) span.act-unit { " lines" } }
            td.number { (count(file.proven)) span.act-unit { " with MAC" } }
            td {
                @if let Some(fault) = &file.fault {
                    @for line in fault.lines() { p { (state(Tone::Bad, line)) } }
                }
                @for line in file.coverage.lines() { p { (said(line)) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fault_is_shown_and_nothing_of_it_is_markup() {
        let file = LogFile {
            path: "/x/<b>.jsonl".into(),
            lines: 1_234,
            fault: Some("line 3: <script> its hash doesn't fit".into()),
            ..LogFile::default()
        };
        let report = VerifyLogsResponse {
            files: vec![LogFile::default(), file],
            coverage: "nothing is proven".into(),
            ..VerifyLogsResponse::default()
        };
        let shown = body(&report).into_string();
        for words in [
            "1 file has a fault",
            "line 3: &lt;script&gt;",
            "/x/&lt;b&gt;.jsonl",
            "1\u{202f}234",
            "nothing is proven",
        ] {
            assert!(shown.contains(words), "{words} in {shown}");
        }
        let whole = |proven| {
            let file = LogFile {
                lines: 4,
                proven,
                ..LogFile::default()
            };
            body(&VerifyLogsResponse {
                intact: true,
                files: vec![file],
                ..VerifyLogsResponse::default()
            })
            .into_string()
        };
        assert!(!whole(2).contains("nothing is proven"));
        assert!(whole(0).contains("no fault, but nothing is proven"));
    }
}
