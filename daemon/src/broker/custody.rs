//! The vault and the audit log as [`crate::auth`] sees them: a refresh token
//! that its use replaced is sealed, and that is on record.

use std::sync::Arc;

use secrecy::SecretString;

use crate::audit::{Act, AdminAct, Audit};
use crate::auth::{AuthError, Keeper, Seal};
use crate::names::CredentialName;
use crate::vault::{Credential, Vault, VaultError};

/// Keeps what stands for a credential from now on.
pub(super) struct Custody {
    vault: Arc<Vault>,
    audit: Audit,
}

impl Custody {
    pub(super) fn new(vault: Arc<Vault>, audit: Audit) -> Self {
        Self { vault, audit }
    }
}

impl Keeper for Custody {
    fn current(&self, name: &CredentialName) -> Result<Arc<Credential>, AuthError> {
        self.vault.credential(name).map_err(|error| unkept(&error))
    }

    fn seal(&self, credential: &Arc<Credential>) -> Result<Seal, AuthError> {
        let successor = self
            .vault
            .successor(credential)
            .map_err(|error| unkept(&error))?;
        let name = credential.name().to_string();
        let audit = self.audit.clone();
        Ok(Box::new(move |secret: SecretString| {
            let (written, sealed) = successor.seal(secret).map_err(|error| error.to_string())?;
            audit.note(&AdminAct {
                detail: Some(&format!("{name}: its new refresh token")),
                generation: Some(written.generation),
                ..Act::Keystore.into()
            });
            Ok(sealed)
        }))
    }
}

fn unkept(error: &VaultError) -> AuthError {
    AuthError::Unkept(error.to_string())
}
