//! What stood in a credential's place before the owner replaced it: kept for a
//! while, sealed like a credential but never listed, so that an undo can bring
//! it back.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::entry::{Entry, EntryName, Metadata, Millis, PREVIOUS};
use super::keystore::Keystore;
use super::secret::Key;
use super::writer::{Change, Opener, Writer};
use super::{Vault, VaultError, Written, contents};
use crate::names::CredentialName;

/// For so many days a replaced credential can be brought back.
pub(super) const KEPT_DAYS: i64 = 7;

/// A moment after which what was replaced at `replaced_at` is gone.
fn kept_until(replaced_at: Millis) -> Timestamp {
    let kept = SignedDuration::from_hours(24 * KEPT_DAYS);
    let replaced_at = replaced_at.timestamp();
    // at the end of all time
    replaced_at.checked_add(kept).unwrap_or(Timestamp::MAX)
}

/// Until when the previous value of a credential can be brought back.
pub(super) fn until(
    entries: &BTreeMap<String, Entry>,
    name: &CredentialName,
    now: Timestamp,
) -> Option<Timestamp> {
    let entry = entries.get(&EntryName::Previous(name.clone()).to_string())?;
    Some(kept_until(entry.metadata.updated_at)).filter(|until| now < *until)
}

/// Removes what was kept long enough; whether there was any.
pub(super) fn forget_expired(entries: &mut BTreeMap<String, Entry>, now: Timestamp) -> bool {
    let before = entries.len();
    entries.retain(|name, entry| !is_expired(name, entry, now));
    entries.len() < before
}

fn is_expired(name: &str, entry: &Entry, now: Timestamp) -> bool {
    name.starts_with(PREVIOUS) && now >= kept_until(entry.metadata.updated_at)
}

/// Keeps what stands in the place of `name` now, which `plaintext` is about to
/// replace. The same once more replaces nothing.
pub(super) fn keep(
    keystore: &mut Keystore,
    vault_key: &Key,
    name: &CredentialName,
    plaintext: &[u8],
    now: Timestamp,
) -> Result<(), VaultError> {
    let text = name.to_string();
    let Some(since) = stored_at(keystore, &text) else {
        return Ok(());
    };
    let Ok(replaced) = keystore.open(vault_key, &text) else {
        // the whole file was verified, so this can't be; and a replacement mends it
        return Ok(());
    };
    if *replaced == *plaintext {
        return Ok(());
    }
    put(keystore, vault_key, name, replaced, since, now)
}

/// Forgets it: with its credential it goes for good.
pub(super) fn forget(keystore: &mut Keystore, name: &CredentialName) {
    let name = EntryName::Previous(name.clone()).to_string();
    keystore.entries.remove(&name);
}

/// Since when an entry holds what it holds.
fn stored_at(keystore: &Keystore, name: &str) -> Option<Millis> {
    let entry = keystore.entries.get(name)?;
    Some(entry.metadata.updated_at)
}

fn put(
    keystore: &mut Keystore,
    vault_key: &Key,
    name: &CredentialName,
    plaintext: Zeroizing<Vec<u8>>,
    since: Millis,
    now: Timestamp,
) -> Result<(), VaultError> {
    let entry = EntryName::Previous(name.clone());
    let metadata = Metadata::of(&entry, since, Millis::of(now));
    keystore.seal(vault_key, entry.to_string(), metadata, plaintext)?;
    Ok(())
}

impl Vault {
    /// Brings back what a credential was before it was replaced, and keeps
    /// what it is now in the same way: an undo can be undone.
    ///
    /// # Errors
    /// Nothing is kept, or not any more.
    pub async fn undo(
        &self,
        password: SecretString,
        name: &CredentialName,
    ) -> Result<Written, VaultError> {
        let writer = std::sync::Arc::clone(&self.writer);
        let name = name.clone();
        self.attempts
            .run(move || writer.undo(&password, &name))
            .await
    }

    /// Removes from the file what was kept long enough, while unlocked. What
    /// was written, where there was any such thing.
    ///
    /// # Errors
    /// The keystore can't be written.
    pub async fn forget_expired(&self) -> Result<Option<Written>, VaultError> {
        let writer = std::sync::Arc::clone(&self.writer);
        spawn_blocking(move || writer.forget_expired())
            .await
            .map_err(|_| VaultError::Stopping)?
    }
}

impl Writer {
    fn undo(&self, password: &SecretString, name: &CredentialName) -> Result<Written, VaultError> {
        self.change(Opener::Password(password), |keystore, vault_key| {
            let text = name.to_string();
            let kept = EntryName::Previous(name.clone()).to_string();
            let now = self.now();
            let Some(since) = stored_at(keystore, &text) else {
                return Err(VaultError::NoCredential { name: name.clone() });
            };
            let Some(entry) = keystore.entries.get(&kept) else {
                return Err(VaultError::NothingToUndo { name: name.clone() });
            };
            if is_expired(&kept, entry, now) {
                return Err(VaultError::UndoExpired {
                    name: name.clone(),
                    until: kept_until(entry.metadata.updated_at),
                });
            }
            // a key that comes back is as old as it was
            let was_stored_at = entry.metadata.created_at.timestamp();
            let open = |keystore: &Keystore, entry: &str| {
                let opened = keystore.open(vault_key, entry);
                opened.map_err(|fault| self.damaged(fault))
            };
            let (replaced, restored) = (open(keystore, &text)?, open(keystore, &kept)?);
            let holding = contents::holding(name.clone(), &restored).map_err(|()| {
                self.damaged(super::Fault::EntriesEdited {
                    names: vec![kept.clone()],
                })
            })?;
            put(keystore, vault_key, name, replaced, since, now)?;
            let entry = EntryName::Credential(name.clone());
            keystore.put(vault_key, &entry, restored, was_stored_at)?;
            Ok((true, Change::Put(holding)))
        })
    }

    fn forget_expired(&self) -> Result<Option<Written>, VaultError> {
        let vault_key = {
            let snapshot = self.snapshot();
            let (Some(opened), Some(loaded)) = (&snapshot.opened, &snapshot.loaded) else {
                return Ok(None);
            };
            let now = self.now();
            let mut entries = loaded.keystore.entries.iter();
            if !entries.any(|(name, entry)| is_expired(name, entry, now)) {
                return Ok(None);
            }
            std::sync::Arc::clone(&opened.vault_key)
        };
        // every write forgets them
        let nothing_else =
            |_: &mut Keystore, _: &Key| Ok::<_, VaultError>((false, Change::Nothing));
        let written = self.change(Opener::VaultKey(&vault_key), nothing_else)?;
        Ok(Some(written))
    }
}
