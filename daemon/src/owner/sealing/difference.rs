//! How a file differs from what is sealed of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::proposal::{Parsed, Proposal};
use super::services::Written;
use super::{Sealing, services, settings};
use crate::seal::{FileName, Files, Lines};

/// Most lines of each file that are kept for status and doctor.
const KEPT_LINES: usize = 12;
/// Most lines of all files together.
const MOST_LINES: usize = 20_000;
/// Most characters of one line of words, and most lines of them.
const MOST_WORDS: (usize, usize) = (400, 50);
/// How long all files together are compared as finely as can be.
const PATIENCE: Duration = Duration::from_secs(3);

/// How one file differs from what is sealed of it.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Which file.
    pub name: FileName,
    /// Where it is; of the certificates, where their file is named.
    pub path: PathBuf,
    /// The lines that came and went.
    pub lines: Lines,
    /// What that means, where it isn't the policy.
    pub words: Vec<String>,
    /// Why the file can't be sealed as it stands.
    pub error: Option<String>,
}

impl Difference {
    /// A file that can't be sealed, while nothing is.
    pub(super) fn broken(path: PathBuf, name: FileName, problem: String) -> Self {
        Self {
            name,
            path,
            lines: Lines::default(),
            words: Vec::new(),
            error: Some(problem),
        }
    }
}

/// The files that differ, as far as their texts tell.
pub(super) fn in_text(sealing: &Sealing, sealed: &Files, proposal: &Proposal) -> Vec<Difference> {
    let mut all = texts(sealing, sealed, &proposal.files, &proposal.faults);
    for one in &mut all {
        one.lines = one.lines.first(KEPT_LINES);
    }
    all
}

/// The files that differ, with what that means.
pub(super) fn all(
    sealing: &Sealing,
    sealed: &Files,
    proposed: &Files,
    faults: &BTreeMap<FileName, String>,
    parsed: &Parsed,
) -> Vec<Difference> {
    let mut all = texts(sealing, sealed, proposed, faults);
    let in_force = sealing.broker.services.current();
    let mut room = MOST_LINES;
    for one in &mut all {
        one.lines = one.lines.first(room);
        room -= one.lines.lines.len();
        one.words = match &one.name {
            FileName::Policy => Vec::new(),
            FileName::Service(name) => {
                let before = sealed.services.get(name).map(|text| Written {
                    text,
                    service: services::of_file(&in_force, name),
                });
                let after = proposed.services.get(name).map(|text| Written {
                    text,
                    service: services::of_file(&parsed.services, name),
                });
                services::words(before.as_ref(), after.as_ref())
            }
            FileName::Daemon => {
                settings::words(sealed.daemon.as_deref(), proposed.daemon.as_deref())
            }
            FileName::Ca => settings::certificates(sealed.ca.as_deref(), proposed.ca.as_deref()),
        };
        one.words.truncate(MOST_WORDS.1);
        for words in &mut one.words {
            if let Some((end, _)) = words.char_indices().nth(MOST_WORDS.0) {
                words.truncate(end);
                words.push('…');
            }
        }
    }
    all
}

fn texts(
    sealing: &Sealing,
    sealed: &Files,
    proposed: &Files,
    faults: &BTreeMap<FileName, String>,
) -> Vec<Difference> {
    let mut names = sealed.differing(proposed);
    names.extend(faults.keys().cloned());
    names.sort();
    names.dedup();
    let until = Instant::now() + PATIENCE;
    names
        .into_iter()
        .map(|name| {
            let before = sealed.text(&name).unwrap_or_default();
            let after = proposed.text(&name).unwrap_or_default();
            Difference {
                path: sealing.path_of(&name),
                lines: Lines::between(before, after, until),
                words: Vec::new(),
                error: faults.get(&name).cloned(),
                name,
            }
        })
        .collect()
}
