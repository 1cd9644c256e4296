//! What the command line takes from the shim crate: starting axisd, and being
//! an MCP server.

use axis_proto::socket::SocketDir;
use axis_shim::launch::{self, Launch, LaunchError};
use axis_shim::{Settings, stdio};
use secrecy::SecretString;

use crate::failure::{Exit, Failure};

/// Makes sure that an axisd answers; starts one from the directory of this
/// binary where none does, unless `AXIS_AUTOSTART=0`.
pub async fn ensure_daemon(password: Option<SecretString>) -> Result<(), Failure> {
    launch::ensure_daemon(password).await?;
    Ok(())
}

/// Starts axisd because the owner said so, whatever `AXIS_AUTOSTART` says.
pub async fn start_daemon(password: Option<SecretString>) -> Result<(), Failure> {
    let socket = SocketDir::locate()?.broker();
    // where systemd holds the socket, this starts it
    if launch::answers(&socket).await {
        return Ok(());
    }
    Launch::locate(socket, password)?.run().await?;
    Ok(())
}

/// Serves MCP on standard input and output until the host closes them.
pub async fn serve_mcp() -> Result<(), Failure> {
    let (input, output, _lent) = stdio::open();
    // rmcp's session is too large for the stack
    Box::pin(axis_shim::run(input, output, Settings::from_env()))
        .await
        .map_err(|error| Failure::new(Exit::Failed, format!("axis mcp ended: {error}")))
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Self {
        if let LaunchError::Socket(error) = error {
            return error.into();
        }
        // The sentence says what to do, too.
        Self::new(Exit::Unavailable, "axisd could not be started").because(error.to_string())
    }
}
