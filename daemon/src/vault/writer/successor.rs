//! A credential that brings its own successor, such as a refresh token that
//! was replaced: sealed without the password, in its own place and no other.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::{Change, Opener, Writer};
use crate::vault::credential::Credential;
use crate::vault::entry::{Entry, EntryName};
use crate::vault::envelope::SALT_BYTES;
use crate::vault::secret::{Key, Secret};
use crate::vault::{VaultError, Written, contents};

/// The right to put another secret in the place of a credential's own, once:
/// given while the vault was unlocked, good also after it was locked.
pub struct Successor {
    writer: Arc<Writer>,
    vault_key: Arc<Key>,
    credential: Arc<Credential>,
    /// The salt of the entry that is to be replaced, and no other.
    seal: [u8; SALT_BYTES],
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
        let written =
            self.writer
                .change(Opener::VaultKey(&self.vault_key), |keystore, vault_key| {
                    let entry = keystore.entries.get(&name.to_string());
                    if entry.is_none_or(|entry| entry.salt() != self.seal) {
                        return Err(VaultError::NoCredential { name: name.clone() });
                    }
                    let text = secret.expose_secret().as_bytes();
                    let plaintext = contents::plaintext(text, &hosts, base_url.as_ref());
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
                    Ok((true, Change::Put(new)))
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
        let snapshot = self.snapshot.load();
        let (Some(opened), Some(loaded)) = (&snapshot.opened, &snapshot.loaded) else {
            return Err(match snapshot.why_locked() {
                Some(why) => VaultError::Locked(why),
                None => self.absent(),
            });
        };
        let name = credential.name();
        let is_current = |stored: &Arc<Credential>| Arc::ptr_eq(stored, credential);
        let seal = loaded
            .keystore
            .entries
            .get(&name.to_string())
            .map(Entry::salt);
        match seal {
            Some(seal) if opened.credentials.get(name).is_some_and(is_current) => Ok(Successor {
                writer: Arc::clone(self),
                vault_key: Arc::clone(&opened.vault_key),
                credential: Arc::clone(credential),
                seal,
            }),
            _ => Err(VaultError::NoCredential { name: name.clone() }),
        }
    }
}
