//! `axis identity add`: gives an identity a socket of its own.

use axis_proto::shell;
use axis_proto::v1::{AddIdentityRequest, OwnSocket};
use clap::Args;
use secrecy::ExposeSecret;

use super::listed;
use crate::client::Daemon;
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, warn};
use crate::prompt;

/// Where the examples put the directory inside a sandbox.
const INSIDE: &str = "/run/axis";

/// Give an identity a socket of its own
///
/// Prints the directory to mount into the sandbox or container of the agent.
/// The directory stays the same over restarts of axisd. With `socket: required`
/// in the identity's entry in policy.yaml it is served there and nowhere else.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  axis identity add ci-runner\n  axis identity add web-agent --uid 100999"
)]
pub struct Add {
    /// The identity, such as ci-runner
    #[arg(value_name = "IDENTITY")]
    identity: String,
    /// The uid that the agent's processes have on this machine, where it isn't
    /// yours, as in a container that maps users
    #[arg(long, value_name = "UID")]
    uid: Option<u32>,
}

impl Add {
    /// Adds it, and says what to do with it.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        self.check_free(&mut daemon).await?;
        let password = prompt::master_password().await?;
        let request = AddIdentityRequest {
            master_password: password.expose_secret().to_owned(),
            identity: self.identity.clone(),
            uid: self.uid,
        };
        drop(password);
        let added = daemon
            .confide(async move |mut admin| admin.add_identity(request).await)
            .await??;
        let socket = added.socket.unwrap_or_default();
        self.show(output, &socket)?;
        self.warn_of_claims(&mut daemon).await?;
        if socket.problem.is_empty() {
            return Ok(Exit::Done);
        }
        warn(&format!(
            "it isn't served yet: {}; axisd tries again each second",
            socket.problem
        ));
        Ok(Exit::Failed)
    }

    fn show(&self, output: Output, socket: &OwnSocket) -> Result<(), Failure> {
        let name = printable(&self.identity);
        output.line(output.paint(
            Tone::Good,
            &format!("The identity {name} has a socket of its own."),
        ))?;
        let directory = shell::word(&socket.directory);
        let user = match self.uid {
            None => String::new(),
            Some(uid) => format!(", uid {uid} may connect"),
        };
        for line in [
            format!("  mount this directory:  {}{user}", socket.directory),
            format!("  the socket in it:      AXIS_SOCKET={}", socket.path),
            String::new(),
            "In a sandbox or container mount that directory and nothing else of Axis:".to_owned(),
            format!(
                "  docker run -v {directory}:{INSIDE}:ro -e AXIS_SOCKET={INSIDE}/broker.sock …"
            ),
            format!(
                "  bwrap --ro-bind {directory} {INSIDE} --setenv AXIS_SOCKET {INSIDE}/broker.sock …"
            ),
        ] {
            output.line(printable(&line))?;
        }
        Ok(())
    }

    /// That it is taken is told before the password is typed.
    async fn check_free(&self, daemon: &mut Daemon) -> Result<(), Failure> {
        let listed = listed(daemon).await?;
        let same = listed
            .identities
            .into_iter()
            .find(|it| it.identity.eq_ignore_ascii_case(&self.identity));
        match same.and_then(|identity| identity.socket) {
            Some(socket) if listed.sealed => Err(Failure::new(
                Exit::Failed,
                format!("the identity {} has a socket of its own", self.identity),
            )
            .because(format!("Its directory is {}", socket.directory))
            .fix(format!(
                "axis identity remove {} takes it away",
                self.identity
            ))),
            _ => Ok(()),
        }
    }

    /// The socket alone keeps nobody from claiming the identity elsewhere.
    async fn warn_of_claims(&self, daemon: &mut Daemon) -> Result<(), Failure> {
        let listed = listed(daemon).await?;
        let mut identities = listed.identities.iter();
        let same = identities.find(|it| it.identity.eq_ignore_ascii_case(&self.identity));
        if let Some(identity) = same.filter(|identity| !identity.own_socket_required) {
            let lacks = if identity.in_policy {
                "its entry in policy.yaml lacks `socket: required`"
            } else {
                "it has no entry in policy.yaml with `socket: required`"
            };
            warn(&format!(
                "{lacks}: until then any process of yours can claim it on the general socket, too"
            ));
        }
        Ok(())
    }
}
