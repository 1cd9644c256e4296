//! What is done about the log found at start: a rotation that was broken off is
//! finished, a torn last line is moved out, a file whose chain is broken is set
//! aside whole, and the next line says so.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::aside::{self, file_name};
use super::chain::{Before, Fault, Head};
use super::file::{self, AuditUnavailable, LogFile};
use super::parsed::MOST_SEQ;
use super::reader::{Backwards, Forwards};
use super::record::Act;
use super::segments::{self, Segment};
use super::verify::{self, Break, Extent, KnownGeneration, Reading};

/// Where a new axisd takes up the log.
pub(super) struct Recovery {
    /// The file to go on with; `None`: one is to be made.
    pub(super) log: Option<LogFile>,
    pub(super) head: Head,
    pub(super) generation: KnownGeneration,
    /// When the file's first line was written.
    pub(super) begun: Option<Timestamp>,
    /// Which record that is.
    pub(super) first_seq: u64,
    pub(super) said: Option<Said>,
    /// What else the owner should know.
    pub(super) warning: Option<String>,
}

/// What the next line has to say.
pub(super) struct Said {
    pub(super) act: Act,
    pub(super) detail: String,
    pub(super) generation: Option<u64>,
}

/// Opens the log at `path`, and reads all of it, but not the segments before.
pub(super) fn recover(path: &Path, now: Timestamp) -> Result<Recovery, AuditUnavailable> {
    file::check_directory(path)?;
    finish_rotation(path)?;
    let newest = segments::list(path)
        .map_err(AuditUnavailable::io(path, "looked for"))?
        .pop();
    let end = newest.as_ref().map(end_of);
    let Some(mut log) = LogFile::open(path)? else {
        return Ok(match newest.zip(end) {
            Some((newest, end)) => log_gone(None, &newest, end),
            None => first_log(),
        });
    };
    let (before, warning) = match &end {
        None => (Before::File(&[Head::GENESIS]), None),
        Some(Ok(end)) => (Before::File(std::slice::from_ref(end)), None),
        Some(Err(warning)) => (Before::Unknown, Some(warning.clone())),
    };
    let mut pieces = Forwards::over(Arc::clone(log.file()), log.size());
    let reading = verify::read(&mut pieces, before, Extent::Whole, &mut |_| {});
    let said = match &reading.broken {
        None => None,
        Some(Break {
            fault: Fault::Unreadable(error),
            ..
        }) => {
            return Err(AuditUnavailable::io(path, "read")(io::Error::other(
                error.clone(),
            )));
        }
        Some(broken) if is_torn(broken) => {
            Some(move_torn_line(path, &mut log, &reading, broken, now)?)
        }
        Some(broken) => return set_chain_aside(path, &reading, broken, newest.as_ref(), now),
    };
    let before = end.as_ref().and_then(|end| end.as_ref().ok());
    let gap = reading.first.and_then(|first| first.gap(before));
    let gap = gap.map(|gap| format!("{}, line 1: {gap}; run: axis logs verify", file_name(path)));
    if let (None, Some(newest), Some(end)) = (reading.first, newest, end) {
        return Ok(log_gone(Some(log), &newest, end));
    }
    // an older log could stand here behind a segment that was damaged for it
    let generation = match &warning {
        None => reading.generation,
        Some(_) => KnownGeneration::NoLog,
    };
    Ok(Recovery {
        log: Some(log),
        head: reading.head,
        generation,
        begun: reading.begun,
        first_seq: reading.first.map_or(1, |first| first.seq),
        said,
        warning: warning.or(gap),
    })
}

fn first_log() -> Recovery {
    Recovery {
        log: None,
        head: Head::GENESIS,
        generation: KnownGeneration::NoLog,
        begun: None,
        first_seq: 1,
        said: None,
        warning: None,
    }
}

/// A rotation that was broken off after the log had its new name, and before
/// the file prepared to be the next one had its own. An earlier one is undone:
/// nobody was told of the line in that file.
fn finish_rotation(path: &Path) -> Result<(), AuditUnavailable> {
    let prepared = segments::prepared(path);
    let is_file = fs::symlink_metadata(&prepared).is_ok_and(|metadata| metadata.is_file());
    if is_file && fs::symlink_metadata(path).is_err() {
        return fs::rename(&prepared, path).map_err(AuditUnavailable::io(&prepared, "renamed"));
    }
    Ok(())
}

/// The last line of a segment, or why it can't be told.
fn end_of(segment: &Segment) -> Result<Head, String> {
    let unreadable = |why: &str| {
        format!(
            "{} can't be read, so whether the log continues it can't be told ({why}); run: axis logs verify",
            file_name(segment.path())
        )
    };
    let mut lines = Backwards::of(segment.clone());
    match lines.next() {
        Ok(Some(line)) => {
            Head::of_line(line).ok_or_else(|| unreadable("its last line is no record"))
        }
        Ok(None) => Err(unreadable("it is empty")),
        Err(error) => Err(unreadable(&error.to_string())),
    }
}

/// There are older segments, but the log itself, or all that was in it, is gone.
fn log_gone(log: Option<LogFile>, newest: &Segment, end: Result<Head, String>) -> Recovery {
    Recovery {
        log,
        said: Some(Said {
            act: Act::LogVanished,
            detail: format!(
                "the audit log was gone at start; its chain goes on here after {}",
                file_name(newest.path())
            ),
            generation: None,
        }),
        warning: end.as_ref().err().cloned(),
        head: end.unwrap_or(Head::GENESIS),
        ..first_log()
    }
}

/// A power cut tears only the end of a file.
fn is_torn(broken: &Break) -> bool {
    broken.last && matches!(broken.fault, Fault::NotARecord | Fault::Torn)
}

fn move_torn_line(
    path: &Path,
    log: &mut LogFile,
    reading: &Reading,
    broken: &Break,
    now: Timestamp,
) -> Result<Said, AuditUnavailable> {
    let torn = log.size() - reading.good_bytes;
    let name = aside::copy_torn(path, log.file(), reading.good_bytes, now)?;
    log.cut(reading.good_bytes)?;
    Ok(Said {
        act: Act::TornLine,
        detail: format!(
            "line {} was torn; its {torn} bytes were moved to {}",
            broken.line,
            file_name(&name)
        ),
        generation: None,
    })
}

/// A broken chain is evidence: it is kept, and the chain goes on in a new file
/// that names it.
fn set_chain_aside(
    path: &Path,
    reading: &Reading,
    broken: &Break,
    newest: Option<&Segment>,
    now: Timestamp,
) -> Result<Recovery, AuditUnavailable> {
    let name = aside::set_aside(path, now)?;
    let before = newest.and_then(legible_in);
    let generation = |reading: &Reading| reading.generation.number().unwrap_or(0);
    let legible = generation(reading).max(before.as_ref().map_or(0, generation));
    // numbers go up over all files: a page of the log is found by them
    let head = before
        .map(|before| before.head)
        .filter(|before| before.seq > reading.head.seq)
        .unwrap_or(reading.head);
    Ok(Recovery {
        // numbers that someone made up would soon leave none
        head: if head.seq > MOST_SEQ / 2 {
            Head::GENESIS
        } else {
            head
        },
        generation: KnownGeneration::Doubtful(legible),
        said: Some(Said {
            act: Act::ChainSetAside,
            detail: format!(
                "{} is broken at line {}: {}; its last good record is {} with hash {}",
                file_name(&name),
                broken.line,
                broken.fault,
                reading.head.seq,
                reading.head.hash_text(),
            ),
            generation: Some(legible),
        }),
        ..first_log()
    })
}

/// What a segment says, as far as it can be read.
fn legible_in(segment: &Segment) -> Option<Reading> {
    let opened = segment.open().ok()??;
    let mut pieces = Forwards::through(opened).ok()?;
    let (before, extent) = (Before::Unknown, Extent::ToTheBreak);
    Some(verify::read(&mut pieces, before, extent, &mut |_| {}))
}
