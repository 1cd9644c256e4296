//! broker.sock: what an agent may ask.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axis_proto::VERSION;
use axis_proto::v1;
use axis_proto::v1::broker_server::Broker as BrokerService;
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use super::heads::Heads;
use super::peer::Caller;
use super::streamed::{self, Wishes};
use crate::approvals::{ApprovalId, HostKey};
use crate::broker::outcome::{Code, Denied, End, Failure, Outcome, Pending};
use crate::broker::request::{ActionRequest, Socket};
use crate::broker::{Asker, Broker, Listing};
use crate::identities::SocketIdentity;
use crate::names::Identity;
use crate::upstream::Streams;

/// How long an answered client may take to close its side of a call.
const CLOSING: Duration = Duration::from_millis(100);

/// How long a list waits for a vault that is about to open. Clients take a
/// daemon that doesn't list within a second for one that isn't there.
const OPENING: Duration = Duration::from_millis(700);

/// The service on broker.sock.
pub struct BrokerRpc {
    broker: Arc<Broker>,
    stopping: CancellationToken,
    heads: Heads,
    /// Who lists all actions, of which each is decided on. One at a time, so
    /// that a call waits for one list and not for all that a client asked for.
    listing: Semaphore,
}

impl BrokerRpc {
    /// Watches end with `stopping`.
    pub fn new(broker: Arc<Broker>, stopping: CancellationToken) -> Self {
        Self {
            broker,
            stopping,
            heads: Heads::default(),
            listing: Semaphore::new(1),
        }
    }
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl BrokerService for BrokerRpc {
    type ExecuteStream = Answers<v1::ExecuteResponse>;
    type WatchActionsStream = Answers<v1::WatchActionsResponse>;

    async fn execute(
        &self,
        request: Request<Streaming<v1::ExecuteRequest>>,
    ) -> Result<Response<Self::ExecuteStream>, Status> {
        let caller = Caller::of(&request)?;
        let mut messages = request.into_inner();
        let Some(v1::ExecuteRequest {
            part: Some(v1::execute_request::Part::Call(call)),
        }) = self.heads.first(&mut messages).await?
        else {
            return Err(Status::invalid_argument("the first message must be a call"));
        };
        let id = Uuid::new_v4();
        if call.client_version != VERSION {
            return Ok(one_answer(other_version(id, &call.client_version)));
        }
        let wishes = Wishes::of(&call);
        let request = action_request(id, call, caller);
        if wishes.is_plain() && !wishes.may_wait() {
            // a client that goes away drops this, and with it cancels its call
            let outcome = self.broker.execute(request, Streams::default()).await;
            read_to_end(messages).await;
            return Ok(one_answer(outcome));
        }
        if wishes.is_plain() {
            return Ok(self.plain_or_waiting(request, messages).await);
        }
        let broker = self.broker.clone();
        let answers = streamed::answers(wishes, messages, |streams| async move {
            execute_response(broker.execute(request, streams).await)
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn answer_approval(
        &self,
        request: Request<v1::AnswerApprovalRequest>,
    ) -> Result<Response<v1::AnswerApprovalResponse>, Status> {
        let peer = Caller::of(&request)?.peer;
        let request = request.into_inner();
        let id = ApprovalId::typed(&request.approval_id);
        let key = HostKey::of(&request.answer_key)
            .ok_or_else(|| Status::invalid_argument("the answer's key has 16 bytes"))?;
        self.broker
            .answer_by_host(&id, &key, request.approved, &peer)
            .map_err(|error| Status::not_found(error.to_string()))?;
        Ok(Response::new(v1::AnswerApprovalResponse {}))
    }

    async fn list_actions(
        &self,
        request: Request<v1::ListActionsRequest>,
    ) -> Result<Response<v1::ListActionsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let asker = asker(caller, &request.identity)?;
        if self.broker.is_withheld() {
            // what the list is made of is in the vault
            self.broker.opening.settled(OPENING).await;
        }
        let mut response = v1::ListActionsResponse {
            daemon_version: VERSION.into(),
            identity: asker.identity.to_string(),
            ..Default::default()
        };
        match (&request.service, &request.action) {
            (Some(service), Some(action)) => {
                let found = self
                    .broker
                    .describe(&asker, service, action)
                    .map_err(|failure| unknown(&failure))?;
                response.detail = Some(v1::ActionDetail {
                    service: found.service,
                    action: found.action,
                    effect: found.effect.into(),
                    params_schema: found.params_schema.into(),
                    example: found.example.into(),
                    allowed: found.allowed,
                    ask: found.ask,
                });
            }
            (None, Some(_)) => {
                return Err(Status::invalid_argument("an action needs its service"));
            }
            (service, None) => {
                let _turn = self.listing.acquire().await;
                response.services = self
                    .broker
                    .list(&asker, service.as_deref())
                    .map_err(|failure| unknown(&failure))?
                    .into_iter()
                    .map(service_actions)
                    .collect();
            }
        }
        Ok(Response::new(response))
    }

    async fn watch_actions(
        &self,
        request: Request<v1::WatchActionsRequest>,
    ) -> Result<Response<Self::WatchActionsStream>, Status> {
        let caller = Caller::of(&request)?;
        asker(caller, &request.into_inner().identity)?;
        let changes = WatchStream::new(self.broker.changes()).map(|_| {
            Ok(v1::WatchActionsResponse {
                daemon_version: VERSION.into(),
            })
        });
        let until = self.stopping.clone().cancelled_owned();
        Ok(Response::new(Box::pin(changes.take_until(until))))
    }
}

impl BrokerRpc {
    /// A call of which nothing is told, unless it comes to wait for the owner:
    /// most end at once, and need no stream.
    async fn plain_or_waiting(
        &self,
        request: ActionRequest,
        messages: Streaming<v1::ExecuteRequest>,
    ) -> Response<Answers<v1::ExecuteResponse>> {
        let (parts, mut told) = mpsc::channel(1);
        let streams = Streams {
            parts: Some(parts),
            ..Streams::default()
        };
        let broker = self.broker.clone();
        let mut call = Box::pin(async move { broker.execute(request, streams).await });
        let waiting = tokio::select! {
            outcome = &mut call => {
                read_to_end(messages).await;
                return one_answer(outcome);
            }
            Some(waiting) = told.recv() => waiting,
        };
        let first = stream::once(std::future::ready(Ok(streamed::response(waiting))));
        let last = stream::once(async move {
            let outcome = call.await;
            read_to_end(messages).await;
            Ok(execute_response(outcome))
        });
        Response::new(Box::pin(first.chain(last)))
    }
}

fn one_answer(outcome: Outcome) -> Response<Answers<v1::ExecuteResponse>> {
    let answer = Ok(execute_response(outcome));
    Response::new(Box::pin(stream::iter([answer])))
}

/// Waits, for a moment, until the client has closed its side. An answer that is
/// complete before that resets the stream, and HTTP/2 gives up a connection on
/// which that happens too often.
pub(super) async fn read_to_end(mut messages: Streaming<v1::ExecuteRequest>) {
    let rest = async { while let Ok(Some(_)) = messages.message().await {} };
    // one that never closes it has its answer all the same
    let _ = timeout(CLOSING, rest).await;
}

/// Who asks: on an identity's own socket that one, whatever is claimed.
fn asker(caller: Caller, claimed: &str) -> Result<Asker, Status> {
    if let Some(SocketIdentity { identity, .. }) = caller.socket {
        return Ok(Asker {
            identity,
            own_socket: true,
        });
    }
    let identity = Identity::parse(claimed);
    Ok(Asker {
        identity: identity.map_err(|error| Status::invalid_argument(error.to_string()))?,
        own_socket: false,
    })
}

fn unknown(failure: &Failure) -> Status {
    Status::not_found(failure.message.clone())
}

fn action_request(id: Uuid, call: v1::Call, caller: Caller) -> ActionRequest {
    let (identity, socket) = match caller.socket {
        None => (call.identity, Socket::General),
        Some(own) => {
            let socket = if own.is_sealed() {
                Socket::Own
            } else {
                Socket::Found
            };
            (own.identity.to_string(), socket)
        }
    };
    ActionRequest {
        id,
        identity,
        socket,
        service: call.service,
        action: call.action,
        justification: call.justification,
        params: call.params,
        select: call.select,
        waits: call.waits,
        can_ask: call.can_ask,
        peer: caller.peer,
        connection: caller.connection,
    }
}

fn other_version(id: Uuid, client: &str) -> Outcome {
    Outcome {
        request_id: id,
        end: End::Failed(
            Failure::new(
                Code::DaemonUnavailable,
                format!("axisd is version {VERSION}, but its client is version {client:?}"),
            )
            .hint("the owner runs: axis daemon restart"),
        ),
    }
}

fn execute_response(outcome: Outcome) -> v1::ExecuteResponse {
    let end = match outcome.end {
        End::Success(success) => v1::outcome::End::Success(v1::Success {
            result: success.result,
            next: success.next,
            total: success.total,
            hint: success.hint,
        }),
        End::Denied(Denied {
            reason,
            hint,
            retry_after_s,
        }) => v1::outcome::End::Denied(v1::Denied {
            reason,
            hint,
            retry_after_s,
        }),
        End::Pending(Pending { approval, reason }) => v1::outcome::End::Pending(v1::Pending {
            approval_id: approval,
            reason,
        }),
        End::Failed(failure) => v1::outcome::End::Failed(v1::Failed {
            code: failure.code.as_str().into(),
            message: failure.message,
            hint: failure.hint,
            status: failure.status.map(u32::from),
            retry_after_s: failure.retry_after_s,
        }),
    };
    v1::ExecuteResponse {
        part: Some(v1::execute_response::Part::Outcome(v1::Outcome {
            request_id: outcome.request_id.to_string(),
            end: Some(end),
        })),
    }
}

fn service_actions(listing: Listing) -> v1::ServiceActions {
    v1::ServiceActions {
        service: listing.service,
        title: listing.title,
        has_credential: listing.has_credential,
        actions: listing
            .actions
            .into_iter()
            .map(|action| v1::ActionSummary {
                action: action.name,
                effect: action.effect.into(),
                allowed: action.allowed,
                ask: action.ask,
            })
            .collect(),
    }
}
