//! The audit log in the messages of admin.proto.

use std::sync::Arc;

use axis_proto::v1::{self, LogsRequest};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use tokio_stream::wrappers::{BroadcastStream, ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{Response, Status};

use super::admin::Answers;
use crate::audit::{CallStats, FileReport, Filter, Pinned, Verification};
use crate::owner::{Owner, OwnerError};

/// The answer to Logs.
pub async fn lines(
    owner: &Arc<Owner>,
    request: LogsRequest,
    stopping: &CancellationToken,
) -> Result<Response<Answers<v1::LogsResponse>>, Status> {
    let filter = Arc::new(filter(&request)?);
    if request.all {
        let chunks = ReceiverStream::new(owner.export_logs(filter).await?);
        let messages = chunks.map(|chunk| Ok(v1::LogsResponse { line: chunk? }));
        return Ok(Response::new(Box::pin(messages)));
    }
    let line = |line: Bytes| Ok(v1::LogsResponse { line });
    let (found, new) = owner
        .logs(request.last, request.follow, filter.clone())
        .await?;
    let last = stream::iter(found.lines).map(line);
    if let Some(error) = found.unread {
        let end = stream::iter([Err(OwnerError::Unread(error).into())]);
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
        return Err(OwnerError::Unread(error).into());
    }
    Ok(v1::LogsStatsResponse {
        rows: stats.rows.into_iter().map(call_stats).collect(),
        total: Some(call_stats(stats.total)),
        ..v1::LogsStatsResponse::default()
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
