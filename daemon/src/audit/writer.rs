//! The one writer: it holds the file and the chain's head, looks after what
//! others do to the file, and keeps what couldn't be written yet.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::broadcast;

use super::aside::{self, file_name};
use super::chain::{self, AuditKey, Head};
use super::file::{AuditUnavailable, LogFile, Sight};
use super::line::Record;
use super::record::{Act, AdminAct};
use super::recovery;
use super::verify::KnownGeneration;

/// How many records wait for the log to be writable again.
const BACKLOG_RECORDS: usize = 10_000;
/// Of these, so many may be refusals; the rest is for calls that were made.
const BACKLOG_REFUSALS: usize = 8_000;
/// How many warnings are kept; further ones say nothing new.
const MAX_WARNINGS: usize = 50;

/// The audit key as it is shared with calls in flight.
pub(super) type SharedKey = Arc<dyn AuditKey>;

/// A record on its way into the log.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) record: Record,
    /// The key to use though the vault may be locked meanwhile: a call's end
    /// is proven by the key that it began under.
    pub(super) key: Option<SharedKey>,
}

impl From<Record> for Entry {
    fn from(record: Record) -> Self {
        Self { record, key: None }
    }
}

/// What a record that can't be written now is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// It is about something that happened.
    Always,
    /// One of possibly very many refusals.
    Refusal,
}

/// A stretch of the log that can be read without its writer.
pub(super) struct Snapshot {
    pub(super) file: Arc<File>,
    /// Where the last line ends, in bytes.
    pub(super) size: u64,
    pub(super) head: Head,
}

pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) log: Option<LogFile>,
    pub(super) head: Head,
    /// When the open file's first line was written, and which record that is.
    pub(super) begun: Option<(Timestamp, u64)>,
    /// How often the log was rotated since this axisd began.
    pub(super) rotations: u64,
    /// Files, and a directory, of before the last rotation that the disk may
    /// not have yet.
    pub(super) behind: Vec<Arc<File>>,
    generation: KnownGeneration,
    key: Option<SharedKey>,
    backlog: VecDeque<Entry>,
    dropped: u64,
    /// Something was written since the last sync.
    pub(super) unsynced: bool,
    /// Why the log is not writable, as of the last attempt.
    trouble: Option<String>,
    warnings: Vec<String>,
    /// It was this axisd that set a log aside, and goes on after it.
    pub(super) set_aside: bool,
    pub(super) line: Vec<u8>,
    followers: broadcast::Sender<Bytes>,
    #[cfg(test)]
    pub(super) room: u64,
}

impl Writer {
    pub(super) fn new(path: PathBuf, followers: broadcast::Sender<Bytes>) -> Self {
        Self {
            path,
            log: None,
            head: Head::GENESIS,
            begun: None,
            rotations: 0,
            behind: Vec::new(),
            generation: KnownGeneration::Unavailable,
            key: None,
            backlog: VecDeque::new(),
            dropped: 0,
            unsynced: false,
            trouble: None,
            warnings: Vec::new(),
            set_aside: false,
            line: Vec::with_capacity(1024),
            followers,
            #[cfg(test)]
            room: u64::MAX,
        }
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    pub(super) fn generation(&self) -> KnownGeneration {
        self.generation
    }

    pub(super) fn key(&self) -> Option<&SharedKey> {
        self.key.as_ref()
    }

    pub(super) fn set_key(&mut self, key: Option<SharedKey>) {
        self.key = key;
    }

    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub(super) fn warn(&mut self, warning: String) {
        tracing::warn!(audit = %self.path.display(), "{warning}");
        if self.warnings.len() < MAX_WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// The log as it stands; `None` while there is no open file.
    pub(super) fn snapshot(&self) -> Option<Snapshot> {
        self.log.as_ref().map(|log| Snapshot {
            file: Arc::clone(log.file()),
            size: log.size(),
            head: self.head,
        })
    }

    /// What has to be synced so that the disk has all records up to the head.
    pub(super) fn to_sync(&self) -> Option<(Vec<Arc<File>>, u64)> {
        let log = self.log.as_ref()?;
        let mut files = self.behind.clone();
        files.push(Arc::clone(log.file()));
        Some((files, self.head.seq))
    }

    /// The same, where anything was written since the last time.
    pub(super) fn take_unsynced(&mut self) -> Option<Vec<Arc<File>>> {
        let (files, _) = self.to_sync()?;
        let written = std::mem::take(&mut self.unsynced);
        (written || !self.behind.is_empty()).then_some(files)
    }

    /// The disk has all of `files`.
    pub(super) fn synced(&mut self, files: &[Arc<File>]) {
        self.behind
            .retain(|behind| !files.iter().any(|file| Arc::ptr_eq(file, behind)));
    }

    /// The disk didn't take what the kernel had.
    pub(super) fn sync_failed(&mut self, error: &std::io::Error) {
        self.unsynced = true;
        self.warn(format!(
            "the disk didn't take audit records that were written: {error}; a power cut may lose them"
        ));
    }

    /// Writes `entry`, with everything that waits before it.
    pub(super) fn append(&mut self, entry: &Entry, now: Timestamp) -> Result<(), AuditUnavailable> {
        let written = self
            .ready(now)
            .and_then(|()| self.write_backlog(now))
            .and_then(|()| self.write(entry));
        self.note_trouble(written)
    }

    /// Writes `entry` now, or as soon as the log is writable again; then with
    /// the key of now, though the vault may be locked meanwhile.
    pub(super) fn append_or_keep(&mut self, mut entry: Entry, keep: Keep, now: Timestamp) {
        if self.append(&entry, now).is_ok() {
            return;
        }
        if keep == Keep::Always {
            entry.key = entry.key.or_else(|| self.key.clone());
        }
        let limit = match keep {
            Keep::Always => BACKLOG_RECORDS,
            Keep::Refusal => BACKLOG_REFUSALS,
        };
        if self.backlog.len() < limit {
            self.backlog.push_back(entry);
        } else {
            self.dropped += 1;
        }
    }

    /// Brings the log into the state where the next record can be appended:
    /// open, ours, and with nothing waiting.
    pub(super) fn tend(&mut self, now: Timestamp) -> Result<(), AuditUnavailable> {
        let tended = self.ready(now).and_then(|()| self.write_backlog(now));
        self.note_trouble(tended)
    }

    /// [`Self::tend`], and asks the file system whether it would take a line.
    pub(super) fn probe(&mut self, now: Timestamp) -> Result<(), AuditUnavailable> {
        let probed = self
            .ready(now)
            .and_then(|()| self.write_backlog(now))
            .and_then(|()| self.log.as_ref().map_or(Ok(()), LogFile::probe));
        self.note_trouble(probed)
    }

    fn note_trouble(
        &mut self,
        result: Result<(), AuditUnavailable>,
    ) -> Result<(), AuditUnavailable> {
        match &result {
            Ok(()) => {
                if self.trouble.take().is_some() {
                    tracing::info!(audit = %self.path.display(), "the audit log is writable again");
                }
            }
            Err(error) => {
                let trouble = error.to_string();
                if self.trouble.as_ref() != Some(&trouble) {
                    tracing::error!("{trouble}");
                    self.trouble = Some(trouble);
                }
            }
        }
        result
    }

    fn ready(&mut self, now: Timestamp) -> Result<(), AuditUnavailable> {
        let Some(log) = &self.log else {
            return self.attach(now);
        };
        match log.look()? {
            Sight::Ours => Ok(()),
            Sight::Gone => {
                let log = LogFile::create(&self.path)?;
                let detail = "the audit log was gone while axisd ran; its chain goes on here";
                self.switch(log, Act::LogVanished, detail, now);
                Ok(())
            }
            Sight::Other(how) => {
                let name = aside::set_aside(&self.path, now)?;
                let log = LogFile::create(&self.path)?;
                let detail = format!(
                    "{} is no longer what axisd wrote ({how}); the chain goes on here after record {} with hash {}",
                    file_name(&name),
                    self.head.seq,
                    self.head.hash_text(),
                );
                self.switch(log, Act::ChainSetAside, &detail, now);
                Ok(())
            }
        }
    }

    /// Goes on in a new file, which begins by saying why.
    fn switch(&mut self, log: LogFile, act: Act, detail: &str, now: Timestamp) {
        if let Some(old) = self.log.replace(log)
            && self.unsynced
            && let Err(error) = old.file().sync_data()
        {
            self.sync_failed(&error);
        }
        self.begun = None;
        self.limit_room();
        self.say_first(act, detail, self.generation.number(), now);
    }

    /// Puts a record of axisd's own before all that waits.
    fn say_first(&mut self, act: Act, detail: &str, generation: Option<u64>, now: Timestamp) {
        let record = Record::admin(
            &AdminAct {
                act,
                detail: Some(detail),
                generation,
                peer: None,
            },
            now,
        );
        self.set_aside |= act == Act::ChainSetAside;
        self.backlog.push_front(record.into());
        self.warn(detail.to_owned());
    }

    /// Opens the log for the first time.
    fn attach(&mut self, now: Timestamp) -> Result<(), AuditUnavailable> {
        let found = recovery::recover(&self.path, now)?;
        // an attempt that got no further than setting a log aside knew more
        let first_attempt = self.generation == KnownGeneration::Unavailable;
        if first_attempt || found.log.is_some() {
            self.head = found.head;
            self.generation = found.generation;
            self.begun = found.begun.map(|at| (at, found.first_seq));
            if let Some(said) = found.said {
                self.say_first(said.act, &said.detail, said.generation, now);
            }
        }
        if let Some(warning) = found.warning {
            self.warn(warning);
        }
        self.log = Some(match found.log {
            Some(log) => log,
            None => LogFile::create(&self.path)?,
        });
        self.limit_room();
        Ok(())
    }

    fn write_backlog(&mut self, now: Timestamp) -> Result<(), AuditUnavailable> {
        while let Some(entry) = self.backlog.pop_front() {
            if let Err(error) = self.write(&entry) {
                self.backlog.push_front(entry);
                return Err(error);
            }
        }
        if self.dropped > 0 {
            let detail = format!(
                "{} records of refused calls could not be kept while the log was not writable",
                self.dropped
            );
            let act = AdminAct {
                detail: Some(&detail),
                ..Act::RecordsDropped.into()
            };
            self.write(&Record::admin(&act, now).into())?;
            self.dropped = 0;
        }
        Ok(())
    }

    /// One line, one `write(2)`.
    fn write(&mut self, entry: &Entry) -> Result<(), AuditUnavailable> {
        let Some(log) = &mut self.log else {
            return Err(AuditUnavailable::NotOpen {
                path: self.path.clone(),
            });
        };
        let key = entry.key.as_ref().or(self.key.as_ref());
        let record = match key {
            Some(_) => &entry.record,
            None => entry.record.without_key(),
        };
        let head = chain::seal(&self.head, record, key.map(AsRef::as_ref), &mut self.line);
        log.append(&self.line)?;
        self.head = head;
        self.unsynced = true;
        if let Some(recorded) = record.generation {
            self.generation = self.generation.after(recorded);
        }
        self.tell_followers();
        Ok(())
    }

    /// Gives the line that was written last to those who follow.
    pub(super) fn tell_followers(&self) {
        if self.followers.receiver_count() > 0
            && let Some(line) = self.line.strip_suffix(b"\n")
        {
            // nobody listening any more is no fault
            let _ = self.followers.send(Bytes::copy_from_slice(line));
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "a test's disk has a limit here")]
    pub(super) fn limit_room(&mut self) {}

    #[cfg(test)]
    pub(super) fn limit_room(&mut self) {
        if let Some(log) = &mut self.log {
            log.room = self.room;
        }
    }

    /// Pretends that the disk takes no more than `bytes` of the log.
    #[cfg(test)]
    pub(super) fn set_room(&mut self, bytes: u64) {
        self.room = bytes;
        self.limit_room();
    }
}
