//! Why a policy file was refused, said the way rustc points at code.

use std::path::Path;

use crate::names::NameError;
use crate::yaml::Place;

/// What is wrong with a policy file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The system wouldn't let it be read.
    #[error("the policy can't be read: {reason}")]
    Unreadable {
        /// The system's word.
        reason: String,
    },
    /// A directory, pipe, device or socket lies where the file should.
    #[error("the policy must be a regular file, but this is {kind}; put a file in its place")]
    NotAFile {
        /// What lies there, with its article.
        kind: &'static str,
    },
    /// Over the size limit.
    #[error(
        "the policy is larger than {limit} bytes; a policy that long can't be overseen: merge its rules"
    )]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// UTF-16, or no text at all.
    #[error("the policy is not UTF-8 text; save it with the encoding UTF-8")]
    NotUtf8,
    /// An invisible U+FEFF stands before the first character.
    #[error("the policy begins with an invisible byte-order mark; save it as UTF-8 without one")]
    ByteOrderMark,
    /// NUL, escape, a lone carriage return and the like.
    #[error("there is an invisible control character ({character}) here; delete it")]
    ControlCharacter {
        /// The character, escaped.
        character: String,
    },
    /// Nothing but blanks and comments.
    #[error(
        "the policy is empty; write `policies: []` to deny everything, or let `axis init` write a first one"
    )]
    Empty,
    /// The YAML parser didn't get through.
    #[error("this is not valid YAML: {message}")]
    Syntax {
        /// The parser's word.
        message: String,
    },
    /// An item below a list that is written as `[]`.
    #[error("this stands below the list of line {list}, which is `[]`: none; delete that `[]`")]
    BelowEmptyList {
        /// The list's line, from 1.
        list: usize,
    },
    /// Nested, repeated or aliased beyond what a policy needs.
    #[error(
        "the policy nests, repeats or aliases more than any policy needs ({limit}); write it out plainly"
    )]
    TooComplex {
        /// The limit that was passed.
        limit: String,
    },
    /// A second `---` document.
    #[error(
        "a policy is one YAML document, and here a second one begins; put all entries under one `policies:`"
    )]
    SecondDocument,
    /// `!!something`.
    #[error("a policy has no YAML tags; delete {tag:?}")]
    Tag {
        /// The tag.
        tag: String,
    },
    /// `<<: *base`.
    #[error(
        "a policy has no merge keys (`<<`); write the fields out, so that every entry shows what it allows"
    )]
    MergeKey,
    /// One field twice in one mapping.
    #[error("the field {key:?} is here a second time; keep one of them")]
    DuplicateField {
        /// The field.
        key: String,
    },
    /// A field that no policy has.
    #[error("there is no field {field:?} here; {suggestion}")]
    UnknownField {
        /// The field as written.
        field: String,
        /// The nearest known field, or all that may stand here.
        suggestion: String,
    },
    /// A field that must be there.
    #[error("the field {field:?} is missing here; {purpose}")]
    MissingField {
        /// The field.
        field: &'static str,
        /// What it is for, and how it is written.
        purpose: &'static str,
    },
    /// A list where a word belongs, and so on.
    #[error("this must be {expected}")]
    WrongType {
        /// What belongs here, with its article.
        expected: String,
    },
    /// Not a name.
    #[error("{0}")]
    Name(#[from] NameError),
    /// A star in a place where it means nothing.
    #[error(
        "{text:?} can't be {kind}: the star stands for any only when it is alone, as \"*\"{also}"
    )]
    Star {
        /// What should have been named, with its article.
        kind: &'static str,
        /// The text.
        text: String,
        /// Where else a star may stand.
        also: &'static str,
    },
    /// Not an action's name.
    #[error(
        "{text:?} can't be an action: write its name, such as \"issues.create\", a prefix such as \"issues.*\", or \"*\""
    )]
    Action {
        /// The text, cut after 80 characters.
        text: String,
    },
    /// Not `read`, `write` or `delete`.
    #[error("{text:?} is no effect: write read, write or delete")]
    Effect {
        /// The text, cut after 80 characters.
        text: String,
    },
    /// `effects: []`.
    #[error("no effect is named here, so the rule matches nothing; name some, or delete the field")]
    NoEffect,
    /// Not `owner` or `host`.
    #[error(
        "{text:?} can't answer approvals: write owner, or host for the MCP host's own window (which trusts the host)"
    )]
    Approver {
        /// The text, cut after 80 characters.
        text: String,
    },
    /// Not a moment.
    #[error(
        "{text:?} is no moment: write it with its offset or with Z, such as 2027-01-31T18:00:00Z"
    )]
    Moment {
        /// The text, cut after 80 characters.
        text: String,
    },
    /// A constraint on a param that can't be meant.
    #[error("the param {param:?} {problem}")]
    Param {
        /// Its name.
        param: String,
        /// What is wrong.
        problem: String,
    },
    /// A field that only means something where calls are allowed.
    #[error("{field} stands in a deny rule, where it means nothing; delete it here")]
    NotInDeny {
        /// The field.
        field: &'static str,
    },
    /// Not a whole number within the range.
    #[error(
        "{field} must be a whole number of {unit} from {min} to {max}, but here it is {written}"
    )]
    Number {
        /// The field.
        field: &'static str,
        /// What it counts.
        unit: &'static str,
        /// Least.
        min: u32,
        /// Most.
        max: u32,
        /// The text.
        written: String,
    },
    /// Two entries for one identity.
    #[error(
        "identity {identity:?} has an entry already, in line {first_line}; an identity has one entry: merge the two"
    )]
    SecondEntry {
        /// The identity.
        identity: String,
        /// Where the first one stands.
        first_line: usize,
    },
    /// Something else than `socket: required`.
    #[error(
        "{text:?} can't stand here: write `socket: required`, and the identity is served on its own socket only; without this field it is served on every socket"
    )]
    Socket {
        /// The text, cut after 80 characters.
        text: String,
    },
    /// Over the limit of rules.
    #[error("the policy has more than {limit} rules; this is the first one too many")]
    TooManyRules {
        /// The limit.
        limit: usize,
    },
}

/// A refused policy file: the fault, and where it stands. Displays as several
/// lines, the offending one with a caret under it; without colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}\n{place}")]
pub struct PolicyError {
    fault: Box<Fault>,
    place: Place,
}

impl PolicyError {
    /// A fault of the file as a whole.
    pub(super) fn of_file(origin: &Path, fault: Fault) -> Self {
        Self::at(Place::whole(origin), fault)
    }

    /// A fault at a place of the file.
    pub(super) fn at(place: Place, fault: Fault) -> Self {
        Self {
            fault: Box::new(fault),
            place,
        }
    }

    /// What is wrong.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// The line, from 1, where the fault stands in one.
    pub fn line(&self) -> Option<usize> {
        self.place.line()
    }

    /// The column in characters, from 1, where the fault stands in one.
    pub fn column(&self) -> Option<usize> {
        self.place.column()
    }

    /// File, line, column and fault in one line, for a status or a log.
    pub fn headline(&self) -> String {
        format!("{}: {}", self.place.short(), self.fault)
    }
}
