//! `axis identity remove`: takes an identity's own socket away.

use axis_proto::v1::RemoveIdentityRequest;
use clap::Args;
use secrecy::ExposeSecret;

use super::listed;
use crate::client::Daemon;
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, warn};
use crate::prompt;

/// Take an identity's own socket away, with its directory
///
/// Its connections end at once, and calls under way on them are cancelled. What
/// the policy allows to the identity stays as it is.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  axis identity remove ci-runner")]
pub struct Remove {
    /// The identity, such as ci-runner
    #[arg(value_name = "IDENTITY")]
    identity: String,
}

impl Remove {
    /// Removes it; the master password is the confirmation.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        self.find(&mut daemon).await?;
        let password = prompt::master_password().await?;
        let request = RemoveIdentityRequest {
            master_password: password.expose_secret().to_owned(),
            identity: self.identity.clone(),
        };
        drop(password);
        let removed = daemon
            .confide(async move |mut admin| admin.remove_identity(request).await)
            .await??;
        output.line(output.paint(
            Tone::Good,
            &format!(
                "The identity {} has no socket of its own any more.",
                printable(&self.identity)
            ),
        ))?;
        if !removed.left.is_empty() {
            warn(&format!("its directory is still there: {}", removed.left));
        }
        Ok(Exit::Done)
    }

    /// A mistyped name is told before the password is typed.
    async fn find(&self, daemon: &mut Daemon) -> Result<(), Failure> {
        let listed = listed(daemon).await?;
        let with_socket: Vec<_> = listed
            .identities
            .iter()
            .filter(|it| it.socket.is_some())
            .map(|it| it.identity.as_str())
            .collect();
        let is_meant = |name: &&str| name.eq_ignore_ascii_case(&self.identity);
        if !listed.sealed || with_socket.iter().any(is_meant) {
            return Ok(());
        }
        let others = match with_socket.as_slice() {
            [] => "No identity has one.".to_owned(),
            names => format!("Those that have one: {}", names.join(", ")),
        };
        Err(Failure::new(
            Exit::Usage,
            format!("the identity {} has no socket of its own", self.identity),
        )
        .because(others))
    }
}
