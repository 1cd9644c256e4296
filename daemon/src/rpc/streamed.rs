//! A call with streams beside it: chunks up, chunks and progress down, the
//! outcome last. It runs in a task of its own, so that its times count also
//! while its client takes nothing; a client that goes away ends it.

use axis_proto::v1;
use axis_proto::v1::execute_request::Part as Up;
use axis_proto::v1::execute_response::Part as Down;
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Status, Streaming};

use super::broker::read_to_end;
use crate::upstream::{Part, Streams, Upload, UploadError};

/// Parts that may wait for the client: with their chunks all that a call holds.
const WAITING: usize = 4;

/// What a client asked for beside the outcome.
#[derive(Clone, Copy)]
pub(super) struct Wishes {
    save: bool,
    progress: bool,
    body_size: Option<u64>,
    waits: bool,
}

impl Wishes {
    pub fn of(call: &v1::Call) -> Self {
        Self {
            save: call.save,
            progress: call.progress,
            body_size: call.body_size,
            waits: call.waits || call.can_ask,
        }
    }

    /// Nothing but to be told that the call waits for the owner.
    pub fn may_wait(self) -> bool {
        self.waits
    }

    /// Nothing while the call goes its way.
    pub fn is_plain(self) -> bool {
        !self.save && !self.progress && self.body_size.is_none()
    }
}

/// Runs `call` and tells what it tells.
pub(super) fn answers<C, F>(
    wishes: Wishes,
    messages: Streaming<v1::ExecuteRequest>,
    call: C,
) -> impl Stream<Item = Result<v1::ExecuteResponse, Status>> + Send + 'static
where
    C: FnOnce(Streams) -> F,
    F: Future<Output = v1::ExecuteResponse> + Send + 'static,
{
    let (parts, told) = mpsc::channel(WAITING);
    let (upload, rest) = match wishes.body_size {
        Some(size) => (Some(Upload::new(size, chunks(messages))), None),
        None => (None, Some(messages)),
    };
    let streams = Streams {
        upload,
        save: wishes.save,
        progress: wishes.progress,
        parts: Some(parts),
    };
    let call = call(streams);
    let running = AbortOnDropHandle::new(tokio::spawn(async move {
        let outcome = call.await;
        if let Some(messages) = rest {
            read_to_end(messages).await;
        }
        outcome
    }));
    // the parts end when the call lets go of their sender
    let last = stream::once(async move {
        running
            .await
            .map_err(|_| Status::internal("the call broke off; axisd's log says why"))
    });
    ReceiverStream::new(told)
        .map(|part| Ok(response(part)))
        .chain(last)
}

/// The chunks of the body behind a call.
fn chunks(
    messages: Streaming<v1::ExecuteRequest>,
) -> impl Stream<Item = Result<bytes::Bytes, UploadError>> + Send + 'static {
    messages.map(|message| match message {
        Ok(v1::ExecuteRequest {
            part: Some(Up::Body(chunk)),
        }) => Ok(chunk),
        Ok(_) => Err(UploadError::Broken(
            "a chunk of the body must follow".to_owned(),
        )),
        Err(status) => Err(UploadError::Broken(status.message().to_owned())),
    })
}

pub(super) fn response(part: Part) -> v1::ExecuteResponse {
    let part = match part {
        Part::Progress { bytes, events } => Down::Progress(v1::Progress { bytes, events }),
        Part::Head { content_type, size } => Down::Head(v1::Head { content_type, size }),
        Part::Body(chunk) => Down::Body(chunk),
        Part::Waiting { approval, question } => Down::Waiting(v1::Waiting {
            approval_id: approval,
            answer_key: question
                .as_ref()
                .map(|question| question.key.to_vec().into())
                .unwrap_or_default(),
            question: question.map(|question| question.text),
        }),
    };
    v1::ExecuteResponse { part: Some(part) }
}
