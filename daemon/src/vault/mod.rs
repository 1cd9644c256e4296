//! The vault: the credentials in memory while unlocked, and their keystore on
//! disk.
//!
//! [`Vault`] is the whole of it. It publishes immutable snapshots, so readers
//! never wait; changes come from one writer at a time, off the async threads,
//! and each needs the master password in that call.

mod attempts;
mod contents;
mod credential;
mod directory;
mod entry;
mod envelope;
mod error;
mod fault;
mod file;
mod hex_text;
pub mod inspection;
mod keystore;
pub mod master;
mod previous;
mod reserved;
mod rotation;
mod secret;
mod source;
mod state;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tokio::task::spawn_blocking;

pub use credential::{Credential, CredentialSummary, Holding, NewCredential};
pub use error::VaultError;
pub use fault::Fault;
pub use reserved::Reserved;
pub use secret::{Key, Secret};
pub use source::{Source, Sourced};
pub use state::{KnownGeneration, VaultState, WhyLocked};
pub use writer::Successor;

use self::attempts::Attempts;
use self::keystore::ITERATIONS;
use self::writer::Writer;
use crate::clock::Clock;
use crate::host::BaseUrl;
use crate::names::CredentialName;

/// Fewest characters of a new master password.
pub const MIN_PASSWORD_CHARACTERS: usize = 8;
/// Most bytes of a secret: a service account's key file has under 3 KiB.
pub const MAX_SECRET_BYTES: usize = 64 * 1024;

/// The vault and its keystore file.
pub struct Vault {
    writer: Arc<Writer>,
    attempts: Attempts,
}

/// What a change of the keystore came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The keystore's count of writes, for the audit.
    pub generation: u64,
    /// Whether a credential of that name was there before.
    pub replaced: bool,
}

impl Vault {
    /// Looks at the keystore at `path`. It never fails: that the file is
    /// absent, locked or damaged is a state.
    #[must_use]
    pub fn open(path: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self::with_cost(path, clock, ITERATIONS, attempts::PAUSE)
    }

    fn with_cost(
        path: PathBuf,
        clock: Arc<dyn Clock>,
        iterations: u32,
        pause: std::time::Duration,
    ) -> Self {
        Self {
            writer: Arc::new(Writer::new(path, clock, iterations)),
            attempts: Attempts::new(pause),
        }
    }

    /// Where the keystore is.
    pub fn path(&self) -> &std::path::Path {
        self.writer.path()
    }

    /// How it stands.
    pub fn state(&self) -> VaultState {
        self.writer.snapshot().state()
    }

    /// Holds the file that was found at start against the audit log, so that
    /// an old copy is said before anybody unlocks it.
    pub fn compare_with_log(&self, known: KnownGeneration) {
        self.writer.compare_with_log(known);
    }

    /// Makes the keystore and leaves the vault unlocked. Returns the
    /// keystore's generation.
    ///
    /// # Errors
    /// [`VaultError::KeystoreExists`] while there is any file, which is never
    /// overwritten; a password that is too short or too long.
    pub async fn init(&self, password: SecretString) -> Result<u64, VaultError> {
        acceptable(&password)?;
        let writer = Arc::clone(&self.writer);
        spawn_blocking(move || writer.init(&password))
            .await
            .map_err(|_| VaultError::Stopping)?
    }

    /// Reads the file anew and opens it; one key derivation, whatever is in
    /// it. Returns the number of credentials.
    ///
    /// # Errors
    /// A wrong password, or a file that isn't what it should be. With
    /// `accept_older` an old copy, or one whose log is gone, is taken.
    pub async fn unlock(
        &self,
        password: SecretString,
        known: KnownGeneration,
        accept_older: bool,
    ) -> Result<usize, VaultError> {
        let writer = Arc::clone(&self.writer);
        let locks = writer.locks_so_far();
        self.attempts
            .run(move || writer.unlock(&password, known, accept_older, locks))
            .await
    }

    /// Whether this is the master password; nothing changes.
    pub async fn verify_password(&self, password: SecretString) -> Result<(), VaultError> {
        let writer = Arc::clone(&self.writer);
        self.attempts
            .run(move || writer.verify_password(&password))
            .await
    }

    /// Drops what is unlocked; whether anything was. Calls in flight keep the
    /// credential that they have.
    pub fn lock(&self) -> bool {
        self.writer.lock()
    }

    /// Closes it again: the audit log turned out not to be this vault's, so the
    /// keystore may be an old copy. What may be done about it is the error.
    pub fn distrust_log(&self) -> VaultError {
        self.writer.distrust_log();
        VaultError::Locked(WhyLocked::LogReplaced)
    }

    /// Whether its owner locked it, and nobody unlocked it since: then no shim
    /// may.
    pub fn was_locked_by_owner(&self) -> bool {
        self.writer.snapshot().locked_by_owner
    }

    /// The credential of that name, without waiting and without a copy.
    ///
    /// # Errors
    /// The vault is absent or locked, has none of that name, or only knows
    /// where it is read from.
    pub fn credential(&self, name: &CredentialName) -> Result<Arc<Credential>, VaultError> {
        match self.holding(name)? {
            Holding::Secret(credential) => Ok(credential),
            Holding::Source(_) => Err(VaultError::Elsewhere { name: name.clone() }),
        }
    }

    /// What is held under that name, without waiting and without a copy.
    ///
    /// # Errors
    /// The vault is absent or locked, or has none of that name.
    pub fn holding(&self, name: &CredentialName) -> Result<Holding, VaultError> {
        let snapshot = self.writer.snapshot();
        let Some(opened) = &snapshot.opened else {
            return Err(self.writer.shut(&snapshot));
        };
        match opened.credentials.get(name) {
            Some(holding) => Ok(holding.clone()),
            None => Err(VaultError::NoCredential { name: name.clone() }),
        }
    }

    /// What else may be in an answer to a call with `credential`: that which may
    /// go to one of the same hosts, and what the owner replaced there.
    ///
    /// # Errors
    /// The vault is absent or locked, so that nobody can tell.
    pub fn beside(&self, credential: &Credential) -> Result<Vec<Holding>, VaultError> {
        let snapshot = self.writer.snapshot();
        let Some(opened) = &snapshot.opened else {
            return Err(self.writer.shut(&snapshot));
        };
        let replaced = opened.replaced.values().flatten().cloned();
        let replaced = replaced.map(Holding::Secret);
        let held = opened.credentials.values().cloned().chain(replaced);
        let is_itself = |holding: &Holding| matches!(holding, Holding::Secret(it) if std::ptr::eq(Arc::as_ptr(it), credential));
        let meets = |holding: &Holding| {
            let hosts = credential.hosts().iter();
            hosts
                .clone()
                .any(|own| holding.hosts().iter().any(|host| host.meets(own)))
        };
        Ok(held.filter(|it| !is_itself(it) && meets(it)).collect())
    }

    /// The names of the credentials, also while locked.
    pub fn names(&self) -> Vec<CredentialName> {
        match &self.writer.snapshot().loaded {
            Some(loaded) => loaded
                .keystore
                .credentials()
                .map(|(name, _)| name)
                .collect(),
            None => Vec::new(),
        }
    }

    /// The credentials, without their secrets, in the order of their names.
    pub fn list(&self) -> Vec<CredentialSummary> {
        let snapshot = self.writer.snapshot();
        let Some(loaded) = &snapshot.loaded else {
            return Vec::new();
        };
        let opened = snapshot.opened.as_ref();
        let (entries, now) = (&loaded.keystore.entries, self.writer.now());
        loaded
            .keystore
            .credentials()
            .map(|(name, metadata)| {
                let holding = opened.and_then(|opened| opened.credentials.get(&name));
                CredentialSummary {
                    hosts: holding.map_or_else(Vec::new, |it| it.hosts().to_vec()),
                    base_url: holding.and_then(Holding::base_url).cloned(),
                    source: holding
                        .and_then(Holding::source)
                        .map(|it| it.reference.clone()),
                    previous_until: previous::until(entries, &name, now),
                    name,
                    created_at: metadata.created_at.timestamp(),
                    updated_at: metadata.updated_at.timestamp(),
                }
            })
            .collect()
    }

    /// The credentials that are read from somewhere else, while unlocked.
    pub fn sourced(&self) -> Vec<Arc<Sourced>> {
        let snapshot = self.writer.snapshot();
        let holdings = snapshot
            .opened
            .iter()
            .flat_map(|it| it.credentials.values());
        let sourced = holdings.filter_map(|holding| match holding {
            Holding::Source(sourced) => Some(Arc::clone(sourced)),
            Holding::Secret(_) => None,
        });
        sourced.collect()
    }

    /// Where the service of a stored credential is, if not where its definition
    /// says; nothing where none is stored. While the vault is locked the
    /// password opens it for this alone.
    ///
    /// # Errors
    /// It is locked, and the password is wrong or the keystore can't be read.
    pub async fn base_url(
        &self,
        password: &SecretString,
        name: &CredentialName,
    ) -> Result<Option<BaseUrl>, VaultError> {
        match self.holding(name) {
            Ok(holding) => return Ok(holding.base_url().cloned()),
            Err(VaultError::NoCredential { .. }) => return Ok(None),
            Err(_) => {}
        }
        let writer = Arc::clone(&self.writer);
        let (password, name) = (password.clone(), name.clone());
        self.attempts
            .run(move || writer.base_url(&password, &name))
            .await
    }

    /// Stores a credential; with `replace` also in the place of another, which
    /// is kept for an undo. Works while locked, too, and leaves it locked.
    pub async fn add(
        &self,
        password: SecretString,
        credential: NewCredential,
        replace: bool,
    ) -> Result<Written, VaultError> {
        let name = credential.name.clone();
        let bytes = credential.secret.expose_secret().len();
        if bytes == 0 && credential.source.is_none() {
            return Err(VaultError::EmptySecret { name });
        }
        if bytes > MAX_SECRET_BYTES {
            return Err(VaultError::SecretTooLong { name, bytes });
        }
        if credential.hosts.is_empty() {
            return Err(VaultError::NoHost { name });
        }
        let writer = Arc::clone(&self.writer);
        self.attempts
            .run(move || writer.add(&password, credential, replace))
            .await
    }

    /// Removes a credential for good, and what it had replaced.
    pub async fn revoke(
        &self,
        password: SecretString,
        name: &CredentialName,
    ) -> Result<Written, VaultError> {
        let writer = Arc::clone(&self.writer);
        let name = name.clone();
        self.attempts
            .run(move || writer.revoke(&password, &name))
            .await
    }

    /// What may put another secret in the place of `credential`'s own without
    /// the password: a refresh token's use replaces it.
    ///
    /// # Errors
    /// The vault is locked, or `credential` is no longer what it holds.
    pub fn successor(&self, credential: &Arc<Credential>) -> Result<Successor, VaultError> {
        self.writer.successor(credential)
    }

    /// The audit log's MAC key, while unlocked.
    pub fn audit_key(&self) -> Option<Arc<Key>> {
        let snapshot = self.writer.snapshot();
        Some(Arc::clone(&snapshot.opened.as_ref()?.audit_key))
    }

    /// How many secrets now in memory could be swapped to disk, or get into a
    /// dump, because the system's limit of locked memory was reached.
    pub fn unlocked_pages(&self) -> usize {
        let snapshot = self.writer.snapshot();
        let Some(opened) = &snapshot.opened else {
            return 0;
        };
        let secrets = opened.credentials.values().map(|c| c.secret().is_locked());
        let replaced = opened.replaced.values().flatten();
        let replaced = replaced.map(|c| c.secret().is_locked());
        secrets
            .chain(replaced)
            .chain([&opened.audit_key, &opened.vault_key].map(|key| key.is_locked()))
            .filter(|locked| !locked)
            .count()
    }
}

/// Whether a text can be a new master password.
fn acceptable(password: &SecretString) -> Result<(), VaultError> {
    let characters = password.expose_secret().chars().count();
    if characters < MIN_PASSWORD_CHARACTERS {
        return Err(VaultError::PasswordTooShort { characters });
    }
    if password.expose_secret().len() > master::MAX_PASSWORD_BYTES {
        return Err(VaultError::PasswordTooLong);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
