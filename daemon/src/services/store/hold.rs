//! Sealing: services that stay in force whatever their files say.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::{Change, Loaded, Seen, ServiceStore, in_force};
use crate::catalogue::DefinitionError;
use crate::services::{directory, reading};
use crate::yaml::Place;

/// A file in `services/` as it stands: its name, and its text or what is wrong.
pub type OnDisk = (String, Result<String, DefinitionError>);

impl ServiceStore {
    /// The services that `texts`, by the names of their files, define, beside
    /// those that are built in. Nothing is in force by that.
    pub fn prepare(&self, texts: &BTreeMap<String, String>) -> Loaded {
        let seen: BTreeMap<_, _> = texts
            .iter()
            .map(|(name, text)| {
                let path = self.directory.join(name);
                let mut file = Seen::default();
                match reading::parse(text, &path, &self.builtin) {
                    Ok(good) => file.good = Some(good),
                    Err(error) => file.fault = Some(Arc::new(error)),
                }
                (path, file)
            })
            .collect();
        let files = in_force(&[], &seen);
        let own = files.iter().filter_map(|file| file.service.clone());
        Loaded {
            catalogue: Arc::new(self.builtin.with(own)),
            files,
            is_sealed: true,
        }
    }

    /// Puts what [`ServiceStore::prepare`] made in force. From now on the files
    /// only propose.
    pub fn hold(&self, sealed: Loaded) {
        let _seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.loaded.store(Arc::new(sealed));
    }

    /// Follows the files again; what was sealed is the last good version of
    /// each. What they bring, where they had been sealed.
    pub fn release(&self) -> Vec<Change> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.loaded.load_full();
        if !before.is_sealed {
            return Vec::new();
        }
        // a file that isn't what was sealed is read anew, also where it is
        // broken; what was sealed and has no file any more is gone
        seen.clear();
        let listing = directory::list(&self.directory, |_| true);
        for path in &listing.files {
            let sealed = before.files.iter().find(|file| file.path == *path);
            let good = sealed.and_then(|file| {
                Some(reading::Good {
                    service: Arc::clone(file.service.as_ref()?),
                    name_at: Place::whole(path),
                })
            });
            let file = Seen {
                good,
                ..Seen::default()
            };
            seen.insert(path.clone(), file);
        }
        self.loaded.store(Arc::new(Loaded {
            catalogue: Arc::clone(&before.catalogue),
            files: before.files.clone(),
            is_sealed: false,
        }));
        self.refresh_seen(&mut seen, Instant::now())
    }

    /// The files as they stand, by name. No more are read than hold `most`
    /// bytes together.
    pub fn on_disk(&self, most: usize) -> Vec<OnDisk> {
        let known = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let listing = directory::list(&self.directory, |path| known.contains_key(path));
        drop(known);
        let refused = listing.refused.into_iter();
        let refused = refused.map(|(path, error)| (file_name(&path), Err(error)));
        let mut bytes = 0;
        let files = listing.files.iter().filter_map(|path| {
            if bytes > most {
                let problem = format!("the service files have more than {most} bytes together");
                let error = DefinitionError::at(Place::whole(path), problem);
                return Some((file_name(path), Err(error)));
            }
            if path.file_name().is_none_or(|name| name.to_str().is_none()) {
                let problem = "its name isn't UTF-8; give it another one";
                let error = DefinitionError::at(Place::whole(path), problem);
                return Some((file_name(path), Err(error)));
            }
            match reading::text(path) {
                Ok(text) => {
                    bytes += text.len();
                    Some((file_name(path), Ok(text)))
                }
                Err(None) => None,
                Err(Some(error)) => Some((file_name(path), Err(error))),
            }
        });
        files.chain(refused).collect()
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
