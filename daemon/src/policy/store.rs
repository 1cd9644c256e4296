//! The policy in force: the last good one, in step with its file; or the
//! sealed one, whatever the file says.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};

use super::error::PolicyError;
use super::file::{self, Found};
use super::request::{Decision, Denial, Request};
use super::rules::{Policy, denied};

mod hold;

/// How long a policy file may be away, as it is while some editors save,
/// before everything is denied.
const GRACE: Duration = Duration::from_secs(1);

/// Holds the policy in force. Readers never wait, and never see half a change.
#[derive(Debug)]
pub struct PolicyStore {
    path: PathBuf,
    loaded: ArcSwap<Loaded>,
    /// What the file was when it was last read; held while it is read, so two
    /// readings can't overtake each other.
    seen: Mutex<Seen>,
}

/// One state of the policy: what is in force, and what is wrong with the file.
#[derive(Debug, Clone)]
pub struct Loaded {
    path: PathBuf,
    /// The last good policy; none where there never was one, or where the file
    /// is gone: then everything is denied.
    pub policy: Option<Arc<Policy>>,
    /// Its text; empty where there is no policy.
    pub text: Arc<str>,
    /// Why the file as it stands is not what is in force; while sealed, what is
    /// wrong with the sealed text.
    pub error: Option<Arc<PolicyError>>,
    /// Whether it is the sealed one, and the file only proposes.
    pub is_sealed: bool,
    /// Counts the policies that have been in force; changes with each.
    pub generation: u64,
}

/// What a reading of the file brought.
#[derive(Debug, Clone)]
pub enum Change {
    /// This policy is in force now.
    InForce(Arc<Policy>),
    /// The file is broken; what was in force still is. Told once for each
    /// error, however often it is met.
    Refused(Arc<PolicyError>),
    /// The file is gone, and everything is denied.
    Removed,
    /// The file says something new, and what is sealed stays in force.
    Proposed,
}

#[derive(Debug)]
struct Seen {
    found: Found,
    missing_since: Option<Instant>,
}

impl PolicyStore {
    /// Reads the policy at `path`. Whatever is there, or isn't, this succeeds:
    /// without a valid policy everything is denied, and the denial says why.
    pub fn load(path: PathBuf) -> Arc<Self> {
        let found = file::read(&path);
        let nothing = Loaded {
            path: path.clone(),
            policy: None,
            text: Arc::default(),
            error: None,
            is_sealed: false,
            generation: 0,
        };
        let loaded = match parse(&found, &path) {
            Some(Ok((policy, text))) => nothing.with(policy, text),
            Some(Err(error)) => Loaded {
                error: Some(error),
                ..nothing
            },
            None => nothing,
        };
        Arc::new(Self {
            path,
            loaded: ArcSwap::from_pointee(loaded),
            seen: Mutex::new(Seen {
                found,
                missing_since: None,
            }),
        })
    }

    /// Where the policy is read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The state now. Take it once for each request, so that all of the request
    /// is decided by the same policy.
    pub fn current(&self) -> Guard<Arc<Loaded>> {
        self.loaded.load()
    }

    /// Reads the file again and puts in force what it says, where it says
    /// something new. `now` times the grace of a missing file.
    pub fn refresh(&self, now: Instant) -> Option<Change> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = file::read(&self.path);
        if found == Found::Nothing {
            let since = *seen.missing_since.get_or_insert(now);
            if seen.found == Found::Nothing || now.saturating_duration_since(since) < GRACE {
                return None;
            }
        } else {
            seen.missing_since = None;
        }
        if found == seen.found {
            return None;
        }
        let change = if self.loaded.load().is_sealed {
            Some(Change::Proposed)
        } else {
            self.apply(&found)
        };
        seen.found = found;
        change
    }

    /// Whether there was no file when it was last read.
    pub(super) fn found_nothing(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.found == Found::Nothing
    }

    /// Whether the file is away and its grace isn't over.
    pub(super) fn is_in_grace(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.missing_since.is_some() && seen.found != Found::Nothing
    }

    fn apply(&self, found: &Found) -> Option<Change> {
        let before = self.loaded.load_full();
        let (after, change) = match parse(found, &self.path) {
            Some(Ok((policy, text))) => {
                let after = before.with(policy, text);
                let change = after.policy.clone().map(Change::InForce);
                (after, change)
            }
            Some(Err(error)) => {
                let news = before.error.as_ref() != Some(&error);
                let after = Loaded {
                    error: Some(Arc::clone(&error)),
                    ..(*before).clone()
                };
                (after, news.then_some(Change::Refused(error)))
            }
            None => {
                let after = Loaded {
                    path: self.path.clone(),
                    policy: None,
                    text: Arc::default(),
                    error: None,
                    is_sealed: false,
                    generation: before.generation + 1,
                };
                (after, Some(Change::Removed))
            }
        };
        self.loaded.store(Arc::new(after));
        change
    }
}

/// The policy in `found` and its text, or why there is none; nothing for a
/// missing file.
fn parse<'f>(found: &'f Found, path: &Path) -> Option<Result<(Policy, &'f str), Arc<PolicyError>>> {
    match found {
        Found::Text(text) => Some(match Policy::parse(text, path) {
            Ok(policy) => Ok((policy, text)),
            Err(error) => Err(Arc::new(error)),
        }),
        Found::Unusable(error) => Some(Err(Arc::new(error.clone()))),
        Found::Nothing => None,
    }
}

impl Loaded {
    fn with(&self, policy: Policy, text: &str) -> Self {
        Self {
            path: self.path.clone(),
            policy: Some(Arc::new(policy)),
            text: text.into(),
            error: None,
            is_sealed: false,
            generation: self.generation + 1,
        }
    }

    /// Whether a decision may depend on a call's params.
    pub fn looks_at_params(&self) -> bool {
        let policy = self.policy.as_ref();
        policy.is_some_and(|policy| policy.looks_at_params())
    }

    /// What is in force says, or a denial where nothing is.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        if let Some(policy) = &self.policy {
            let mut decision = policy.decide(request);
            if self.is_sealed
                && let Decision::Deny(denial) = &mut decision
                && let Some(hint) = &mut denial.hint
            {
                hint.push_str("; the policy is sealed, so that counts once the owner has run `axis policy seal`");
            }
            return decision;
        }
        let path = self.path.display();
        let hint = match &self.error {
            None => format!(
                "there is no policy at {path}, so everything is denied; the owner creates one with `axis init`"
            ),
            Some(error) => {
                let place = error
                    .line()
                    .map(|line| format!(" in line {line}"))
                    .unwrap_or_default();
                format!(
                    "the policy {path} has an error{place}, so everything is denied until the owner mends it; `axis doctor` shows it"
                )
            }
        };
        Decision::Deny(Denial {
            reason: denied(request.identity, request.service, request.action),
            hint: Some(hint),
            needs_own_socket: false,
            line: None,
        })
    }
}

#[cfg(test)]
mod tests;
