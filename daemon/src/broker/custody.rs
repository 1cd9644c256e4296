//! The vault and the audit log as [`crate::auth`] sees them: a refresh token
//! that its use replaced is sealed, and that is on record; and what others sent
//! to a host is known where it answers.

use std::sync::Arc;

use secrecy::SecretString;

use crate::audit::{Act, AdminAct, Audit};
use crate::auth::{self, AuthError, AuthScheme, Keeper, Seal};
use crate::catalogue::Service;
use crate::names::CredentialName;
use crate::services::ServiceStore;
use crate::sources::Sources;
use crate::upstream::LeakGuard;
use crate::vault::{Credential, Holding, Vault, VaultError};

/// Keeps what stands for a credential from now on.
pub(super) struct Custody {
    vault: Arc<Vault>,
    audit: Audit,
    services: Arc<ServiceStore>,
}

impl Custody {
    pub(super) fn new(vault: Arc<Vault>, audit: Audit, services: Arc<ServiceStore>) -> Self {
        Self {
            vault,
            audit,
            services,
        }
    }
}

impl Keeper for Custody {
    fn guards_beside(&self, credential: &Credential) -> Result<Vec<Arc<LeakGuard>>, AuthError> {
        let others = self.vault.beside(credential);
        let others = others.map_err(|error| unkept(&error))?;
        let catalogue = self.services.catalogue();
        let mut guards = Vec::new();
        for other in others {
            let others = match other {
                Holding::Secret(other) => vec![other],
                // what was never read was never sent
                Holding::Source(sourced) => Sources::known(&sourced),
            };
            for other in others {
                if !std::ptr::eq(Arc::as_ptr(&other), credential) {
                    // of a service that is gone, all of it is secret
                    let service = catalogue.service(other.name().service.as_str());
                    let scheme = service.map_or(&AuthScheme::Bearer, Service::auth);
                    guards.extend(auth::guards_of(&other, scheme));
                }
            }
        }
        Ok(guards)
    }

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
