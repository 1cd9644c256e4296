//! `axis doctor`: what is right, what isn't, and what mends it.

use axis_proto::v1::check::State;
use axis_proto::v1::{Check, DoctorRequest, ListServicesRequest};
use clap::Args;
use serde_json::{Value, json};

use crate::client::{Daemon, ask, check_version};
use crate::doctor;
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, printable_lines, tell, warn};
use crate::prompt;

/// Check the installation and say what mends it
///
/// Exits with 1 when any check fails; warnings don't count. It also tells how far
/// agents are kept from Axis on this machine, and how to get further.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  axis doctor\n  axis doctor --online\n  axis doctor --fix\n  axis doctor --json"
)]
pub struct Doctor {
    /// Also ask the vendors whether they accept the credentials
    #[arg(long)]
    online: bool,
    /// Mend what is harmless: close files to other users, let hosts start this
    /// axis where theirs is gone
    #[arg(long)]
    fix: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// The checks, and the isolation level where axisd could tell it.
struct Report {
    level: Option<u32>,
    checks: Vec<Check>,
}

impl Doctor {
    /// Runs the checks.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let mut report = report(self.online).await;
        if self.fix {
            let done = doctor::mend(&report.checks);
            for mended in &done {
                match mended {
                    Ok(what) => tell(format_args!("mended: {}", printable(what))),
                    Err(why) => warn(why),
                }
            }
            if !done.is_empty() {
                report = self::report(self.online).await;
            }
        }
        if self.json {
            output.json(&document(report.level, &report.checks))?;
        } else {
            show(output, &report)?;
        }
        let failed = report
            .checks
            .iter()
            .any(|check| check.state() == State::Fail);
        Ok(if failed { Exit::Failed } else { Exit::Done })
    }
}

/// Where axisd can't be reached the doctor answers all the same.
async fn report(online: bool) -> Report {
    match examine(online).await {
        Ok(report) => report,
        Err(failure) => {
            let mut checks = vec![failed("daemon", &failure)];
            checks.extend(doctor::checks(&[]));
            Report {
                level: None,
                checks,
            }
        }
    }
}

async fn examine(online: bool) -> Result<Report, Failure> {
    let password = prompt::password_from_environment()?;
    let (mut daemon, status) = Daemon::running_or_started(password).await?;
    let mut checks = Vec::new();
    if let Err(mismatch) = check_version(&status.version) {
        checks.push(failed("version", &mismatch));
    }
    let answer = ask(daemon.admin.doctor(DoctorRequest { online })).await?;
    let services = ask(daemon.admin.list_services(ListServicesRequest {})).await?;
    checks.extend(answer.checks);
    checks.extend(doctor::checks(&services.services));
    Ok(Report {
        level: Some(answer.level),
        checks,
    })
}

fn failed(name: &str, failure: &Failure) -> Check {
    let (message, fix) = failure.sentence();
    Check {
        name: name.to_owned(),
        state: State::Fail.into(),
        message,
        fix: match fix {
            // The doctor doesn't send to the doctor.
            Some(fix) if fix == "axis doctor" => "axis daemon restart".to_owned(),
            // Without one the message says what to do.
            fix => fix.unwrap_or_default(),
        },
        close: Vec::new(),
    }
}

fn state_word(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Warn => "warn",
        State::Fail | State::Unspecified => "fail",
    }
}

/// What `--json` prints: the level and the checks.
pub fn document(level: Option<u32>, checks: &[Check]) -> Value {
    let checks: Vec<Value> = checks
        .iter()
        .map(|check| {
            json!({
                "name": check.name,
                "state": state_word(check.state()),
                "message": check.message,
                "fix": check.fix,
            })
        })
        .collect();
    json!({ "level": level, "checks": checks })
}

fn show(output: Output, report: &Report) -> Result<(), Failure> {
    for check in &report.checks {
        let (tone, mark) = match check.state() {
            State::Ok => (Tone::Good, "✓"),
            State::Warn => (Tone::Warn, "!"),
            State::Fail | State::Unspecified => (Tone::Bad, "✗"),
        };
        let mut lines = printable_lines(&check.message);
        output.line(format_args!(
            "{} {:<17} {}",
            output.paint(tone, mark),
            printable(&check.name),
            lines.next().unwrap_or_default()
        ))?;
        for line in lines {
            output.line(format_args!("  {:<17} {line}", ""))?;
        }
        for line in printable_lines(&check.fix) {
            output.line(format_args!("  {:<17} fix: {line}", ""))?;
        }
    }
    match report.level {
        Some(level) => output.line(format_args!(
            "\nIsolation level {level} of 4 (docs/isolation.md says what each keeps out, and how to get there)"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_daemon_there_is_still_a_check_with_a_fix() {
        let failure = Failure::new(Exit::Unavailable, "axisd doesn't answer")
            .because("it was started")
            .fix("axis doctor");
        let report = Report {
            level: None,
            checks: vec![failed("daemon", &failure)],
        };
        assert_eq!(
            document(report.level, &report.checks),
            json!({"level": null, "checks": [{
                "name": "daemon",
                "state": "fail",
                "message": "axisd doesn't answer: it was started",
                "fix": "axis daemon restart"
            }]})
        );
    }
}
