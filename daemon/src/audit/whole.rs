//! Checking the whole log: all its files as one chain, where it begins, what
//! the audit key proves, and what was set aside.

use std::io;
use std::path::{Path, PathBuf};

use super::aside::file_name;
use super::chain::{AuditKey, Before, Fault, First, Head};
use super::macs::Macs;
use super::pinned::{Pinned, PinnedReport, Search};
use super::reader::{Forwards, Log};
use super::verify::{self, Extent, Reading, Seen};

/// What was found in one file of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// Set aside at some time because its chain was broken.
    pub set_aside: bool,
    /// An older segment of the log.
    pub segment: bool,
    /// Lines in it, up to the first fault where it has one.
    pub lines: u64,
    /// Lines whose MAC was checked with the audit key and fits.
    pub proven: u64,
    /// Which stretch the key proves, in words.
    pub coverage: String,
    /// The first fault: file, line and what is wrong.
    pub fault: Option<String>,
}

/// What was found in the whole log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// What was set aside, then the log's own files in their order.
    pub files: Vec<FileReport>,
    /// Which records the key proves, in words.
    pub coverage: String,
    /// What became of the pinned line, where one was named.
    pub pinned: Option<PinnedReport>,
}

impl Verification {
    /// No fault in any file, and the pinned line stands.
    pub fn is_faultless(&self) -> bool {
        self.files.iter().all(|file| file.fault.is_none())
            && self.pinned.as_ref().is_none_or(|pinned| pinned.stands)
    }
}

/// One file of the log, being checked.
struct Checked {
    path: PathBuf,
    /// Of an older segment.
    number: Option<u64>,
    reading: io::Result<Reading>,
    /// The line that axisd itself wrote last to it.
    written: Option<Head>,
}

/// Where the log begins since older segments were pruned.
struct Beginning {
    segment: u64,
    seq: u64,
    prev: String,
}

/// Checks the files of `log` at `path`, and those set aside. `wanted` is asked
/// before each; without it the result is worth nothing.
pub(super) fn verify(
    log: Log,
    path: &Path,
    set_aside: &[PathBuf],
    key: Option<&dyn AuditKey>,
    pinned: Option<Pinned>,
    wanted: &dyn Fn() -> bool,
) -> Verification {
    let mut macs = Macs::new(key);
    let mut search = pinned.map(Search::new);
    let mut beginning = None;
    let mut checked: Vec<Checked> = Vec::new();
    let (current, written) = (log.current, log.head);
    let segments = log.segments.into_iter().map(|segment| {
        let forwards = segment
            .open()
            .and_then(|opened| opened.ok_or_else(|| io::ErrorKind::NotFound.into()))
            .and_then(Forwards::through);
        (segment.path().to_owned(), Some(segment.number), forwards)
    });
    let newest = std::iter::once_with(|| {
        let forwards = match current {
            Some((file, size)) => Ok(Forwards::over(file, size)),
            None => verify::open(path),
        };
        (path.to_owned(), None, forwards)
    });
    // one file at a time is open
    for (path, number, forwards) in segments.chain(newest).take_while(|_| wanted()) {
        macs.next_file();
        let name = file_name(&path);
        let ends = end_before(&checked);
        let before = match &ends {
            Some(end) => Before::File(std::slice::from_ref(end)),
            None => Before::Unknown,
        };
        let extent = match number {
            Some(_) => Extent::ToTheBreak,
            None => Extent::Whole,
        };
        let reading = forwards.map(|mut lines| {
            verify::read(&mut lines, before, extent, &mut |seen: &Seen<'_>| {
                let is_proven = macs.see(seen);
                if let Some(begins) = &seen.parsed.begins
                    && (is_proven || key.is_none())
                {
                    beginning = Some(Beginning {
                        segment: begins.segment,
                        seq: begins.seq,
                        prev: begins.prev.to_owned(),
                    });
                }
                if let Some(search) = &mut search {
                    search.see(&name, seen.number, seen.parsed.seq, seen.link.hash);
                }
            })
        });
        checked.push(Checked {
            written: written.filter(|_| number.is_none()),
            path,
            number,
            reading,
        });
    }
    let headless = fault_of_beginning(&checked, beginning.as_ref());
    let aside = set_aside
        .iter()
        .map(|path| check_aside(path, &checked, key, search.as_mut()));
    let mut files: Vec<FileReport> = aside.collect();
    let pinned = search.map(|search| {
        let first = checked.first().and_then(Checked::first);
        let last = checked
            .last()
            .map_or(Head::GENESIS, |file| match &file.reading {
                Ok(reading) => reading.head,
                Err(_) => Head::GENESIS,
            });
        search.report(first, &last, beginning.is_some() && headless.is_none())
    });
    files.extend(checked.iter().enumerate().map(|(nth, file)| {
        let before = end_before(checked.get(..nth).unwrap_or_default());
        let gap = file.first().and_then(|first| first.gap(before.as_ref()));
        let first_fault = headless.clone().filter(|_| nth == 0).or(gap);
        report(file, nth, &macs, first_fault)
    }));
    Verification {
        files,
        coverage: macs.whole(),
        pinned,
    }
}

impl Checked {
    fn first(&self) -> Option<First> {
        self.reading.as_ref().ok()?.first
    }

    fn is_segment(&self, number: u64) -> bool {
        self.number == Some(number)
    }
}

/// The line that the next file has to continue; `None` where that can't be
/// known: it is the first, or the one before has a fault, which is named.
fn end_before(checked: &[Checked]) -> Option<Head> {
    let reading = checked.last()?.reading.as_ref().ok()?;
    (reading.broken.is_none() && reading.first.is_some()).then_some(reading.head)
}

/// Why the log may not begin where it does.
fn fault_of_beginning(checked: &[Checked], beginning: Option<&Beginning>) -> Option<Fault> {
    let first = checked.first()?.first()?;
    let is_right = match beginning {
        None => first.begins_a_log(),
        // what stands before it was to be deleted
        Some(beginning) => checked
            .iter()
            .find(|file| file.is_segment(beginning.segment))
            .and_then(Checked::first)
            .is_some_and(|first| {
                first.seq == beginning.seq && first.prev == *beginning.prev.as_bytes()
            }),
    };
    (!is_right).then_some(Fault::Headless { seq: first.seq })
}

/// Checks a file that was set aside: it may go on from where any file ended.
fn check_aside(
    path: &Path,
    checked: &[Checked],
    key: Option<&dyn AuditKey>,
    search: Option<&mut Search>,
) -> FileReport {
    let ends: Vec<Head> = std::iter::once(Head::GENESIS)
        .chain(checked.iter().filter_map(|file| {
            let reading = file.reading.as_ref().ok()?;
            Some(reading.head)
        }))
        .collect();
    let name = file_name(path);
    let mut macs = Macs::new(key);
    macs.next_file();
    let mut search = search;
    let reading = verify::open(path).map(|mut lines| {
        let before = Before::File(&ends);
        verify::read(&mut lines, before, Extent::Whole, &mut |seen: &Seen<'_>| {
            macs.see(seen);
            if let Some(search) = &mut search {
                search.see_aside(&name, seen.number, seen.parsed.seq, seen.link.hash);
            }
        })
    });
    let file = Checked {
        path: path.to_owned(),
        number: None,
        reading,
        written: None,
    };
    FileReport {
        set_aside: true,
        ..report(&file, 0, &macs, None)
    }
}

/// The report of file `nth`. `beginning` is what is wrong with its first line
/// as the first of the log.
fn report(file: &Checked, nth: usize, macs: &Macs<'_>, beginning: Option<Fault>) -> FileReport {
    let name = file_name(&file.path);
    let mut report = FileReport {
        path: file.path.clone(),
        set_aside: false,
        segment: file.number.is_some(),
        lines: 0,
        proven: 0,
        coverage: String::new(),
        fault: None,
    };
    let reading = match &file.reading {
        Ok(reading) => reading,
        Err(error) => {
            report.coverage = "nothing could be checked".into();
            report.fault = Some(format!("{name} can't be read: {error}"));
            return report;
        }
    };
    report.lines = reading.lines;
    report.proven = macs.fitting(nth);
    let broken = reading.broken.as_ref();
    let sound = broken.map_or(reading.lines, |broken| broken.line.saturating_sub(1));
    report.coverage = macs.coverage(nth, sound);
    let is_empty = file.number.is_some() && reading.first.is_none() && broken.is_none();
    let cut_short = file
        .written
        .filter(|written| *written != reading.head)
        .map(|written| {
            let written = written.seq;
            (report.lines, Fault::CutShort { written })
        });
    let first = [
        beginning.map(|fault| (1, fault)),
        broken.map(|broken| (broken.line, broken.fault.clone())),
        is_empty.then_some((1, Fault::Empty)),
        macs.fault(nth),
    ]
    .into_iter()
    .flatten()
    .min_by_key(|(line, _)| *line)
    .or(cut_short);
    report.fault = first.map(|(line, fault)| format!("{name}, line {line}: {fault}"));
    report
}

#[cfg(test)]
/// What a verification of one file alone says.
pub(super) fn report_alone(path: &Path, key: Option<&dyn AuditKey>) -> FileReport {
    let log = Log {
        segments: Vec::new(),
        current: None,
        head: None,
    };
    let mut verification = verify(log, path, &[], key, None, &|| true);
    verification.files.remove(0)
}
