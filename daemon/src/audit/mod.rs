//! The audit: one hash-chained, keyed JSON line for each thing that happened,
//! with the kernel before the upstream sees a byte. No audit, no call.
//!
//! [`Audit`] is what the rest of axisd holds. `record` is what it is told,
//! `started` a call in flight, `line` how a record is written, `parsed`
//! what it says read back, `chain` how lines hang together, `file` the file on disk, `segments` the older ones, `packing` and `frames`
//! how these are compressed, `aside` what else stands beside it, `recovery` what
//! is done about the one found at start, `writer` the one who writes, `rotation`
//! when a new file begins and the oldest end, `status` how it stands, `fold` what
//! keeps floods out, `reading` what is asked of all lines, `stretches` and `reader` read them in any direction,
//! `filter` and `search` find them, `stats` counts them, `history` which calls were made, `verify`,
//! `macs`, `whole` and `pinned` whether all of it is true. The format is in
//! `docs/audit.md`.

mod aside;
mod bounds;
mod chain;
mod denials;
mod file;
mod filter;
mod fold;
mod frames;
mod history;
mod line;
mod macs;
mod packing;
mod parsed;
mod pinned;
mod reader;
mod reading;
mod record;
mod recovery;
mod rotation;
mod search;
mod segments;
mod started;
mod stats;
mod status;
mod stretches;
mod uses;
mod verify;
mod whole;
mod writer;

#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::broadcast;

use crate::clock::Clock;

pub use chain::AuditKey;
pub use denials::Denial;
pub use file::AuditUnavailable;
pub use filter::Filter;
pub use fold::ConnectionId;
pub use history::{History, PastCall, Proof};
pub use line::is_unseen;
pub use pinned::{LogHead, Pinned, PinnedError, PinnedReport};
pub use reading::MAX_LAST_LINES;
pub use record::{Act, AdminAct, ApprovalRecord, CallRecord, End, Peer, Refusal, Stage};
pub use rotation::Rotation;
pub use search::Found;
pub use started::Started;
pub use stats::{CallStats, Stats, TimeStats};
pub use status::AuditStatus;
pub use uses::LastUses;
pub use verify::KnownGeneration;
pub use whole::{FileReport, Verification};

use fold::{Folded, Folds};
use line::Record;
use rotation::Tidying;
use writer::{Keep, Writer};

/// Lines that a slow follower may fall behind before it misses some.
const FOLLOW_LINES: usize = 1024;
/// How long a disk may take to confirm a record, in seconds.
const SYNC_TIMEOUT_S: u64 = 10;

/// When records must be on the disk itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncMode {
    /// Once a second. A record survives the death of axisd, not a power cut.
    #[default]
    Interval,
    /// Before each call goes out.
    Always,
}

/// How the log is kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// When records must be on the disk itself.
    pub sync: SyncMode,
    /// When segments end, and how many are kept.
    pub rotation: Rotation,
}

impl From<SyncMode> for Settings {
    fn from(sync: SyncMode) -> Self {
        Self {
            sync,
            rotation: Rotation::default(),
        }
    }
}

/// The audit log of one axisd. Clones are the same log.
#[derive(Clone)]
pub struct Audit(Arc<Shared>);

struct Shared {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    settings: ArcSwap<Settings>,
    tidying: Mutex<Tidying>,
    /// Held by those who verify: no segment is deleted under their eyes.
    verifying: RwLock<()>,
    writer: Mutex<Writer>,
    folds: Mutex<Folds>,
    /// The last record that is known to be on the disk. Whoever holds it syncs
    /// for all who wait for it.
    on_disk: tokio::sync::Mutex<u64>,
    #[cfg(test)]
    syncs: std::sync::atomic::AtomicU64,
    followers: broadcast::Sender<Bytes>,
}

// === impl Audit ===

impl Audit {
    /// Opens the log at `path`, and reads it, but not its older segments. A torn last line or a
    /// broken chain is set aside. A log that can't be written to is no error
    /// here: each later call tries again, and [`Audit::status`] says why.
    pub fn open(path: PathBuf, clock: Arc<dyn Clock>, settings: impl Into<Settings>) -> Self {
        let (followers, _) = broadcast::channel(FOLLOW_LINES);
        let audit = Self(Arc::new(Shared {
            writer: Mutex::new(Writer::new(path.clone(), followers.clone())),
            path,
            clock,
            settings: ArcSwap::from_pointee(settings.into()),
            tidying: Mutex::default(),
            verifying: RwLock::default(),
            folds: Mutex::default(),
            on_disk: tokio::sync::Mutex::new(0),
            #[cfg(test)]
            syncs: std::sync::atomic::AtomicU64::new(0),
            followers,
        }));
        // the writer keeps the reason for `status`
        let _ = audit.writer().tend(audit.now());
        audit
    }

    /// Gives the audit its key at an unlock, or takes it away at a lock, and
    /// says what the key proves of the log so far. Calls in flight keep the
    /// key for their own end.
    ///
    /// A new keystore's key has to be set before [`Act::Init`] is recorded.
    pub fn set_key(&self, key: Option<Arc<dyn AuditKey>>) -> Proof {
        let mut writer = self.writer();
        writer.set_key(key.clone());
        let (Some(key), Some(log)) = (key, writer.snapshot()) else {
            return Proof::Unreadable;
        };
        drop(writer);
        let proof = history::proof(log.file, log.size, key.as_ref()).unwrap_or(Proof::Unreadable);
        if proof == Proof::Foreign {
            self.writer().warn(
                "the last MAC in the audit log is not this vault's: the log was edited, or is another vault's; run: axis logs verify".into(),
            );
        }
        proof
    }

    /// How the log is kept from now on.
    pub fn set_settings(&self, settings: Settings) {
        self.0.settings.store(Arc::new(settings));
    }

    /// Records that a call is about to go out.
    ///
    /// # Errors
    /// The record is not with the kernel, or there is no key to prove it:
    /// the call must not be made.
    pub fn started(&self, call: &CallRecord<'_>) -> Result<Started, AuditUnavailable> {
        let now = self.now();
        let record = Record::started(call, now);
        let mut writer = self.writer();
        let key = writer.key().cloned().ok_or(AuditUnavailable::Locked)?;
        writer.append(&record.into(), now)?;
        Ok(Started {
            key: Some(key),
            seq: writer.head().seq,
            audit: self.clone(),
            call: Some(call.into()),
            began: self.0.clock.monotonic(),
        })
    }

    /// With [`SyncMode::Always`], waits until `started` is on the disk; calls
    /// that wait at once share one sync.
    ///
    /// # Errors
    /// The disk didn't take it: the call must not be made.
    pub async fn synced(&self, started: &Started) -> Result<(), AuditUnavailable> {
        if self.0.settings.load().sync == SyncMode::Interval {
            return Ok(());
        }
        let wait = Duration::from_secs(SYNC_TIMEOUT_S);
        tokio::time::timeout(wait, self.sync_up_to(started.seq))
            .await
            .unwrap_or_else(|_| {
                Err(AuditUnavailable::Slow {
                    path: self.0.path.clone(),
                    seconds: SYNC_TIMEOUT_S,
                })
            })
    }

    async fn sync_up_to(&self, seq: u64) -> Result<(), AuditUnavailable> {
        let mut on_disk = self.0.on_disk.lock().await;
        if *on_disk >= seq {
            return Ok(());
        }
        let Some((files, head)) = self.writer().to_sync() else {
            return Err(AuditUnavailable::NotOpen {
                path: self.0.path.clone(),
            });
        };
        #[cfg(test)]
        self.0
            .syncs
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let files = tokio::task::spawn_blocking(move || {
            files.iter().try_for_each(|file| file.sync_data())?;
            Ok(files)
        })
        .await
        .unwrap_or_else(|panicked| Err(io::Error::other(panicked)))
        .map_err(AuditUnavailable::io(&self.0.path, "written to disk"))?;
        self.writer().synced(&files);
        *on_disk = head;
        Ok(())
    }

    /// Records how a started call ended. Never lost: what can't be written now
    /// is written before anything else once it can.
    pub fn finished(&self, mut started: Started, end: &End) {
        started.end(end);
    }

    /// Records a call that ended before it was started. A flood of them on one
    /// connection is folded into one line with a count.
    pub fn refused(&self, connection: ConnectionId, call: &CallRecord<'_>, refusal: &Refusal<'_>) {
        let monotonic = self.0.clock.monotonic();
        let admission = self.folds().admit(connection, monotonic, call, refusal);
        if let Some(folded) = &admission.ended {
            self.write_folded(folded);
        }
        if admission.own_line {
            let now = self.now();
            let record = Record::refused(call, refusal, None, now);
            self.writer()
                .append_or_keep(record.into(), Keep::Refusal, now);
        }
    }

    /// A connection is gone: what was folded of it is written.
    pub fn connection_closed(&self, connection: ConnectionId) {
        let folded = self.folds().close(connection);
        if let Some(folded) = &folded {
            self.write_folded(folded);
        }
    }

    /// Records an act that must not happen unrecorded.
    ///
    /// # Errors
    /// The record is not with the kernel.
    pub fn admin(&self, act: &AdminAct<'_>) -> Result<(), AuditUnavailable> {
        let now = self.now();
        self.writer().append(&Record::admin(act, now).into(), now)
    }

    /// Records an act that happened whatever the log's state, such as a lock;
    /// written as soon as that can be done.
    pub fn note(&self, act: &AdminAct<'_>) {
        let now = self.now();
        let record = Record::admin(act, now);
        self.writer()
            .append_or_keep(record.into(), Keep::Always, now);
    }

    /// Records what happened to an approval, whatever the log's state; written
    /// as soon as that can be done.
    pub fn approval(&self, approval: &ApprovalRecord<'_>) {
        let now = self.now();
        let record = Record::approval(approval, now);
        self.writer()
            .append_or_keep(record.into(), Keep::Always, now);
    }

    /// To be called once a second, where blocking is allowed: ends minutes of
    /// folding, writes what waits, sees what others did to the file, goes on in
    /// a new file where it is time to, syncs.
    pub fn tick(&self) {
        let ended = self.folds().ended(self.0.clock.monotonic());
        for folded in &ended {
            self.write_folded(folded);
        }
        self.sync();
        self.rotate_if_due();
    }

    /// Writes what was folded or waits, and syncs: axisd is about to end.
    pub fn close(&self) {
        let ended = self.folds().close_all();
        for folded in &ended {
            self.write_folded(folded);
        }
        self.sync();
    }

    fn sync(&self) {
        let unsynced = {
            let mut writer = self.writer();
            // a failure stays with the writer, and is tried again
            let _ = writer.tend(self.now());
            writer.take_unsynced()
        };
        let Some(files) = unsynced else { return };
        match files.iter().try_for_each(|file| file.sync_data()) {
            Ok(()) => self.writer().synced(&files),
            Err(error) => self.writer().sync_failed(&error),
        }
    }

    /// The highest keystore generation on record.
    pub fn known_generation(&self) -> KnownGeneration {
        self.writer().generation()
    }

    /// Whether this axisd itself has set a log aside since it began, so that
    /// the one it goes on with may hold nothing that is proven. What the log
    /// says of that is anyone's.
    pub fn has_set_aside(&self) -> bool {
        self.writer().set_aside
    }

    /// Lines as they are written, without their newlines. A follower that
    /// falls far behind is told how many it missed.
    pub fn follow(&self) -> broadcast::Receiver<Bytes> {
        self.0.followers.subscribe()
    }

    fn write_folded(&self, folded: &Folded) {
        let now = self.now();
        let count = Some(folded.count).filter(|count| *count > 1);
        let record = Record::refused(&folded.call.borrow(), &folded.refusal(), count, now);
        self.writer()
            .append_or_keep(record.into(), Keep::Refusal, now);
    }

    fn now(&self) -> Timestamp {
        self.0.clock.wall()
    }

    // A panic while the lock was held leaves at most one record unwritten.
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.0.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn folds(&self) -> MutexGuard<'_, Folds> {
        self.0.folds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
