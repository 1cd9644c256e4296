//! When the log goes on in a new file, and what becomes of the older segments:
//! they are compressed, and the oldest are deleted once all take too much room.

use std::fs::{self, File};
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axis_proto::system;
use jiff::{SignedDuration, Timestamp};

use super::aside::file_name;
use super::chain::{First, Head, Link};
use super::file::{AuditUnavailable, LogFile};
use super::line::{Begins, Record};
use super::packing::{compress, delete, directory_of};
use super::parsed::Parsed;
use super::reader::{Backwards, Forwards, Piece};
use super::segments::{self, Segment};
use super::writer::{Entry, Writer};
use super::{Audit, chain};

/// How long to wait before trying again what didn't work.
const TRY_AGAIN: Duration = Duration::from_mins(1);

/// When segments end, and how many are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Size of the log at which it is rotated, in bytes.
    pub size: u64,
    /// Age of its first record at which it is rotated.
    pub age: Option<SignedDuration>,
    /// What all segments may take on the disk together, in bytes.
    pub keep: u64,
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            size: 64 * 1024 * 1024,
            age: None,
            keep: 4 * 1024 * 1024 * 1024,
        }
    }
}

/// What looking after the older segments remembers.
#[derive(Default)]
pub(super) struct Tidying {
    /// Nothing is compressed, or pruned, before then (monotonic).
    compress_after: Duration,
    prune_after: Duration,
}

impl Audit {
    /// Goes on in a new file where it is time to, and the vault is unlocked:
    /// the new file's first line has to be proven by the key.
    pub(super) fn rotate_if_due(&self) {
        let now = self.now();
        if !self.is_rotation_due(now) {
            return;
        }
        match self.rotate(now) {
            Ok(false) => {}
            Ok(true) => self.sync(),
            Err(problem) => self.writer().warn(format!(
                "the audit log can't be rotated, so it goes on as it is: {problem}"
            )),
        }
    }

    fn is_rotation_due(&self, now: Timestamp) -> bool {
        let rotation = self.0.settings.load().rotation;
        let mut writer = self.writer();
        if writer.key().is_none() || writer.trouble().is_some() {
            return false;
        }
        let Some(size) = writer.log.as_ref().map(LogFile::size) else {
            return false;
        };
        let head = writer.head.seq;
        let (begun, first) = *writer.begun.get_or_insert((now, head));
        let is_old = rotation
            .age
            .is_some_and(|age| now.duration_since(begun) >= age);
        // one that holds nothing but its own beginning stays
        size >= rotation.size || (is_old && head > first)
    }

    /// All that takes time is done before the writer is held.
    fn rotate(&self, now: Timestamp) -> Result<bool, String> {
        let path = &self.0.path;
        let text = |error: io::Error| error.to_string();
        let segment = segments::next(path).map_err(text)?;
        let directory = system::directory_to_sync(directory_of(path)).map_err(text)?;
        let next = LogFile::prepare(path).map_err(|error| error.to_string())?;
        let rotated = self
            .writer()
            .rotate(next, &segment, directory.map(Arc::new), now)
            .map_err(|error| error.to_string());
        if !matches!(rotated, Ok(true)) {
            let _ = fs::remove_file(segments::prepared(path));
        }
        rotated
    }

    /// To be called once a second beside [`Audit::tick`], where blocking is
    /// allowed: compresses segments, and deletes the oldest when all of them
    /// take more room than they may. Neither holds up a call. `go_on` is asked
    /// now and then: what can wait for the next start does.
    pub fn tidy(&self, go_on: &dyn Fn() -> bool) {
        let now = self.0.clock.monotonic();
        let mut tidying = self
            .0
            .tidying
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Ok(segments) = segments::list(&self.0.path) else {
            // whoever writes to the directory says what is wrong with it
            return;
        };
        if now >= tidying.compress_after
            && let Err(problem) = compress_all(&segments, go_on)
        {
            tidying.compress_after = now + TRY_AGAIN;
            self.writer().warn(problem);
        }
        if now >= tidying.prune_after
            && let Err(problem) = self.prune(&segments)
        {
            tidying.prune_after = now + TRY_AGAIN;
            self.writer().warn(problem);
        }
    }

    /// Deletes the oldest segments, once the log itself says that it begins
    /// later. Not while someone verifies it, nor while the vault is locked:
    /// the record has to be proven by the key.
    fn prune(&self, segments: &[Segment]) -> Result<(), String> {
        let Ok(_alone) = self.0.verifying.try_write() else {
            return Ok(());
        };
        let size = self.writer().snapshot().map_or(0, |log| log.size);
        let mut total: u64 = segments.iter().map(Segment::bytes).sum();
        total = total.saturating_add(size);
        let mut kept = segments;
        while total > self.0.settings.load().rotation.keep
            && let [oldest, newer @ ..] = kept
            && !newer.is_empty()
        {
            total = total.saturating_sub(oldest.bytes());
            kept = newer;
        }
        let doomed = segments
            .get(..segments.len() - kept.len())
            .unwrap_or_default();
        let (Some(last), Some(first_kept)) = (doomed.last(), kept.first()) else {
            return Ok(());
        };
        let no = |why: String| {
            format!(
                "the audit log takes more room than daemon.yaml's audit.keep, but nothing of it is deleted: {why}; run: axis logs verify"
            )
        };
        let begins = self.beginning(segments, first_kept).map_err(no)?;
        let detail = format!(
            "segments up to {} are deleted; the log begins with record {}",
            file_name(last.path()),
            begins.seq
        );
        let prev = chain::text(&begins.prev);
        let begins = Begins {
            segment: first_kept.number,
            seq: begins.seq,
            prev,
        };
        let now = self.now();
        let recorded = {
            let mut writer = self.writer();
            let Some(key) = writer.key().cloned() else {
                return Ok(());
            };
            let entry = Entry {
                record: Record::pruned(&detail, begins, now),
                key: Some(key),
            };
            writer
                .append(&entry, now)
                .map(|()| writer.to_sync())
                .map_err(|error| no(error.to_string()))?
        };
        // a power cut must not take the record and leave the deletion
        for file in recorded.iter().flat_map(|(files, _)| files) {
            file.sync_data().map_err(|error| no(error.to_string()))?;
        }
        for segment in doomed {
            delete(segment).map_err(|error| {
                format!("{} can't be deleted: {error}", file_name(segment.path()))
            })?;
        }
        let _ = system::sync_directory(directory_of(&self.0.path));
        tracing::info!(
            segments = doomed.len(),
            "the oldest segments of the audit log were deleted"
        );
        Ok(())
    }

    /// The first line of `kept`, if all segments and the log are one chain: a
    /// file that was put among them, or was blown up, drives no other out.
    fn beginning(&self, segments: &[Segment], kept: &Segment) -> Result<First, String> {
        let mut beginning = None;
        let mut end: Option<Head> = None;
        for segment in segments {
            let name = || file_name(segment.path());
            let unreadable = |error: io::Error| format!("{} can't be read: {error}", name());
            let opened = segment.open().map_err(unreadable)?;
            let opened = opened.ok_or_else(|| format!("{} is gone", name()))?;
            let mut lines = Forwards::through(opened).map_err(unreadable)?;
            let first =
                first_of(&mut lines).ok_or_else(|| format!("{} has no first record", name()))?;
            if end.is_some_and(|end| !first.continues(&end)) {
                return Err(format!("{} doesn't continue the one before it", name()));
            }
            if segment == kept {
                beginning = Some(first);
            }
            let mut lines = Backwards::of(segment.clone());
            let last = lines.next().map_err(unreadable)?;
            end = last.and_then(Head::of_line);
            if end.is_none() {
                return Err(format!("{} has no last record", name()));
            }
        }
        let log = self.writer().snapshot().ok_or("the log is not open")?;
        let first = first_of(&mut Forwards::over(log.file, log.size));
        match (first, end) {
            (Some(first), Some(end)) if first.continues(&end) => {}
            _ => return Err("the log doesn't continue its newest segment".into()),
        }
        beginning.ok_or_else(|| "there is no segment".into())
    }
}

fn compress_all(segments: &[Segment], go_on: &dyn Fn() -> bool) -> Result<(), String> {
    for segment in segments {
        match compress(segment, go_on) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result.map_err(|error| {
                format!(
                    "{} can't be compressed, and stays as it is: {error}",
                    file_name(segment.plain())
                )
            })?,
        }
    }
    Ok(())
}

fn first_of(lines: &mut Forwards) -> Option<First> {
    let Ok(Piece::Line(line)) = lines.next() else {
        return None;
    };
    let (parts, parsed) = (Link::split(line)?, Parsed::of(line)?);
    Some(First::of(&parts, &parsed))
}

impl Writer {
    /// Goes on in `next`: the log becomes `segment`. Whether it was done; not
    /// without the key, since the first line of a segment has to be proven.
    pub(super) fn rotate(
        &mut self,
        mut next: LogFile,
        segment: &Segment,
        directory: Option<Arc<File>>,
        now: Timestamp,
    ) -> Result<bool, AuditUnavailable> {
        self.tend(now)?;
        let Some(key) = self.key().cloned() else {
            return Ok(false);
        };
        let detail = format!("goes on from {}", file_name(segment.plain()));
        let record = Record::rotated(&detail, self.generation(), now);
        let head = chain::seal(&self.head, &record, Some(key.as_ref()), &mut self.line);
        #[cfg(test)]
        {
            next.room = self.room;
        }
        next.append(&self.line)?;
        segments::rename(&self.path, segment.plain())
            .map_err(AuditUnavailable::io(&self.path, "rotated"))?;
        let prepared = segments::prepared(&self.path);
        if let Err(error) = segments::rename(&prepared, &self.path) {
            // what can't be renamed back is found to be gone at the next record
            let _ = segments::rename(segment.plain(), &self.path);
            return Err(AuditUnavailable::io(&prepared, "rotated")(error));
        }
        if let Some(old) = self.log.replace(next) {
            self.behind.push(Arc::clone(old.file()));
        }
        self.behind.extend(directory);
        self.head = head;
        self.begun = Some((now, head.seq));
        self.rotations += 1;
        self.unsynced = true;
        self.limit_room();
        self.tell_followers();
        Ok(true)
    }
}
