//! An upstream's answer on its way to the agent.

use bytes::Bytes;

use super::outcome::{Failure, Success};
use crate::audit;
use crate::catalogue::{Action, ActionOutcome, Answer};
use crate::upstream::{LeakGuard, UpstreamError, UpstreamResponse};

/// From how many bytes on a result gets a hint at what would be shorter: hosts
/// cut what is longer, or put it into a file of theirs.
const LONG_RESULT: usize = 80 * 1000;

/// What the upstream's answer means for the agent.
pub(super) fn read(
    action: &Action,
    guard: &LeakGuard,
    answer: Result<UpstreamResponse, UpstreamError>,
    end: &mut audit::End,
) -> Result<Success, Failure> {
    let response = answer?;
    end.status = Some(response.status.as_u16());
    end.redacted = u64::from(response.redacted);
    if response.delivered.is_some() {
        return Ok(Success {
            result: "null".into(),
            ..Success::default()
        });
    }
    let outcome = action.outcome(&Answer {
        status: response.status,
        content_type: response.content_type.as_deref(),
        headers: &response.headers,
        body: &response.body,
    });
    match outcome {
        ActionOutcome::Refused(error) => Err(Failure {
            retry_after_s: response.retry_after_s,
            ..error.into()
        }),
        ActionOutcome::Result(mut found) => {
            let body = response.body.as_ptr_range();
            if !body.contains(&found.json.as_ptr()) {
                // what was decoded may hold what the guard couldn't see before
                let mut guarded = Vec::with_capacity(found.json.len());
                let mut stream = guard.stream();
                stream.push(&found.json, &mut guarded);
                end.redacted += u64::from(stream.finish(&mut guarded));
                found.json = guarded.into();
            }
            Ok(Success {
                result: found.json,
                next: found.next.map(Bytes::from),
                total: found.total,
                hint: None,
            })
        }
    }
}

/// `success` with a word on its length, where it is long.
pub(super) fn hinted(mut success: Success) -> Success {
    let length = success.result.len();
    if length > LONG_RESULT && success.hint.is_none() {
        success.hint = Some(format!(
            "This result has {} kB. Give select (a jq expression such as .[0] or {{id, title}}) to get \
             only what you need of it, or save_to to put it into a file.",
            length / 1000
        ));
    }
    success
}
