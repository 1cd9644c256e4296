//! `axis rotate`: a new master password.

use secrecy::SecretString;
use tracing::info;

use super::{Owner, OwnerError};
use crate::audit::{Act, Peer};

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
        let written = self.broker.vault.rotate(old, new).await;
        let written = self.audited(written, Some(by))?;
        let credentials = self.broker.vault.names().len();
        let detail = format!("credentials: {credentials}");
        self.record_written(Act::Rotate, &detail, written.generation, by);
        info!(credentials, "the vault has a new master password");
        Ok(Rotated {
            credentials,
            warnings: Vec::new(),
        })
    }
}
