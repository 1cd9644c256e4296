//! New lines of the log as they come, by server-sent events. Each has its
//! number, so that whoever lost the stream goes on after the last one.

use std::convert::Infallible;
use std::time::Duration;

use axis_proto::v1::{LogsHeadRequest, LogsRequest};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use tokio::sync::mpsc::{self, Sender};
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;

use super::rows;
use super::selection::Selection;
use crate::dashboard::app::{App, answer};
use crate::dashboard::page::Visit;

/// The most lines that are caught up with one by one; of more, the page is
/// loaded again. It shows no more at once.
const CATCH_UP: u32 = 200;
/// Rows that wait for a browser.
const WAITING: usize = 64;
/// How soon axisd is asked again after it was gone.
const RETRY: Duration = Duration::from_secs(1);
/// How often a silent stream says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The stream of a page.
pub async fn events(visit: Visit, headers: HeaderMap) -> Response {
    let query = visit.uri.query();
    let selection = match Selection::beside(query, "after") {
        Ok(selection) => selection,
        Err(failure) => {
            return (StatusCode::BAD_REQUEST, failure.sentence().0).into_response();
        }
    };
    let after = after(&headers, query);
    let (sender, rows) = mpsc::channel(WAITING);
    tokio::spawn(follow(visit.app, selection, after, sender));
    let rows = ReceiverStream::new(rows).map(Ok::<_, Infallible>);
    Sse::new(rows)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response()
}

/// The last line that the page has: what a lost stream says counts more than
/// what the page knew at first.
fn after(headers: &HeaderMap, query: Option<&str>) -> Option<u64> {
    let told = headers.get("last-event-id");
    let told = told.and_then(|id| id.to_str().ok()?.parse().ok());
    told.or_else(|| {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let mut after = pairs.filter(|(name, _)| name == "after");
        after.next().and_then(|(_, value)| value.parse().ok())
    })
}

/// Sends new lines until nobody takes them. Where axisd is gone, it waits.
async fn follow(app: App, selection: Selection, after: Option<u64>, sender: Sender<Event>) {
    let mut after = after;
    while !sender.is_closed() {
        let ended = tokio::select! {
            ended = followed(&app, &selection, &mut after, &sender) => ended,
            () = sender.closed() => return,
        };
        if ended.is_err() {
            // the page will ask anew
            return;
        }
        tokio::select! {
            () = sleep(RETRY) => {}
            () = sender.closed() => return,
        }
    }
}

/// Nothing more is to be sent on a stream.
struct Over;

/// Sends new lines for as long as axisd tells them.
async fn followed(
    app: &App,
    selection: &Selection,
    after: &mut Option<u64>,
    sender: &Sender<Event>,
) -> Result<(), Over> {
    let mut admin = app.admin();
    let Ok(head) = answer(admin.logs_head(LogsHeadRequest {})).await else {
        return Ok(());
    };
    let known = *after.get_or_insert(head.seq);
    if head.seq < known {
        // the log began anew: what the page has is of another one
        return reload(sender).await;
    }
    let request = LogsRequest {
        last: CATCH_UP,
        follow: true,
        after_seq: Some(known),
        ..selection.request()
    };
    let Ok(mut messages) = answer(admin.logs(request)).await else {
        return Ok(());
    };
    let mut caught_up = 0;
    while let Ok(Some(message)) = messages.message().await {
        let Some(seq) = rows::seq(&message.line) else {
            continue;
        };
        // a line that was written while axisd looked may come twice
        if after.is_some_and(|after| seq <= after) {
            continue;
        }
        caught_up += u32::from(seq <= head.seq);
        if caught_up >= CATCH_UP {
            return reload(sender).await;
        }
        let row = rows::row(&message.line).into_string();
        let event = Event::default().id(seq.to_string()).event("row").data(row);
        sender.send(event).await.map_err(|_| Over)?;
        *after = Some(seq);
    }
    Ok(())
}

async fn reload(sender: &Sender<Event>) -> Result<(), Over> {
    // a browser passes over an event without any data
    let event = Event::default().event("reload").data("1");
    // whether it is taken or not, there is no more to say
    let _ = sender.send(event).await;
    Err(Over)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_lost_stream_goes_on_where_it_was() {
        let mut headers = HeaderMap::new();
        assert_eq!(after(&headers, None), None);
        assert_eq!(after(&headers, Some("q=x&after=7")), Some(7));
        assert_eq!(after(&headers, Some("after=x")), None);
        headers.insert("last-event-id", HeaderValue::from_static("9"));
        assert_eq!(after(&headers, Some("after=7")), Some(9));
        headers.insert("last-event-id", HeaderValue::from_static("nine"));
        assert_eq!(after(&headers, Some("after=7")), Some(7));
    }
}
