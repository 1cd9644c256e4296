//! A credential that doesn't stand in the vault: what does is where it is read
//! from, sealed like a secret, so that nobody but the owner can change it.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use crate::host::{BaseUrl, Host};
use crate::names::CredentialName;

/// Where a credential is read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// As the owner wrote it, such as `op://Work/GitHub/token`.
    pub reference: String,
    /// The absolute path of the program that reads it.
    pub program: String,
    /// For how long a value that was read is used, in seconds.
    pub ttl_s: u64,
}

/// A credential whose secret is read when it is used.
pub struct Sourced {
    name: CredentialName,
    source: Source,
    token: Secret,
    hosts: Vec<Host>,
    base_url: Option<BaseUrl>,
    kept: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Sourced {
    /// Puts one together.
    #[must_use]
    pub fn new(
        name: CredentialName,
        source: Source,
        token: Secret,
        hosts: Vec<Host>,
        base_url: Option<BaseUrl>,
    ) -> Self {
        Self {
            name,
            source,
            token,
            hosts,
            base_url,
            kept: OnceLock::new(),
        }
    }

    /// The service it is for, and its label.
    #[must_use]
    pub fn name(&self) -> &CredentialName {
        &self.name
    }

    /// Where it is read from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What the program needs to be let in, such as a service account's token;
    /// empty where it needs nothing from Axis.
    #[must_use]
    pub fn token(&self) -> &Secret {
        &self.token
    }

    /// The only hosts the secret may be sent to.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Where the service is, if not where its definition says.
    #[must_use]
    pub fn base_url(&self) -> Option<&BaseUrl> {
        self.base_url.as_ref()
    }

    /// What whoever reads it keeps with it: in memory alone, until the vault is
    /// locked or the credential replaced. It is of one type.
    pub fn kept<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let fresh = || -> Arc<dyn Any + Send + Sync> { Arc::<T>::default() };
        let kept = Arc::clone(self.kept.get_or_init(fresh));
        kept.downcast().unwrap_or_default()
    }
}
