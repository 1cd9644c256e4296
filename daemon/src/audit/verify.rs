//! Checking one file: is each line the successor of the one before it.

use std::io;

use jiff::Timestamp;

use super::chain::{self, Before, Fault, First, Head};
use super::line::Recorded;
use super::parsed::Parsed;
use super::reader::{Forwards, Piece};

/// The highest keystore generation that the log knows of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownGeneration {
    /// There is no log, or none with a generation in it. If there is a
    /// keystore, the log is gone or was replaced.
    NoLog,
    /// The log was set aside because its chain was broken: the generation was
    /// at least this, but the lines that said more may be missing.
    Doubtful(u64),
    /// This one.
    Recorded(u64),
    /// The log can't be read now; [`super::Audit::status`] says why.
    Unavailable,
}

impl KnownGeneration {
    /// The number, where there is one.
    pub(super) fn number(self) -> Option<u64> {
        match self {
            Self::Doubtful(known) | Self::Recorded(known) => Some(known),
            Self::NoLog | Self::Unavailable => None,
        }
    }

    /// What is known after a line that says `recorded`.
    pub(super) fn after(self, recorded: Recorded) -> Self {
        let before = self.number().unwrap_or(0);
        match recorded {
            Recorded::Was(generation) => Self::Recorded(generation.max(before)),
            Recorded::Accepted(generation) => Self::Recorded(generation),
            Recorded::Legible(generation) => Self::Doubtful(generation.max(before)),
        }
    }
}

/// Where and why a chain broke.
pub(super) struct Break {
    /// Counted from 1.
    pub(super) line: u64,
    pub(super) fault: Fault,
    /// The line, or what of it there is, is the last of the file.
    pub(super) last: bool,
}

/// How far a file is read once its chain is broken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// To its end: what can still be read of it counts.
    Whole,
    /// No further: a file can be made to go on for ever.
    ToTheBreak,
}

/// A line of the unbroken chain.
pub(super) struct Seen<'a> {
    /// Counted from 1.
    pub(super) number: u64,
    /// Whether it continues the line before it, also where that stands in
    /// another file.
    pub(super) continues: bool,
    pub(super) link: &'a chain::Link<'a>,
    pub(super) parsed: &'a Parsed<'a>,
}

/// What reading a whole file gave.
pub(super) struct Reading {
    pub(super) first: Option<First>,
    /// When the first line was written.
    pub(super) begun: Option<Timestamp>,
    /// The last line of the unbroken chain; what the file should continue,
    /// where there is none.
    pub(super) head: Head,
    /// Where that line ends, in bytes.
    pub(super) good_bytes: u64,
    pub(super) lines: u64,
    pub(super) generation: KnownGeneration,
    pub(super) broken: Option<Break>,
}

/// Reads a file from its beginning, and shows each line of the unbroken chain
/// to `see`. What can't be read any more breaks the chain as well.
pub(super) fn read(
    pieces: &mut Forwards,
    before: Before<'_>,
    extent: Extent,
    see: &mut dyn FnMut(&Seen<'_>),
) -> Reading {
    let mut reading = Reading {
        first: None,
        begun: None,
        head: before.head(),
        good_bytes: 0,
        lines: 0,
        generation: KnownGeneration::NoLog,
        broken: None,
    };
    loop {
        let number = reading.lines + 1;
        let fault = match pieces.next() {
            Ok(Piece::End) => return reading,
            Ok(Piece::Line(line)) if reading.broken.is_none() => {
                let expected = reading.head;
                let before = if number == 1 {
                    before
                } else {
                    Before::Line(&expected)
                };
                match chain::follow(before, line) {
                    Ok((parts, parsed)) => {
                        reading.take(number, &parts, &parsed);
                        see(&Seen {
                            number,
                            continues: !matches!(before, Before::Unknown)
                                && *parts.prev == expected.hash,
                            link: &parts,
                            parsed: &parsed,
                        });
                        None
                    }
                    Err(fault) => Some(fault),
                }
            }
            // after the break only the generation still matters: too high is safe
            Ok(Piece::Line(line)) => {
                let recorded = Parsed::of(line).and_then(|parsed| parsed.recorded());
                if let Some(Recorded::Was(generation) | Recorded::Legible(generation)) = recorded {
                    reading.generation = reading.generation.after(Recorded::Was(generation));
                }
                None
            }
            Ok(Piece::Overlong) => Some(Fault::TooLong),
            Ok(Piece::Fragment) => Some(Fault::Torn),
            Err(error) => {
                reading.breaks(number, Fault::Unreadable(error.to_string()));
                return reading;
            }
        };
        reading.lines = number;
        match fault {
            Some(fault) => reading.breaks(number, fault),
            None if reading.broken.is_none() => reading.good_bytes = pieces.offset(),
            None => {}
        }
        if let Some(broken) = &mut reading.broken {
            broken.last = broken.line == number;
            if extent == Extent::ToTheBreak {
                return reading;
            }
        }
    }
}

impl Reading {
    fn take(&mut self, number: u64, link: &chain::Link<'_>, parsed: &Parsed<'_>) {
        if number == 1 {
            self.first = Some(First::of(link, parsed));
            self.begun = parsed.timestamp.parse().ok();
        }
        self.head = Head {
            seq: parsed.seq,
            hash: *link.hash,
        };
        if let Some(recorded) = parsed.recorded() {
            self.generation = self.generation.after(recorded);
        }
    }

    /// The first break counts.
    fn breaks(&mut self, line: u64, fault: Fault) {
        self.broken.get_or_insert(Break {
            line,
            fault,
            last: true,
        });
    }
}

/// Reads the plain file at `path`, and no more of it.
///
/// # Errors
/// There is none, or it can't be opened.
pub(super) fn open(path: &std::path::Path) -> io::Result<Forwards> {
    match super::segments::open_regular(path)? {
        Some((file, size)) => Ok(Forwards::over(file, size)),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}
