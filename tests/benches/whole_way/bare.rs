//! The bare shape: the same gRPC messages and the same upstream call with
//! nothing of Axis in between, no policy, vault, limits, leak guard or audit,
//! as processes of their own. What it takes is this machine's price for the
//! shape; what Axis takes beyond it is Axis's own.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use axis_proto::{socket, v1};
use axisd::rpc::peer;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientJsonRpcMessage, ContentBlock,
    ServerCapabilities, ServerConfig, ServerJsonRpcMessage,
};
use rmcp::service::RequestContext;
use rmcp::transport::Transport;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Stdin, Stdout};
use tokio::sync::Mutex;
use tokio_stream::Stream;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use super::calls;

const DAEMON: &str = "--bare-daemon";
const SHIM: &str = "--bare-shim";

/// Runs as one of the bare processes, if the arguments ask for it.
pub fn ran_as_asked() -> bool {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, DAEMON, socket, upstream] => serve(Path::new(socket), upstream),
        [_, SHIM, socket] => relay(Path::new(socket)),
        _ => return false,
    }
    true
}

/// A running bare daemon; ends with this.
pub struct Daemon {
    process: Child,
    /// Where it listens.
    pub socket: PathBuf,
}

impl Daemon {
    /// Starts one in front of `upstream`, with its socket in `directory`.
    pub fn start(directory: &Path, upstream: &str) -> Self {
        let socket = directory.join("bare.sock");
        let process = Command::new(std::env::current_exe().unwrap())
            .args([DAEMON, socket.to_str().unwrap(), upstream])
            .spawn()
            .unwrap();
        axis_tests::wait_for("the bare daemon to listen", || {
            socket.exists().then_some(())
        });
        Self { process, socket }
    }

    /// The command that relays stdio to it.
    pub fn shim(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(SHIM).arg(&self.socket).stderr(Stdio::null());
        command
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The runtime that axisd has, too.
fn serve(path: &Path, upstream: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let broker = Bare {
            client: calls::http_client(),
            upstream: upstream.to_owned(),
        };
        let listener = socket::listen(path).unwrap();
        Server::builder()
            .add_service(v1::broker_server::BrokerServer::new(broker))
            .serve_with_incoming(peer::incoming(listener, Arc::new(|_| {})))
            .await
            .unwrap();
    });
}

struct Bare {
    client: reqwest::Client,
    upstream: String,
}

type Answers<T> = std::pin::Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl v1::broker_server::Broker for Bare {
    type ExecuteStream = Answers<v1::ExecuteResponse>;
    type WatchActionsStream = Answers<v1::WatchActionsResponse>;

    async fn execute(
        &self,
        request: Request<Streaming<v1::ExecuteRequest>>,
    ) -> Result<Response<Self::ExecuteStream>, Status> {
        let mut messages = request.into_inner();
        messages.message().await?;
        let result = calls::fetch(&self.client, &self.upstream).await;
        while messages.message().await?.is_some() {}
        let outcome = v1::Outcome {
            request_id: String::new(),
            end: Some(v1::outcome::End::Success(v1::Success {
                result,
                ..Default::default()
            })),
        };
        let answer = v1::ExecuteResponse {
            part: Some(v1::execute_response::Part::Outcome(outcome)),
        };
        Ok(Response::new(Box::pin(tokio_stream::once(Ok(answer)))))
    }

    async fn list_actions(
        &self,
        _: Request<v1::ListActionsRequest>,
    ) -> Result<Response<v1::ListActionsResponse>, Status> {
        Err(Status::unimplemented("only calls are measured"))
    }

    async fn answer_approval(
        &self,
        _: Request<v1::AnswerApprovalRequest>,
    ) -> Result<Response<v1::AnswerApprovalResponse>, Status> {
        Err(Status::unimplemented("nothing is asked here"))
    }

    async fn watch_actions(
        &self,
        _: Request<v1::WatchActionsRequest>,
    ) -> Result<Response<Self::WatchActionsStream>, Status> {
        Err(Status::unimplemented("only calls are measured"))
    }
}

fn relay(path: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = socket::broker_client(path).unwrap();
        let running = rmcp::serve_server(Relay(client), Lines::stdio()).await;
        let _ = running.unwrap().waiting().await;
    });
    runtime.shutdown_background();
}

struct Relay(calls::Client);

impl ServerHandler for Relay {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let result = calls::execute(self.0.clone()).await;
        let content = ContentBlock::text(std::str::from_utf8(&result).unwrap());
        Ok(CallToolResponse::Complete(CallToolResult::success(vec![
            content,
        ])))
    }
}

/// A JSON-RPC message a line.
struct Lines {
    input: BufReader<Stdin>,
    output: Arc<Mutex<Stdout>>,
}

impl Lines {
    fn stdio() -> Self {
        Self {
            input: BufReader::new(tokio::io::stdin()),
            output: Arc::new(Mutex::new(tokio::io::stdout())),
        }
    }
}

impl Transport<RoleServer> for Lines {
    type Error = io::Error;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let output = self.output.clone();
        async move {
            let mut line = serde_json::to_vec(&message)?;
            line.push(b'\n');
            let mut output = output.lock().await;
            output.write_all(&line).await?;
            output.flush().await
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        let mut line = String::new();
        self.input.read_line(&mut line).await.ok()?;
        serde_json::from_str(&line).ok()
    }

    async fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}
