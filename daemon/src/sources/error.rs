//! Why a credential can't be read where the owner keeps it. None of these
//! texts holds a word of what the program said.

use std::time::Duration;

use super::reference::ReferenceError;
use super::run::{LIMIT, MAX_OUTPUT_BYTES};

/// Why a credential wasn't read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It names nothing that could be read.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// It isn't installed where the system's programs are.
    #[error(
        "there is no program {program} in {}: install it there, or name its absolute path with --program",
        super::program::SYSTEM_PATH
    )]
    NoProgram {
        /// Its name.
        program: String,
    },
    /// Another user could put something else in its place.
    #[error("{path} is not run, since {problem}: have its owner close it (chmod go-w)")]
    Unsafe {
        /// The program, or a directory above it.
        path: String,
        /// Who could.
        problem: String,
    },
    /// It can't be started.
    #[error("{program} can't be run: {why}")]
    Unstartable {
        /// Its path.
        program: String,
        /// The system's word.
        why: String,
    },
    /// Nobody knows what it is.
    #[error(
        "{program} can't be looked at: the file system that it, or a file beside it, is on didn't answer within {seconds} s"
    )]
    Unanswered {
        /// Its path.
        program: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// It hangs.
    #[error("{program} didn't end within {} s", LIMIT.as_secs())]
    TooSlow {
        /// Its path.
        program: String,
    },
    /// It says no.
    #[error("{program} ended with {status}")]
    Refused {
        /// Its path.
        program: String,
        /// How it ended.
        status: String,
    },
    /// More than any secret.
    #[error("{program} put out more than {} KiB", MAX_OUTPUT_BYTES / 1024)]
    TooLong {
        /// Its path.
        program: String,
    },
    /// What it put out is no secret.
    #[error("what {program} put out {problem}")]
    Unusable {
        /// Its path.
        program: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Others are being read.
    #[error("others are being looked at or read at this moment, for more than {} s", .0.as_secs())]
    Busy(Duration),
}

impl SourceError {
    /// Nothing is begun any more.
    pub(super) fn stopping(program: &str) -> Self {
        Self::Unstartable {
            program: program.to_owned(),
            why: "axisd is stopping".into(),
        }
    }
}
