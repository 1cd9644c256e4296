//! Step 1: the vault is made or opened, and who opens it after a restart.

use axis_proto::v1::vault_status::State;
use axis_proto::v1::{
    InitRequest, KeychainStatusRequest, SetKeychainRequest, StatusRequest, StatusResponse,
    UnlockRequest,
};
use secrecy::ExposeSecret;

use super::Setup;
use crate::client::{ask, within_time};
use crate::failure::{Exit, Failure};
use crate::menu::{self, Choice};
use crate::output::warn;

impl Setup {
    /// Makes the vault where there is none, and opens it where it is locked.
    pub(super) async fn vault(&mut self, status: StatusResponse) -> Result<(), Failure> {
        let vault = status.vault.unwrap_or_default();
        let policy = status.policy.unwrap_or_default();
        match vault.state() {
            State::Absent => {
                if self.plan.asks {
                    self.note(&format!("keys    {}", vault.path))?;
                    self.note(&format!("policy  {}", policy.path))?;
                    self.note(&format!(
                        "record  {}",
                        status.audit.unwrap_or_default().path
                    ))?;
                }
                let password = self.new_password().await?;
                ask(self.daemon.admin.init(InitRequest {
                    master_password: password.expose_secret().to_owned(),
                }))
                .await?;
                self.password = Some(password);
                self.done(&format!("The vault is made and open: {}", vault.path))
            }
            State::Unlocked => {
                self.done(&format!("The vault is open: {}", vault.path))?;
                self.make_policy(policy.loaded || policy.error.is_some())
                    .await
            }
            State::Locked | State::Unspecified => {
                if !vault.detail.is_empty() {
                    self.note(&vault.detail)?;
                }
                let password = self.password().await?;
                ask(self.daemon.admin.unlock(UnlockRequest {
                    master_password: password.expose_secret().to_owned(),
                    accept_older: false,
                    only_if_never_locked: false,
                }))
                .await?;
                self.done("The vault is open.")?;
                let status = ask(self.daemon.admin.status(StatusRequest {})).await?;
                let policy = status.policy.unwrap_or_default();
                self.make_policy(policy.loaded || policy.error.is_some())
                    .await
            }
        }
    }

    /// Where only the policy is missing, it is made.
    async fn make_policy(&mut self, is_there: bool) -> Result<(), Failure> {
        if is_there {
            return Ok(());
        }
        let password = self.password().await?;
        ask(self.daemon.admin.init(InitRequest {
            master_password: password.expose_secret().to_owned(),
        }))
        .await?;
        self.done("The policy is made anew.")
    }

    /// Offers the OS keychain, where there is one.
    pub(super) async fn keychain(&mut self) -> Result<(), Failure> {
        const TYPED: &str = "After a restart the vault is locked until you type: axis unlock";
        let keychain = ask(self.daemon.admin.keychain_status(KeychainStatusRequest {})).await?;
        if keychain.stored {
            return self.done("After a restart the OS keychain opens the vault.");
        }
        let wanted = match self.plan.answers.keychain {
            Some(wanted) => wanted,
            None if !self.plan.asks || !keychain.available => false,
            None => menu::select(
                "After a restart of this machine the vault is opened",
                "Esc: by you",
                vec![
                    Choice::new(
                        true,
                        "by itself: the OS keychain keeps the password, where programs of yours can ask for it",
                    ),
                    Choice::new(
                        false,
                        "by you, with axis unlock: no program can read the password anywhere",
                    ),
                ],
            )
            .await?
            .unwrap_or(false),
        };
        if !wanted {
            self.advise(TYPED.to_owned());
            return Ok(());
        }
        if !keychain.available {
            let failure = Failure::new(
                Exit::Failed,
                format!("the OS keychain can't be used: {}", keychain.detail),
            );
            if self.plan.asks {
                warn(&failure.sentence().0);
                self.advise(TYPED.to_owned());
                return Ok(());
            }
            return Err(failure.fix(keychain.fix));
        }
        let password = self.password().await?;
        let request = SetKeychainRequest {
            master_password: password.expose_secret().to_owned(),
        };
        match within_time(self.daemon.admin.set_keychain(request)).await? {
            Ok(_) => self.done("The OS keychain keeps the master password."),
            Err(status) => {
                warn(status.message());
                self.advise(TYPED.to_owned());
                Ok(())
            }
        }
    }
}
