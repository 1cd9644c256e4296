//! The one use of a master password in the shim's environment besides a start
//! of axisd: to unlock a daemon that never had a password. At most one offer a
//! daemon, none after a wrong one, and never to a vault that the owner locked.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axis_proto::socket;
use axis_proto::v1::vault_status::State;
use axis_proto::v1::{StatusRequest, StatusResponse, UnlockRequest};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::timeout;
use tonic::Code;

use crate::settings::{KeptPassword, Password};

/// How long axisd may take to say how the vault is, and to unlock it.
const STATUS_TIMEOUT: Duration = Duration::from_millis(500);
const UNLOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// The password and what became of it.
pub struct PasswordOffer {
    admin_socket: Option<PathBuf>,
    state: AsyncMutex<OfferState>,
    /// What the agent's owner should know about the password.
    problem: Mutex<Option<String>>,
}

struct OfferState {
    secret: Option<KeptPassword>,
    /// The process id of the daemon that it was last offered to.
    offered_to: Option<u32>,
}

impl PasswordOffer {
    /// An offer that is yet to be made.
    pub fn new(password: Password, admin_socket: Option<PathBuf>) -> Self {
        let (secret, problem) = match password {
            Password::Absent => (None, None),
            Password::Given(secret) => (Some(secret), None),
            Password::Unexpanded => (None, Some(
                "AXIS_MASTER_PASSWORD is a variable that the MCP host passed on without expanding it, so it was not used.".to_owned(),
            )),
        };
        if let Some(problem) = &problem {
            tracing::warn!("{problem}");
        }
        Self {
            admin_socket,
            state: AsyncMutex::new(OfferState {
                secret,
                offered_to: None,
            }),
            problem: Mutex::new(problem),
        }
    }

    /// What is wrong with the password, in words.
    pub fn problem(&self) -> Option<String> {
        self.problem
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether axisd says that the vault is locked.
    pub async fn vault_locked(&self) -> bool {
        self.status().await.is_some_and(|status| is_locked(&status))
    }

    /// Unlocks a locked vault with the password, where there is one and this
    /// daemon hasn't had it yet. Says whether the vault is open afterwards.
    pub async fn make(&self) -> bool {
        let mut state = self.state.lock().await;
        let Some(secret) = state.secret.clone() else {
            return false;
        };
        let Some(status) = self.status().await else {
            return false;
        };
        if !is_locked(&status) {
            return status
                .vault
                .is_some_and(|vault| vault.state() == State::Unlocked);
        }
        if state.offered_to == Some(status.pid) {
            return false;
        }
        state.offered_to = Some(status.pid);
        match self.unlock(&secret).await {
            Ok(()) => true,
            Err(Code::PermissionDenied) => {
                state.secret = None;
                self.note("The AXIS_MASTER_PASSWORD of this MCP server is not the vault's master password.");
                false
            }
            Err(code) => {
                tracing::info!(?code, "axisd did not take the master password");
                false
            }
        }
    }

    async fn status(&self) -> Option<StatusResponse> {
        let mut client = socket::admin_client(self.admin_socket.as_deref()?).ok()?;
        let answer = timeout(STATUS_TIMEOUT, client.status(StatusRequest {})).await;
        Some(answer.ok()?.ok()?.into_inner())
    }

    async fn unlock(&self, secret: &KeptPassword) -> Result<(), Code> {
        let path = self.admin_socket.as_deref().ok_or(Code::Unavailable)?;
        let mut client = socket::admin_client(path).map_err(|_| Code::Unavailable)?;
        let request = UnlockRequest {
            master_password: secret.expose().to_owned(),
            accept_older: false,
            only_if_never_locked: true,
        };
        match timeout(UNLOCK_TIMEOUT, client.unlock(request)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(status)) => Err(status.code()),
            Err(_) => Err(Code::DeadlineExceeded),
        }
    }

    fn note(&self, problem: &str) {
        tracing::warn!("{problem}");
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem.to_owned());
    }
}

fn is_locked(status: &StatusResponse) -> bool {
    status
        .vault
        .as_ref()
        .is_some_and(|vault| vault.state() == State::Locked)
}
