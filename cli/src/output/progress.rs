//! What is being done at the moment: one line on stderr that goes again, and
//! only on a terminal.

use std::io::{self, IsTerminal, Write};

use super::{cut, printable};

/// Leaves room for a cursor at the end of the narrowest usual terminal.
const COLUMNS: usize = 79;

/// A line that says what is being done; gone when this is dropped.
pub struct Progress {
    is_shown: bool,
}

impl Progress {
    /// Shown where stderr is a terminal.
    pub fn new() -> Self {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            is_shown: io::stderr().is_terminal() && !is_dumb,
        }
    }

    /// Puts `text` in the place of what was said before. Nothing is lost where
    /// stderr is gone.
    pub fn says(&self, text: &str) {
        if self.is_shown {
            let text = printable(text);
            let _ = write!(io::stderr(), "\r\x1b[K{}", cut(&text, COLUMNS));
            let _ = io::stderr().flush();
        }
    }

    /// Takes it away, for a line that stays.
    pub fn clear(&self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
