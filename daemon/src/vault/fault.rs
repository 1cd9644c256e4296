//! What can be wrong with a keystore file. Each is told apart, and none of
//! them leads to a write.

/// A fault of the file's content; its text follows "the keystore PATH".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No bytes, or blanks only.
    #[error("is empty: put a backup back, or remove the file and run `axis init`")]
    Empty,
    /// The JSON stops before its end.
    #[error(
        "is cut off at line {line}, column {column}: it was not written to its end or not copied whole; put a backup back"
    )]
    Truncated {
        /// Where it stops, from 1.
        line: usize,
        /// Where it stops, from 1.
        column: usize,
    },
    /// Some other kind of file.
    #[error("is not JSON ({reason}): is this the right file? Else put a backup back")]
    NotJson {
        /// The parser's word, with line and column.
        reason: String,
    },
    /// JSON, but a field is missing, unknown or of the wrong form.
    #[error("is not as Axis writes it ({reason}): put a backup back")]
    Malformed {
        /// Which field, with line and column.
        reason: String,
    },
    /// JSON without a version.
    #[error("has no version, so it is no keystore of Axis: is this the right file?")]
    NoVersion,
    /// A version that was never made.
    #[error("has a version that no Axis ever wrote: put a backup back")]
    UnknownVersion,
    /// Made by axis-asv.
    #[error(
        "is of version 1, made by axis-asv, and was left untouched: let Axis keep its own keystore elsewhere (AXIS_KEYSTORE_PATH) and add the credentials there"
    )]
    Version1,
    /// Made by a later Axis.
    #[error("is of version {version}, made by a newer Axis, and was left untouched: update Axis")]
    Future {
        /// The file's version.
        version: u64,
    },
    /// Key derivation made cheap, for whoever guesses passwords.
    #[error(
        "asks for {iterations} rounds of key derivation, fewer than the 210000 that Axis writes: someone weakened it; put a backup back"
    )]
    Weakened {
        /// The file's number.
        iterations: u32,
    },
    /// Key derivation that would take forever.
    #[error(
        "asks for {iterations} rounds of key derivation, more than the 10000000 that Axis accepts: someone edited it; put a backup back"
    )]
    Excessive {
        /// The file's number.
        iterations: u32,
    },
    /// Far larger than any keystore.
    #[error("is larger than 16 MiB, so it is no keystore: is this the right file?")]
    TooLarge,
    /// Entries that were changed, swapped or renamed.
    #[error(
        "was edited: {} not what Axis stored under that name; put a backup back",
        said(names)
    )]
    EntriesEdited {
        /// Their names.
        names: Vec<String>,
    },
    /// The MAC fits nothing that was written, though each entry is sound.
    #[error(
        "was edited: its generation, its set of entries or its MAC was changed by something other than Axis; put a backup back"
    )]
    Edited,
}

impl Fault {
    pub(super) fn of_json(error: &serde_json::Error) -> Self {
        use serde_json::error::Category;
        match error.classify() {
            Category::Eof => Self::Truncated {
                line: error.line(),
                column: error.column(),
            },
            Category::Syntax | Category::Io => Self::NotJson {
                reason: error.to_string(),
            },
            Category::Data => Self::Malformed {
                reason: error.to_string(),
            },
        }
    }
}

fn said(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    match quoted.as_slice() {
        [one] => format!("the entry {one} is"),
        many => format!("the entries {} are", many.join(", ")),
    }
}
