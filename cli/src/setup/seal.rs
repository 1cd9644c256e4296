//! Step 5: what stands in the files counts only once it is sealed.

use axis_proto::v1::seal_policy_request::What;
use axis_proto::v1::{SealPolicyRequest, ShowSealRequest};
use secrecy::ExposeSecret;

use super::Setup;
use crate::client::ask;
use crate::failure::Failure;
use crate::menu;
use crate::output::warn;

impl Setup {
    /// Seals the policy, unless the owner doesn't want that.
    pub(super) async fn seal(&mut self) -> Result<(), Failure> {
        const LATER: &str = "Seal the policy once it is as you want it: axis policy seal";
        let shown = ask(self.daemon.admin.show_seal(ShowSealRequest::default())).await?;
        if shown.sealed {
            if shown.differences.is_empty() && shown.fault.is_none() {
                return self.done("The policy is sealed, and the files agree with it.");
            }
            warn("the files differ from what is sealed, which stays in force");
            self.miss_seal();
            self.advise(
                "See how they differ, and seal them if that is yours: axis policy seal".into(),
            );
            return Ok(());
        }
        if let Some(broken) = shown.differences.iter().find(|file| file.error.is_some()) {
            warn(&format!(
                "{} can't be sealed as it stands: {}",
                broken.name,
                broken.error.as_deref().unwrap_or_default()
            ));
            self.miss_seal();
            self.advise(LATER.into());
            return Ok(());
        }
        let wanted = match self.plan.answers.seal {
            Some(wanted) => wanted,
            None if !self.plan.asks => false,
            None => {
                self.note(
                    "An agent that runs as your user could edit policy.yaml and allow itself more.",
                )?;
                self.note("Once it is sealed, a change counts only with your master password.")?;
                menu::confirm("Seal the policy?", "axis policy unseal ends that", true).await?
            }
        };
        if !wanted {
            self.advise(LATER.into());
            return self.note("It is not sealed: whatever is written into policy.yaml counts.");
        }
        if shown.new_certificates {
            // whoever holds such a key could read every call: that wants its own yes
            warn("daemon.yaml names certificates of your own: seal them with axis policy seal");
            self.miss_seal();
            self.advise(LATER.into());
            return Ok(());
        }
        let password = self.password().await?;
        let sealed = ask(self.daemon.admin.seal_policy(SealPolicyRequest {
            master_password: password.expose_secret().to_owned(),
            what: Some(What::Digest(shown.digest)),
        }))
        .await?;
        self.done(&format!("Sealed: {} rules", sealed.rules))?;
        self.note(
            "axis allow and axis deny change it from now on; they ask for the master password.",
        )
    }
    fn miss_seal(&mut self) {
        if self.plan.answers.seal == Some(true) {
            self.fall_short("the policy is not sealed as it stands");
        }
    }
}
