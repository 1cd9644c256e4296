//! `axis rotate`: a new master password for the vault.

use axis_proto::v1::vault_status::State;
use axis_proto::v1::{Credential, ListCredentialsRequest, RotatePasswordRequest};
use clap::Args;
use secrecy::ExposeSecret;

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, tell, warn};
use crate::prompt;

/// Give the vault a new master password
///
/// Asks for the master password, and then twice for the new one. The vault gets
/// a new key, and all that is in it is sealed anew, in one write of its file:
/// either all of it or nothing, whatever happens meanwhile. What is stored stays
/// as it is: `axis add SERVICE --replace` changes a credential.
///
/// In scripts AXIS_MASTER_PASSWORD and AXIS_NEW_MASTER_PASSWORD stand for the
/// prompts.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    axis rotate\n  \
    AXIS_NEW_MASTER_PASSWORD=… axis rotate --all")]
pub struct Rotate {
    /// Taken for a credential to be changed, and told that the password is the whole vault's
    service: Option<String>,
    /// Yes, the master password of the whole vault
    #[arg(long)]
    all: bool,
}

impl Rotate {
    /// Finds out all that can be wrong before the new password is typed, then
    /// rotates.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, status) = Daemon::reach(prompt::password_from_environment()?).await?;
        let vault = status.vault.unwrap_or_default();
        if vault.state() == State::Absent {
            return Err(Failure::new(Exit::Unavailable, "there is no vault yet").fix("axis init"));
        }
        if let Some(service) = &self.service {
            self.means_the_whole_vault(service, &mut daemon).await?;
        }
        let password = prompt::master_password().await?;
        daemon.verify(&password).await?;
        let new_password = prompt::replacing_master_password().await?;
        if new_password.expose_secret() == password.expose_secret() {
            return Err(Failure::new(
                Exit::Usage,
                "the new master password is the old one; nothing was changed",
            ));
        }
        let request = RotatePasswordRequest {
            master_password: password.expose_secret().to_owned(),
            new_password: new_password.expose_secret().to_owned(),
        };
        drop((password, new_password));
        let rotated = daemon
            .confide(async move |mut admin| admin.rotate_password(request).await)
            .await??;
        for warning in &rotated.warnings {
            warn(warning);
        }
        output.line(output.paint(Tone::Good, "The vault has a new master password."))?;
        output.line(format_args!(
            "  sealed anew        {}",
            counted(rotated.credentials)
        ))?;
        if vault.state() == State::Locked {
            output.line("The vault is still locked. Next: axis unlock")?;
        }
        output.line(
            "\nChange it wherever else the old one stands: AXIS_MASTER_PASSWORD in MCP hosts,\n\
             scripts and CI, a systemd credential. A copy of the old keystore file still opens\n\
             with it.",
        )?;
        Ok(Exit::Done)
    }

    /// Whoever names a service may want another key for it.
    async fn means_the_whole_vault(
        &self,
        service: &str,
        daemon: &mut Daemon,
    ) -> Result<(), Failure> {
        let listed = ask(daemon.admin.list_credentials(ListCredentialsRequest {})).await?;
        let is_meant = |credential: &&Credential| {
            let (name, service) = (&credential.name, service);
            credential.service.eq_ignore_ascii_case(service) || name.eq_ignore_ascii_case(service)
        };
        let Some(meant) = listed.credentials.iter().find(is_meant) else {
            return Err(
                Failure::new(Exit::Usage, format!("there is no credential {service}"))
                    .because("The master password is one for the whole vault: name no service.")
                    .fix("axis rotate"),
            );
        };
        let name = printable(&meant.name);
        let replace = match meant.label.as_str() {
            "" => format!("axis add {} --replace", printable(&meant.service)),
            label => format!(
                "axis add {} --label {} --replace",
                printable(&meant.service),
                printable(label)
            ),
        };
        let count = u32::try_from(listed.credentials.len()).unwrap_or(u32::MAX);
        tell(format_args!(
            "One master password serves the whole vault ({}); {name} has none of its own.",
            counted(count)
        ));
        tell(format_args!("  to change the key of {name}   {replace}"));
        if self.all {
            return Ok(());
        }
        let go_on = "Give the whole vault a new master password?";
        if prompt::confirms(go_on, "axis rotate --all").await? {
            return Ok(());
        }
        Err(Failure::new(Exit::Failed, "nothing was changed").fix(replace))
    }
}

fn counted(credentials: u32) -> String {
    match credentials {
        1 => "1 credential".to_owned(),
        count => format!("{count} credentials"),
    }
}
