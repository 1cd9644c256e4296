//! Which lines of the audit log a message of admin.proto asks for.

use axis_proto::v1::LogsRequest;
use jiff::Timestamp;
use tonic::Status;

use crate::audit::Filter;

/// The filter that `request` describes.
///
/// # Errors
/// A moment that is none, or a text too long to search for.
pub fn filter(request: &LogsRequest) -> Result<Filter, Status> {
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
