//! A new master password: a new vault key, and every entry sealed anew under
//! it, in one write of the file.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::keystore::Unsealable;
use super::writer::Writer;
use super::{Vault, VaultError, Written, acceptable};

impl Vault {
    /// Puts `new` in the place of the master password `old`. Works while
    /// locked, too, and leaves it locked.
    ///
    /// # Errors
    /// `old` is wrong, or was changed while this waited; `new` is too short,
    /// too long or the same. Then nothing was written.
    pub async fn rotate(
        &self,
        old: SecretString,
        new: SecretString,
    ) -> Result<Written, VaultError> {
        acceptable(&new)?;
        let writer = Arc::clone(&self.writer);
        let rotations = writer.rotations();
        self.attempts
            .run(move || writer.rotate(&old, &new, rotations))
            .await
    }
}

impl Writer {
    /// `rotations` is how many there had been when the call came.
    fn rotate(
        &self,
        old: &SecretString,
        new: &SecretString,
        rotations: u64,
    ) -> Result<Written, VaultError> {
        let _turn = self.turn();
        let loaded = self.writable()?;
        let exclusive = self.exclusively(&loaded)?;
        let vault_key = loaded.keystore.unseal(old).map_err(|_| {
            if self.rotations() == rotations {
                VaultError::WrongPassword
            } else {
                VaultError::Rotated
            }
        })?;
        if old.expose_secret() == new.expose_secret() {
            return Err(VaultError::SamePassword);
        }
        let verified = loaded.keystore.verify(&vault_key);
        verified.map_err(|fault| self.damaged(fault))?;
        let resealed = loaded.keystore.resealed(&vault_key, new, self.iterations());
        let (keystore, new_key) = resealed.map_err(|why| match why {
            Unsealable::Fault(fault) => self.damaged(fault),
            Unsealable::NoRandomness(error) => error.into(),
        })?;
        let (next, bytes) = self.finished(keystore, &new_key)?;
        exclusive.replace(&bytes)?;
        let generation = next.keystore.generation;
        let (next, new_key) = (Arc::new(next), Arc::new(new_key));
        self.rotated(&loaded, &next, &new_key);
        Ok(Written {
            generation,
            replaced: true,
        })
    }
}
