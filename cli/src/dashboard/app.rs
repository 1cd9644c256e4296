//! What every room of the dashboard has at hand: the connection to axisd, who
//! is signed in, and what is going on now.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axis_proto::socket::{SocketDir, admin_client};
use axis_proto::v1::admin_client::AdminClient;
use axis_proto::v1::{
    StatusRequest, StatusResponse, WatchApprovalsRequest, WatchApprovalsResponse,
};
use tokio::sync::watch;
use tonic::transport::Channel;
use tonic::{Response, Status};

use super::live::{self, Now};
use super::session::Sessions;
use crate::client::check_version;
use crate::failure::{Exit, Failure};

/// How long axisd may take to answer a page.
const PATIENCE: Duration = Duration::from_secs(30);

/// The dashboard's state, shared by all its requests.
#[derive(Clone)]
pub struct App(Arc<Shared>);

struct Shared {
    admin: AdminClient<Channel>,
    sessions: Sessions,
    port: u16,
    now: watch::Receiver<Now>,
}

/// What axisd says of itself, asked for each page.
pub struct Standing {
    /// How it is, or why it doesn't say.
    pub status: Result<StatusResponse, Failure>,
    /// What waits for the owner; nothing where axisd can't be asked.
    pub approvals: WatchApprovalsResponse,
}

impl App {
    /// The dashboard on `port` of the axisd behind this user's socket. Begins
    /// to follow it.
    pub fn new(port: u16) -> Result<Self, Failure> {
        let admin = admin_client(&SocketDir::locate()?.admin())?;
        let now = live::follow(admin.clone());
        Ok(Self(Arc::new(Shared {
            admin,
            sessions: Sessions::default(),
            port,
            now,
        })))
    }

    /// A client of axisd; it connects when it is used, and again after axisd
    /// was restarted.
    pub fn admin(&self) -> AdminClient<Channel> {
        self.0.admin.clone()
    }

    /// Who is signed in.
    pub fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// The port that the dashboard listens on.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// What goes on, and each change of it.
    pub fn now(&self) -> watch::Receiver<Now> {
        self.0.now.clone()
    }

    /// Asks axisd how it is and what waits for the owner.
    pub async fn standing(&self) -> Standing {
        let (mut status, mut approvals) = (self.admin(), self.admin());
        let (status, approvals) = tokio::join!(
            answer(status.status(StatusRequest {})),
            waiting(&mut approvals)
        );
        Standing {
            status: status.and_then(|status| {
                check_version(&status.version)?;
                Ok(status)
            }),
            approvals: approvals.unwrap_or_default(),
        }
    }
}

async fn waiting(admin: &mut AdminClient<Channel>) -> Result<WatchApprovalsResponse, Failure> {
    let first = async {
        let mut changes = admin.watch_approvals(WatchApprovalsRequest {}).await?;
        let first = changes.get_mut().message().await?;
        Ok(Response::new(first.unwrap_or_default()))
    };
    answer(first).await
}

/// Waits for an answer of axisd.
///
/// # Errors
/// What axisd said, or that it said nothing for 30 s.
pub async fn answer<T>(
    answer: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(answered) => Ok(answered?.into_inner()),
        Err(_) => Err(Failure::new(
            Exit::Unavailable,
            format!("axisd didn't answer within {} s", PATIENCE.as_secs()),
        )
        .fix("axis daemon restart")),
    }
}
