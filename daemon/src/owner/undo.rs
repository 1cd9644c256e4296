//! `axis undo`: the credential that was replaced stands in its place again.

use jiff::Timestamp;
use secrecy::SecretString;

use super::{Owner, OwnerError};
use crate::audit::{Act, Peer};
use crate::host::Host;
use crate::names::CredentialName;
use crate::vault::CredentialSummary;

/// A credential that was brought back.
pub struct Undone {
    /// Where it may be sent; not known while the vault is locked.
    pub hosts: Vec<Host>,
    /// Since when it had been stored.
    pub stored_at: Option<Timestamp>,
    /// Until when this can be undone.
    pub previous_until: Option<Timestamp>,
}

impl Owner {
    /// Brings back what a credential was before it was replaced.
    pub async fn undo(
        &self,
        password: SecretString,
        name: &CredentialName,
        by: &Peer,
    ) -> Result<Undone, OwnerError> {
        self.recordable()?;
        let written = self.broker.vault.undo(password, name).await;
        let written = self.audited(written, Some(by))?;
        self.record_change(Act::Undo, name, written.generation, by);
        let listed = self.broker.vault.list();
        let summary = listed.into_iter().find(|summary| summary.name == *name);
        Ok(summary.map_or_else(Undone::nothing_known, Undone::from))
    }
}

impl Undone {
    /// Removed again at this very moment.
    fn nothing_known() -> Self {
        Self {
            hosts: Vec::new(),
            stored_at: None,
            previous_until: None,
        }
    }
}

impl From<CredentialSummary> for Undone {
    fn from(summary: CredentialSummary) -> Self {
        Self {
            hosts: summary.hosts,
            stored_at: Some(summary.updated_at),
            previous_until: summary.previous_until,
        }
    }
}
