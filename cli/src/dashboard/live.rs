//! What open pages are told while they are open: how axisd is and what waits
//! for the owner, by server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axis_proto::v1::admin_client::AdminClient;
use axis_proto::v1::{
    StatusRequest, StatusResponse, WatchApprovalsRequest, WatchApprovalsResponse,
};
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_stream::wrappers::WatchStream;
use tonic::transport::Channel;

use super::app::{App, answer};
use super::{approvals, page};
use crate::client::check_version;
use crate::failure::Failure;

/// How often axisd is asked how it is.
const PULSE: Duration = Duration::from_secs(2);
/// How soon it is looked for again where it isn't.
const RETRY: Duration = Duration::from_millis(500);
/// How often a silent stream says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What goes on now.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// How axisd is; or what is wrong, and the command that mends it. Unset
    /// until it was asked.
    pub standing: Option<Result<StatusResponse, (String, Option<String>)>>,
    /// What waits for the owner.
    pub approvals: WatchApprovalsResponse,
}

/// Follows axisd for as long as someone looks at the result.
pub fn follow(admin: AdminClient<Channel>) -> watch::Receiver<Now> {
    let (sender, receiver) = watch::channel(Now::default());
    tokio::spawn(async move {
        loop {
            let failure = watched(admin.clone(), &sender).await;
            sender.send_replace(Now {
                standing: Some(Err(failure.sentence())),
                approvals: WatchApprovalsResponse::default(),
            });
            if sender.is_closed() {
                return;
            }
            sleep(RETRY).await;
        }
    });
    receiver
}

/// Tells each change until axisd is gone; why it is.
async fn watched(mut admin: AdminClient<Channel>, sender: &watch::Sender<Now>) -> Failure {
    let mut pulse = interval(PULSE);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watching = admin.clone();
    let mut changes = match answer(watching.watch_approvals(WatchApprovalsRequest {})).await {
        Ok(changes) => changes,
        Err(failure) => return failure,
    };
    loop {
        tokio::select! {
            change = changes.message() => match change {
                Ok(Some(approvals)) => sender.send_modify(|now| now.approvals = approvals),
                Ok(None) => return Failure::new(crate::failure::Exit::Unavailable, "axisd has stopped")
                    .fix("axis daemon start"),
                Err(status) => return status.into(),
            },
            _ = pulse.tick() => {
                let asked = answer(admin.status(StatusRequest {})).await;
                let asked = asked.and_then(|status| {
                    check_version(&status.version)?;
                    Ok(status)
                });
                match asked {
                    Ok(status) => sender.send_modify(|now| now.standing = Some(Ok(status))),
                    Err(failure) => return failure,
                }
            }
        }
    }
}

/// The stream of a page: what goes on at once, then each change.
pub async fn events(
    State(app): State<App>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    let told = WatchStream::new(app.now()).filter_map(|now| async move { message(&now) });
    // a pulse that changes nothing is not told
    let mut last = String::new();
    let told = told.filter(move |text| {
        let is_new = *text != last;
        last.clone_from(text);
        std::future::ready(is_new)
    });
    let events = told.map(|text| Ok(Event::default().event("now").data(text)));
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// What pages put in the place of what they show. None before axisd was asked.
fn message(now: &Now) -> Option<String> {
    let standing = now.standing.as_ref()?;
    let standing = match standing {
        Ok(status) => page::standing(Ok(status)),
        Err((sentence, fix)) => {
            let failure = Failure::new(crate::failure::Exit::Unavailable, sentence.clone());
            let failure = match fix {
                Some(fix) => failure.fix(fix.clone()),
                None => failure,
            };
            page::standing(Err(&failure))
        }
    };
    let waiting = &now.approvals.waiting;
    let message = json!({
        "down": matches!(now.standing, Some(Err(_))),
        "standing": standing.into_string(),
        "summary": approvals::summary(&now.approvals).into_string(),
        // pages ask for the cards that they don't have yet
        "order": waiting.iter().map(|approval| &approval.id).collect::<Vec<_>>(),
    });
    Some(message.to_string())
}
