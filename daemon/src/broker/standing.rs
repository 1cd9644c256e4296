//! What calls are decided by: policy, services and settings, either as their
//! files say or as they are sealed; of one state for each call.

use std::sync::{Arc, PoisonError};

use super::Broker;
use super::outcome::{Code, Failure};
use crate::audit::{self, SyncMode};
use crate::catalogue::Catalogue;
use crate::config::{AuditSync, Config};
use crate::policy::{self, Policy, PolicyError};
use crate::services;
use crate::upstream::{Prepared, UpstreamSettings};
use crate::vault::{Reserved, Vault};

/// The text in the vault that holds what is sealed; none where nothing is. A
/// text that is read anew is another one, even where it says the same.
pub type SealedText = Option<Arc<str>>;

/// What one call is decided by.
pub(super) struct Standing {
    pub(super) policy: Arc<policy::Loaded>,
    pub(super) catalogue: Arc<Catalogue>,
    seal: SealedText,
}

/// The policy in a sealed text, and that text; or why it can't be read.
pub type SealedPolicy = Result<(Arc<Policy>, String), Arc<PolicyError>>;

/// All that is sealed, ready to be put in force.
pub struct Sealed {
    /// Who may do what.
    pub policy: SealedPolicy,
    /// The owner's own services beside those built in.
    pub services: services::Loaded,
    /// The settings.
    pub config: Config,
    /// The way to the upstreams that they name.
    pub upstream: Prepared,
}

impl Broker {
    /// What is in force now.
    pub(super) fn standing(&self) -> Standing {
        // held while all of it is exchanged
        let seal = self.seal.read().unwrap_or_else(PoisonError::into_inner);
        Standing {
            policy: Arc::clone(&self.policy.current()),
            catalogue: self.services.catalogue(),
            seal: seal.clone(),
        }
    }

    /// The text of the vault that is in force.
    pub fn seal_in_force(&self) -> SealedText {
        let seal = self.seal.read().unwrap_or_else(PoisonError::into_inner);
        seal.clone()
    }

    /// Puts in force what stands in `text` of the vault; a call is decided by
    /// all of it or by nothing of it.
    pub fn put_in_force(&self, sealed: Sealed, text: Arc<str>) {
        let mut seal = self.seal.write().unwrap_or_else(PoisonError::into_inner);
        self.policy.hold(match &sealed.policy {
            Ok((policy, text)) => Ok((Arc::clone(policy), text)),
            Err(error) => Err(Arc::clone(error)),
        });
        self.services.hold(sealed.services);
        self.follow(sealed.config, Some(sealed.upstream));
        *seal = Some(text);
    }

    /// Follows the files again, and the settings `config` where they can be
    /// read. What the files bring, where anything had been sealed.
    pub fn release(
        &self,
        config: Option<(Config, Prepared)>,
    ) -> (Option<policy::Change>, Vec<services::Change>) {
        let mut seal = self.seal.write().unwrap_or_else(PoisonError::into_inner);
        let changes = (self.policy.release(), self.services.release());
        if let Some((config, upstream)) = config {
            self.follow(config, Some(upstream));
        }
        *seal = None;
        changes
    }

    /// The vault is open, and nothing is sealed in it: what the file says of
    /// the audit log counts from now on.
    pub fn nothing_is_sealed(&self) {
        self.audit
            .set_settings(audit_settings(&self.settings.load()));
    }

    fn follow(&self, config: Config, upstream: Option<Prepared>) {
        if let Some(upstream) = upstream {
            self.upstream.switch_to(upstream);
        }
        self.audit.set_settings(audit_settings(&config));
        self.approvals.set_timeout(config.approval_timeout.into());
        self.settings.store(Arc::new(config));
    }

    /// Whether what is in force isn't known: it is sealed in a vault that was
    /// not opened yet. Then nothing is allowed.
    pub fn is_withheld(&self) -> bool {
        is_sealed_shut(&self.vault) && self.seal_in_force().is_none()
    }

    /// Nothing where `standing` is what the vault, open now, says it must be.
    pub(super) fn check_seal(&self, standing: &Standing) -> Result<(), Failure> {
        let held = self.vault.reserved(Reserved::Seal);
        let is_same = match (&held, &standing.seal) {
            (Ok(Some(held)), Some(seal)) => Arc::ptr_eq(held, seal),
            (Ok(None), None) => true,
            // locked meanwhile, or another text
            _ => false,
        };
        if is_same {
            return Ok(());
        }
        Err(Failure::new(
            Code::VaultLocked,
            "what the owner sealed is not in force yet: try again",
        )
        .hint("where that lasts, the owner runs: axis doctor"))
    }
}

/// Whether the vault is locked with something sealed in it.
pub(super) fn is_sealed_shut(vault: &Vault) -> bool {
    vault.has_reserved(Reserved::Seal) && vault.reserved(Reserved::Seal).is_err()
}

/// How the audit log is kept.
pub(super) fn audit_settings(config: &Config) -> audit::Settings {
    audit::Settings {
        sync: match config.audit.sync {
            AuditSync::Interval => SyncMode::Interval,
            AuditSync::Always => SyncMode::Always,
        },
        rotation: audit::Rotation {
            size: config.audit.rotate.size,
            age: config.audit.rotate.age(),
            keep: config.audit.keep,
        },
    }
}

/// The client's settings; `ca` is the text of the file of certificates.
pub fn upstream_settings(config: &Config, ca: Option<String>) -> UpstreamSettings {
    UpstreamSettings {
        call_timeout: config.limits.call_timeout(),
        response_cap: config.limits.response,
        saved_cap: config.limits.saved,
        proxy: config.upstream.proxy.clone(),
        ca,
        ..UpstreamSettings::default()
    }
}
