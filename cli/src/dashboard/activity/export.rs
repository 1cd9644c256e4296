//! The lines that a page shows, all of them, as a file: the very cells of
//! `axis logs export`, sent as they are read.

use axis_proto::v1::LogsRequest;
use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::Timestamp;

use super::selection::Selection;
use crate::dashboard::app::answer;
use crate::dashboard::page::{Tab, Visit};
use crate::export::{Format, Writer};
use crate::failure::{Exit, Failure};

/// Sends the file.
pub async fn export(visit: Visit) -> Response {
    match file(&visit).await {
        Ok(file) => file,
        Err(failure) => visit.page(Tab::Activity, Err(failure)).await,
    }
}

async fn file(visit: &Visit) -> Result<Response, Failure> {
    let query = visit.uri.query();
    let selection = Selection::beside(query, "format")?;
    let format = format(query)?;
    let request = LogsRequest {
        all: true,
        ..selection.newest().request()
    };
    let mut admin = visit.app.admin();
    let messages = answer(admin.logs(request)).await?;
    let (kind, ending, head) = match format {
        Format::Csv => {
            let head = Writer::new(format, Vec::new())?.into_inner()?;
            ("text/csv; charset=utf-8", "csv", head)
        }
        Format::Jsonl => ("application/x-ndjson; charset=utf-8", "jsonl", Vec::new()),
    };
    let name = Timestamp::now().strftime("axis-audit-%Y%m%dT%H%M%SZ");
    let chunks = stream::try_unfold((messages, head), move |(mut messages, head)| async move {
        if !head.is_empty() {
            return Ok(Some((head, (messages, Vec::new()))));
        }
        // an end without all lines breaks the file off, so that it isn't taken
        // for a whole one
        let message = messages.message().await.map_err(|status| broken(&status))?;
        let Some(message) = message else {
            return Ok(None);
        };
        let mut writer = Writer::going_on(format, Vec::with_capacity(message.line.len() * 2));
        for line in message.line.split(|byte| *byte == b'\n') {
            writer.line(line)?;
        }
        Ok::<_, Failure>(Some((writer.into_inner()?, (messages, Vec::new()))))
    });
    let chunks = futures_util::TryStreamExt::map_err(chunks, |failure| failure.sentence().0);
    let attachment = format!("attachment; filename=\"{name}.{ending}\"");
    let headers = [
        (CONTENT_TYPE, kind.to_owned()),
        (CONTENT_DISPOSITION, attachment),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

fn broken(status: &tonic::Status) -> Failure {
    Failure::new(Exit::Failed, status.message())
}

fn format(query: Option<&str>) -> Result<Format, Failure> {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let asked = pairs.find(|(name, _)| name == "format");
    match asked.as_ref().map(|(_, value)| &**value) {
        None | Some("csv") => Ok(Format::Csv),
        Some("jsonl") => Ok(Format::Jsonl),
        Some(other) => Err(Failure::new(
            Exit::Usage,
            format!("there is no format {other}: it is csv or jsonl"),
        )),
    }
}
