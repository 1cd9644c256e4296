//! Opening the vault: the keystore is held against the audit log, and the log
//! against the keystore's key, before any call goes out.

use std::sync::PoisonError;

use secrecy::SecretString;
use tracing::{info, warn};

use super::{Owner, OwnerError, audit_key, generation};
use crate::audit::{Act, Peer, Proof};
use crate::vault::{KnownGeneration, VaultState};

/// An attempt to unlock.
pub struct Unlock {
    /// The master password.
    pub password: SecretString,
    /// Accept a keystore that is older than the audit log says.
    pub accept_older: bool,
    /// Only a vault that its owner hasn't locked: a shim's attempt.
    pub only_if_never_locked: bool,
}

/// Who opened the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenedBy {
    /// Its owner, by a command.
    Owner,
    /// A shim whose environment holds the password.
    Shim,
    /// The OS keychain.
    Keychain,
    /// What stood ready when axisd started: a pipe, the environment, a file of
    /// the service manager.
    Start,
}

impl Unlock {
    fn source(&self, by: Option<&Peer>) -> OpenedBy {
        match (by, self.only_if_never_locked) {
            (Some(_), false) => OpenedBy::Owner,
            (Some(_), true) => OpenedBy::Shim,
            (None, true) => OpenedBy::Keychain,
            (None, false) => OpenedBy::Start,
        }
    }
}

impl Owner {
    /// Who opened the vault; none while it is locked.
    pub fn opened_by(&self) -> Option<OpenedBy> {
        let is_open = matches!(self.broker.vault.state(), VaultState::Unlocked { .. });
        let opened = self.opened_by.lock();
        is_open
            .then(|| *opened.unwrap_or_else(PoisonError::into_inner))
            .flatten()
    }

    pub(super) fn note_opened(&self, by: OpenedBy) {
        let mut opened = self
            .opened_by
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *opened = Some(by);
    }

    /// Opens the vault. How many credentials it holds.
    pub async fn unlock(&self, unlock: Unlock, by: Option<&Peer>) -> Result<usize, OwnerError> {
        let vault = &self.broker.vault;
        let source = unlock.source(by);
        let was_open = matches!(vault.state(), VaultState::Unlocked { .. });
        if unlock.only_if_never_locked && vault.was_locked_by_owner() {
            return Err(OwnerError::LockedByOwner);
        }
        let known = self.known_generation()?;
        let unlocked = vault
            .unlock(unlock.password, known, unlock.accept_older)
            .await;
        let credentials = self.audited(unlocked, by)?;
        let generation = generation(vault);
        let proof = self.broker.audit.set_key(audit_key(vault));
        let is_replaced = match proof {
            Proof::Foreign => true,
            // that a log was set aside is believed of nobody but this axisd
            Proof::Nothing => !self.broker.audit.has_set_aside(),
            Proof::Proven | Proof::Unreadable => false,
        };
        // before the limits know the log no call goes out, so none has yet
        if is_replaced && matches!(known, KnownGeneration::At(_)) && !unlock.accept_older {
            self.broker.audit.set_key(None);
            let error = vault.distrust_log();
            warn!("{error}");
            return Err(error.into());
        }
        if unlock.accept_older {
            self.note(Act::KeystoreAccepted, None, generation, by);
        }
        if known == KnownGeneration::NoLog {
            self.note(Act::LogMissing, None, generation, by);
        } else if proof == Proof::Nothing {
            let forged = "no line before this one has this vault's MAC";
            self.note(Act::LogMissing, Some(forged), generation, by);
            warn!("{forged}: the audit log was replaced");
        }
        self.note(Act::Unlock, None, generation, by);
        self.forget_expired().await;
        self.serve_sealed_sockets();
        self.take_up_seal().await?;
        self.remember_calls().await?;
        self.remember_uses();
        self.broker.read_ahead();
        self.broker.changed();
        if !was_open {
            self.note_opened(source);
        }
        info!(credentials, "the vault is unlocked");
        self.say_what_may_be_swapped();
        Ok(credentials)
    }

    pub(super) fn say_what_may_be_swapped(&self) {
        let secrets = self.broker.vault.unlocked_pages();
        if secrets > 0 {
            warn!(
                "{secrets} secrets lie in memory that may be swapped out: raise the limit of locked memory (ulimit -l)"
            );
        }
    }

    /// Nobody waits for when credentials were used last.
    pub(super) fn remember_uses(&self) {
        let (broker, stopping) = (self.broker.clone(), self.stopping.clone());
        tokio::task::spawn_blocking(move || broker.remember_uses(&|| !stopping.is_cancelled()));
    }

    /// Removes replaced credentials that were kept long enough. The unlock goes
    /// on where that fails: the next write removes them.
    async fn forget_expired(&self) {
        match self.broker.vault.forget_expired().await {
            Ok(Some(written)) => {
                let detail = "replaced credentials that were kept long enough are gone";
                self.note(Act::Keystore, Some(detail), Some(written.generation), None);
            }
            Ok(None) => {}
            Err(error) => warn!(%error, "replaced credentials stay longer than they should"),
        }
    }
}
