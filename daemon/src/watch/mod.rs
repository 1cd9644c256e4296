//! Hot reload: a thread that looks again at a file, or at the files in a
//! directory, when that, or a link or directory on the way to it, changes.
//!
//! The system's notices make it quick. A look once a second makes it certain:
//! notices get lost, and some file systems have none.

mod notices;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notices::Notices;

/// A save is over when nothing has changed for this long …
const QUIET: Duration = Duration::from_millis(25);
/// … and no save is waited for longer than this.
const MOST_QUIET: Duration = Duration::from_millis(100);

/// What is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One file.
    File(PathBuf),
    /// The files in a directory, not those in directories under it.
    Directory(PathBuf),
}

impl Target {
    /// Where it is.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Directory(path) => path,
        }
    }
}

/// How a change is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// The system tells of it; for a place beside which little else happens.
    Notices,
    /// Looked for; for a place beside which other files are written all the
    /// time, each write of which would be a notice. What happens inside of a
    /// followed directory is told all the same.
    Looking,
}

/// Looks at what is followed until it is dropped.
#[derive(Debug)]
pub struct Watch {
    stop: Arc<AtomicBool>,
    wake: SyncSender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Calls `look` at once, after each change, and at least once a second, on
    /// a thread called `name`. `look` hears whether it was told of a change or
    /// is to find out itself, and says when to look again at the latest, where
    /// it is in the middle of something.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        name: &str,
        target: Target,
        how: Follow,
        look: impl FnMut(bool) -> Option<Duration> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (wake, wakes) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name(name.into()).spawn({
            let (stop, wake) = (Arc::clone(&stop), wake.clone());
            move || follow(Notices::new(target, how, wake), &wakes, &stop, look)
        })?;
        Ok(Self {
            stop,
            wake,
            thread: Some(thread),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // A full channel wakes the thread just as well.
        let _ = self.wake.try_send(());
        if let Some(thread) = self.thread.take() {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                tracing::error!("the thread {name} had panicked: no change was followed since");
            }
        }
    }
}

fn follow(
    mut notices: Notices,
    wakes: &Receiver<()>,
    stop: &AtomicBool,
    mut look: impl FnMut(bool) -> Option<Duration>,
) {
    // The first round finds whatever has changed since the first reading.
    let mut is_told = true;
    while !stop.load(Ordering::SeqCst) {
        notices.rearm();
        let pause = look(is_told).unwrap_or_else(|| notices.pause());
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
/// shorter one, which may even be valid.
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
pub struct Stamp {
    modified: Option<std::time::SystemTime>,
    size: u64,
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

impl Stamp {
    /// The version that is at `path` now, links followed; none where nothing is.
    pub fn of(path: &Path) -> Option<Self> {
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
