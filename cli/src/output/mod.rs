//! Words for people: the one way to the terminal. Colour and tables only
//! there; a pipe gets plain lines with tabs, or JSON.

mod json;
mod printable;
mod progress;
mod table;

use std::env;
use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;

pub use json::pretty;
pub use printable::{cut, printable, printable_json, printable_lines, printable_record, width};
pub use progress::Progress;
pub use table::{Cell, Table};

use crate::failure::{Exit, Failure};
use crate::system;

/// The width of a terminal that doesn't tell its own, in columns.
const DEFAULT_COLUMNS: usize = 80;

/// Standard output and what it can show.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    terminal: bool,
    colour: bool,
    columns: usize,
}

/// What a piece of text means; the colour follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Text as it is.
    Plain,
    /// A heading.
    Strong,
    /// Less important.
    Faint,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong, or denied.
    Bad,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\x1b[1m",
            Self::Faint => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Warn => "\x1b[33m",
            Self::Bad => "\x1b[31m",
        }
    }
}

impl Output {
    /// Looks at standard output, `NO_COLOR` and `TERM`.
    pub fn stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        let columns = system::columns()
            .map(usize::from)
            .filter(|columns| *columns > 0)
            .unwrap_or(DEFAULT_COLUMNS);
        Self {
            terminal,
            colour: terminal && colours_are_wanted(),
            columns,
        }
    }

    /// Whether a person looks at it.
    pub fn is_terminal(self) -> bool {
        self.terminal
    }

    /// Empties the screen, for a view that is drawn anew.
    pub fn clear(self) -> Result<(), Failure> {
        if self.terminal {
            write(b"\x1b[H\x1b[2J\x1b[3J")?;
        }
        Ok(())
    }

    /// The width in columns; 80 where there is no terminal.
    pub fn columns(self) -> usize {
        self.columns
    }

    /// `text` in the colour of its meaning, where colours are shown.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if self.colour && tone != Tone::Plain {
            format!("{}{text}\x1b[0m", tone.code())
        } else {
            text.to_owned()
        }
    }

    /// Writes one line. Text that an agent, an upstream or a file gave must
    /// have gone through [`printable`].
    #[expect(
        clippy::unused_self,
        reason = "there is one output, and a line goes to it"
    )]
    pub fn line(self, text: impl fmt::Display) -> Result<(), Failure> {
        write(format!("{text}\n").as_bytes())
    }

    /// Writes one JSON document: indented for a person, one line for a pipe.
    pub fn json(self, document: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(document).map_err(|error| {
            Failure::new(Exit::Failed, format!("can't write the answer: {error}"))
        })?;
        self.json_text(&text)
    }

    /// Like [`Self::json`], of JSON that is there already. What a terminal
    /// would obey or hide is escaped, as JSON lets it be: the value stays.
    pub fn json_text(self, json: &str) -> Result<(), Failure> {
        let json = &printable_json(json);
        if self.terminal {
            self.line(pretty(json))
        } else {
            self.line(json)
        }
    }
}

fn colours_are_wanted() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether standard error shows colours.
pub fn stderr_is_coloured() -> bool {
    io::stderr().is_terminal() && colours_are_wanted()
}

/// Writes bytes to standard output as they are, and flushes them.
pub fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Failure::ReaderGone,
            _ => Failure::new(Exit::Failed, format!("can't write the output: {error}")),
        })
}

/// Writes a line for the owner beside the output proper. Nothing can be done
/// when stderr is gone, so that isn't an error.
pub fn tell(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Says a warning on stderr.
pub fn warn(text: &str) {
    for line in printable_lines(text) {
        tell(format_args!("warning: {line}"));
    }
}
