//! Reserved entries: what Axis itself keeps in the keystore, sealed like a
//! credential, so that nobody changes it without the master password. They are
//! never listed. (The audit log's key is one, too, but always there.)

use std::collections::HashMap;
use std::sync::Arc;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::entry::EntryName;
use super::fault::Fault;
use super::keystore::Keystore;
use super::secret::Key;
use super::writer::{Change, Opener, Writer};
use super::{Vault, VaultError, Written};

/// A reserved entry that may be there or not; what it holds is a text whose
/// form is the business of whoever put it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reserved {
    /// Which identities have a socket of their own.
    IdentitySockets,
    /// What the owner sealed: policy, services and settings.
    Seal,
}

/// The reserved entries of an unlocked vault.
pub(super) type ReservedTexts = HashMap<Reserved, Arc<str>>;

impl Reserved {
    const ALL: [Self; 2] = [Self::IdentitySockets, Self::Seal];

    /// The entry's name in the file; one that is no credential's begins with a dot.
    fn name(self) -> &'static str {
        match self {
            Self::IdentitySockets => ".identity-sockets",
            Self::Seal => ".seal",
        }
    }

    /// Opens those that a keystore, which was verified, has.
    pub(super) fn open(keystore: &Keystore, vault_key: &Key) -> Result<ReservedTexts, Fault> {
        let present = Self::ALL
            .into_iter()
            .filter(|entry| keystore.entries.contains_key(entry.name()));
        present
            .map(|entry| Ok((entry, entry.text(keystore, vault_key)?.into())))
            .collect()
    }

    fn text(self, keystore: &Keystore, vault_key: &Key) -> Result<String, Fault> {
        let plaintext = keystore.open(vault_key, self.name())?;
        String::from_utf8(plaintext.to_vec()).map_err(|_| Fault::EntriesEdited {
            names: vec![self.name().to_owned()],
        })
    }
}

impl Vault {
    /// What a reserved entry holds; `None` where it isn't there.
    ///
    /// # Errors
    /// The vault is absent or locked.
    pub fn reserved(&self, entry: Reserved) -> Result<Option<Arc<str>>, VaultError> {
        let snapshot = self.writer.snapshot();
        match &snapshot.opened {
            Some(opened) => Ok(opened.reserved.get(&entry).map(Arc::clone)),
            None => Err(self.writer.shut(&snapshot)),
        }
    }

    /// Whether there is such an entry, also while locked; then it is only what
    /// the file says.
    pub fn has_reserved(&self, entry: Reserved) -> bool {
        let snapshot = self.writer.snapshot();
        let loaded = snapshot.loaded.as_ref();
        loaded.is_some_and(|loaded| loaded.keystore.entries.contains_key(entry.name()))
    }

    /// Puts what `edit` makes of a reserved entry's text in its place, or with
    /// `None` removes it. Works while locked, too, and leaves it locked; no
    /// other change of the keystore comes in between.
    ///
    /// # Errors
    /// The outer ones are the vault's; the inner one is what `edit` refused
    /// with, and then nothing was written.
    pub async fn change_reserved<E: Send + 'static>(
        &self,
        password: SecretString,
        entry: Reserved,
        edit: impl FnOnce(Option<&str>) -> Result<Option<String>, E> + Send + 'static,
    ) -> Result<Result<Written, E>, VaultError> {
        let writer = Arc::clone(&self.writer);
        self.attempts
            .run(
                move || match writer.change_reserved(&password, entry, edit) {
                    Ok(written) => Ok(Ok(written)),
                    Err(Refused::Edit(error)) => Ok(Err(error)),
                    Err(Refused::Vault(error)) => Err(error),
                },
            )
            .await
    }
}

/// Who refused a change: the vault, or the edit.
enum Refused<E> {
    Vault(VaultError),
    Edit(E),
}

impl<E> From<VaultError> for Refused<E> {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

impl Writer {
    fn change_reserved<E>(
        &self,
        password: &SecretString,
        entry: Reserved,
        edit: impl FnOnce(Option<&str>) -> Result<Option<String>, E>,
    ) -> Result<Written, Refused<E>> {
        self.change(Opener::Password(password), |keystore, vault_key| {
            let name = entry.name();
            let before = keystore.entries.contains_key(name);
            let before = before.then(|| entry.text(keystore, vault_key));
            let before = before.transpose().map_err(|fault| self.damaged(fault))?;
            let after = edit(before.as_deref()).map_err(Refused::Edit)?;
            if let Some(text) = &after {
                let plaintext = Zeroizing::new(text.as_bytes().to_vec());
                let put =
                    keystore.put(vault_key, &EntryName::Reserved(name), plaintext, self.now());
                put.map_err(VaultError::from)?;
            } else {
                keystore.entries.remove(name);
            }
            let change = Change::Reserved(entry, after.map(Arc::from));
            Ok((before.is_some(), change))
        })
    }
}
