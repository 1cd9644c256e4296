//! The audit log in the messages of admin.proto.

use std::num::NonZeroI64;
use std::sync::Arc;

use axis_proto::v1::{self, LogsRequest};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use tokio_stream::wrappers::{BroadcastStream, ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{Response, Status};

use super::admin::Answers;
use crate::audit::{CallStats, Denial, FileReport, Filter, Pinned, TimeStats, Verification};
use crate::owner::{Owner, OwnerError};

/// The most stretches of time that calls are counted in.
const MOST_STRETCHES: i64 = 1_000;

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
        let is_asked_for = next
            .as_ref()
            .map_or(true, |line| filter.reaches(line) && filter.takes(line));
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
    let stretch_ms = stretch_ms(&request)?;
    let filter = filter(&LogsRequest {
        service: request.service,
        identity: request.identity,
        action: request.action,
        since_ms: request.since_ms,
        until_ms: request.until_ms,
        decision: request.decision,
        text: request.text,
        // a call is one line of these
        events: vec!["finished".into()],
        ..LogsRequest::default()
    })?;
    let stats = owner.logs_stats(filter, stretch_ms).await?;
    if let Some(error) = stats.unread {
        return Err(OwnerError::Unread(error).into());
    }
    Ok(v1::LogsStatsResponse {
        rows: stats.rows.into_iter().map(call_stats).collect(),
        total: Some(call_stats(stats.total)),
        services: stats.services.into_iter().map(call_stats).collect(),
        times: stats.times.into_iter().map(time_stats).collect(),
        denials: stats.denials.into_iter().map(denial).collect(),
    })
}

/// How long the stretches of time are that calls are counted in.
///
/// # Errors
/// There would be too many of them.
fn stretch_ms(request: &v1::LogsStatsRequest) -> Result<Option<NonZeroI64>, Status> {
    let asked = i64::try_from(request.stretch_ms).unwrap_or(i64::MAX);
    let Some(stretch_ms) = NonZeroI64::new(asked) else {
        return Ok(None);
    };
    let Some(since) = request.since_ms else {
        return Err(Status::invalid_argument(
            "stretches of time are counted only from a moment on: set since_ms, too",
        ));
    };
    let until = request.until_ms;
    let until = until.unwrap_or_else(|| Timestamp::now().as_millisecond());
    if until.saturating_sub(since) / stretch_ms.get() > MOST_STRETCHES {
        return Err(Status::invalid_argument(format!(
            "that would be more than {MOST_STRETCHES} stretches of time: set a later since_ms or a longer stretch_ms"
        )));
    }
    Ok(Some(stretch_ms))
}

fn time_stats(time: TimeStats) -> v1::TimeStats {
    v1::TimeStats {
        start_ms: time.start_ms,
        calls: time.calls,
        denied: time.denied,
        errors: time.errors,
        asked: time.asked,
    }
}

fn denial(denial: Denial) -> v1::Denial {
    v1::Denial {
        identity: denial.identity,
        service: denial.service,
        action: denial.action,
        reason: denial.reason,
        times: denial.times,
        last_at: denial.last_at,
    }
}

fn call_stats(stats: CallStats) -> v1::CallStats {
    v1::CallStats {
        service: stats.service,
        identity: stats.identity,
        calls: stats.calls,
        denied: stats.denied,
        errors: stats.errors,
        asked: stats.asked,
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
    let moment = |ms| {
        Timestamp::from_millisecond(ms).map_err(|error| Status::invalid_argument(error.to_string()))
    };
    if let Some(since) = request.since_ms {
        filter = filter.since(moment(since)?);
    }
    if let Some(until) = request.until_ms {
        filter = filter.until(moment(until)?);
    }
    if let Some(seq) = request.before_seq {
        filter = filter.before(seq);
    }
    if let Some(seq) = request.after_seq {
        filter = filter.after(seq);
    }
    filter = filter.events(request.events.iter().map(String::as_str));
    if !request.text.is_empty() {
        filter = filter
            .holding(&request.text)
            .map_err(|_| Status::invalid_argument("the text is too long to search for"))?;
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_time_need_a_beginning_and_are_not_too_many() {
        let asked = |since_ms, until_ms, stretch_ms| {
            stretch_ms_of(since_ms, until_ms, stretch_ms).map_err(|status| status.code())
        };
        let refused = Err(tonic::Code::InvalidArgument);
        assert_eq!(asked(None, None, 0), Ok(None));
        assert_eq!(asked(None, None, 60_000), refused);
        assert_eq!(asked(Some(0), Some(60_000_000), 60_000), Ok(Some(60_000)));
        assert_eq!(asked(Some(0), Some(60_061_000), 60_000), refused);
        assert_eq!(asked(Some(0), None, 60_000), refused);
        assert_eq!(asked(Some(i64::MIN), Some(i64::MAX), 1), refused);
        let longest = asked(Some(0), None, u64::MAX);
        assert_eq!(longest, Ok(Some(i64::MAX)));
    }

    fn stretch_ms_of(
        since_ms: Option<i64>,
        until_ms: Option<i64>,
        asked: u64,
    ) -> Result<Option<i64>, Status> {
        let request = v1::LogsStatsRequest {
            since_ms,
            until_ms,
            stretch_ms: asked,
            ..v1::LogsStatsRequest::default()
        };
        Ok(stretch_ms(&request)?.map(NonZeroI64::get))
    }
}
