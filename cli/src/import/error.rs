//! Why nothing can be imported from a place.

use std::path::PathBuf;

/// Why nothing can be imported from a place, in a sentence that names it.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is nothing.
    #[error("there is no {}", path.display())]
    NotThere {
        /// Where it should be.
        path: PathBuf,
    },
    /// A directory, a pipe or a device.
    #[error("{} is {kind}, not a file", path.display())]
    NotAFile {
        /// Where it is.
        path: PathBuf,
        /// What it is, such as `a directory`.
        kind: &'static str,
    },
    /// More than any such file has.
    #[error("{} is larger than {limit} bytes: it was not read", path.display())]
    TooLarge {
        /// Where it is.
        path: PathBuf,
        /// How much is read.
        limit: usize,
    },
    /// The system said no.
    #[error("{} can't be read: {error}", path.display())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Binary, or in another encoding.
    #[error("{} is not UTF-8 text (byte {at}): save it as UTF-8, then run the command again", path.display())]
    NotText {
        /// Where it is.
        path: PathBuf,
        /// The first byte that isn't.
        at: usize,
    },
    /// It is a file, but none of that kind.
    #[error("{} can't be imported: {problem}", path.display())]
    Malformed {
        /// Where it is.
        path: PathBuf,
        /// What is wrong, and where; never a part of a secret.
        problem: String,
    },
    /// It was changed while it was read.
    #[error("{} was changed meanwhile; it was left as it is", path.display())]
    Changed {
        /// Where it is.
        path: PathBuf,
    },
    /// A program that is asked for its secrets doesn't answer as it should.
    #[error("{0}")]
    Program(String),
}

impl ImportError {
    /// A file that isn't what it should be.
    pub fn malformed(path: &std::path::Path, problem: impl Into<String>) -> Self {
        Self::Malformed {
            path: path.to_owned(),
            problem: problem.into(),
        }
    }
}
