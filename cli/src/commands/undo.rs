//! `axis undo`: brings back the credential that was replaced.

use axis_proto::v1::{Credential, ListCredentialsRequest, UndoCredentialRequest};
use clap::Args;
use secrecy::ExposeSecret;

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable};
use crate::prompt;

/// Bring back the credential that was replaced
///
/// `axis add SERVICE --replace` keeps what it replaces, sealed, for 7 days. This
/// puts it back, with the hosts it was for; the one in its place until now is
/// kept in the same way, so an undo can be undone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  axis undo github\n  axis undo github --label work")]
pub struct Undo {
    /// The service, such as github
    service: String,
    /// The label of the credential, where it has one
    #[arg(long, default_value = "", hide_default_value = true)]
    label: String,
}

impl Undo {
    /// Brings it back; the master password is the confirmation.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        self.find(&mut daemon).await?;
        let password = prompt::master_password().await?;
        let request = UndoCredentialRequest {
            master_password: password.expose_secret().to_owned(),
            service: self.service,
            label: self.label,
        };
        drop(password);
        let undone = daemon
            .confide(async move |mut admin| admin.undo_credential(request).await)
            .await??;
        let name = printable(&undone.name);
        output.line(output.paint(
            Tone::Good,
            &format!(
                "Brought back the {name} of {}.",
                printable(&undone.stored_at)
            ),
        ))?;
        if !undone.hosts.is_empty() {
            output.line(format_args!(
                "  only ever sent to  {}",
                printable(&undone.hosts.join(", "))
            ))?;
        }
        output.line(format_args!(
            "  the one before     can be brought back in the same way until {}",
            printable(&undone.previous_until)
        ))?;
        Ok(Exit::Done)
    }

    /// What can't be undone is told before the password is typed.
    async fn find(&self, daemon: &mut Daemon) -> Result<(), Failure> {
        let listed = ask(daemon.admin.list_credentials(ListCredentialsRequest {})).await?;
        let is_meant = |credential: &Credential| {
            credential.service.eq_ignore_ascii_case(&self.service)
                && credential.label.eq_ignore_ascii_case(&self.label)
        };
        if listed.credentials.iter().any(is_meant) {
            // whether it is too late is the daemon's to say
            return Ok(());
        }
        let label = match self.label.as_str() {
            "" => String::new(),
            label => format!("/{label}"),
        };
        Err(Failure::new(
            Exit::Usage,
            format!("there is no credential {}{label}", self.service),
        )
        .because("What was revoked can't be brought back.")
        .fix("axis list"))
    }
}
