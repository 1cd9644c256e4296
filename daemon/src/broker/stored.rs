//! The credential under a name, wherever the owner keeps it, and when it was
//! used last.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use super::Broker;
use super::outcome::{Code, Failure};
use super::refusal;
use crate::names::CredentialName;
use crate::sources::SourceError;
use crate::vault::{Credential, Holding, VaultError};

/// How far the log is read back for when credentials were used last.
pub const USES_DAYS: i64 = 90;
/// … and how many lines at most.
const USES_LINES: u64 = 2_000_000;

/// Why there is no credential to go out with.
#[derive(Debug, thiserror::Error)]
pub enum NotStored {
    /// The vault holds none, or is locked.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// It isn't in the vault, and can't be read where it is.
    #[error("{name} can't be read where it is kept: {error}")]
    Source {
        /// The credential.
        name: CredentialName,
        /// Why.
        error: SourceError,
    },
    /// The owner did something to it while it was read.
    #[error("{0} was changed, or the vault locked, at this moment: try again")]
    Meanwhile(CredentialName),
}

impl NotStored {
    /// As the agent gets it: neither what the source is, nor a program's path.
    pub(super) fn failure(&self, name: &CredentialName) -> Failure {
        match self {
            Self::Vault(error) => refusal::no_credential(error, name),
            Self::Source { name, .. } => Failure::new(
                Code::NoCredential,
                format!("the credential for {name} can't be read where its owner keeps it"),
            )
            .hint("the owner is told why by: axis doctor"),
            Self::Meanwhile(_) => Failure::new(Code::VaultLocked, self.to_string()),
        }
    }
}

/// When credentials were used last.
#[derive(Default)]
pub struct Uses(Mutex<KnownUses>);

#[derive(Default)]
struct KnownUses {
    at: HashMap<CredentialName, Timestamp>,
    /// The log of earlier starts was read, far enough.
    complete: bool,
}

impl Uses {
    fn note(&self, name: &CredentialName, at: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = known.at.entry(name.clone()).or_insert(at);
        *last = at.max(*last);
    }

    /// When that one was used last.
    pub fn of(&self, name: &CredentialName) -> Option<Timestamp> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.at.get(name).copied()
    }

    /// Whether one that isn't known was not used in the last [`USES_DAYS`].
    pub fn are_complete(&self) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.complete
    }
}

impl Broker {
    /// The credential under that name; read where the owner keeps it, if that
    /// isn't the vault.
    ///
    /// # Errors
    /// There is none, or it can't be had now.
    pub async fn stored(&self, name: &CredentialName) -> Result<Arc<Credential>, NotStored> {
        let sourced = match self.vault.holding(name)? {
            Holding::Secret(credential) => return Ok(credential),
            Holding::Source(sourced) => sourced,
        };
        let read = self.sources.current(&sourced).await;
        let credential = read.map_err(|error| NotStored::Source {
            name: name.clone(),
            error,
        })?;
        match self.vault.holding(name)? {
            Holding::Source(now) if Arc::ptr_eq(&now, &sourced) => Ok(credential),
            _ => Err(NotStored::Meanwhile(name.clone())),
        }
    }

    /// Told that an upstream refused a credential.
    pub(super) fn rejected(&self, credential: &Arc<Credential>) {
        if let Ok(Holding::Source(sourced)) = self.vault.holding(credential.name()) {
            self.sources.rejected(&sourced, credential);
        }
    }

    /// Reads what the vault that was just opened keeps elsewhere, before it is
    /// asked for.
    pub fn read_ahead(&self) {
        self.sources.read_ahead(self.vault.sourced());
    }

    /// Told that a call goes out with a credential.
    pub(super) fn used(&self, name: &CredentialName) {
        self.uses.note(name, self.clock.wall());
    }

    /// Reads in the log when credentials were used last, once. `wanted` is
    /// asked now and then whether to go on. Blocking.
    pub fn remember_uses(&self, wanted: &dyn Fn() -> bool) {
        let names = self.vault.names();
        if self.uses.are_complete() {
            return;
        }
        let wall = self.clock.wall();
        let days = SignedDuration::from_hours(24 * USES_DAYS);
        let since = wall.saturating_sub(days).unwrap_or(wall);
        let texts: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
        match self.audit.last_uses(texts, since, USES_LINES, wanted) {
            Ok(uses) => {
                for name in &names {
                    if let Some(at) = uses.at.get(&name.to_string()) {
                        self.uses.note(name, *at);
                    }
                }
                let mut known = self.uses.0.lock().unwrap_or_else(PoisonError::into_inner);
                known.complete = uses.complete;
            }
            Err(error) => warn!(%error, "when credentials were used last is not known"),
        }
    }
}
