//! The MCP server of Axis: relays a host's stdio to axisd. It has no state,
//! no policy and no secrets; everything lives in the daemon.
//!
//! One line from the host: [`lines`] → [`message`] → [`transport`] → rmcp →
//! [`server`] → [`arguments`] → [`link`] → axisd, and back through [`answer`].

pub mod answer;
mod arguments;
mod elicitation;
pub mod files;
pub mod launch;
mod lines;
mod link;
mod members;
mod message;
mod progress;
mod refusal;
mod scan;
mod server;
pub mod settings;
pub mod stdio;
mod tools;
pub mod transfer;
mod transport;
mod unlock;
mod vigil;
mod watch;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rmcp::service::{ServerInitializeError, serve_server_with_ct};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use link::Link;
use server::Server;
use transport::StdioTransport;

pub use settings::Settings;

/// Why a session could not be served. The host's going away is no error.
#[derive(Debug, thiserror::Error)]
pub enum ShimError {
    /// The handshake came to no session.
    #[error("the MCP session could not be opened: {0}")]
    Handshake(Box<ServerInitializeError>),
    /// The session's task broke.
    #[error("the MCP session broke off: {0}")]
    Broken(tokio::task::JoinError),
}

/// Serves one MCP session over these streams until the host ends it: returns
/// soon after the input has ended or the output is no longer read. Needs a
/// tokio runtime with I/O and time; one thread is enough.
///
/// A read of the process's stdin may still be under way when this returns
/// (where the host closed stdout alone), so end the runtime by
/// `shutdown_background`.
pub async fn run<R, W>(input: R, output: W, settings: Settings) -> Result<(), ShimError>
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let link = Arc::new(Link::new(settings));
    let (change, changes) = tokio::sync::watch::channel(0);
    let listed_blind = Arc::new(AtomicBool::new(false));
    let session = CancellationToken::new();
    let transport = StdioTransport::new(input, output, session.clone());
    let server = Server::new(link.clone(), changes, listed_blind.clone());
    match serve_server_with_ct(server, transport, session).await {
        Ok(running) => {
            // Only now, so that nothing holds up the handshake.
            let following = tokio::spawn(watch::follow(link, change, listed_blind));
            let ended = running.waiting().await;
            following.abort();
            ended.map(|_| ()).map_err(ShimError::Broken)
        }
        Err(
            ServerInitializeError::ConnectionClosed(_)
            | ServerInitializeError::TransportError { .. }
            | ServerInitializeError::Cancelled,
        ) => Ok(()),
        Err(error) => Err(ShimError::Handshake(Box::new(error))),
    }
}
