//! Which files in `services/` are definitions.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::catalogue::DefinitionError;
use crate::yaml::Place;

/// Most service files that are read.
pub const MAX_FILES: usize = 256;

/// What is in the directory.
#[derive(Debug)]
pub(super) struct Listing {
    /// The definitions.
    pub(super) files: BTreeSet<PathBuf>,
    /// What looks like a definition and isn't read.
    pub(super) refused: Vec<(PathBuf, DefinitionError)>,
    /// Whether the directory could be read, or isn't there.
    pub(super) is_whole: bool,
}

/// Lists `directory`; one that isn't there is empty. Only names are looked at.
/// Where there are too many, those that are `known` stay.
pub(super) fn list(directory: &Path, known: impl Fn(&Path) -> bool) -> Listing {
    let mut listing = Listing {
        files: BTreeSet::new(),
        refused: Vec::new(),
        is_whole: true,
    };
    let mut refuse = |path: PathBuf, problem: String| {
        let error = DefinitionError::at(Place::whole(&path), problem);
        listing.refused.push((path, error));
    };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound) => return listing,
        Err(error) => {
            let problem = format!("the directory of your services can't be read: {error}");
            refuse(directory.to_owned(), problem);
            listing.is_whole = false;
            return listing;
        }
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let extension = path.extension().unwrap_or_default();
        // editors keep their own files beside: .name.yaml.swp, name.yaml~, .#name.yaml
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if extension == "yml" {
            let problem = "only files named *.yaml are read; rename it to end in .yaml";
            refuse(path, problem.into());
        } else if extension == "yaml" {
            files.push(path);
        }
    }
    files.sort_by_cached_key(|path| (!known(path), path.clone()));
    for path in files.split_off(files.len().min(MAX_FILES)) {
        let problem =
            format!("this one is not read: {MAX_FILES} service files are read, and no more");
        refuse(path, problem);
    }
    listing.files.extend(files);
    listing
}
