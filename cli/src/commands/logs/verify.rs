//! `axis logs verify`: whether the audit log is as it was written.

use axis_proto::v1::{LogFile, VerifyLogsRequest, VerifyLogsResponse};
use clap::Args;
use serde::Serialize;

use crate::client::Daemon;
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, printable_lines};
use crate::prompt;

/// Check that the audit log is as it was written
///
/// Finds any edit, removal or reordering, names file and line, and says which
/// stretch the audit key proves (it needs an unlocked vault for that). That the
/// very end was cut off shows only against a head kept elsewhere: see `axis
/// logs head`. Exits with 1 on any fault, also in files that were set aside.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  axis logs verify\n  axis logs verify --head \"$(cat head.txt)\""
)]
pub struct Verify {
    /// A line to look for, as `axis logs head` printed it
    #[arg(long, value_name = "SEQ:HASH", value_parser = head)]
    head: Option<String>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// A line's number and hash.
fn head(text: &str) -> Result<String, String> {
    let is_head = text.trim().split_once(':').is_some_and(|(seq, hash)| {
        !seq.is_empty()
            && seq.len() <= 19
            && seq.bytes().all(|byte| byte.is_ascii_digit())
            && hash.len() == 64
            && hash
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    });
    if is_head {
        return Ok(text.trim().to_owned());
    }
    Err("write it as `axis logs head` prints it: the record's number, a colon, and the 64 lowercase hex digits of its hash".to_owned())
}

#[derive(Serialize)]
struct Document<'a> {
    intact: bool,
    coverage: &'a str,
    head: Option<HeadDocument<'a>>,
    files: Vec<FileDocument<'a>>,
}

#[derive(Serialize)]
struct HeadDocument<'a> {
    stands: bool,
    finding: &'a str,
}

#[derive(Serialize)]
struct FileDocument<'a> {
    path: &'a str,
    set_aside: bool,
    segment: bool,
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
        let request = VerifyLogsRequest {
            head: self.head.unwrap_or_default(),
        };
        // a log of many gigabytes takes its time
        let report = daemon.admin.verify_logs(request).await?.into_inner();
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
        coverage: &report.coverage,
        head: report.pinned.as_ref().map(|pinned| HeadDocument {
            stands: pinned.stands,
            finding: &pinned.finding,
        }),
        files: report
            .files
            .iter()
            .map(|file| FileDocument {
                path: &file.path,
                set_aside: file.set_aside,
                segment: file.segment,
                lines: file.lines,
                proven: file.proven,
                coverage: &file.coverage,
                fault: file.fault.as_deref(),
            })
            .collect(),
    }
}

fn show(output: Output, report: &VerifyLogsResponse) -> Result<(), Failure> {
    let mut segments: Vec<&LogFile> = Vec::new();
    for file in &report.files {
        // many that are as they should be take one line together
        if file.segment && file.fault.is_none() {
            segments.push(file);
            continue;
        }
        show_segments(output, &std::mem::take(&mut segments))?;
        show_file(output, file)?;
    }
    show_segments(output, &segments)?;
    if report.files.iter().any(|file| file.segment) {
        for line in printable_lines(&report.coverage) {
            output.line(format_args!("Together: {line}"))?;
        }
    }
    if let Some(pinned) = &report.pinned {
        let tone = if pinned.stands { Tone::Good } else { Tone::Bad };
        for line in printable_lines(&pinned.finding) {
            output.line(output.paint(tone, &format!("Head: {line}")))?;
        }
    }
    let (tone, words) = verdict(report);
    output.line(output.paint(tone, words))
}

/// What is said in the end. A chain alone is no proof: whoever can write the
/// file can make one.
fn verdict(report: &VerifyLogsResponse) -> (Tone, &'static str) {
    let lines: u64 = report.files.iter().map(|file| file.lines).sum();
    let proven: u64 = report.files.iter().map(|file| file.proven).sum();
    if !is_faultless(report) {
        (Tone::Bad, "The audit log has faults.")
    } else if lines > 0 && proven == 0 {
        let words = "The hash chain has no fault; nothing is proven by the audit key.";
        (Tone::Warn, words)
    } else {
        (Tone::Good, "The audit log is intact.")
    }
}

/// Older segments without a fault, one after another.
fn show_segments(output: Output, segments: &[&LogFile]) -> Result<(), Failure> {
    let [first, .., last] = segments else {
        return segments
            .iter()
            .try_for_each(|segment| show_file(output, segment));
    };
    let lines: u64 = segments.iter().map(|file| file.lines).sum();
    let proven: u64 = segments.iter().map(|file| file.proven).sum();
    output.line(format_args!(
        "{} {} to {}",
        output.paint(Tone::Good, "✓"),
        printable(&first.path),
        printable(&last.path),
    ))?;
    output.line(format_args!(
        "    {} segments, {lines} lines{}",
        segments.len(),
        with_mac(proven)
    ))
}

fn with_mac(proven: u64) -> String {
    match proven {
        0 => String::new(),
        proven => format!(", {proven} of them with the audit key's MAC"),
    }
}

fn show_file(output: Output, file: &LogFile) -> Result<(), Failure> {
    let mark = if file.fault.is_none() {
        output.paint(Tone::Good, "✓")
    } else {
        output.paint(Tone::Bad, "✗")
    };
    let aside = if file.set_aside { " (set aside)" } else { "" };
    output.line(format_args!("{mark} {}{aside}", printable(&file.path)))?;
    output.line(format_args!(
        "    {} lines{}",
        file.lines,
        with_mac(file.proven)
    ))?;
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
    fn only_what_head_prints_is_a_head() {
        let hash = "0123456789abcdef".repeat(4);
        assert_eq!(head(&format!(" 41:{hash}\n")), Ok(format!("41:{hash}")));
        for wrong in [
            String::new(),
            "41".into(),
            hash.clone(),
            format!(":{hash}"),
            format!("-1:{hash}"),
            format!("41:{}", hash.to_uppercase()),
            format!("41:{hash}0"),
        ] {
            assert!(head(&wrong).is_err(), "{wrong}");
        }
    }

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

    #[test]
    fn a_chain_without_a_proven_line_is_not_called_intact() {
        for (intact, lines, proven, says) in [
            (true, 0, 0, "is intact"),
            (true, 4, 2, "is intact"),
            (true, 4, 0, "nothing is proven"),
            (false, 4, 2, "has faults"),
        ] {
            let file = LogFile {
                lines,
                proven,
                ..LogFile::default()
            };
            let report = VerifyLogsResponse {
                intact,
                files: vec![file],
                ..VerifyLogsResponse::default()
            };
            let (_, words) = verdict(&report);
            assert!(words.contains(says), "{words}");
        }
    }
}
