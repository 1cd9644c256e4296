//! Which lines of the audit log are meant.

use axis_proto::v1::LogsRequest;
use clap::Args;
use jiff::{Span, SpanRelativeTo, Timestamp};

/// How a call may have ended.
pub const DECISIONS: [&str; 4] = ["allow", "deny", "error", "ask"];

/// Which calls.
#[derive(Debug, Args)]
pub struct Calls {
    /// Only calls to this service
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub service: String,
    /// Only calls of this action
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub action: String,
    /// Only calls by this identity
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub identity: String,
    /// Only lines since then: 2h, 3d, or a moment such as 2026-01-15T10:30:00Z
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub since: Option<Timestamp>,
    /// Only lines of before then, written likewise
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub until: Option<Timestamp>,
}

/// Which lines.
#[derive(Debug, Args)]
pub struct Lines {
    #[command(flatten)]
    calls: Calls,
    /// Only calls that ended so
    #[arg(long, value_name = "DECISION", value_parser = DECISIONS)]
    decision: Option<String>,
    /// Only lines that hold this text, in any case
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    grep: String,
}

impl Lines {
    /// The request for these lines, all of them.
    pub fn request(self) -> LogsRequest {
        LogsRequest {
            last: 0,
            follow: false,
            service: self.calls.service,
            identity: self.calls.identity,
            action: self.calls.action,
            decision: self.decision.unwrap_or_default(),
            since_ms: self.calls.since.map(Timestamp::as_millisecond),
            until_ms: self.calls.until.map(Timestamp::as_millisecond),
            text: self.grep,
            all: true,
            ..LogsRequest::default()
        }
    }
}

/// A moment, or a stretch of time before now.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let problem = || {
        "write a stretch of time such as 90s, 2h or 3d, or a moment such as 2026-01-15T10:30:00Z"
            .to_owned()
    };
    let span: Span = text.parse().map_err(|_| problem())?;
    let before = span.to_duration(SpanRelativeTo::days_are_24_hours());
    let before = before.map_err(|_| problem())?.abs();
    Timestamp::now().checked_sub(before).map_err(|_| problem())
}
