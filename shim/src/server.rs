//! The MCP server: two tools over the link to axisd, nothing of its own.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axis_proto::v1::Call;
use bytes::Bytes;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CustomRequest, CustomResult,
    ErrorCode, Implementation, ListToolsResult, PaginatedRequestParams, ServerCapabilities,
    ServerConfig, SubscriptionFilter,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use tokio::time::timeout;

use crate::answer::{Answer, Failure};
use crate::arguments::{ExecuteArguments, ListArguments};
use crate::elicitation;
use crate::files::Reach;
use crate::link::Link;
use crate::message::RawArguments;
use crate::progress::News;
use crate::tools::{self, Knowledge};
use crate::transfer::Files;
use crate::watch::Changes;

/// How long `tools/list` waits for an axisd that is being started.
const LIST_PATIENCE: Duration = Duration::from_secs(1);

const INSTRUCTIONS: &str = "Axis calls outside services for you with credentials that stay in the owner's vault. \
    list_actions shows what you may call, execute_action calls it. A denial is the owner's policy: tell the user its reason instead of trying another way.";

/// The server's side of one session.
pub struct Server {
    link: Arc<Link>,
    changes: Changes,
    /// Set when the tools were listed without axisd's word on them.
    listed_blind: Arc<AtomicBool>,
    forwarding: AtomicBool,
}

impl Server {
    /// A server whose host hears of every change.
    pub fn new(link: Arc<Link>, changes: Changes, listed_blind: Arc<AtomicBool>) -> Self {
        Self {
            link,
            changes,
            listed_blind,
            forwarding: AtomicBool::new(false),
        }
    }

    async fn execute(
        &self,
        arguments: Option<&Bytes>,
        context: &RequestContext<RoleServer>,
    ) -> Answer {
        let token = context.meta.get_progress_token();
        let call = self.link.identity().and_then(|identity| {
            let reach = self.link.files()?;
            let arguments = ExecuteArguments::read(arguments, reach)?;
            let files = Files::find(reach, arguments.save_to, arguments.body_file.as_deref())?;
            let call = Call {
                identity,
                service: arguments.service,
                action: arguments.action,
                justification: arguments.justification,
                // of an answer that comes at once there is nothing to tell
                progress: token.is_some() && may_stream(&arguments.params),
                waits: token.is_some(),
                can_ask: elicitation::is_possible(&context.peer),
                params: arguments.params,
                client_version: axis_proto::VERSION.to_owned(),
                select: arguments.select,
                ..Call::default()
            };
            Ok((call, files))
        });
        let (call, files) = match call {
            Ok(call) => call,
            Err(failure) => return Answer::failed(&failure),
        };
        let news = News::default();
        tokio::select! {
            answer = self.link.execute(call, &files, &news) => answer,
            () = elicitation::ask(&context.peer, &self.link, &news) => Answer::failed(&Failure::new(
                "internal_error",
                "the question could not be followed",
            )),
            () = news.report(&context.peer, token) => Answer::failed(&Failure::new(
                "internal_error",
                "the call's progress could not be followed",
            )),
        }
    }

    async fn list(&self, arguments: Option<&Bytes>) -> Answer {
        let listed = async {
            self.link.identity()?;
            self.link.files()?;
            let arguments = ListArguments::read(arguments)?;
            self.link
                .list_actions(arguments.service, arguments.action)
                .await
        };
        match listed.await {
            Ok(actions) => Answer::from_actions(actions),
            Err(failure) => Answer::failed(&failure),
        }
    }

    async fn knowledge(&self) -> Knowledge {
        if let Err(failure) = self.link.identity().and(self.link.files()) {
            return Knowledge::Problem(failure.message);
        }
        let asked =
            async { tokio::join!(self.link.list_actions(None, None), self.link.vault_locked()) };
        match timeout(LIST_PATIENCE, asked).await {
            // who asks is axisd's to say: a socket may have an identity of its own
            Ok((Ok(actions), vault_locked)) => Knowledge::Actions {
                actions,
                vault_locked,
            },
            Ok((Err(failure), _)) => Knowledge::Problem(match failure.hint {
                Some(hint) => format!("{} ({hint})", failure.message),
                None => failure.message,
            }),
            Err(_) => Knowledge::Nothing,
        }
    }
}

/// Whether `params` may ask for a stream of events.
fn may_stream(params: &[u8]) -> bool {
    let word = b"\"stream\"";
    params.windows(word.len()).any(|part| part == word)
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("axis", axis_proto::VERSION))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let knowledge = self.knowledge().await;
        if !matches!(knowledge, Knowledge::Actions { .. }) {
            self.listed_blind.store(true, Ordering::Relaxed);
        }
        let files = self.link.files().unwrap_or(&Reach::Nowhere);
        Ok(ListToolsResult::with_all_items(tools::tools(
            &knowledge, files,
        )))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = context
            .extensions
            .get::<RawArguments>()
            .and_then(|raw| raw.0.as_ref());
        let answer = async {
            match &*request.name {
                tools::EXECUTE_ACTION => Ok(self.execute(arguments, &context).await),
                tools::LIST_ACTIONS => Ok(self.list(arguments).await),
                unknown => Err(ErrorData::invalid_params(
                    format!(
                        "there is no tool {unknown:?}: call {} or {}",
                        tools::EXECUTE_ACTION,
                        tools::LIST_ACTIONS
                    ),
                    None,
                )),
            }
        };
        // Dropping the answer drops the stream to axisd, which cancels the
        // upstream request.
        let answer = tokio::select! {
            answer = answer => answer?,
            () = context.ct.cancelled() => Answer::failed(&Failure::new(
                "cancelled",
                "the call was cancelled, or the session ended before it was answered",
            )),
        };
        Ok(CallToolResponse::Complete(CallToolResult::from(answer)))
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        if self.forwarding.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut changes = self.changes.clone();
        changes.mark_unchanged();
        while changes.changed().await.is_ok() {
            if context.peer.notify_tool_list_changed().await.is_err() {
                return;
            }
        }
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.changes.clone();
        changes.mark_unchanged();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                more = changes.changed() => {
                    // A filter without tools hears of nothing here.
                    if more.is_err() || context.sink().notify_tool_list_changed().await.is_err() {
                        context.cancelled().await;
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method: String = request.method.chars().take(60).collect();
        Err(ErrorData::new(
            ErrorCode::METHOD_NOT_FOUND,
            Cow::Owned(format!(
                "there is no method {method:?}: this server has tools/list and tools/call"
            )),
            None,
        ))
    }
}
