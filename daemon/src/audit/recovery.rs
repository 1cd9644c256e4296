//! What is done about the log found at start: a torn last line is moved out of
//! it, a broken chain is set aside whole, and the next line says so.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::aside::{self, file_name};
use super::chain::{Fault, Head};
use super::file::{self, AuditUnavailable, LogFile};
use super::record::Act;
use super::verify::{self, Break, KnownGeneration, Reading};

/// Where a new axisd takes up the log.
pub(super) struct Recovery {
    /// The file to go on with; `None`: one is to be made.
    pub(super) log: Option<LogFile>,
    pub(super) head: Head,
    pub(super) generation: KnownGeneration,
    pub(super) said: Option<Said>,
}

/// What the next line has to say.
pub(super) struct Said {
    pub(super) act: Act,
    pub(super) detail: String,
    pub(super) generation: Option<u64>,
}

/// Opens the log at `path`, and reads all of it.
pub(super) fn recover(path: &Path, now: Timestamp) -> Result<Recovery, AuditUnavailable> {
    file::check_directory(path)?;
    let Some(mut log) = LogFile::open(path)? else {
        return Ok(Recovery {
            log: None,
            head: Head::GENESIS,
            generation: KnownGeneration::NoLog,
            said: None,
        });
    };
    let reading = verify::read(Arc::clone(log.file()), log.size(), None)
        .map_err(AuditUnavailable::io(path, "read"))?;
    let said = match &reading.broken {
        None => None,
        Some(broken) if is_torn(broken) => {
            Some(move_torn_line(path, &mut log, &reading, broken, now)?)
        }
        Some(broken) => return set_chain_aside(path, &reading, broken, now),
    };
    Ok(Recovery {
        log: Some(log),
        head: reading.head,
        generation: reading.generation,
        said,
    })
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

/// A broken chain is evidence: it is kept, and a new chain names it.
fn set_chain_aside(
    path: &Path,
    reading: &Reading,
    broken: &Break,
    now: Timestamp,
) -> Result<Recovery, AuditUnavailable> {
    let name = aside::set_aside(path, now)?;
    let legible = reading.generation.number().unwrap_or(0);
    Ok(Recovery {
        log: None,
        head: Head::GENESIS,
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
    })
}
