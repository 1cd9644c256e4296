//! What is asked of the whole log: the last lines, all lines, the calls made,
//! and whether it is true. All of it blocks, and none of it holds up a call.

use std::io;
use std::num::NonZeroI64;
use std::sync::PoisonError;

use jiff::Timestamp;

use super::filter::Filter;
use super::history::{self, History};
use super::pinned::{LogHead, Pinned};
use super::reader::{Backwards, Log};
use super::search::{self, Found};
use super::stats::{self, Stats};
use super::whole::{self, Verification};
use super::writer::Snapshot;
use super::{Audit, aside, segments};

/// The most lines that [`Audit::last`] gives at once.
pub const MAX_LAST_LINES: usize = 100_000;

impl Audit {
    /// The calls since `since`. Without the key, an edit that also recomputed
    /// the hashes doesn't show: ask once the vault is unlocked. Blocking.
    pub fn history(&self, since: Timestamp) -> History {
        let key = {
            let mut writer = self.writer();
            let _ = writer.tend(self.now());
            writer.key().cloned()
        };
        let Ok(log) = self.log() else {
            return History::default();
        };
        let Some(head) = log.head else {
            return History::default();
        };
        let lines = Backwards::through(log);
        history::read(lines, &head, key.as_deref(), since).unwrap_or_default()
    }

    /// The last `n` lines that `filter` takes; at most [`MAX_LAST_LINES`].
    /// Takes as long for a long log as for a short one where nothing is left
    /// out. `wanted` is asked now and then whether to go on. Blocking.
    pub fn last(
        &self,
        n: usize,
        filter: &Filter,
        wanted: &(dyn Fn() -> bool + Sync),
    ) -> io::Result<Found> {
        let n = n.min(MAX_LAST_LINES);
        Ok(search::last(self.log()?, n, filter, wanted))
    }

    /// Shows each line that `filter` takes to `see`, oldest first, until that
    /// says no. A file that can't be read, and why. Blocking.
    pub fn each(
        &self,
        filter: &Filter,
        see: &mut dyn FnMut(&[u8]) -> bool,
    ) -> io::Result<Option<io::Error>> {
        Ok(search::each(self.log()?, filter, see))
    }

    /// Counts the calls that `filter` takes; also by stretches of time, so many
    /// ms each, where that is asked for. Blocking.
    pub fn stats(
        &self,
        filter: &Filter,
        stretch_ms: Option<NonZeroI64>,
        wanted: &(dyn Fn() -> bool + Sync),
    ) -> io::Result<Stats> {
        Ok(stats::count(self.log()?, filter, stretch_ms, wanted))
    }

    /// The last line, for its owner to keep elsewhere. Blocking.
    pub fn head(&self) -> io::Result<LogHead> {
        match Backwards::through(self.log()?).next()? {
            None => Ok(LogHead::of_nothing()),
            Some(line) => LogHead::of(line).ok_or_else(|| {
                io::Error::other("the last line is no record; run: axis logs verify")
            }),
        }
    }

    /// All of the log as it stands now.
    pub(super) fn log(&self) -> io::Result<Log> {
        loop {
            let (snapshot, rotations) = {
                let writer = self.writer();
                (writer.snapshot(), writer.rotations)
            };
            let segments = segments::list(&self.0.path)?;
            // rotated meanwhile: then one file would be missing, or there twice
            if self.writer().rotations == rotations {
                return self.log_of(snapshot, segments);
            }
        }
    }

    fn log_of(
        &self,
        snapshot: Option<Snapshot>,
        segments: Vec<segments::Segment>,
    ) -> io::Result<Log> {
        Ok(match snapshot {
            Some(log) => Log {
                segments,
                current: Some((log.file, log.size)),
                head: Some(log.head),
            },
            // the open file, else what stands at the path
            None => Log {
                segments,
                current: segments::open_regular(&self.0.path)?,
                head: None,
            },
        })
    }

    /// Checks every line of the log and of the logs that were set aside, and
    /// looks for a line that the owner has pinned. `wanted` is asked now and then
    /// whether anyone still waits for it. Blocking.
    pub fn verify(
        &self,
        pinned: Option<Pinned>,
        wanted: &dyn Fn() -> bool,
    ) -> io::Result<Verification> {
        let _undeleted = self
            .0
            .verifying
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let key = {
            let mut writer = self.writer();
            let _ = writer.tend(self.now());
            writer.key().cloned()
        };
        let path = &self.0.path;
        Ok(whole::verify(
            self.log()?,
            path,
            &aside::set_aside_files(path),
            key.as_deref(),
            pinned,
            wanted,
        ))
    }
}
