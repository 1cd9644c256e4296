//! `axis revoke`: removes a credential.

use axis_proto::v1::{Credential, ListCredentialsRequest, RevokeCredentialRequest};
use clap::Args;
use secrecy::ExposeSecret;

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable};
use crate::prompt;

/// Remove a credential from the vault
///
/// Agents can't use it from then on. The credential itself stays valid at its
/// vendor: revoke it there too where it may have been seen.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  axis revoke github\n  axis revoke github --label work")]
pub struct Revoke {
    /// The service, such as github
    service: String,
    /// The label of the credential, where it has one
    #[arg(long, default_value = "", hide_default_value = true)]
    label: String,
}

impl Revoke {
    /// Removes it; the master password is the confirmation.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        self.find(&mut daemon).await?;
        let password = prompt::master_password().await?;
        let request = RevokeCredentialRequest {
            master_password: password.expose_secret().to_owned(),
            service: self.service,
            label: self.label,
        };
        drop(password);
        let revoked = daemon
            .confide(async move |mut admin| admin.revoke_credential(request).await)
            .await??;
        output.line(output.paint(
            Tone::Good,
            &format!("Removed {}.", printable(&revoked.name)),
        ))?;
        output.line("It is still valid at its vendor.")?;
        Ok(Exit::Done)
    }

    /// A mistyped name is told before the password is typed.
    async fn find(&self, daemon: &mut Daemon) -> Result<(), Failure> {
        let listed = ask(daemon.admin.list_credentials(ListCredentialsRequest {})).await?;
        let is_meant = |credential: &Credential| {
            credential.service.eq_ignore_ascii_case(&self.service)
                && credential.label.eq_ignore_ascii_case(&self.label)
        };
        if listed.credentials.iter().any(is_meant) {
            return Ok(());
        }
        let label = match self.label.as_str() {
            "" => String::new(),
            label => format!("/{label}"),
        };
        let stored: Vec<&str> = listed
            .credentials
            .iter()
            .map(|credential| credential.name.as_str())
            .collect();
        let stored = match stored.as_slice() {
            [] => "nothing is stored".to_owned(),
            names => format!("stored: {}", names.join(", ")),
        };
        Err(Failure::new(
            Exit::Usage,
            format!("there is no credential {}{label}", self.service),
        )
        .because(stored))
    }
}
