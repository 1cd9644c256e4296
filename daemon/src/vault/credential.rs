//! A stored credential: as it is used, as it is added and as it is listed.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use secrecy::SecretString;

use super::secret::Secret;
use super::source::{Source, Sourced};
use crate::host::{BaseUrl, Host};
use crate::names::CredentialName;

/// A secret and where it may be sent.
pub struct Credential {
    name: CredentialName,
    secret: Secret,
    hosts: Vec<Host>,
    base_url: Option<BaseUrl>,
    derived: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// What the owner adds.
pub struct NewCredential {
    /// The service it is for, and its label.
    pub name: CredentialName,
    /// The secret itself.
    pub secret: SecretString,
    /// The only hosts it may be sent to; at least one.
    pub hosts: Vec<Host>,
    /// Where the service is, if not where its definition says.
    pub base_url: Option<BaseUrl>,
    /// Where the secret is read from when it is used. Then [`Self::secret`] is
    /// what the program that reads it needs to be let in, or empty.
    pub source: Option<Source>,
}

/// What the vault holds under a name.
#[derive(Clone)]
pub enum Holding {
    /// A credential.
    Secret(Arc<Credential>),
    /// Where one is read from.
    Source(Arc<Sourced>),
}

/// What a listing shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialSummary {
    /// The service it is for, and its label.
    pub name: CredentialName,
    /// The only hosts it may be sent to. They are sealed with it, so this is
    /// empty while the vault is locked.
    pub hosts: Vec<Host>,
    /// Where the service is, if not where its definition says. Unset while the
    /// vault is locked, too.
    pub base_url: Option<BaseUrl>,
    /// When it was first added.
    pub created_at: Timestamp,
    /// Since when its secret is the one that it is.
    pub updated_at: Timestamp,
    /// Where it is read from. That is sealed with it, too: unset while locked.
    pub source: Option<String>,
    /// Until when the one that it replaced can be brought back.
    pub previous_until: Option<Timestamp>,
}

impl Holding {
    /// The service it is for, and its label.
    #[must_use]
    pub fn name(&self) -> &CredentialName {
        match self {
            Self::Secret(credential) => credential.name(),
            Self::Source(sourced) => sourced.name(),
        }
    }

    /// The only hosts it may be sent to.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        match self {
            Self::Secret(credential) => credential.hosts(),
            Self::Source(sourced) => sourced.hosts(),
        }
    }

    /// Where the service is, if not where its definition says.
    #[must_use]
    pub fn base_url(&self) -> Option<&BaseUrl> {
        match self {
            Self::Secret(credential) => credential.base_url(),
            Self::Source(sourced) => sourced.base_url(),
        }
    }

    /// What of it is secret in memory now.
    pub(super) fn secret(&self) -> &Secret {
        match self {
            Self::Secret(credential) => credential.secret(),
            Self::Source(sourced) => sourced.token(),
        }
    }

    /// Where it is read from, unless it stands in the vault.
    #[must_use]
    pub fn source(&self) -> Option<&Source> {
        match self {
            Self::Secret(_) => None,
            Self::Source(sourced) => Some(sourced.source()),
        }
    }
}

impl From<NewCredential> for Holding {
    fn from(new: NewCredential) -> Self {
        let NewCredential {
            name,
            secret,
            hosts,
            base_url,
            source,
        } = new;
        let secret = Secret::from_string(secret);
        match source {
            None => Self::Secret(Arc::new(Credential::new(name, secret, hosts, base_url))),
            Some(source) => {
                let sourced = Sourced::new(name, source, secret, hosts, base_url);
                Self::Source(Arc::new(sourced))
            }
        }
    }
}

impl Credential {
    /// Puts a credential together.
    #[must_use]
    pub fn new(
        name: CredentialName,
        secret: Secret,
        hosts: Vec<Host>,
        base_url: Option<BaseUrl>,
    ) -> Self {
        Self {
            name,
            secret,
            hosts,
            base_url,
            derived: OnceLock::new(),
        }
    }

    /// The service it is for, and its label.
    #[must_use]
    pub fn name(&self) -> &CredentialName {
        &self.name
    }

    /// The secret itself.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The only hosts it may be sent to.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Where the service is, if not where its definition says.
    #[must_use]
    pub fn base_url(&self) -> Option<&BaseUrl> {
        self.base_url.as_ref()
    }

    /// Something made from the secret, once, that lives and dies with it in
    /// memory, such as the leak guard's search for it. A credential keeps one
    /// type of thing: another type is made anew at every call.
    pub fn derived<T: Send + Sync + 'static>(&self, make: impl FnOnce(&Secret) -> T) -> Arc<T> {
        if let Some(kept) = self.derived.get() {
            let kept = Arc::clone(kept).downcast();
            return kept.unwrap_or_else(|_| Arc::new(make(&self.secret)));
        }
        let fresh = Arc::new(make(&self.secret));
        // Of two made at once one is kept; each is as good.
        let _ = self.derived.set(fresh.clone());
        fresh
    }
}
