//! `axis rotate`: a new master password.

use secrecy::SecretString;
use tracing::{info, warn};

use super::{Owner, OwnerError};
use crate::audit::{Act, Peer};
use crate::keychain::{KeychainError, Replaced};

/// A rotation that was done.
pub struct Rotated {
    /// How many credentials were sealed anew.
    pub credentials: usize,
    /// What the owner should know.
    pub warnings: Vec<String>,
}

impl Owner {
    /// Puts the master password `new` in the place of `old`.
    pub async fn rotate(
        &self,
        old: SecretString,
        new: SecretString,
        by: &Peer,
    ) -> Result<Rotated, OwnerError> {
        self.recordable()?;
        let (before, after) = (old.clone(), new.clone());
        let written = self.broker.vault.rotate(before, after).await;
        let written = self.audited(written, Some(by))?;
        let credentials = self.broker.vault.names().len();
        let detail = format!("credentials: {credentials}");
        self.record_written(Act::Rotate, &detail, written.generation, by);
        info!(credentials, "the vault has a new master password");
        let warnings = self.keychain_follows(old, new, by).await;
        Ok(Rotated {
            credentials,
            warnings: warnings.into_iter().collect(),
        })
    }

    /// Puts the new password in the keychain where the old one stood. The vault
    /// has the new one by now, whatever the keychain says.
    async fn keychain_follows(
        &self,
        old: SecretString,
        new: SecretString,
        by: &Peer,
    ) -> Option<String> {
        self.follow_keychain_setting();
        let warning = match self.keychain.replace_if_present(old, new).await {
            // without a keychain there is none to follow
            Ok(Replaced::Absent) | Err(KeychainError::Unreachable(_)) => return None,
            Ok(Replaced::Yes) => {
                self.note_keychain_trouble(None);
                self.record(Act::KeychainSet, Some(self.keychain.account()), Some(by));
                return None;
            }
            Ok(Replaced::Foreign) => {
                "the OS keychain keeps another password for this vault than the one until now, and was left as it is: axis keychain set".to_owned()
            }
            Err(error) => format!(
                "the OS keychain may still keep the old master password ({error}): axis keychain set"
            ),
        };
        warn!("{warning}");
        Some(warning)
    }
}
