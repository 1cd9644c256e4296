//! The system's notices about every directory that has a say in what a path
//! leads to.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use arc_swap::ArcSwap;
use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::{Follow, Target};

/// How often is looked beside the notices …
const POLL: Duration = Duration::from_secs(1);
/// … where only the inside of a directory has them …
const POLL_AROUND: Duration = Duration::from_millis(500);
/// … and where there are none.
const POLL_ALONE: Duration = Duration::from_millis(100);
/// Most symbolic links that are followed to the target.
const MAX_LINKS: usize = 40;

/// What a notice must be about; any other one is ignored.
#[derive(Debug, Default, PartialEq, Eq)]
struct Relevant {
    /// Names on the way to the target.
    names: HashSet<OsString>,
    /// The followed directory, where it is there: all in it counts.
    inside: Option<PathBuf>,
}

/// Tells of changes around and, for a directory, inside of the target.
pub(super) struct Notices {
    target: Target,
    how: Follow,
    /// None where the system gives none, or isn't asked: then looking must do.
    watcher: Option<RecommendedWatcher>,
    relevant: Arc<ArcSwap<Relevant>>,
    /// Each watched directory with what it was then: one that is deleted and
    /// created again is another.
    watched: HashMap<PathBuf, Option<(u64, u64)>>,
}

impl Notices {
    pub(super) fn new(target: Target, how: Follow, wake: SyncSender<()>) -> Self {
        let relevant: Arc<ArcSwap<Relevant>> = Arc::default();
        let counts = Arc::clone(&relevant);
        let on_notice = move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| concerns(&event, &counts.load())) {
                // A full channel means that the thread will look anyway.
                let _ = wake.try_send(());
            }
        };
        let watcher = match (how, &target) {
            (Follow::Looking, Target::File(_)) => None,
            _ => notify::recommended_watcher(on_notice)
                .inspect_err(|error| {
                    let path = target.path().display();
                    tracing::warn!(%error, "the system gives no notice of saved files; {path} is looked at ten times a second");
                })
                .ok(),
        };
        Self {
            target,
            how,
            watcher,
            relevant,
            watched: HashMap::new(),
        }
    }

    /// How long to wait for a notice before looking without one.
    pub(super) fn pause(&self) -> Duration {
        match (&self.watcher, self.how) {
            (None, _) => POLL_ALONE,
            (Some(_), Follow::Looking) => POLL_AROUND,
            (Some(_), Follow::Notices) => POLL,
        }
    }

    /// Watches what has to be watched now: links and directories may have come
    /// or gone.
    pub(super) fn rearm(&mut self) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let way = way_to(self.target.path());
        let inside = match &self.target {
            Target::File(_) => None,
            Target::Directory(_) => way.last().filter(|end| end.is_dir()).cloned(),
        };
        let mut directories: HashSet<PathBuf> = inside.iter().cloned().collect();
        let mut names = HashSet::new();
        if self.how == Follow::Notices {
            directories.extend(
                way.iter()
                    .filter_map(|step| step.parent().map(Path::to_owned)),
            );
            names.extend(
                way.iter()
                    .filter_map(|step| step.file_name().map(ToOwned::to_owned)),
            );
        }
        let relevant = Relevant { names, inside };
        if **self.relevant.load() != relevant {
            self.relevant.store(Arc::new(relevant));
        }
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

/// Whether `event` may be about the target. Reading a file makes notices too,
/// and those must not lead to another reading.
fn concerns(event: &notify::Event, relevant: &Relevant) -> bool {
    if event.need_rescan() {
        return true;
    }
    let is_reading = matches!(event.kind, EventKind::Access(access)
        if access != AccessKind::Close(AccessMode::Write));
    !is_reading
        && event.paths.iter().any(|path| {
            let is_inside =
                relevant.inside.is_some() && path.parent() == relevant.inside.as_deref();
            is_inside
                || path
                    .file_name()
                    .is_some_and(|name| relevant.names.contains(name))
        })
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
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn reading_a_file_is_no_reason_to_read_it_again() {
        let relevant = Relevant {
            names: HashSet::from([OsString::from("policy.yaml")]),
            inside: Some("/y".into()),
        };
        let event = |kind, path: &str| notify::Event::new(kind).add_path(path.into());
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        for (kind, path, counts) in [
            (opened, "/x/policy.yaml", false),
            (written, "/x/policy.yaml", true),
            (EventKind::Any, "/x/policy.yaml", true),
            (EventKind::Any, "/x/audit.jsonl", false),
            (EventKind::Any, "/y/any.yaml", true),
            (opened, "/y/any.yaml", false),
            (EventKind::Any, "/y/deeper/any.yaml", false),
        ] {
            assert_eq!(
                concerns(&event(kind, path), &relevant),
                counts,
                "{kind:?} {path}"
            );
        }
    }

    #[test]
    fn the_way_to_a_file_has_every_link_and_its_end() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        fs::create_dir(home.join("real")).unwrap();
        fs::write(home.join("real/file"), "").unwrap();
        symlink("real", home.join("link")).unwrap();
        symlink("file", home.join("real/other")).unwrap();
        symlink("loop", home.join("loop")).unwrap();
        for (path, expected) in [
            ("real/file", vec!["real/file"]),
            ("link/file", vec!["link", "real/file"]),
            ("link/other", vec!["link", "real/other", "real/file"]),
            ("link/../real/file", vec!["link", "real/file"]),
            ("none/at/all", vec!["none"]),
        ] {
            let expected: Vec<PathBuf> = expected.iter().map(|step| home.join(step)).collect();
            assert_eq!(way_to(&home.join(path)), expected, "{path}");
        }
        assert!(way_to(&home.join("loop/x")).len() <= MAX_LINKS + 1);
    }
}
