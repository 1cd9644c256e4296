//! An axisd that answers what the test wants and remembers what it was asked.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use axis_proto::socket;
use axis_proto::v1::admin_server::{Admin, AdminServer};
use axis_proto::v1::broker_server::{Broker, BrokerServer};
use axis_proto::v1::execute_request::Part as RequestPart;
use axis_proto::v1::execute_response::Part as ResponsePart;
use axis_proto::v1::outcome::End;
use axis_proto::v1::vault_status::State;
use axis_proto::v1::*;
use axis_shim::files::Reach;
use axis_shim::settings::{Identity, Password, Settings};
use interprocess::local_socket::tokio::{Listener, Stream as SocketStream, prelude::*};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status, Streaming};

/// How the fake ends an Execute call.
#[derive(Clone)]
pub enum Reply {
    End(End),
    Refuse(Status),
    /// The stream ends without an outcome.
    Nothing,
    /// No answer until the caller gives up.
    Hang,
}

type Replies = Box<dyn Fn(&Call) -> Reply + Send + Sync>;

/// What the fake knows and remembers.
pub struct Fake {
    replies: Mutex<Replies>,
    pub calls: Mutex<Vec<Call>>,
    pub cancelled: Mutex<usize>,
    pub unlocks: Mutex<Vec<UnlockRequest>>,
    pub list: Mutex<Result<ListActionsResponse, Status>>,
    pub vault: Mutex<State>,
    pub unlock_answer: Mutex<Result<(), Status>>,
    pub version: Mutex<String>,
    pub watchers: Mutex<usize>,
    changes: broadcast::Sender<()>,
}

/// The fake, listening; dropped, it is gone like a killed process.
pub struct Daemon {
    pub fake: Arc<Fake>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A place for sockets, and the settings of a shim that uses it.
pub struct Home {
    pub dir: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub fn broker_socket(&self) -> PathBuf {
        self.dir.path().join("broker.sock")
    }

    pub fn admin_socket(&self) -> PathBuf {
        self.dir.path().join("admin.sock")
    }

    pub fn settings(&self) -> Settings {
        Settings {
            identity: Identity::Named("local-dev".into()),
            broker_socket: Ok(self.broker_socket()),
            admin_socket: Some(self.admin_socket()),
            autostart: false,
            files: Ok(Reach::Everywhere),
            password: Password::Absent,
        }
    }

    pub fn start(&self) -> Daemon {
        self.start_with(Fake::new())
    }

    pub fn start_with(&self, fake: Arc<Fake>) -> Daemon {
        let (stop, stopped) = oneshot::channel();
        let (ready, listening) = std::sync::mpsc::channel();
        let service = fake.clone();
        let (broker, admin) = (self.broker_socket(), self.admin_socket());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                serve(&broker, &admin, service);
                ready.send(()).unwrap();
                let _ = stopped.await;
            });
        });
        listening.recv().unwrap();
        Daemon {
            fake,
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

fn serve(broker: &Path, admin: &Path, fake: Arc<Fake>) {
    let broker = socket::listen(broker).unwrap();
    let admin = socket::listen(admin).unwrap();
    tokio::spawn(
        tonic::transport::Server::builder()
            .add_service(
                BrokerServer::new(Service(fake.clone()))
                    .max_decoding_message_size(axis_proto::MAX_MESSAGE_BYTES)
                    .max_encoding_message_size(axis_proto::MAX_MESSAGE_BYTES),
            )
            .serve_with_incoming(incoming(broker)),
    );
    tokio::spawn(
        tonic::transport::Server::builder()
            .add_service(AdminServer::new(Service(fake)))
            .serve_with_incoming(incoming(admin)),
    );
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.stop.take());
        // Waited for: a listener that closes late takes its successor's file along.
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Fake {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            replies: Mutex::new(Box::new(|_| Reply::End(success("{}")))),
            calls: Mutex::default(),
            cancelled: Mutex::default(),
            unlocks: Mutex::default(),
            list: Mutex::new(Ok(catalogue())),
            vault: Mutex::new(State::Unlocked),
            unlock_answer: Mutex::new(Ok(())),
            version: Mutex::new(axis_proto::VERSION.to_owned()),
            watchers: Mutex::default(),
            changes: broadcast::channel(16).0,
        })
    }

    pub fn reply(&self, replies: impl Fn(&Call) -> Reply + Send + Sync + 'static) {
        *self.replies.lock().unwrap() = Box::new(replies);
    }

    pub fn change(&self) {
        self.changes.send(()).unwrap();
    }
}

pub fn success(result: &str) -> End {
    End::Success(Success {
        result: result.to_owned().into(),
        ..Success::default()
    })
}

pub fn failed(code: &str) -> Failed {
    Failed {
        code: code.to_owned(),
        message: format!("{code} happened"),
        ..Failed::default()
    }
}

/// What the fake's catalogue and policy say.
pub fn catalogue() -> ListActionsResponse {
    ListActionsResponse {
        identity: "local-dev".into(),
        services: vec![ServiceActions {
            service: "github".into(),
            title: "GitHub".into(),
            has_credential: true,
            actions: vec![
                ActionSummary {
                    action: "repos.get".into(),
                    effect: "read".into(),
                    allowed: true,
                    ask: false,
                },
                ActionSummary {
                    action: "issues.create".into(),
                    effect: "write".into(),
                    allowed: false,
                    ask: false,
                },
            ],
        }],
        detail: None,
        daemon_version: axis_proto::VERSION.to_owned(),
    }
}

/// Waits until the condition holds; fails after 5 s.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..1000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("waited 5 s in vain until {what}");
}

struct Service(Arc<Fake>);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Counts a call that was dropped before it was answered.
struct Pending(Arc<Fake>, bool);

impl Drop for Pending {
    fn drop(&mut self) {
        if self.1 {
            *self.0.cancelled.lock().unwrap() += 1;
        }
    }
}

#[tonic::async_trait]
impl Broker for Service {
    type ExecuteStream = Answers<ExecuteResponse>;
    type WatchActionsStream = Answers<WatchActionsResponse>;

    async fn execute(
        &self,
        request: Request<Streaming<ExecuteRequest>>,
    ) -> Result<Response<Self::ExecuteStream>, Status> {
        let mut pending = Pending(self.0.clone(), true);
        let Some(RequestPart::Call(call)) = request.into_inner().message().await?.unwrap().part
        else {
            return Err(Status::invalid_argument("no call"));
        };
        self.0.calls.lock().unwrap().push(call.clone());
        let reply = (self.0.replies.lock().unwrap())(&call);
        let end = match reply {
            Reply::Hang => std::future::pending().await,
            Reply::Refuse(status) => {
                pending.1 = false;
                return Err(status);
            }
            Reply::Nothing => None,
            Reply::End(end) => Some(end),
        };
        pending.1 = false;
        let responses = end.map(|end| {
            Ok(ExecuteResponse {
                part: Some(ResponsePart::Outcome(Outcome {
                    request_id: "0b3c1d9e-0000-4000-8000-000000000001".into(),
                    end: Some(end),
                })),
            })
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(responses))))
    }

    async fn list_actions(
        &self,
        request: Request<ListActionsRequest>,
    ) -> Result<Response<ListActionsResponse>, Status> {
        let request = request.into_inner();
        let mut list = self.0.list.lock().unwrap().clone()?;
        list.daemon_version
            .clone_from(&self.0.version.lock().unwrap());
        if let Some(service) = &request.service {
            if service != "github" {
                return Err(Status::not_found(format!(
                    "there is no service {service:?}"
                )));
            }
            if let Some(action) = &request.action {
                if action != "repos.get" {
                    return Err(Status::not_found(format!(
                        "github has no action {action:?}"
                    )));
                }
                list.services.clear();
                list.detail = Some(ActionDetail {
                    service: "github".into(),
                    action: "repos.get".into(),
                    effect: "read".into(),
                    params_schema: "{\n  \"type\": \"object\"\n}".into(),
                    example: r#"{"owner":"octocat"}"#.into(),
                    allowed: true,
                    ask: false,
                });
            }
        }
        Ok(Response::new(list))
    }

    async fn answer_approval(
        &self,
        _request: Request<AnswerApprovalRequest>,
    ) -> Result<Response<AnswerApprovalResponse>, Status> {
        Err(Status::unimplemented("the fake asks nothing"))
    }

    async fn watch_actions(
        &self,
        _request: Request<WatchActionsRequest>,
    ) -> Result<Response<Self::WatchActionsStream>, Status> {
        let (sender, receiver) = mpsc::channel(4);
        let message = WatchActionsResponse {
            daemon_version: self.0.version.lock().unwrap().clone(),
        };
        let mut changes = self.0.changes.subscribe();
        *self.0.watchers.lock().unwrap() += 1;
        tokio::spawn(async move {
            while sender.send(Ok(message.clone())).await.is_ok() {
                if changes.recv().await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

// `async_trait` must see the whole block, so the macro writes all of it.
macro_rules! play_admin {
    ({ $($played:tt)* } $($call:ident: $request:ty => $response:ty),* $(,)?) => {
        #[tonic::async_trait]
        impl Admin for Service {
            type LogsStream = Answers<LogsResponse>;
            type WatchApprovalsStream = Answers<WatchApprovalsResponse>;
            $($played)*
            $(async fn $call(&self, _: Request<$request>) -> Result<Response<$response>, Status> {
                Err(Status::unimplemented("the fake doesn't play this"))
            })*
        }
    };
}

play_admin! {
    {
    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        Ok(Response::new(StatusResponse {
            pid: 4242,
            vault: Some(VaultStatus {
                state: (*self.0.vault.lock().unwrap()).into(),
                ..VaultStatus::default()
            }),
            ..StatusResponse::default()
        }))
    }

    async fn unlock(
        &self,
        request: Request<UnlockRequest>,
    ) -> Result<Response<UnlockResponse>, Status> {
        self.0.unlocks.lock().unwrap().push(request.into_inner());
        self.0.unlock_answer.lock().unwrap().clone()?;
        *self.0.vault.lock().unwrap() = State::Unlocked;
        Ok(Response::new(UnlockResponse { credentials: 1 }))
    }
    }

        init: InitRequest => InitResponse,
        verify_password: VerifyPasswordRequest => VerifyPasswordResponse,
        lock: LockRequest => LockResponse,
        add_credential: AddCredentialRequest => AddCredentialResponse,
        list_credentials: ListCredentialsRequest => ListCredentialsResponse,
        revoke_credential: RevokeCredentialRequest => RevokeCredentialResponse,
        logs: LogsRequest => Self::LogsStream,
        verify_logs: VerifyLogsRequest => VerifyLogsResponse,
        doctor: DoctorRequest => DoctorResponse,
        list_services: ListServicesRequest => ListServicesResponse,
        show_service: ShowServiceRequest => ShowServiceResponse,
        validate_service: ValidateServiceRequest => ValidateServiceResponse,
        show_policy: ShowPolicyRequest => ShowPolicyResponse,
        check_policy: CheckPolicyRequest => CheckPolicyResponse,
        explain_policy: ExplainPolicyRequest => ExplainPolicyResponse,
        watch_approvals: WatchApprovalsRequest => Self::WatchApprovalsStream,
        approve: ApproveRequest => ApproveResponse,
        reject: RejectRequest => RejectResponse,
        add_identity: AddIdentityRequest => AddIdentityResponse,
        list_identities: ListIdentitiesRequest => ListIdentitiesResponse,
        remove_identity: RemoveIdentityRequest => RemoveIdentityResponse,
        stop: StopRequest => StopResponse,
        logs_head: LogsHeadRequest => LogsHeadResponse,
        logs_stats: LogsStatsRequest => LogsStatsResponse,
        show_seal: ShowSealRequest => ShowSealResponse,
        seal_policy: SealPolicyRequest => SealPolicyResponse,
        unseal_policy: UnsealPolicyRequest => UnsealPolicyResponse,
        set_keychain: SetKeychainRequest => SetKeychainResponse,
        delete_keychain: DeleteKeychainRequest => DeleteKeychainResponse,
        keychain_status: KeychainStatusRequest => KeychainStatusResponse,
        rotate_password: RotatePasswordRequest => RotatePasswordResponse,
        undo_credential: UndoCredentialRequest => UndoCredentialResponse,
        resolve_source: ResolveSourceRequest => ResolveSourceResponse,
        mint_dashboard_token: MintDashboardTokenRequest => MintDashboardTokenResponse,
        check_dashboard_token: CheckDashboardTokenRequest => CheckDashboardTokenResponse,
}

/// A connection as tonic wants it.
struct Connection(SocketStream);

impl Connected for Connection {
    type ConnectInfo = ();
    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }
    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }
    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

fn incoming(listener: Listener) -> impl Stream<Item = std::io::Result<Connection>> {
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        while sender
            .send(listener.accept().await.map(Connection))
            .await
            .is_ok()
        {}
    });
    ReceiverStream::new(receiver)
}
