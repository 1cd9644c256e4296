//! `axis policy unseal`: the files count again as soon as they are saved.

use axis_proto::v1::{ShowSealRequest, UnsealPolicyRequest};
use clap::Args;
use secrecy::ExposeSecret;

use super::difference::{self, Most};
use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone};
use crate::prompt;

/// Let the policy, your service files and daemon.yaml count as they are saved
///
/// The opposite of `axis policy seal`, with the master password. What stands in
/// the files is in force at once, whoever wrote it: what that changes is shown
/// before the password is asked for.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  axis policy unseal")]
pub struct Unseal {}

impl Unseal {
    /// Unseals; the master password is the confirmation.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let shown = ask(daemon.admin.show_seal(ShowSealRequest::default())).await?;
        if shown.sealed && !shown.differences.is_empty() {
            output.line(output.paint(Tone::Warn, "These take effect at once:"))?;
            for file in &shown.differences {
                difference::show_file(output, "", Most::ALL, file)?;
            }
            let meaning = shown.meaning.unwrap_or_default();
            difference::show_meaning(output, Most::ALL, &meaning)?;
        }
        let password = prompt::master_password().await?;
        let request = UnsealPolicyRequest {
            master_password: password.expose_secret().to_owned(),
        };
        drop(password);
        let unsealed = daemon
            .confide(async move |mut admin| admin.unseal_policy(request).await)
            .await??;
        if unsealed.was_sealed {
            output.line(output.paint(
                Tone::Good,
                "Unsealed: a saved file counts at once, whoever saved it.",
            ))?;
        } else {
            output.line("Nothing was sealed.")?;
        }
        Ok(Exit::Done)
    }
}
