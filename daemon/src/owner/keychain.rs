//! The OS keychain and the vault: who puts the master password there, and what
//! axisd makes of it when it starts.

use std::sync::PoisonError;
use std::time::Duration;

use axis_proto::places;
use secrecy::SecretString;
use tokio::time::sleep;
use tracing::{info, warn};

use super::{Owner, OwnerError, Unlock};
use crate::audit::{Act, Peer};
use crate::broker::opening::Pending;
use crate::keychain::{self, KeychainError, KeychainStatus, PATIENCE};
use crate::paths::Paths;
use crate::vault::{VaultError, VaultState, WhyLocked};

/// How long the keychain's owner may take to unlock it for axisd.
const KEYCHAIN_UNLOCK: Duration = Duration::from_mins(2);

/// The name under which the keychain keeps the password of this vault.
pub(super) fn account(paths: &Paths) -> String {
    // whoever sets HOME would else get at the password of another vault
    let home = places::home_directory().filter(|home| places::is_own_home(home));
    keychain::account(&paths.keystore, home.as_deref())
}

impl Owner {
    /// Puts the master password into the OS keychain, once it is sure to be it.
    pub async fn set_keychain(&self, password: SecretString, by: &Peer) -> Result<(), OwnerError> {
        self.recordable()?;
        self.follow_keychain_setting();
        if !self.keychain.is_wanted() {
            return Err(KeychainError::TurnedOff.into());
        }
        self.verify_password(password.clone(), by).await?;
        self.keychain.store(password).await?;
        self.note_keychain_trouble(None);
        self.record(Act::KeychainSet, Some(self.keychain.account()), Some(by));
        info!("the OS keychain keeps the master password");
        Ok(())
    }

    /// Removes it from there. Whether there was any.
    pub async fn delete_keychain(&self, by: &Peer) -> Result<bool, OwnerError> {
        let was_there = self.keychain.delete().await?;
        self.note_keychain_trouble(None);
        if was_there {
            let account = self.keychain.account();
            self.record(Act::KeychainDeleted, Some(account), Some(by));
            info!("the OS keychain keeps the master password no more");
        }
        Ok(was_there)
    }

    /// How the OS keychain stands to the vault. Asks it, for 2 s at most.
    pub async fn keychain_status(&self) -> KeychainStatus {
        self.follow_keychain_setting();
        let status = self.keychain.status().await;
        match self.keychain_trouble() {
            Some(trouble) if status.stored && status.available => KeychainStatus {
                detail: trouble,
                fix: "axis keychain set".to_owned(),
                ..status
            },
            _ => status,
        }
    }

    /// Why the vault is still locked though the keychain was asked, where that
    /// is worth telling.
    pub fn keychain_trouble(&self) -> Option<String> {
        let trouble = self.keychain_trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the keychain is to be asked: a vault is there, sound, and
    /// nobody has opened or locked it since the start.
    pub fn may_open_from_keychain(&self) -> bool {
        self.keychain.is_wanted()
            && self.broker.vault.state() == VaultState::Locked(WhyLocked::NeverUnlocked)
    }

    /// Opens the vault with what the keychain keeps. Asked once in axisd's
    /// life: a keychain that is locked may ask its owner for a password, and
    /// nobody wants to be asked twice. Who waits for the vault waits no longer
    /// than an answer may take, but a late one still counts.
    pub async fn unlock_from_keychain(&self, pending: Pending) {
        let mut pending = Some(pending);
        let answer = self.keychain.password(KEYCHAIN_UNLOCK);
        tokio::pin!(answer);
        let answered = loop {
            tokio::select! {
                answered = &mut answer => break answered,
                () = self.stopping.cancelled() => return,
                () = sleep(PATIENCE), if pending.is_some() => {
                    pending = None;
                    let silent = KeychainError::Silent { after: PATIENCE };
                    warn!("{silent}: the vault stays locked until it does, or until `axis unlock`");
                }
            }
        };
        self.open_with(answered).await;
        drop(pending);
    }

    async fn open_with(&self, answered: Result<Option<SecretString>, KeychainError>) {
        let password = match answered {
            Ok(Some(password)) => password,
            Ok(None) => return,
            Err(error @ (KeychainError::Ambiguous(_) | KeychainError::Unreadable)) => {
                warn!("{error}");
                self.note_keychain_trouble(Some(error.to_string()));
                return;
            }
            Err(error) => {
                info!("{error}");
                return;
            }
        };
        if !self.may_open_from_keychain() {
            return;
        }
        let unlock = Unlock {
            password,
            accept_older: false,
            only_if_never_locked: true,
        };
        let Err(error) = self.unlock(unlock, None).await else {
            return;
        };
        warn!(%error, "the OS keychain's password does not open the vault");
        if let OwnerError::Vault(VaultError::WrongPassword) = error {
            self.note_keychain_trouble(Some(
                "the password in the OS keychain is not this vault's: run `axis unlock`, then `axis keychain set`"
                    .to_owned(),
            ));
        }
    }

    /// The setting may have changed since the start.
    pub(super) fn follow_keychain_setting(&self) {
        self.keychain
            .set_wanted(self.broker.settings.load().keychain);
    }

    pub(super) fn note_keychain_trouble(&self, trouble: Option<String>) {
        let mut noted = self
            .keychain_trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *noted = trouble;
    }
}
