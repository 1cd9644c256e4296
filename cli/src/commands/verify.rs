//! `axis logs verify`: whether the audit log is as it was written.

use axis_proto::v1::{LogFile, VerifyLogsRequest, VerifyLogsResponse};
use clap::Args;
use serde::Serialize;

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, printable_lines};
use crate::prompt;

/// Check that the audit log is as it was written
///
/// Finds any edit, removal or reordering, names file and line, and says which
/// stretch the audit key proves (it needs an unlocked vault for that). Exits
/// with 1 on any fault, also in files that were set aside.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  axis logs verify")]
pub struct Verify {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    intact: bool,
    files: Vec<FileDocument<'a>>,
}

#[derive(Serialize)]
struct FileDocument<'a> {
    path: &'a str,
    set_aside: bool,
    lines: u64,
    proven: u64,
    coverage: &'a str,
    fault: Option<&'a str>,
}

impl Verify {
    /// Verifies all files.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let report = ask(daemon.admin.verify_logs(VerifyLogsRequest::default())).await?;
        if self.json {
            output.json(&document(&report))?;
        } else {
            show(output, &report)?;
        }
        Ok(if is_faultless(&report) {
            Exit::Done
        } else {
            Exit::Failed
        })
    }
}

fn is_faultless(report: &VerifyLogsResponse) -> bool {
    report.intact && report.files.iter().all(|file| file.fault.is_none())
}

fn document(report: &VerifyLogsResponse) -> Document<'_> {
    Document {
        intact: is_faultless(report),
        files: report
            .files
            .iter()
            .map(|file| FileDocument {
                path: &file.path,
                set_aside: file.set_aside,
                lines: file.lines,
                proven: file.proven,
                coverage: &file.coverage,
                fault: file.fault.as_deref(),
            })
            .collect(),
    }
}

fn show(output: Output, report: &VerifyLogsResponse) -> Result<(), Failure> {
    for file in &report.files {
        show_file(output, file)?;
    }
    output.line(if is_faultless(report) {
        output.paint(Tone::Good, "The audit log is intact.")
    } else {
        output.paint(Tone::Bad, "The audit log has faults.")
    })
}

fn show_file(output: Output, file: &LogFile) -> Result<(), Failure> {
    let mark = if file.fault.is_none() {
        output.paint(Tone::Good, "✓")
    } else {
        output.paint(Tone::Bad, "✗")
    };
    let aside = if file.set_aside { " (set aside)" } else { "" };
    output.line(format_args!("{mark} {}{aside}", printable(&file.path)))?;
    let with_mac = match file.proven {
        0 => String::new(),
        proven => format!(", {proven} of them with the audit key's MAC"),
    };
    output.line(format_args!("    {} lines{with_mac}", file.lines))?;
    for line in printable_lines(&file.coverage) {
        output.line(format_args!("    {line}"))?;
    }
    for line in file.fault.iter().flat_map(|fault| printable_lines(fault)) {
        output.line(format_args!("    {}", output.paint(Tone::Bad, &line)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_in_any_file_is_a_fault() {
        let file = |fault: Option<&str>| LogFile {
            fault: fault.map(str::to_owned),
            ..LogFile::default()
        };
        let report = |intact, files| VerifyLogsResponse {
            intact,
            files,
            ..VerifyLogsResponse::default()
        };
        assert!(is_faultless(&report(true, vec![file(None), file(None)])));
        assert!(!is_faultless(&report(
            true,
            vec![file(None), file(Some("line 3"))]
        )));
        assert!(!is_faultless(&report(false, vec![file(None)])));
    }
}
