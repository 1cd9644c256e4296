//! Hot reload: a thread that reads the policy again when its file, or a link
//! or directory on the way to it, changes.
//!
//! The system's notices make it quick. A look once a second makes it certain:
//! notices get lost, and some file systems have none.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::store::{Change, GRACE, PolicyStore};

/// How often the file is looked at beside the notices …
const POLL: Duration = Duration::from_secs(1);
/// … and where there are none.
const POLL_ALONE: Duration = Duration::from_millis(100);
/// A save is over when nothing has changed for this long …
const QUIET: Duration = Duration::from_millis(25);
/// … and no save is waited for longer than this.
const MOST_QUIET: Duration = Duration::from_millis(100);
/// Most symbolic links that are followed to the file.
const MAX_LINKS: usize = 40;

/// Names on the way to the file; a notice about any other one is ignored.
type Names = HashSet<OsString>;

/// Keeps the policy up to date until it is dropped.
#[derive(Debug)]
pub struct PolicyWatch {
    stop: Arc<AtomicBool>,
    wake: SyncSender<()>,
    thread: Option<JoinHandle<()>>,
}

/// How a change of the file is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// The system tells of it; for a directory in which little else happens.
    Notices,
    /// Looked for ten times a second; for a directory in which other files are
    /// written all the time, each write of which would be a notice.
    Looking,
}

impl PolicyStore {
    /// Follows the file from now on; `on_change` hears of every change, on the
    /// watching thread, after it is in force. With [`Follow::Looking`] the
    /// system is not asked for notices.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn watch(
        self: &Arc<Self>,
        how: Follow,
        on_change: impl Fn(Change) + Send + 'static,
    ) -> std::io::Result<PolicyWatch> {
        let (wake, wakes) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let store = Arc::clone(self);
        let thread = std::thread::Builder::new()
            .name("policy-watch".into())
            .spawn({
                let (stop, wake) = (Arc::clone(&stop), wake.clone());
                move || {
                    let notices = Notices::new(store.path().to_owned(), how, wake);
                    follow(&store, notices, &wakes, &stop, &on_change);
                }
            })?;
        Ok(PolicyWatch {
            stop,
            wake,
            thread: Some(thread),
        })
    }
}

impl Drop for PolicyWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // A full channel wakes the thread just as well.
        let _ = self.wake.try_send(());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that follows policy.yaml had panicked");
        }
    }
}

fn follow(
    store: &PolicyStore,
    mut notices: Notices,
    wakes: &Receiver<()>,
    stop: &AtomicBool,
    on_change: &dyn Fn(Change),
) {
    // The first round reads whatever has changed since the store was loaded.
    let mut last_stamp = None;
    let mut is_told = true;
    while !stop.load(Ordering::SeqCst) {
        notices.rearm();
        let stamp = Stamp::of(store.path());
        // someone else may have read a file that came and went in between
        let has_gone = stamp.is_none() && !store.found_nothing();
        if is_told || has_gone || stamp != last_stamp || store.is_in_grace() {
            last_stamp = stamp;
            if let Some(change) = store.refresh(Instant::now()) {
                on_change(change);
            }
        }
        let pause = if store.is_in_grace() {
            GRACE / 10
        } else if notices.watcher.is_some() {
            POLL
        } else {
            POLL_ALONE
        };
        is_told = match wakes.recv_timeout(pause) {
            Ok(()) => {
                wait_for_quiet(wakes);
                true
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => return,
        };
    }
}

/// Lets a save come to its end: a file that is being written reads as a
/// shorter policy, which may even be a valid one.
fn wait_for_quiet(wakes: &Receiver<()>) {
    let end = Instant::now() + MOST_QUIET;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || wakes.recv_timeout(QUIET.min(left)).is_err() {
            return;
        }
    }
}

/// What tells one version of a file from another without reading it.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<std::time::SystemTime>,
    size: u64,
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            modified: metadata.modified().ok(),
            size: metadata.len(),
            #[cfg(unix)]
            inode: (
                metadata.dev(),
                metadata.ino(),
                metadata.ctime(),
                metadata.ctime_nsec(),
            ),
        })
    }
}

/// The system's notices about every directory that has a say in what the path
/// leads to.
struct Notices {
    path: PathBuf,
    /// None where the system gives none, or isn't asked: then looking must do.
    watcher: Option<RecommendedWatcher>,
    names: Arc<ArcSwap<Names>>,
    /// Each watched directory with what it was then: one that is deleted and
    /// created again is another.
    watched: HashMap<PathBuf, Option<(u64, u64)>>,
}

impl Notices {
    fn new(path: PathBuf, how: Follow, wake: SyncSender<()>) -> Self {
        let names = Arc::new(ArcSwap::from_pointee(Names::new()));
        let relevant = Arc::clone(&names);
        let on_notice = move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| concerns(&event, &relevant.load())) {
                // A full channel means that the thread will look anyway.
                let _ = wake.try_send(());
            }
        };
        let watcher = match how {
            Follow::Looking => None,
            Follow::Notices => notify::recommended_watcher(on_notice)
                .inspect_err(|error| {
                    tracing::warn!(%error, "the system gives no notice of saved files; policy.yaml is looked at ten times a second");
                })
                .ok(),
        };
        Self {
            path,
            watcher,
            names,
            watched: HashMap::new(),
        }
    }

    /// Watches what has to be watched now: links and directories may have come
    /// or gone.
    fn rearm(&mut self) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let way = way_to(&self.path);
        let names: Names = way
            .iter()
            .filter_map(|step| step.file_name().map(ToOwned::to_owned))
            .collect();
        if **self.names.load() != names {
            self.names.store(Arc::new(names));
        }
        let directories: HashSet<PathBuf> = way
            .iter()
            .filter_map(|step| step.parent().map(Path::to_owned))
            .collect();
        self.watched.retain(|directory, identity| {
            let stays = directories.contains(directory) && *identity == identity_of(directory);
            if !stays {
                // It fails where the directory is gone, and the watch with it.
                let _ = watcher.unwatch(directory);
            }
            stays
        });
        for directory in directories {
            if !self.watched.contains_key(&directory)
                && watcher
                    .watch(&directory, RecursiveMode::NonRecursive)
                    .is_ok()
            {
                let identity = identity_of(&directory);
                self.watched.insert(directory, identity);
            }
        }
    }
}

/// Whether `event` may be about the policy. Reading the file makes notices
/// too, and those must not lead to another reading.
fn concerns(event: &notify::Event, names: &Names) -> bool {
    if event.need_rescan() {
        return true;
    }
    let is_reading = matches!(event.kind, EventKind::Access(access)
        if access != AccessKind::Close(AccessMode::Write));
    !is_reading
        && event
            .paths
            .iter()
            .filter_map(|path| path.file_name())
            .any(|name| names.contains(name))
}

/// Every place whose change could change what `path` leads to: the links on
/// the way, and its end, be that the file or the first part that is missing.
/// Links in the root directory are left out: too much else happens there.
fn way_to(path: &Path) -> Vec<PathBuf> {
    let Ok(path) = std::path::absolute(path) else {
        return Vec::new();
    };
    let mut way = Vec::new();
    let mut reached = PathBuf::new();
    let mut ahead: Vec<OsString> = backwards(&path);
    while let Some(part) = ahead.pop() {
        if part == ".." {
            reached.pop();
            continue;
        }
        reached.push(part);
        let Ok(metadata) = fs::symlink_metadata(&reached) else {
            break;
        };
        if !metadata.is_symlink() {
            continue;
        }
        let Ok(target) = fs::read_link(&reached) else {
            break;
        };
        way.push(reached.clone());
        if way.len() > MAX_LINKS {
            return way;
        }
        // An absolute target begins with the root, which replaces all of it.
        reached.pop();
        ahead.extend(backwards(&target));
    }
    way.push(reached);
    way.retain(|step| {
        step.parent()
            .is_some_and(|parent| parent.parent().is_some())
    });
    way
}

/// The parts of a path, the last one first.
fn backwards(path: &Path) -> Vec<OsString> {
    path.components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| part.as_os_str().to_owned())
        .rev()
        .collect()
}

#[cfg(unix)]
fn identity_of(directory: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(directory).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity_of(_directory: &Path) -> Option<(u64, u64)> {
    None
}

#[cfg(test)]
mod tests;
