//! Why a host's file can't be read or changed; what stands in it is never part
//! of the sentence.

use std::io;
use std::path::PathBuf;

use crate::failure::{Exit, Failure};

/// Each variant is a sentence for the owner. Whenever one is returned, the file
/// is as it was.
#[derive(Debug, thiserror::Error)]
pub enum HostsError {
    /// The built-in list is wrong; a test keeps this from ever being shipped.
    #[error("the built-in list of MCP hosts is wrong: {0}")]
    Data(String),
    /// Nothing says where the user's files are.
    #[error("no home directory is known for this user: set HOME")]
    NoHome,
    /// A variable that goes into the entry says nothing that the shim takes.
    #[error("{0}")]
    Variable(String),
    /// The host has no files in projects.
    #[error("{title} has no configuration per project that Axis knows of")]
    NoProjectScope {
        /// The host.
        title: String,
    },
    /// A link in a project leads out of it.
    #[error("{file} leads out of the project, to {target}: it was left alone")]
    OutsideProject {
        /// The file in the project.
        file: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// Nothing shows that the host is here.
    #[error("{title} isn't found on this machine (looked for: {looked_for})")]
    NotFound {
        /// The host.
        title: String,
        /// Its name on the command line.
        id: String,
        /// What would have shown it.
        looked_for: String,
    },
    /// The host's file lies nowhere on this system.
    #[error("{title} keeps no file on this system that Axis knows of")]
    NoFile {
        /// The host.
        title: String,
    },
    /// The directory of a new file isn't there.
    #[error("{directory} doesn't exist")]
    NoDirectory {
        /// The directory.
        directory: PathBuf,
    },
    /// It doesn't parse.
    #[error("{file} has a mistake in line {line}, column {column}: {why}")]
    Unparsable {
        /// The file.
        file: PathBuf,
        /// Counted from one.
        line: usize,
        /// Counted from one.
        column: usize,
        /// The parser's word; it doesn't quote the file.
        why: String,
    },
    /// A key on the way to our entry stands twice.
    #[error(
        "{file} has {key:?} twice, and hosts differ in which one they read: make it one, then try again"
    )]
    Twice {
        /// The file.
        file: PathBuf,
        /// The key.
        key: String,
    },
    /// Something on the way to our entry is no table.
    #[error("{file}: {key:?} should be {wanted}, but is {found}")]
    WrongKind {
        /// The file.
        file: PathBuf,
        /// The key, or what stands for the whole file.
        key: String,
        /// What it should be.
        wanted: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// Somebody else's entry has our name.
    #[error("{file} has an entry {name:?} already, and it starts something else than `axis mcp`")]
    NotOurs {
        /// The file.
        file: PathBuf,
        /// The name.
        name: String,
    },
    /// The form of the file leaves no place for an entry.
    #[error("{file} has no place for Axis' own entry that leaves all else as it is: {why}")]
    NoPlace {
        /// The file.
        file: PathBuf,
        /// What is in the way.
        why: &'static str,
    },
    /// It may not be written.
    #[error("{path} is read-only")]
    ReadOnly {
        /// A file or a directory.
        path: PathBuf,
    },
    /// It belongs to another user.
    #[error("{path} belongs to another user (uid {uid})")]
    Foreign {
        /// A file or a directory.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// It is a directory, a pipe, a device.
    #[error("{file} is no regular file")]
    NotRegular {
        /// The file.
        file: PathBuf,
    },
    /// It is not a text a host would read.
    #[error("{file} is no UTF-8 text")]
    NotText {
        /// The file.
        file: PathBuf,
    },
    /// It is larger than any host's file.
    #[error("{file} is larger than {limit} MiB")]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// What is read at most, in MiB.
        limit: u64,
    },
    /// Others changed it all the time.
    #[error("{file} was changed by another program again and again meanwhile")]
    Changing {
        /// The file.
        file: PathBuf,
    },
    /// Another `axis hosts` is at it.
    #[error("another program has locked {directory} for {waited_s} s")]
    Locked {
        /// The directory.
        directory: PathBuf,
        /// How long it was waited for, in seconds.
        waited_s: u64,
    },
    /// The system said no.
    #[error("{path}: {source}")]
    Io {
        /// What was touched.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// This program's own path is not known, or no text.
    #[error("it isn't known where this program lies: {0}")]
    NoProgram(String),
}

impl HostsError {
    /// The command or the act that mends it, where there is one to name.
    pub fn fix(&self) -> Option<String> {
        Some(match self {
            Self::NotFound { id, .. } => {
                format!("axis hosts add {id} --force, to write its file all the same")
            }
            Self::NoProjectScope { .. } => "leave --project out".to_owned(),
            Self::NoDirectory { .. } => {
                "start the host once, or have the directory made with --force".to_owned()
            }
            Self::Unparsable { .. } => "correct the file, then try again".to_owned(),
            Self::NotOurs { .. } => "--force replaces it; it is backed up first".to_owned(),
            Self::WrongKind { .. } | Self::NoPlace { .. } => {
                "change that by hand, then try again".to_owned()
            }
            Self::ReadOnly { path } => format!(
                "chmod u+w {}, where it isn't so on purpose",
                axis_proto::shell::word(&path.display().to_string())
            ),
            Self::Changing { .. } => "close the host, then try again".to_owned(),
            Self::Locked { .. } => "try again".to_owned(),
            _ => return None,
        })
    }
}

impl From<HostsError> for Failure {
    fn from(error: HostsError) -> Self {
        let failure = Self::new(Exit::Failed, error.to_string());
        match error.fix() {
            Some(fix) => failure.fix(fix),
            None => failure,
        }
    }
}
