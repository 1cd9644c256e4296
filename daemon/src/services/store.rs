//! The services in force: of each file the last good version; or the sealed
//! ones, whatever the files say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use sha2::{Digest, Sha256};

use super::directory;
use super::reading::{self, Good};
use crate::catalogue::{Catalogue, DefinitionError, Service};
use crate::names::ServiceName;
use crate::watch::Stamp;

mod hold;

pub use self::hold::OnDisk;

/// How long a file may be away, as it is while some editors save, before its
/// service is gone.
const GRACE: Duration = Duration::from_secs(1);

/// Holds the catalogue in force. Readers never wait, and never see half a change.
#[derive(Debug)]
pub struct ServiceStore {
    directory: PathBuf,
    builtin: Catalogue,
    loaded: ArcSwap<Loaded>,
    /// What each file was when it was last read; held while files are read, so
    /// two readings can't overtake each other.
    seen: Mutex<BTreeMap<PathBuf, Seen>>,
}

/// One state of the services.
#[derive(Debug)]
pub struct Loaded {
    /// What calls are resolved by.
    pub catalogue: Arc<Catalogue>,
    /// The owner's files, by path.
    pub files: Vec<OwnFile>,
    /// Whether they are the sealed ones, and the files only propose.
    pub is_sealed: bool,
}

/// One file in `services/`.
#[derive(Debug, Clone)]
pub struct OwnFile {
    /// Where it is.
    pub path: PathBuf,
    /// What is in force of it.
    pub service: Option<Arc<Service>>,
    /// Why the file as it stands is not what is in force.
    pub error: Option<Arc<DefinitionError>>,
}

/// What a reading of the files brought.
#[derive(Debug, Clone)]
pub enum Change {
    /// This service is in force now, from this file.
    InForce(PathBuf, Arc<Service>),
    /// A file is broken; what was in force of it still is, where `kept` names
    /// it. Told once for each error, however often it is met.
    Refused {
        /// What is wrong, and where.
        error: Arc<DefinitionError>,
        /// The service that is still in force from that file.
        kept: Option<ServiceName>,
    },
    /// A service is gone with its file, or has another name now.
    Gone(ServiceName),
    /// Files say something new, and what is sealed stays in force.
    Proposed,
}

/// A file as it was read.
#[derive(Debug, Default)]
struct Seen {
    /// Of its text; none where it couldn't be read.
    digest: Option<[u8; 32]>,
    good: Option<Good>,
    fault: Option<Arc<DefinitionError>>,
    missing_since: Option<Instant>,
}

impl ServiceStore {
    /// Reads the files in `directory`. Whatever is there, or isn't, this
    /// succeeds: `builtin` is in force in any case.
    pub fn load(directory: PathBuf, builtin: Catalogue) -> Arc<Self> {
        let nothing = Loaded {
            catalogue: Arc::new(builtin.clone()),
            files: Vec::new(),
            is_sealed: false,
        };
        let store = Arc::new(Self {
            directory,
            builtin,
            loaded: ArcSwap::from_pointee(nothing),
            seen: Mutex::default(),
        });
        store.refresh(Instant::now());
        store
    }

    /// Where the files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The catalogue now. Take it once for each call, so that all of the call
    /// is decided by the same definitions.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.loaded.load().catalogue)
    }

    /// The state now.
    pub fn current(&self) -> Guard<Arc<Loaded>> {
        self.loaded.load()
    }

    /// Whether the service is built in.
    pub fn is_builtin(&self, name: &ServiceName) -> bool {
        self.builtin.service(name.as_str()).is_some()
    }

    /// What the definition `text` would be if it stood in the file `origin`.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn try_out(&self, text: &str, origin: &Path) -> Result<Arc<Service>, DefinitionError> {
        reading::parse(text, origin, &self.builtin).map(|good| good.service)
    }

    /// Reads the files again and puts in force what they say, where they say
    /// something new. `now` times the grace of missing files.
    pub fn refresh(&self, now: Instant) -> Vec<Change> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh_seen(&mut seen, now)
    }

    fn refresh_seen(&self, seen: &mut BTreeMap<PathBuf, Seen>, now: Instant) -> Vec<Change> {
        let was = versions(seen);
        let before = self.loaded.load_full();
        let listing = directory::list(&self.directory, |path| seen.contains_key(path));
        for path in &listing.files {
            let file = seen.entry(path.clone()).or_default();
            self.read(path, file, now, before.is_sealed);
        }
        // in a directory that can't be read nothing is known to be gone
        if listing.is_whole {
            for (path, file) in seen.iter_mut() {
                if !listing.files.contains(path) {
                    file.missing_since.get_or_insert(now);
                }
            }
            seen.retain(|_, file| {
                let is_over = |since| now.saturating_duration_since(since) >= GRACE;
                !file.missing_since.is_some_and(is_over)
            });
        }
        if before.is_sealed {
            let is_new = versions(seen) != was;
            return is_new.then_some(Change::Proposed).into_iter().collect();
        }
        let mut files = in_force(&before.files, seen);
        files.extend(listing.refused.into_iter().map(|(path, error)| OwnFile {
            path,
            service: None,
            error: Some(Arc::new(error)),
        }));
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let changes = differences(&before.files, &files);
        if !changes.is_empty() || !is_same(&before.files, &files) {
            let own = files.iter().filter_map(|file| file.service.clone());
            self.loaded.store(Arc::new(Loaded {
                catalogue: Arc::new(self.builtin.with(own)),
                files,
                is_sealed: false,
            }));
        }
        changes
    }

    /// What tells one state of the files from another without reading them.
    pub(super) fn stamps(&self) -> Vec<(PathBuf, Option<Stamp>)> {
        let listing = directory::list(&self.directory, |_| true);
        let refused = listing.refused.into_iter().map(|(path, _)| path);
        let paths = listing.files.into_iter().chain(refused);
        paths.map(|path| (path.clone(), Stamp::of(&path))).collect()
    }

    /// Whether a file is away and its grace isn't over.
    pub(super) fn is_in_grace(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.values().any(|file| file.missing_since.is_some())
    }

    /// Takes up what the file says; of one that only proposes, that it is new.
    fn read(&self, path: &Path, file: &mut Seen, now: Instant, is_sealed: bool) {
        let text = match reading::text(path) {
            Ok(text) => text,
            Err(None) => {
                file.missing_since.get_or_insert(now);
                return;
            }
            Err(Some(error)) => {
                file.missing_since = None;
                file.digest = None;
                file.fault = Some(Arc::new(error));
                return;
            }
        };
        file.missing_since = None;
        let digest = Some(Sha256::digest(text.as_bytes()).into());
        if file.digest == digest {
            return;
        }
        file.digest = digest;
        if is_sealed {
            return;
        }
        match reading::parse(&text, path, &self.builtin) {
            Ok(good) => {
                file.good = Some(good);
                file.fault = None;
            }
            Err(error) => file.fault = Some(Arc::new(error)),
        }
    }
}

/// What tells one state of the files from another.
fn versions(seen: &BTreeMap<PathBuf, Seen>) -> Vec<(PathBuf, Option<[u8; 32]>)> {
    let each = seen.iter();
    each.map(|(path, file)| (path.clone(), file.digest))
        .collect()
}

/// Which file's service is in force. Of several with one name it is the one
/// that already was, then the first by path; a file that is away gives way.
fn in_force(before: &[OwnFile], seen: &BTreeMap<PathBuf, Seen>) -> Vec<OwnFile> {
    let held = |path: &Path, file: &Seen| {
        let name = file.good.as_ref().map(|good| good.service.name());
        let mut held = before.iter().filter(|held| held.path == path);
        held.any(|held| name.is_some() && held.service.as_ref().map(|it| it.name()) == name)
    };
    let mut order: Vec<(&PathBuf, &Seen)> = seen.iter().collect();
    order.sort_by_key(|(path, file)| (file.missing_since.is_some(), !held(path, file)));
    let mut taken: BTreeMap<&ServiceName, &Path> = BTreeMap::new();
    let mut files = Vec::new();
    for (path, file) in order {
        let mut own = OwnFile {
            path: path.clone(),
            service: None,
            error: file.fault.clone().filter(|_| file.missing_since.is_none()),
        };
        if let Some(good) = &file.good {
            let name = good.service.name();
            match taken.get(name) {
                None => {
                    taken.insert(name, path);
                    own.service = Some(Arc::clone(&good.service));
                }
                Some(_) if file.missing_since.is_some() || own.error.is_some() => {}
                Some(other) => {
                    let problem = format!(
                        "the service {name} is already defined in {}",
                        other.display()
                    );
                    let error = DefinitionError::at(good.name_at.clone(), problem);
                    own.error = Some(Arc::new(error));
                }
            }
        }
        files.push(own);
    }
    files
}

fn differences(before: &[OwnFile], after: &[OwnFile]) -> Vec<Change> {
    let mut changes = Vec::new();
    for file in after {
        let old = before.iter().find(|old| old.path == file.path);
        if let Some(service) = &file.service
            && !old.is_some_and(|old| is_same_service(old, file))
        {
            changes.push(Change::InForce(file.path.clone(), Arc::clone(service)));
        }
        if let Some(error) = &file.error
            && old.and_then(|old| old.error.as_ref()) != Some(error)
        {
            changes.push(Change::Refused {
                error: Arc::clone(error),
                kept: file.service.as_ref().map(|service| service.name().clone()),
            });
        }
    }
    let name = |file: &OwnFile| file.service.as_ref().map(|service| service.name().clone());
    let gone = before
        .iter()
        .filter_map(name)
        .filter(|gone| !after.iter().filter_map(name).any(|name| name == *gone));
    changes.extend(gone.map(Change::Gone));
    changes
}

fn is_same(before: &[OwnFile], after: &[OwnFile]) -> bool {
    before.len() == after.len()
        && before.iter().zip(after).all(|(one, other)| {
            one.path == other.path && one.error == other.error && is_same_service(one, other)
        })
}

fn is_same_service(one: &OwnFile, other: &OwnFile) -> bool {
    match (&one.service, &other.service) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
