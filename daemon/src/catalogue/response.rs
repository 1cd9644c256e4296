//! What the upstream's answer means to the agent: a result as one JSON value,
//! or an error in the vendor's own words.

mod events;
mod format;
mod pages;
mod vendor;
mod xml;

use bytes::Bytes;
use http::{HeaderName, StatusCode};
use serde_json::Value;

use self::events::EventFault;
pub(super) use self::events::EventShape;
pub(super) use self::format::ResponseFormat;
use self::pages::{Page, PageReader};
pub use self::vendor::VendorError;
use self::vendor::{ErrorReader, Look};
use super::definition::{ErrorShape, Pagination, SuccessShape};
use super::reach::Reach;
use crate::names::ServiceName;

/// What came back, after the leak guard.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: StatusCode,
    /// The Content-Type, if there is a sane one.
    pub content_type: Option<&'a str>,
    /// Those headers that the action asked for.
    pub headers: &'a [(HeaderName, String)],
    /// The body, decoded.
    pub body: &'a Bytes,
}

/// How one call ended, as the upstream told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionOutcome {
    /// It did what was asked.
    Result(ActionResult),
    /// The upstream refused.
    Refused(VendorError),
}

/// What an action brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionResult {
    /// The text of one JSON value.
    pub json: Bytes,
    /// The params that differ for the next page, as a JSON object's text.
    pub next: Option<String>,
    /// How many items there are on all pages.
    pub total: Option<u64>,
}

/// What a definition says of an action's answers.
pub(super) struct Reading {
    pub(super) service: ServiceName,
    pub(super) format: ResponseFormat,
    /// How the events of an answer that is a stream of them belong together.
    pub(super) events: Option<EventShape>,
    pub(super) error: ErrorShape,
    pub(super) success: Option<SuccessShape>,
    pub(super) pages: Option<Pagination>,
    /// Params in the query whose values are integers.
    pub(super) integers: Vec<String>,
    /// Where a GraphQL query's result is, below `data`.
    pub(super) result: Option<Reach>,
    pub(super) is_graphql: bool,
}

/// Reads the answers of one action.
pub(super) struct ResponseReader {
    format: ResponseFormat,
    events: Option<EventShape>,
    errors: ErrorReader,
    success: Option<SuccessShape>,
    pages: Option<PageReader>,
    headers: Vec<HeaderName>,
    /// Where the result is in the body, where it isn't all of it.
    result: Option<Reach>,
    is_graphql: bool,
}

impl ResponseReader {
    pub(super) fn new(reading: Reading) -> Self {
        let pages = reading.pages.map(|shape| PageReader {
            shape,
            integers: reading.integers,
        });
        let mut headers: Vec<_> = reading.format.headers().cloned().collect();
        headers.extend(pages.iter().flat_map(PageReader::headers).cloned());
        Self {
            headers,
            format: reading.format,
            events: reading.events,
            errors: ErrorReader {
                service: reading.service,
                shape: reading.error,
            },
            success: reading.success,
            pages,
            is_graphql: reading.is_graphql,
            result: reading.result.map(|result| result.below("data")),
        }
    }

    /// The headers of an answer that it looks at.
    pub(super) fn headers(&self) -> &[HeaderName] {
        &self.headers
    }

    pub(super) fn read(&self, answer: &Answer<'_>, look: &mut Look<'_>) -> ActionOutcome {
        let Answer {
            status,
            content_type,
            headers,
            body,
        } = *answer;
        let failed = says_failure(body, self.success.as_ref(), self.is_graphql);
        if !status.is_success() || failed {
            return ActionOutcome::Refused(self.errors.read(status, content_type, body, look));
        }
        let json = if self.format.is_json() && events::is_stream(content_type) {
            match events::result(self.events, &String::from_utf8_lossy(body)) {
                Ok(json) => json,
                Err(fault) => return ActionOutcome::Refused(self.fault(status, fault, look)),
            }
        } else {
            self.format.result(content_type, headers, body)
        };
        let page = match (&self.pages, std::str::from_utf8(&json)) {
            (Some(pages), Ok(json)) => pages.read(headers, json),
            _ => Page::default(),
        };
        ActionOutcome::Result(ActionResult {
            json: self.inner(json),
            next: page.next,
            total: page.total,
        })
    }

    /// What a stream of events says that brought no result.
    fn fault(&self, status: StatusCode, fault: EventFault, look: &mut Look<'_>) -> VendorError {
        match fault {
            EventFault::Told(error) => {
                self.errors
                    .read(status, Some("application/json"), &error, look)
            }
            EventFault::BrokenOff { events } => VendorError {
                status: status.as_u16(),
                message: format!(
                    "the stream of events broke off after {events} events, before its end; what came is not kept"
                ),
                hint: Some(
                    "the service may have done, and charged, the whole call; without stream the answer comes in one piece"
                        .into(),
                ),
            },
        }
    }

    /// Whether only the body says that a call has failed.
    pub(super) fn judges_by_body(&self) -> bool {
        self.success.is_some() || self.is_graphql
    }

    /// The part of the body that is the result.
    fn inner(&self, json: Bytes) -> Bytes {
        let Some(reach) = &self.result else {
            return json;
        };
        let found = std::str::from_utf8(&json)
            .ok()
            .and_then(|text| reach.find(text));
        match found {
            Some(found) => json.slice_ref(found.as_bytes()),
            None => json,
        }
    }
}

/// Whether an answer with a good status says that the call failed: by `success`,
/// or by GraphQL's own errors.
pub(super) fn says_failure(body: &Bytes, success: Option<&SuccessShape>, is_graphql: bool) -> bool {
    if success.is_none() && !is_graphql {
        return false;
    }
    let Ok(text) = std::str::from_utf8(body) else {
        return false;
    };
    let value = |reach: &Reach| serde_json::from_str::<Value>(reach.find(text)?).ok();
    if is_graphql
        && let Some(Value::Array(errors)) = Reach::parse("errors").as_ref().and_then(value)
        && !errors.is_empty()
    {
        return true;
    }
    success.is_some_and(|success| value(&success.field).as_ref() != Some(&success.equals))
}

#[cfg(test)]
mod tests;
