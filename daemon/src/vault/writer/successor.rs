//! A credential that brings its own successor, such as a refresh token that
//! was replaced: sealed without the password, in its own place and no other.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use secrecy::{ExposeSecret, SecretString};

use super::{Change, Opener, Writer};
use crate::vault::credential::{Credential, Holding};
use crate::vault::entry::{Entry, EntryName};
use crate::vault::envelope::SALT_BYTES;
use crate::vault::secret::{Key, Secret};
use crate::vault::state::{Loaded, Opened, Snapshot};
use crate::vault::{VaultError, Written, contents};

/// The right to put another secret in the place of a credential's own, once:
/// given while the vault was unlocked, good also after it was locked, or got a
/// new master password.
pub struct Successor {
    writer: Arc<Writer>,
    credential: Arc<Credential>,
    right: Arc<Mutex<Right>>,
}

/// What a successor is sealed with; a rotation exchanges both.
pub struct Right {
    pub(super) vault_key: Arc<Key>,
    /// The salt of the entry that is to be replaced, and no other.
    seal: [u8; SALT_BYTES],
}

/// Held for a moment only, by whoever has the writer's turn or makes a right.
pub(super) fn lock(right: &Mutex<Right>) -> MutexGuard<'_, Right> {
    right.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Successor {
    /// Seals `secret`, for the same hosts, and publishes the credential that
    /// holds it. Blocking.
    ///
    /// # Errors
    /// The owner has replaced or removed the credential since, or the keystore
    /// can't be written.
    pub fn seal(self, secret: SecretString) -> Result<(Written, Arc<Credential>), VaultError> {
        let name = self.credential.name().clone();
        let hosts = self.credential.hosts().to_vec();
        let base_url = self.credential.base_url().cloned();
        let mut sealed = None;
        let written = self
            .writer
            .change(Opener::Right(&self.right), |keystore, vault_key| {
                let entry = keystore.entries.get(&name.to_string());
                if entry.is_none_or(|entry| entry.salt() != lock(&self.right).seal) {
                    return Err(VaultError::NoCredential { name: name.clone() });
                }
                let text = secret.expose_secret().as_bytes();
                let plaintext = contents::plaintext(text, &hosts, base_url.as_ref(), None);
                let entry = EntryName::Credential(name.clone());
                keystore.put(vault_key, &entry, plaintext, self.writer.clock.wall())?;
                let secret = Secret::from_string(secret);
                let new = Arc::new(Credential::new(
                    name.clone(),
                    secret,
                    hosts.clone(),
                    base_url.clone(),
                ));
                sealed = Some(Arc::clone(&new));
                Ok((true, Change::Succeeded(Holding::Secret(new))))
            })?;
        match sealed {
            Some(sealed) => Ok((written, sealed)),
            None => Err(VaultError::NoCredential { name }),
        }
    }
}

impl Writer {
    /// What may put another secret in the place of `credential`'s own, without
    /// the password.
    pub fn successor(
        self: &Arc<Self>,
        credential: &Arc<Credential>,
    ) -> Result<Successor, VaultError> {
        // held until the right is on the list: no rotation passes it by
        let mut rights = self.rights();
        let snapshot = self.snapshot.load();
        let (Some(opened), Some(loaded)) = (&snapshot.opened, &snapshot.loaded) else {
            return Err(self.shut(&snapshot));
        };
        let name = credential.name();
        let is_current = |stored: &Holding| matches!(stored, Holding::Secret(stored) if Arc::ptr_eq(stored, credential));
        let seal = loaded
            .keystore
            .entries
            .get(&name.to_string())
            .map(Entry::salt);
        match seal {
            Some(seal) if opened.credentials.get(name).is_some_and(is_current) => {
                let right = Arc::new(Mutex::new(Right {
                    vault_key: Arc::clone(&opened.vault_key),
                    seal,
                }));
                rights.retain(|right| right.strong_count() > 0);
                rights.push(Arc::downgrade(&right));
                Ok(Successor {
                    writer: Arc::clone(self),
                    credential: Arc::clone(credential),
                    right,
                })
            }
            _ => Err(VaultError::NoCredential { name: name.clone() }),
        }
    }

    /// Publishes what a rotation wrote in the place of `before`, and hands its
    /// key on to the successors that are out: each stays good for the entry
    /// that it was given for, as that was sealed anew, and for no other.
    pub fn rotated(&self, before: &Loaded, after: &Arc<Loaded>, vault_key: &Arc<Key>) {
        let rights = self.rights();
        for right in rights.iter().filter_map(Weak::upgrade) {
            let mut right = lock(&right);
            // also to one that comes too late, which is then told so
            right.vault_key = Arc::clone(vault_key);
            let mut entries = before.keystore.entries.iter();
            let meant = entries.find(|(_, entry)| entry.salt() == right.seal);
            let sealed_anew = meant.and_then(|(name, _)| after.keystore.entries.get(name));
            if let Some(entry) = sealed_anew {
                right.seal = entry.salt();
            }
        }
        self.rotations.fetch_add(1, Ordering::SeqCst);
        self.snapshot.rcu(|now| Snapshot {
            opened: now.opened.as_ref().map(|opened| {
                Arc::new(Opened {
                    vault_key: Arc::clone(vault_key),
                    ..Opened::clone(opened)
                })
            }),
            loaded: Some(Arc::clone(after)),
            trouble: None,
            locked_by_owner: now.locked_by_owner,
            newest: after.keystore.generation,
        });
    }

    fn rights(&self) -> MutexGuard<'_, Vec<Weak<Mutex<Right>>>> {
        self.rights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
