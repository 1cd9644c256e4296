//! Checking a whole file: is each line the successor of the one before it, and
//! what does the audit key prove.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::aside::file_name;
use super::chain::{self, AuditKey, Fault, Head};
use super::line::{Parsed, Recorded};
use super::reader::{Forwards, Piece, open_plain};
use super::record::Act;

/// What was found in one file of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// Set aside at some time because its chain was broken.
    pub set_aside: bool,
    /// Lines in it.
    pub lines: u64,
    /// Lines whose MAC was checked with the audit key and fits.
    pub proven: u64,
    /// Which stretch the key proves, in words.
    pub coverage: String,
    /// The first fault: file, line and what is wrong.
    pub fault: Option<String>,
}

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

/// What reading a whole file gave.
pub(super) struct Reading {
    /// The last line of the unbroken chain from the file's beginning.
    pub(super) head: Head,
    /// Where that line ends, in bytes.
    pub(super) good_bytes: u64,
    pub(super) lines: u64,
    pub(super) generation: KnownGeneration,
    pub(super) broken: Option<Break>,
    pub(super) macs: Macs,
}

/// What the MACs of a file say.
#[derive(Default)]
pub(super) struct Macs {
    checked: bool,
    fitting: u64,
    /// The last line whose MAC fits: the chain proves all before it.
    last: u64,
    fault: Option<(u64, Fault)>,
}

impl Macs {
    fn see(
        &mut self,
        number: u64,
        link: &chain::Link<'_>,
        parsed: &Parsed<'_>,
        key: &dyn AuditKey,
    ) {
        match link.mac {
            Some(mac) if link.mac_fits(mac, key) => {
                self.fitting += 1;
                self.last = number;
                // the key began here: what came before has another one's MACs
                if parsed.act == Some(Act::Init.as_str()) {
                    self.fault = None;
                }
            }
            Some(_) => {
                self.fault.get_or_insert((number, Fault::ForeignMac));
            }
            None if parsed.needs_mac() => {
                self.fault.get_or_insert((number, Fault::NoMac));
            }
            None => {}
        }
    }

    fn coverage(&self, lines: u64) -> String {
        if !self.checked {
            return "the hash chain was checked; what the audit key proves can't be said while the vault is locked".into();
        }
        match (self.last, lines.saturating_sub(self.last)) {
            (0, 0) => "no records".into(),
            (0, _) => "no line is proven by the audit key, only chained".into(),
            (last, 0) => format!("lines 1 to {last} are proven by the audit key"),
            (last, after) => format!(
                "lines 1 to {last} are proven by the audit key; the last {after}, written while the vault was locked, are only chained"
            ),
        }
    }
}

/// Reads the file at `path`.
///
/// # Errors
/// There is none, or it can't be read.
pub(super) fn read_at(path: &Path, key: Option<&dyn AuditKey>) -> io::Result<Reading> {
    match open_plain(path)? {
        Some((file, size)) => read(file, size, key),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Reads the first `size` bytes of `file` from the beginning.
pub(super) fn read(file: Arc<File>, size: u64, key: Option<&dyn AuditKey>) -> io::Result<Reading> {
    let mut pieces = Forwards::over(file, size);
    let mut reading = Reading {
        head: Head::GENESIS,
        good_bytes: 0,
        lines: 0,
        generation: KnownGeneration::NoLog,
        broken: None,
        macs: Macs {
            checked: key.is_some(),
            ..Macs::default()
        },
    };
    loop {
        let piece = pieces.next()?;
        if piece == Piece::End {
            return Ok(reading);
        }
        let number = reading.lines + 1;
        let fault = match piece {
            Piece::Line(line) if reading.broken.is_none() => {
                match chain::follow(&reading.head, number == 1, line) {
                    Ok((parts, parsed)) => {
                        reading.head = Head {
                            seq: parsed.seq,
                            hash: *parts.hash,
                        };
                        if let Some(recorded) = parsed.recorded() {
                            reading.generation = reading.generation.after(recorded);
                        }
                        if let Some(key) = key {
                            reading.macs.see(number, &parts, &parsed, key);
                        }
                        None
                    }
                    Err(fault) => Some(fault),
                }
            }
            // after the break only the generation still matters: too high is safe
            Piece::Line(line) => {
                let recorded = Parsed::of(line).and_then(|parsed| parsed.recorded());
                if let Some(Recorded::Was(generation) | Recorded::Legible(generation)) = recorded {
                    reading.generation = reading.generation.after(Recorded::Was(generation));
                }
                None
            }
            Piece::Overlong => Some(Fault::TooLong),
            Piece::Fragment => Some(Fault::Torn),
            Piece::End => None,
        };
        reading.lines = number;
        match (fault, &mut reading.broken) {
            (None, None) => reading.good_bytes = pieces.offset(),
            (Some(fault), broken @ None) => {
                *broken = Some(Break {
                    line: number,
                    fault,
                    last: true,
                });
            }
            (_, Some(broken)) => broken.last = false,
        }
    }
}

/// The report of one file. `written` is the head that axisd itself has, where
/// it is the one that writes the file.
pub(super) fn report(
    path: &Path,
    set_aside: bool,
    written: Option<&Head>,
    reading: io::Result<Reading>,
) -> FileReport {
    let name = file_name(path);
    let mut report = FileReport {
        path: path.to_owned(),
        set_aside,
        lines: 0,
        proven: 0,
        coverage: String::new(),
        fault: None,
    };
    let reading = match reading {
        Ok(reading) => reading,
        Err(error) => {
            report.coverage = "nothing could be checked".into();
            report.fault = Some(format!("{name} can't be read: {error}"));
            return report;
        }
    };
    report.lines = reading.lines;
    report.proven = reading.macs.fitting;
    report.coverage = reading.macs.coverage(report.lines);
    let chain_fault = reading.broken.map(|broken| (broken.line, broken.fault));
    let cut_short = written
        .filter(|written| **written != reading.head)
        .map(|written| {
            let written = written.seq;
            (report.lines, Fault::CutShort { written })
        });
    let first = [chain_fault, reading.macs.fault]
        .into_iter()
        .flatten()
        .min_by_key(|(line, _)| *line)
        .or(cut_short);
    report.fault = first.map(|(line, fault)| format!("{name}, line {line}: {fault}"));
    report
}
