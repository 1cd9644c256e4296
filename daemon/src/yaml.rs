//! YAML as axisd reads all of its files: strictly, and with errors that point
//! at the place the way rustc points at code.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_yaml::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Location, MessageFormatter, UserMessageFormatter};

/// Deepest nesting of lists and mappings.
const MAX_DEPTH: usize = 32;
/// Most characters of the offending line that are shown.
const EXCERPT_CHARS: usize = 96;

/// A text, and the file that errors name as its origin.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    text: &'a str,
    origin: &'a Path,
}

/// Where in a file something is wrong. Displays as an arrow with file, line
/// and column, and the line with carets under the place; without colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    origin: PathBuf,
    /// Unset where the whole file is meant.
    stretch: Option<Stretch>,
}

/// A stretch of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stretch {
    line: usize,
    column: usize,
    /// The line, cut and made printable.
    excerpt: String,
    /// Characters of the excerpt before the carets.
    indent: usize,
    /// Carets.
    width: usize,
}

impl<'a> Source<'a> {
    /// `text` as it stands in the file `origin`.
    pub fn new(text: &'a str, origin: &'a Path) -> Self {
        Self { text, origin }
    }

    /// The text.
    pub fn text(self) -> &'a str {
        self.text
    }

    /// Reads the YAML: one document, no unknown tags, no merge keys, every field
    /// once, no text taken for a truth value or a number it only resembles
    /// (`no`, `0755`).
    ///
    /// # Errors
    /// The parser's; [`message`] and [`Self::place`] say it to a person.
    pub fn parse<T: DeserializeOwned>(self) -> Result<T, serde_yaml::Error> {
        serde_yaml::from_str_with_options(self.text, options())
    }

    /// The place that the parser calls `location`; without one the whole file.
    pub fn place(self, location: Option<Location>) -> Place {
        let Some(location) = location else {
            return Place::whole(self.origin);
        };
        self.place_at(
            index(location.line()),
            index(location.column()),
            index(location.span().len()),
        )
    }

    /// The `width` characters from a line and column on, both counted from 1.
    pub fn place_at(self, line: usize, column: usize, width: usize) -> Place {
        Place {
            origin: self.origin.to_owned(),
            stretch: Some(Stretch::cut(self.text, line.max(1), column.max(1), width)),
        }
    }
}

/// `bytes`, the content of the file `origin`, as text.
///
/// # Errors
/// The place of the first byte that is no UTF-8.
pub fn text(bytes: Vec<u8>, origin: &Path) -> Result<String, Place> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes());
        let before = &error.as_bytes()[..valid];
        let line_start = before
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        let line = before.split(|b| *b == b'\n').count();
        let column = String::from_utf8_lossy(&before[line_start..])
            .chars()
            .count()
            + 1;
        Source::new(&text, origin).place_at(line, column, 1)
    })
}

/// What the parser says, in one printable line and without the place.
pub fn message(error: &serde_yaml::Error) -> String {
    if let serde_yaml::Error::Unexpected { expected, .. } = error {
        return match *expected {
            "mapping start" => "this must be fields with their values".into(),
            "sequence start" => "this must be a list".into(),
            "string scalar" => "this must be one text, not a list and not fields".into(),
            other => format!("this must be {other}"),
        };
    }
    let text = UserMessageFormatter.format_message(error);
    printable(&text.chars().collect::<Vec<_>>())
}

/// The line that `location` is in, from 1.
pub fn line_of(location: Location) -> usize {
    index(location.line())
}

impl Place {
    /// The file as a whole.
    pub fn whole(origin: &Path) -> Self {
        Self {
            origin: origin.to_owned(),
            stretch: None,
        }
    }

    /// The line, from 1, where the place is in one.
    pub fn line(&self) -> Option<usize> {
        self.stretch.as_ref().map(|stretch| stretch.line)
    }

    /// The column in characters, from 1, where the place is in a line.
    pub fn column(&self) -> Option<usize> {
        self.stretch.as_ref().map(|stretch| stretch.column)
    }

    /// `file:line:column`, for a message of one line.
    pub fn short(&self) -> String {
        let origin = self.origin.display();
        match &self.stretch {
            Some(Stretch { line, column, .. }) => format!("{origin}:{line}:{column}"),
            None => origin.to_string(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(stretch) = &self.stretch else {
            return write!(f, " --> {}", self.short());
        };
        let line = stretch.line;
        let gutter = " ".repeat(line.to_string().len());
        let indent = " ".repeat(stretch.indent);
        let carets = "^".repeat(stretch.width);
        writeln!(f, "{gutter}--> {}", self.short())?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{line} | {}", stretch.excerpt)?;
        write!(f, "{gutter} | {indent}{carets}")
    }
}

impl Stretch {
    fn cut(text: &str, line: usize, column: usize, width: usize) -> Self {
        let whole: Vec<char> = text
            .lines()
            .nth(line - 1)
            .unwrap_or_default()
            .chars()
            .collect();
        let caret = (column - 1).min(whole.len());
        // A line of a megabyte is shown around the caret only.
        let from = if whole.len() <= EXCERPT_CHARS {
            0
        } else {
            caret.saturating_sub(EXCERPT_CHARS / 2)
        };
        let to = whole.len().min(from + EXCERPT_CHARS);
        let mut excerpt = String::from(if from > 0 { "…" } else { "" });
        excerpt.push_str(&printable(&whole[from..caret]));
        let indent = excerpt.chars().count();
        let marked = &whole[caret..to.min(caret + width.max(1)).max(caret)];
        excerpt.push_str(&printable(marked));
        let width = (excerpt.chars().count() - indent).max(1);
        excerpt.push_str(&printable(&whole[caret + marked.len()..to]));
        if to < whole.len() {
            excerpt.push('…');
        }
        Self {
            line,
            column,
            excerpt,
            indent,
            width,
        }
    }
}

fn options() -> serde_yaml::Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: MAX_DEPTH,
            max_documents: 1,
            max_aliases: 1_000,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 100_000,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        reject_tagged_field_names: true,
        // a long comment would otherwise count against a buffer of 32 lines
        emit_comments: false,
        with_snippet: false,
    }
}

/// `characters` with nothing in them that could move a terminal's cursor.
fn printable(characters: &[char]) -> String {
    let mut text = String::with_capacity(characters.len());
    for &character in characters {
        match character {
            '\t' => text.push_str("    "),
            ' ' | '"' | '\'' | '\\' => text.push(character),
            other => text.extend(other.escape_debug()),
        }
    }
    text
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
