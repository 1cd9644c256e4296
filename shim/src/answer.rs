//! What an agent reads: outcomes and failures as one compact JSON object, the
//! same for MCP and for `axis call`.

use axis_proto::v1::outcome::End;
use axis_proto::v1::{Denied, Failed, ListActionsResponse, Outcome, Pending, Success};
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

/// One answer to an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    text: String,
    is_error: bool,
}

/// Why a call failed, wherever it failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// One of the codes in `broker.proto`.
    pub code: String,
    /// What was wrong, with which param, and what to do.
    pub message: String,
    /// What may help beyond that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The upstream's HTTP status, where it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u32>,
    /// Seconds that the upstream asked to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
}

impl Failure {
    /// A failure with a code and a sentence.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            hint: None,
            status: None,
            retry_after_s: None,
        }
    }

    /// The same with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Self {
        Self {
            code: failed.code,
            message: failed.message,
            hint: failed.hint,
            status: failed.status,
            retry_after_s: failed.retry_after_s,
        }
    }
}

#[derive(Serialize)]
struct SuccessObject<'a> {
    ok: bool,
    result: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct DeniedObject<'a> {
    denied: bool,
    reason: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
}

#[derive(Serialize)]
struct PendingObject<'a> {
    pending: bool,
    approval_id: &'a str,
    reason: &'a str,
    request_id: &'a str,
}

#[derive(Serialize)]
struct FailedObject<'a> {
    ok: bool,
    error: &'a Failure,
    request_id: &'a str,
}

#[derive(Serialize)]
struct ListObject {
    services: Vec<ServiceObject>,
}

#[derive(Serialize)]
struct ServiceObject {
    service: String,
    title: String,
    has_credential: bool,
    actions: Vec<ActionObject>,
}

#[derive(Serialize)]
struct ActionObject {
    action: String,
    effect: String,
    allowed: bool,
    #[serde(skip_serializing_if = "is_not")]
    ask: bool,
}

#[derive(Serialize)]
struct DetailObject<'a> {
    service: &'a str,
    action: &'a str,
    effect: &'a str,
    params: &'a RawValue,
    example: &'a RawValue,
    allowed: bool,
    #[serde(skip_serializing_if = "is_not")]
    ask: bool,
}

impl Answer {
    /// The answer object, compact JSON on one line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether an MCP host is told that the call failed; so are denials.
    pub fn is_error(&self) -> bool {
        self.is_error
    }

    /// The answer to a call that axisd took to its outcome.
    pub fn from_outcome(outcome: Outcome) -> Self {
        let id = &outcome.request_id;
        match outcome.end {
            Some(End::Success(success)) => Self::succeeded(&success, id)
                .unwrap_or_else(|failure| Self::failed_with(&failure, id)),
            Some(End::Denied(denied)) => Self::denied(&denied, id),
            Some(End::Pending(pending)) => Self::pending(&pending, id),
            Some(End::Failed(failed)) => Self::failed_with(&failed.into(), id),
            None => Self::failed_with(
                &Failure::new(
                    "internal_error",
                    "axisd ended the call in a way that this version of axis doesn't know",
                )
                .with_hint("Run `axis daemon restart`, so that both are of one version."),
                id,
            ),
        }
    }

    /// The answer to a call that failed before axisd gave it an id. It gets
    /// one of its own, which the audit log doesn't know.
    pub fn failed(failure: &Failure) -> Self {
        Self::failed_with(failure, &Uuid::new_v4().to_string())
    }

    /// The answer to `list_actions`.
    pub fn from_actions(response: ListActionsResponse) -> Self {
        if let Some(detail) = response.detail {
            let (params, example) =
                match (raw_json(&detail.params_schema), raw_json(&detail.example)) {
                    (Ok(params), Ok(example)) => (params, example),
                    (Err(failure), _) | (_, Err(failure)) => return Self::failed(&failure),
                };
            return Self::object(
                &DetailObject {
                    service: &detail.service,
                    action: &detail.action,
                    effect: &detail.effect,
                    params: &params,
                    example: &example,
                    allowed: detail.allowed,
                    ask: detail.ask,
                },
                false,
            );
        }
        let services = response
            .services
            .into_iter()
            .map(|service| ServiceObject {
                service: service.service,
                title: service.title,
                has_credential: service.has_credential,
                actions: service
                    .actions
                    .into_iter()
                    .map(|action| ActionObject {
                        action: action.action,
                        effect: action.effect,
                        allowed: action.allowed,
                        ask: action.ask,
                    })
                    .collect(),
            })
            .collect();
        Self::object(&ListObject { services }, false)
    }

    fn succeeded(success: &Success, request_id: &str) -> Result<Self, Failure> {
        let result = raw_json(&success.result)?;
        let next = success.next.as_deref().map(raw_json).transpose()?;
        Ok(Self::object(
            &SuccessObject {
                ok: true,
                result: &result,
                next: next.as_deref(),
                total: success.total,
                request_id,
                hint: success.hint.as_deref(),
            },
            false,
        ))
    }

    fn denied(denied: &Denied, request_id: &str) -> Self {
        Self::object(
            &DeniedObject {
                denied: true,
                reason: &denied.reason,
                request_id,
                hint: denied.hint.as_deref(),
                retry_after_s: denied.retry_after_s,
            },
            true,
        )
    }

    fn pending(pending: &Pending, request_id: &str) -> Self {
        Self::object(
            &PendingObject {
                pending: true,
                approval_id: &pending.approval_id,
                reason: &pending.reason,
                request_id,
            },
            false,
        )
    }

    fn failed_with(failure: &Failure, request_id: &str) -> Self {
        Self::object(
            &FailedObject {
                ok: false,
                error: failure,
                request_id,
            },
            true,
        )
    }

    fn object(object: &impl Serialize, is_error: bool) -> Self {
        match serde_json::to_string(object) {
            Ok(text) => Self { text, is_error },
            // Strings, numbers and checked JSON: nothing here can fail.
            Err(error) => Self {
                text: format!(
                    "{{\"ok\":false,\"error\":{{\"code\":\"internal_error\",\"message\":{:?}}}}}",
                    error.to_string()
                ),
                is_error: true,
            },
        }
    }
}

impl From<Answer> for CallToolResult {
    /// The text alone; the transport repeats it as `structuredContent`.
    fn from(answer: Answer) -> Self {
        let content = vec![ContentBlock::text(answer.text)];
        if answer.is_error {
            Self::error(content)
        } else {
            Self::success(content)
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_not(it: &bool) -> bool {
    !it
}

/// Checks that axisd sent one JSON value and takes the white space out of it:
/// a line break would end the MCP message.
fn raw_json(bytes: &[u8]) -> Result<Box<RawValue>, Failure> {
    let broken = |error: String| {
        Failure::new(
            "internal_error",
            format!("axisd sent a result that is no JSON: {error}"),
        )
    };
    let checked: &RawValue =
        serde_json::from_slice(bytes).map_err(|error| broken(error.to_string()))?;
    let text = checked.get();
    let mut compact = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(['"', ' ', '\n', '\r', '\t']) {
        compact.push_str(&rest[..start]);
        rest = &rest[start..];
        let kept = if rest.starts_with('"') {
            string_length(rest)
        } else {
            0
        };
        compact.push_str(&rest[..kept]);
        rest = &rest[kept.max(1)..];
    }
    compact.push_str(rest);
    RawValue::from_string(compact).map_err(|error| broken(error.to_string()))
}

/// The length in bytes of the JSON string that `text` begins with.
fn string_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_from_between_but_not_from_inside_strings() {
        for (input, expected) in [
            ("{ \"a b\" : [ 1 ,\n\t2 ]\r\n}", "{\"a b\":[1,2]}"),
            (r#" "say \" it \\" "#, r#""say \" it \\""#),
            (
                r#"{"n":123456789012345678901234567890.10,"e":1E400}"#,
                r#"{"n":123456789012345678901234567890.10,"e":1E400}"#,
            ),
            ("\"zwölf ü \\n\"", "\"zwölf ü \\n\""),
            ("null", "null"),
        ] {
            assert_eq!(raw_json(input.as_bytes()).unwrap().get(), expected);
        }
    }

    #[test]
    fn what_is_no_json_is_a_failure_and_no_crash() {
        for input in [
            &b""[..],
            b"{",
            b"\"open",
            b"\"open\\",
            b"1 2",
            b"\xff",
            b"{\"a\":\"\xc3\"}",
        ] {
            assert_eq!(raw_json(input).unwrap_err().code, "internal_error");
        }
    }
}
