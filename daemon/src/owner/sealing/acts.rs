//! The owner's acts of sealing: each is on record, and what it brings into force
//! is told.

use std::sync::Arc;

use secrecy::SecretString;
use tracing::{info, warn};

use super::{News, SealedNow, Sealing, SealingError, Shown, TIME_TO_WRITE, WhatToSeal};
use crate::audit::{Act, Peer};
use crate::owner::{Owner, OwnerError, generation};
use crate::seal::FileName;
use crate::vault::{Reserved, VaultError};

impl Owner {
    /// What is sealed, and how the files differ from it as they stand now.
    /// With `policy`, how that text does, with the other files as they are sealed.
    pub async fn show_seal(&self, policy: Option<String>) -> Result<Shown, OwnerError> {
        let _turn = self.sealing.showing.acquire().await;
        self.blocking(|it| it.show(policy)).await
    }

    /// Seals: from now on what stands in the files counts only once it is
    /// sealed, too.
    pub async fn seal(
        self: &Arc<Self>,
        password: SecretString,
        what: WhatToSeal,
        by: &Peer,
    ) -> Result<SealedNow, OwnerError> {
        self.recordable()?;
        if let Err(error) = self.broker.vault.reserved(Reserved::Seal) {
            // what it differs from can't be told
            return Err(error.into());
        }
        let is_policy_alone = matches!(what, WhatToSeal::Policy(_));
        let (files, rules) = self.blocking(|it| it.to_be_sealed(what)).await??;
        let text = files.pack().map_err(SealingError::from)?;
        let sealed = SealedNow {
            digest: files.digest(),
            rules,
            files: files.each().count(),
        };
        let outdated = is_policy_alone.then(|| self.sealing.await_file()).flatten();
        let written = self.write_seal(password, Some(text), by).await;
        if let Some(outdated) = outdated {
            self.look_later(outdated);
        }
        written?;
        let detail = format!(
            "rules: {rules}, files: {}, SHA-256 {}",
            sealed.files, sealed.digest
        );
        self.record(Act::PolicySealed, Some(&detail), Some(by));
        self.note(
            Act::Keystore,
            None,
            generation(&self.broker.vault),
            Some(by),
        );
        info!(rules, "policy, services and settings are sealed");
        self.take_up_seal().await?;
        Ok(sealed)
    }

    /// Unseals: the files count again. Whether anything was sealed.
    pub async fn unseal(&self, password: SecretString, by: &Peer) -> Result<bool, OwnerError> {
        self.recordable()?;
        match self.broker.vault.reserved(Reserved::Seal)? {
            None => {
                self.verify_password(password, by).await?;
                return Ok(false);
            }
            Some(_) => self.write_seal(password, None, by).await?,
        }
        self.record(Act::PolicyUnsealed, None, Some(by));
        self.note(
            Act::Keystore,
            None,
            generation(&self.broker.vault),
            Some(by),
        );
        info!("policy, services and settings follow their files again");
        self.take_up_seal().await?;
        Ok(true)
    }

    async fn write_seal(
        &self,
        password: SecretString,
        text: Option<String>,
        by: &Peer,
    ) -> Result<(), OwnerError> {
        let edit = move |_: Option<&str>| Ok::<_, VaultError>(text);
        let vault = &self.broker.vault;
        let written = vault.change_reserved(password, Reserved::Seal, edit).await;
        let _written = self.audited(written, Some(by))??;
        Ok(())
    }

    /// Puts in force what the vault holds, and looks at the files beside it.
    pub(in crate::owner) async fn take_up_seal(&self) -> Result<(), OwnerError> {
        let news = self.blocking(Sealing::take_up).await?;
        self.tell(news);
        let differing = self.blocking(Sealing::look).await?;
        self.tell(differing);
        self.broker.changed();
        Ok(())
    }

    /// Gives whoever sealed a policy by its text the time to write the file.
    fn look_later(self: &Arc<Self>, outdated: Arc<str>) {
        let owner = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(TIME_TO_WRITE).await;
            owner.sealing.await_no_more(&outdated);
            match owner.blocking(Sealing::look).await {
                Ok(news) => owner.tell(news),
                Err(error) => warn!("the files can't be looked at: {error}"),
            }
        });
    }

    /// Looks at the files after one of them may have changed. Blocking.
    pub(in crate::owner) fn look_at_files(&self) {
        let news = self.sealing.look();
        self.tell(news);
    }

    fn tell(&self, news: Vec<News>) {
        for one in news {
            match one {
                News::Differs(name, path) => {
                    let path = path.display();
                    warn!("{name} differs from what is sealed, which stays in force: {path}");
                    let detail = format!("{name}: {path}");
                    self.record(Act::SealDiffers, Some(&detail), None);
                }
                News::Policy(change) => self.policy_changed(change),
                News::Service(change) => self.service_changed(&change),
                News::InForce(rules) => {
                    info!(rules, "the sealed policy is in force");
                    let detail = format!("rules: {rules}, as sealed");
                    self.record(Act::PolicyLoaded, Some(&detail), None);
                    let current = self.broker.policy.current();
                    if let Some(error) = &current.error {
                        self.policy_refused(&error.headline(), &error.to_string());
                    }
                    self.broker.remember_further();
                }
                News::Fault(fault) => {
                    warn!("what is sealed is not in force, so no call goes out: {fault}");
                    self.record(Act::PolicyRefused, Some(&fault), None);
                }
            }
        }
    }

    /// Said beside a service that isn't there, where one may be that isn't
    /// sealed yet; else nothing.
    pub fn unsealed_services(&self) -> String {
        let standing = self.sealing.standing();
        let mut differing = standing.differences.iter();
        match differing.find(|file| matches!(file.name, FileName::Service(_))) {
            Some(file) => format!(
                ". {} differs from what is sealed: `axis policy seal` puts it in force",
                file.name
            ),
            None => String::new(),
        }
    }

    /// Does what blocks on a thread that may.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Sealing) -> T + Send + 'static,
    ) -> Result<T, OwnerError> {
        let sealing = Arc::clone(&self.sealing);
        tokio::task::spawn_blocking(move || work(&sealing))
            .await
            .map_err(|_| OwnerError::Crashed)
    }
}
