//! The audit log: newest first, with new lines as they come, filters that stand
//! in the URL, and pages back to its beginning.

mod export;
mod live;
mod page;
mod rows;
mod selection;
mod verify;

use std::collections::BTreeSet;

use axis_proto::v1::{ListIdentitiesRequest, ListServicesRequest, LogsRequest};
use axum::response::Response;
use bytes::Bytes;
use tonic::Code;

use super::app::{App, answer};
use super::page::{Tab, Visit};
use crate::failure::Failure;

pub use export::export;
pub use live::events;
pub use verify::verify;

use page::{Known, body};
use selection::Selection;

/// Lines on one page.
const PAGE: u32 = 50;

/// Some lines of the log.
#[derive(Default)]
struct Found {
    /// Newest first.
    lines: Vec<Bytes>,
    /// Whether there are older ones.
    has_older: bool,
    /// Why there may be lines that can't be read.
    unread: Option<String>,
}

/// The page.
pub async fn show(visit: Visit) -> Response {
    let selection = match Selection::of(visit.uri.query()) {
        Ok(selection) => selection,
        Err(failure) => return visit.page(Tab::Activity, Err(failure)).await,
    };
    let (standing, found, known) = tokio::join!(
        visit.app.standing(),
        find(&visit.app, &selection),
        known(&visit.app)
    );
    let audit = standing.status.as_ref().ok();
    let audit = audit.and_then(|status| status.audit.clone());
    let shown = found.map(|found| body(&selection, &found, &audit.unwrap_or_default(), &known));
    visit.framed(Tab::Activity, &standing, shown)
}

/// One page of the lines that are asked for.
async fn find(app: &App, selection: &Selection) -> Result<Found, Failure> {
    let request = LogsRequest {
        // one more says whether there are others
        last: PAGE + 1,
        before_seq: selection.before,
        ..selection.request()
    };
    let mut found = read(app, request).await?;
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    found.has_older = found.lines.len() > page;
    found.lines.truncate(page);
    if found.has_older {
        // what has no number comes with the line before it, on the next page
        let last = found
            .lines
            .iter()
            .rposition(|line| rows::seq(line).is_some());
        if let Some(last) = last {
            found.lines.truncate(last + 1);
        }
    }
    Ok(found)
}

async fn read(app: &App, request: LogsRequest) -> Result<Found, Failure> {
    let mut admin = app.admin();
    answer(async move {
        let mut messages = admin.logs(request).await?.into_inner();
        let mut found = Found::default();
        loop {
            match messages.message().await {
                Ok(Some(message)) => found.lines.push(message.line),
                Ok(None) => break,
                // what came before is true all the same
                Err(status) if status.code() == Code::DataLoss => {
                    found.unread = Some(status.message().to_owned());
                    break;
                }
                Err(status) => return Err(status),
            }
        }
        found.lines.reverse();
        Ok(tonic::Response::new(found))
    })
    .await
}

/// The names that a filter may be set to; none where they can't be had.
async fn known(app: &App) -> Known {
    let (mut services, mut identities) = (app.admin(), app.admin());
    let (services, identities) = tokio::join!(
        answer(services.list_services(ListServicesRequest {})),
        answer(identities.list_identities(ListIdentitiesRequest {}))
    );
    let mut known = Known::default();
    for service in services.map(|answer| answer.services).unwrap_or_default() {
        let actions = service.actions.into_iter().map(|action| action.action);
        known.actions.extend(actions);
        known.services.insert(service.service);
    }
    let identities = identities.map(|answer| answer.identities);
    known.identities = identities
        .unwrap_or_default()
        .into_iter()
        .map(|identity| identity.identity)
        .collect::<BTreeSet<_>>();
    known
}
