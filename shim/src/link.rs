//! The shim's link to axisd: asks it, starts it where none runs, and turns
//! whatever goes wrong on the way into a failure that says what to do.

use std::error::Error as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axis_proto::socket;
use axis_proto::v1::broker_client::BrokerClient;
use axis_proto::v1::outcome::End;
use axis_proto::v1::{
    AnswerApprovalRequest, Call, ExecuteResponse, ListActionsRequest, ListActionsResponse, Outcome,
    WatchActionsRequest, WatchActionsResponse,
};
use secrecy::SecretString;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Response, Status, Streaming};

use crate::answer::{Answer, Failure};
use crate::files::Reach;
use crate::launch::Launch;
use crate::progress::News;
use crate::refusal::{Refusal, is_forbidden, is_vault_locked, lost, no_socket, not_connected};
use crate::settings::Settings;
use crate::transfer::{Files, Taken, messages};
use crate::unlock::PasswordOffer;
use crate::vigil;

const START_HINT: &str =
    "Run `axis daemon start`; `axis doctor` says what is wrong where that doesn't help.";

const OWN_SOCKET_HINT: &str = "Outside of the sandbox the owner runs `axis daemon start`; `axis identity list` shows the directory that has to be mounted, and AXIS_SOCKET is the path of broker.sock in it, as it is seen here.";

const CUT_OFF_HINT: &str = "If that goes on, axisd doesn't take connections of this user on this socket: the owner orders it with `axis identity add NAME --uid UID`, the uid as it is outside of the sandbox.";

/// How long axisd may take to end an answer that is complete.
const CLOSING: Duration = Duration::from_millis(100);

/// How long axisd may take to list actions, its start included.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// The link; lives as long as the shim.
pub struct Link {
    settings: Settings,
    client: Result<BrokerClient<Channel>, String>,
    /// One start at a time, so that calls at once start one daemon.
    starting: AsyncMutex<()>,
    offer: PasswordOffer,
    /// The daemon's version as it last told, where it isn't ours.
    other_version: Mutex<Option<String>>,
    /// Rung when a daemon was found or started, for whoever waits for one.
    found: Notify,
}

impl Link {
    /// A link that connects when it is first asked something.
    pub fn new(settings: Settings) -> Self {
        let client = settings
            .broker_socket
            .clone()
            .and_then(|path| socket::broker_client(&path).map_err(|error| error.to_string()));
        let offer = PasswordOffer::new(settings.password.clone(), settings.admin_socket.clone());
        Self {
            settings,
            client,
            starting: AsyncMutex::new(()),
            offer,
            other_version: Mutex::new(None),
            found: Notify::new(),
        }
    }

    /// The identity that the agent acts under.
    pub fn identity(&self) -> Result<String, Failure> {
        self.settings
            .identity
            .name()
            .map(ToOwned::to_owned)
            .map_err(|problem| Failure::new("invalid_params", problem))
    }

    /// Where the agent's files may lie.
    pub fn files(&self) -> Result<&Reach, Failure> {
        let files = self.settings.files.as_ref();
        files.map_err(|problem| Failure::new("invalid_params", problem.clone()))
    }

    /// One call, from the agent's request to what the agent reads; `news`
    /// hears how far it is.
    pub async fn execute(&self, call: Call, files: &Files, news: &News) -> Answer {
        let call = files.announced_in(call);
        let asked = async {
            let outcome = self.ask(&call, files, news).await;
            if is_vault_locked(&outcome) && self.offer.make().await {
                return self.ask(&call, files, news).await;
            }
            outcome
        };
        let socket = self.settings.broker_socket.as_deref().ok();
        let outcome = tokio::select! {
            outcome = asked => outcome,
            () = vigil::until_silent(socket) => Err(vigil::silent()),
        };
        match outcome {
            Ok(mut outcome) => {
                self.explain(&mut outcome);
                Answer::from_outcome(outcome)
            }
            Err(failure) => Answer::failed(&failure),
        }
    }

    /// What the identity may do, or one action in detail.
    pub async fn list_actions(
        &self,
        service: Option<String>,
        action: Option<String>,
    ) -> Result<ListActionsResponse, Failure> {
        let request = ListActionsRequest {
            identity: self.identity()?,
            service: service.clone(),
            action: action.clone(),
        };
        match self.list(request.clone()).await {
            Ok(response) => {
                self.note_version(&response.daemon_version);
                match self.version_failure() {
                    Some(failure) => Err(failure),
                    None => Ok(response),
                }
            }
            Err(Refusal::Launch(failure)) => Err(failure),
            Err(Refusal::Status(status)) if status.code() == Code::NotFound => {
                // Which of the two names is unknown shows without the action.
                let without_action = ListActionsRequest {
                    action: None,
                    ..request
                };
                let service_known = action.is_some() && self.list(without_action).await.is_ok();
                let code = if service_known {
                    "unknown_action"
                } else {
                    "unknown_service"
                };
                Err(Failure::new(code, status.message()))
            }
            Err(Refusal::Status(status)) => Err(self.failure(&status)),
        }
    }

    /// Whether the vault is known to be locked.
    pub async fn vault_locked(&self) -> bool {
        self.offer.vault_locked().await
    }

    /// Offers the shim's password to a daemon that never had one.
    pub async fn offer_password(&self) {
        self.offer.make().await;
    }

    /// The stream of changes; starts a daemon only where `start` is set.
    pub async fn watch(&self, start: bool) -> Result<Streaming<WatchActionsResponse>, Failure> {
        let request = WatchActionsRequest {
            identity: self.identity()?,
        };
        let watched = if start {
            self.with_daemon(move |mut client| {
                let request = request.clone();
                async move { client.watch_actions(request).await }
            })
            .await
        } else {
            let mut client = self.client()?;
            client.watch_actions(request).await.map_err(Refusal::Status)
        };
        match watched {
            Ok(response) => Ok(response.into_inner()),
            Err(Refusal::Launch(failure)) => Err(failure),
            Err(Refusal::Status(status)) => Err(self.failure(&status)),
        }
    }

    /// Hands on what was said in the host's window.
    ///
    /// # Errors
    /// Nothing waits for it any more.
    pub async fn answer_approval(&self, answer: AnswerApprovalRequest) -> Result<(), Status> {
        let mut client = self
            .client()
            .map_err(|failure| Status::unavailable(failure.message))?;
        client.answer_approval(answer).await.map(drop)
    }

    /// Waits until a call has found a daemon.
    pub async fn found(&self) {
        self.found.notified().await;
    }

    /// Keeps the daemon's version where it differs from ours.
    pub fn note_version(&self, version: &str) {
        let other = (version != axis_proto::VERSION).then(|| version.to_owned());
        *self
            .other_version
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = other;
    }

    async fn list(&self, request: ListActionsRequest) -> Result<ListActionsResponse, Refusal> {
        let asked = self.with_daemon(move |mut client| {
            let request = request.clone();
            async move { client.list_actions(request).await }
        });
        match timeout(LIST_TIMEOUT, asked).await {
            Ok(answer) => answer.map(Response::into_inner),
            Err(_) => Err(Refusal::Launch(
                Failure::new("daemon_unavailable", "axisd runs but does not answer")
                    .with_hint("`axis status` says how the owner ends it."),
            )),
        }
    }

    async fn ask(&self, call: &Call, files: &Files, news: &News) -> Result<Outcome, Failure> {
        let mut receiver = files.receiver()?;
        let (call, body) = (call.clone(), files.body());
        let started = self
            .with_daemon(move |mut client| {
                let messages = messages(call.clone(), body.clone());
                async move { client.execute(messages).await }
            })
            .await;
        let mut parts = match started {
            Ok(response) => response.into_inner(),
            Err(Refusal::Launch(failure)) => return Err(failure),
            Err(Refusal::Status(status)) => return Err(self.call_failure(&status)),
        };
        loop {
            let part = match parts.message().await {
                Ok(Some(ExecuteResponse { part: Some(part) })) => part,
                Ok(Some(_)) => continue,
                Ok(None) => return Err(lost()),
                Err(status) => return Err(self.call_failure(&status)),
            };
            match receiver.take(part).await? {
                Taken::Nothing => {}
                Taken::News(text) => news.tell(text),
                Taken::Waiting(waiting) => news.waits(waiting),
                Taken::Outcome(outcome) => {
                    // A stream that is dropped before its end is reset, and
                    // HTTP/2 gives up a connection after many of those.
                    let _ = timeout(CLOSING, parts.message()).await;
                    return Ok(outcome);
                }
            }
        }
    }

    /// Asks a daemon; where none runs, starts one and asks again.
    async fn with_daemon<T, F>(
        &self,
        question: impl Fn(BrokerClient<Channel>) -> F,
    ) -> Result<Response<T>, Refusal>
    where
        F: Future<Output = Result<Response<T>, Status>> + Send,
    {
        let client = self.client().map_err(Refusal::Launch)?;
        match question(client.clone()).await {
            Err(status) if not_connected(&status) => {
                if !self.settings.autostart || is_forbidden(&status) {
                    return Err(Refusal::Launch(self.unreachable(&status)));
                }
                self.start().await.map_err(Refusal::Launch)?;
                let answer = question(client).await.map_err(|status| {
                    if not_connected(&status) {
                        Refusal::Launch(self.unreachable(&status))
                    } else {
                        Refusal::Status(status)
                    }
                });
                self.found.notify_one();
                answer
            }
            answer => answer.map_err(Refusal::Status),
        }
    }

    async fn start(&self) -> Result<(), Failure> {
        let socket = self.socket()?;
        let _one_at_a_time = self.starting.lock().await;
        if crate::launch::answers(&socket).await {
            return Ok(());
        }
        let password = self.settings.password.secret();
        let password = password.map(|kept| SecretString::from(kept.expose()));
        let launched = async { Launch::locate(socket, password)?.run().await }.await;
        launched.map(|_| ()).map_err(|error| {
            Failure::new("daemon_unavailable", error.to_string()).with_hint(START_HINT)
        })
    }

    fn client(&self) -> Result<BrokerClient<Channel>, Failure> {
        self.client.clone().map_err(no_socket)
    }

    fn socket(&self) -> Result<std::path::PathBuf, Failure> {
        self.settings.broker_socket.clone().map_err(no_socket)
    }

    fn unreachable(&self, status: &Status) -> Failure {
        let place = match &self.settings.broker_socket {
            Ok(path) => path.display().to_string(),
            Err(problem) => problem.clone(),
        };
        if is_forbidden(status) {
            return Failure::new(
                "daemon_unavailable",
                format!("this user may not open axisd's socket {place}; nothing was sent"),
            )
            .with_hint(if self.has_one_socket() {
                CUT_OFF_HINT
            } else {
                "`axis doctor` says whose socket it is."
            });
        }
        Failure::new(
            "daemon_unavailable",
            format!("axisd does not run (nobody answers on {place}); nothing was sent"),
        )
        .with_hint(self.start_hint())
    }

    /// Whether this shim was given one socket, as in a sandbox.
    fn has_one_socket(&self) -> bool {
        self.settings.admin_socket.is_none()
    }

    fn start_hint(&self) -> &'static str {
        if self.has_one_socket() {
            OWN_SOCKET_HINT
        } else {
            START_HINT
        }
    }

    /// A failed execute: whatever broke on the way may have broken after the
    /// request had gone out.
    fn call_failure(&self, status: &Status) -> Failure {
        if status.source().is_some() || status.code() == Code::Unavailable {
            let lost = lost();
            match &lost.hint {
                Some(hint) if self.has_one_socket() => {
                    let hint = format!("{hint} {CUT_OFF_HINT}");
                    lost.with_hint(hint)
                }
                _ => lost,
            }
        } else {
            self.failure(status)
        }
    }

    fn failure(&self, status: &Status) -> Failure {
        let code = match status.code() {
            Code::Unavailable | Code::Unimplemented => "daemon_unavailable",
            Code::InvalidArgument => "invalid_params",
            Code::Cancelled => "cancelled",
            Code::OutOfRange | Code::ResourceExhausted => "response_too_large",
            _ => "internal_error",
        };
        let failure = Failure::new(code, status.message());
        match self.version_hint() {
            Some(hint) => failure.with_hint(hint),
            None if code == "daemon_unavailable" => failure.with_hint(self.start_hint()),
            None => failure,
        }
    }

    fn version_hint(&self) -> Option<String> {
        let other = self
            .other_version
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()?;
        Some(format!(
            "axisd is version {other}, axis is version {}: run `axis daemon restart` and start the MCP host's session anew.",
            axis_proto::VERSION
        ))
    }

    fn version_failure(&self) -> Option<Failure> {
        self.version_hint().map(|hint| {
            Failure::new(
                "daemon_unavailable",
                "axisd and axis are of different versions",
            )
            .with_hint(hint)
        })
    }

    /// Adds to a failed outcome what only the shim knows.
    fn explain(&self, outcome: &mut Outcome) {
        let Some(End::Failed(failed)) = &mut outcome.end else {
            return;
        };
        let known = match failed.code.as_str() {
            "vault_locked" => self.offer.problem(),
            "daemon_unavailable" | "internal_error" => self.version_hint(),
            _ => None,
        };
        if let Some(known) = known {
            failed.hint = Some(match failed.hint.take() {
                Some(hint) => format!("{hint} {known}"),
                None => known,
            });
        }
    }
}
