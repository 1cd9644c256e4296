//! An upstream's answer on its way to the agent.

use super::outcome::{Failure, Success};
use super::strings;
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
        ActionOutcome::Refused(error) => {
            // its words were decoded, which may have joined what stood apart
            let (message, found) = guard.redact_counted(&error.message);
            end.redacted += u64::from(found);
            Err(Failure {
                retry_after_s: response.retry_after_s,
                message,
                ..error.into()
            })
        }
        ActionOutcome::Result(mut found) => {
            let body = response.body.as_ptr_range();
            if !body.contains(&found.json.as_ptr()) {
                // what was decoded may hold what the guard couldn't see before
                let mut guarded = Vec::with_capacity(found.json.len());
                let mut stream = guard.stream();
                stream.push(&found.json, &mut guarded);
                end.redacted += u64::from(stream.finish(&mut guarded));
                found.json = guarded.into();
            } else if let Some((guarded, taken)) = strings::guarded(&found.json, guard) {
                end.redacted += u64::from(taken);
                found.json = guarded;
            }
            Ok(Success {
                result: found.json,
                next: found.next.map(|next| guard.redact(&next).into()),
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::StatusCode;

    use super::*;
    use crate::catalogue::Catalogue;

    const SECRET: &str = "canary0123456789abcdef";

    /// What S3 answers to `action`, which the upstream wrote as `body`.
    fn read_xml(action: &str, status: StatusCode, body: &str) -> Result<Success, Failure> {
        let catalogue = Catalogue::builtin().unwrap();
        let (_, action) = catalogue.resolve("aws", action).unwrap();
        let response = UpstreamResponse {
            status,
            content_type: Some("application/xml".into()),
            headers: Vec::new(),
            retry_after_s: None,
            body: Bytes::copy_from_slice(body.as_bytes()),
            delivered: None,
            redacted: 0,
        };
        let guard = LeakGuard::new(&[SECRET]);
        read(action, &guard, Ok(response), &mut audit::End::default())
    }

    #[test]
    fn what_decoding_joins_is_guarded_wherever_it_goes() {
        let (head, tail) = SECRET.split_at(9);
        for apart in [
            format!("{head}<!-- -->{tail}"),
            format!("{head}<![CDATA[{tail}]]>"),
        ] {
            let refused =
                format!("<Error><Code>Odd</Code><Message>it is {apart}</Message></Error>");
            let failure = read_xml("s3.getObject", StatusCode::BAD_REQUEST, &refused).unwrap_err();
            assert_eq!(failure.message, "it is [redacted by axis] (Odd)");

            let list = format!(
                "<ListAllMyBucketsResult><ContinuationToken>{apart}</ContinuationToken></ListAllMyBucketsResult>"
            );
            let success = read_xml("s3.listBuckets", StatusCode::OK, &list).unwrap();
            let next = success.next.unwrap();
            assert_eq!(&next[..], br#"{"continuation_token":"[redacted by axis]"}"#);
            assert!(!String::from_utf8_lossy(&success.result).contains(SECRET));
        }
    }
}
