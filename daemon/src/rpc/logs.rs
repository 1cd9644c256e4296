//! The audit log in the messages of admin.proto.

use std::sync::Arc;

use axis_proto::v1::{self, LogsRequest};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{BroadcastStream, ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{Response, Status};

use super::admin::Answers;
use crate::audit::{CallStats, FileReport, Filter, Pinned, Verification};
use crate::owner::Owner;

/// Messages that wait for a client that exports the log.
const WAITING_MESSAGES: usize = 4;
/// How many lines go in one of them, in bytes.
const MESSAGE_BYTES: usize = 64 * 1024;

/// The answer to Logs.
pub async fn lines(
    owner: &Arc<Owner>,
    request: LogsRequest,
    stopping: &CancellationToken,
) -> Result<Response<Answers<v1::LogsResponse>>, Status> {
    let filter = Arc::new(filter(&request)?);
    if request.all {
        return Ok(Response::new(all_lines(
            owner.clone(),
            filter,
            stopping.clone(),
        )));
    }
    let line = |line: Bytes| Ok(v1::LogsResponse { line });
    let (found, new) = owner
        .logs(request.last, request.follow, filter.clone())
        .await?;
    let last = stream::iter(found.lines).map(line);
    if let Some(error) = found.unread {
        let end = stream::iter([Err(unread(&error))]);
        return Ok(Response::new(Box::pin(last.chain(end))));
    }
    let Some(new) = new else {
        return Ok(Response::new(Box::pin(last)));
    };
    let new = BroadcastStream::new(new).filter(move |next| {
        let is_asked_for = next.as_ref().map_or(true, |line| filter.takes(line));
        std::future::ready(is_asked_for)
    });
    let new = new.map(move |next| match next {
        Ok(next) => line(next),
        Err(lagged) => Err(Status::data_loss(format!(
            "the log grows faster than it is read: {lagged}; ask again"
        ))),
    });
    let until = stopping.clone().cancelled_owned();
    Ok(Response::new(Box::pin(last.chain(new.take_until(until)))))
}

/// All lines that `filter` takes, as fast as the client takes them, as many in
/// a message as are at hand.
fn all_lines(
    owner: Arc<Owner>,
    filter: Arc<Filter>,
    stopping: CancellationToken,
) -> Answers<v1::LogsResponse> {
    let (sender, messages) = mpsc::channel(WAITING_MESSAGES);
    tokio::task::spawn_blocking(move || {
        let mut lines: Vec<u8> = Vec::with_capacity(MESSAGE_BYTES);
        let send = |lines: &mut Vec<u8>| {
            let line = Bytes::copy_from_slice(lines);
            lines.clear();
            sender.blocking_send(Ok(v1::LogsResponse { line })).is_ok()
        };
        let read = owner.broker.audit.each(&filter, &mut |line| {
            if stopping.is_cancelled() {
                return false;
            }
            let is_full = !lines.is_empty() && lines.len() + line.len() >= MESSAGE_BYTES;
            if is_full && !send(&mut lines) {
                return false;
            }
            if !lines.is_empty() {
                lines.push(b'\n');
            }
            lines.extend_from_slice(line);
            true
        });
        if !lines.is_empty() && !send(&mut lines) {
            return;
        }
        let fault = match read {
            _ if stopping.is_cancelled() => Some(Status::unavailable(
                "axisd ends: lines are missing after these",
            )),
            Ok(error) => error.map(|error| unread(&error)),
            Err(error) => Some(unread(&error)),
        };
        if let Some(fault) = fault {
            // a client that has gone needs no word
            let _ = sender.blocking_send(Err(fault));
        }
    });
    Box::pin(ReceiverStream::new(messages))
}

fn unread(error: &std::io::Error) -> Status {
    Status::with_details(
        tonic::Code::DataLoss,
        format!("lines may be missing, since not all of the audit log can be read: {error}"),
        "axis logs verify".as_bytes().to_vec().into(),
    )
}

/// The answer to LogsHead.
pub async fn head(owner: &Owner) -> Result<v1::LogsHeadResponse, Status> {
    let head = owner.logs_head().await?;
    Ok(v1::LogsHeadResponse {
        seq: head.pinned.seq(),
        hash: head.pinned.hash().into(),
        mac: head.mac,
        timestamp: head.timestamp.unwrap_or_default(),
    })
}

/// The answer to VerifyLogs.
pub async fn verify(
    owner: &Owner,
    request: &v1::VerifyLogsRequest,
) -> Result<v1::VerifyLogsResponse, Status> {
    let pinned: Option<Pinned> = (!request.head.is_empty())
        .then(|| request.head.parse())
        .transpose()
        .map_err(|error: crate::audit::PinnedError| Status::invalid_argument(error.to_string()))?;
    Ok(verified(owner.verify_logs(pinned).await?))
}

fn verified(verification: Verification) -> v1::VerifyLogsResponse {
    v1::VerifyLogsResponse {
        intact: verification.is_faultless(),
        coverage: verification.coverage,
        pinned: verification.pinned.map(|pinned| v1::PinnedHead {
            stands: pinned.stands,
            finding: pinned.finding,
        }),
        files: verification.files.into_iter().map(log_file).collect(),
    }
}

fn log_file(file: FileReport) -> v1::LogFile {
    v1::LogFile {
        path: file.path.display().to_string(),
        set_aside: file.set_aside,
        segment: file.segment,
        lines: file.lines,
        proven: file.proven,
        coverage: file.coverage,
        fault: file.fault,
    }
}

/// The answer to LogsStats.
pub async fn stats(
    owner: &Owner,
    request: v1::LogsStatsRequest,
) -> Result<v1::LogsStatsResponse, Status> {
    let filter = filter(&LogsRequest {
        service: request.service,
        identity: request.identity,
        action: request.action,
        since_ms: request.since_ms,
        ..LogsRequest::default()
    })?;
    let stats = owner.logs_stats(filter).await?;
    if let Some(error) = stats.unread {
        return Err(unread(&error));
    }
    Ok(v1::LogsStatsResponse {
        rows: stats.rows.into_iter().map(call_stats).collect(),
        total: Some(call_stats(stats.total)),
    })
}

fn call_stats(stats: CallStats) -> v1::CallStats {
    v1::CallStats {
        service: stats.service,
        identity: stats.identity,
        calls: stats.calls,
        denied: stats.denied,
        errors: stats.errors,
        p50_ms: stats.p50_ms,
        p99_ms: stats.p99_ms,
    }
}

/// The filter that `request` describes.
///
/// # Errors
/// A moment that is none, or a text too long to search for.
fn filter(request: &LogsRequest) -> Result<Filter, Status> {
    let fields = [
        ("service", &request.service),
        ("identity", &request.identity),
        ("action", &request.action),
        ("decision", &request.decision),
    ];
    let mut filter = Filter::default();
    for (name, value) in fields {
        if !value.is_empty() {
            filter = filter.field(name, value);
        }
    }
    if let Some(since) = request.since_ms {
        let since = Timestamp::from_millisecond(since)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        filter = filter.since(since);
    }
    if !request.text.is_empty() {
        filter = filter
            .holding(&request.text)
            .map_err(|_| Status::invalid_argument("the text is too long to search for"))?;
    }
    Ok(filter)
}
