//! How a command ends when it doesn't succeed: what happened, why, what to do
//! now, and the exit code.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

use tonic::{Code, Status};

use crate::output::printable_lines;

/// The exit codes of `axis`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for was done.
    Done = 0,
    /// It was tried and failed, or what was looked at has a fault.
    Failed = 1,
    /// The command line, an environment variable or an input is wrong: a file
    /// that can't be read, or the name of something that isn't there, too.
    Usage = 2,
    /// axisd doesn't run or answer, or the vault is locked or absent.
    Unavailable = 3,
    /// Policy or a limit said no.
    Denied = 4,
}

/// Why a command ended early.
#[derive(Debug)]
pub enum Failure {
    /// Something to tell the owner.
    Told(Box<Report>),
    /// The reader of our output left (`axis logs | head`): nobody to tell.
    ReaderGone,
}

/// What is told on stderr.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    exit: Exit,
    what: String,
    why: Vec<String>,
    fix: Option<String>,
}

impl Failure {
    /// A failure in one sentence.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self::Told(Box::new(Report {
            exit,
            what: what.into(),
            why: Vec::new(),
            fix: None,
        }))
    }

    /// The owner ended the command.
    pub fn cancelled() -> Self {
        Self::new(Exit::Failed, "cancelled")
    }

    /// Adds a line that explains.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        if let Self::Told(report) = &mut self {
            report.why.push(why.into());
        }
        self
    }

    /// Names the command or the act that mends it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        if let Self::Told(report) = &mut self {
            report.fix = Some(fix.into());
        }
        self
    }

    /// What and why in one line, and the fix: for where a report is one of many.
    pub fn sentence(&self) -> (String, Option<String>) {
        match self {
            Self::Told(report) => {
                let mut sentence = report.what.clone();
                for why in &report.why {
                    sentence.push_str(": ");
                    sentence.push_str(why);
                }
                (sentence, report.fix.clone())
            }
            Self::ReaderGone => (String::new(), None),
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Told(report) => report.exit,
            Self::ReaderGone => Exit::Done,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Told(report) = self else {
            return Ok(());
        };
        let mut what = printable_lines(&report.what);
        write!(f, "error: {}", what.next().unwrap_or_default())?;
        for line in what.chain(report.why.iter().flat_map(|why| printable_lines(why))) {
            write!(f, "\n  {line}")?;
        }
        let mut label = "fix: ";
        for line in report.fix.iter().flat_map(|fix| printable_lines(fix)) {
            write!(f, "\n  {label}{line}")?;
            label = "     ";
        }
        Ok(())
    }
}

impl From<Status> for Failure {
    /// The message of a status is the sentence, its details are the hint.
    fn from(status: Status) -> Self {
        if is_unreachable(&status) {
            return Self::new(Exit::Unavailable, "axisd can't be reached")
                .because(deepest(&status))
                .fix("axis daemon start");
        }
        let exit = match status.code() {
            Code::FailedPrecondition | Code::Unavailable | Code::DeadlineExceeded => {
                Exit::Unavailable
            }
            Code::InvalidArgument => Exit::Usage,
            _ => Exit::Failed,
        };
        let failure = Self::new(exit, status.message());
        let hint = String::from_utf8_lossy(status.details());
        match hint.trim() {
            "" => failure,
            // A question explains; it is nothing to run.
            question if question.ends_with('?') => failure.because(question),
            hint => failure.fix(hint),
        }
    }
}

/// Whether the connection failed, rather than axisd saying no: only a status
/// that was made on our side has a source.
pub fn is_unreachable(status: &Status) -> bool {
    status.source().is_some()
}

/// Whether no connection could be made: then nothing was sent either.
pub fn is_unconnected(status: &Status) -> bool {
    use ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
    let mut cause = status.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            let kind = error.kind();
            return matches!(kind, NotFound | ConnectionRefused | PermissionDenied);
        }
        cause = error.source();
    }
    false
}

/// What is at the bottom of a failed connection.
pub fn deepest(status: &Status) -> String {
    let mut error: &dyn Error = status;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_becomes_one_form_and_its_exit_code() {
        let cases = [
            (Code::FailedPrecondition, 3),
            (Code::Unavailable, 3),
            (Code::DeadlineExceeded, 3),
            (Code::PermissionDenied, 1),
            (Code::NotFound, 1),
            (Code::AlreadyExists, 1),
            (Code::Internal, 1),
            (Code::InvalidArgument, 2),
        ];
        for (code, exit) in cases {
            let status = Status::with_details(code, "The vault is locked.", "axis unlock".into());
            let failure = Failure::from(status);
            assert_eq!(failure.exit() as u8, exit, "{code:?}");
            assert_eq!(
                failure.to_string(),
                "error: The vault is locked.\n  fix: axis unlock"
            );
        }
    }

    #[test]
    fn a_question_in_the_details_is_no_command() {
        let status = Status::with_details(Code::NotFound, "no \"opnai\"", "Did you mean?".into());
        assert_eq!(
            Failure::from(status).to_string(),
            "error: no \"opnai\"\n  Did you mean?"
        );
    }

    #[test]
    fn a_report_can_not_carry_escapes_to_the_terminal() {
        let failure = Failure::new(Exit::Failed, "bad \u{1b}[2Jname\nsecond")
            .because("why\u{202e}")
            .fix("do\rthis");
        assert_eq!(
            failure.to_string(),
            "error: bad \\u{1b}[2Jname\n  second\n  why\\u{202e}\n  fix: do\\u{d}this"
        );
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        assert_eq!(Failure::ReaderGone.exit(), Exit::Done);
        assert_eq!(Failure::ReaderGone.to_string(), "");
    }
}
