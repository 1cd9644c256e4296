//! What waits for the owner: on top of every page ([`bar`]), and a page of its
//! own. One form for all of it ([`ask`]), one card for each call ([`card`]);
//! [`given`] does what the form says, [`past`] tells what was answered before.

mod ask;
mod card;
mod given;
mod past;

use axis_proto::v1::WatchApprovalsResponse;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use self::ask::{Entry, ask};
use self::card::{Room, card};
pub use self::given::answer;
use super::app::App;
use super::page::{Tab, Visit, problem};
use super::session::Session;
use super::words::{Tone, command, counted, effect, said, state};

/// An answer of the owner's that wasn't taken: what was typed, but for the
/// password, and what is wrong with it.
#[derive(Debug)]
pub struct Refused {
    entry: Entry,
    status: StatusCode,
}

/// The page.
pub async fn show(visit: Visit) -> Response {
    match visit.refused() {
        Some(Refused { entry, status }) => page(&visit, &entry, status).await,
        None => page(&visit, &Entry::default(), StatusCode::OK).await,
    }
}

/// The page with what was typed into its form, and what is wrong with that.
async fn page(visit: &Visit, entry: &Entry, status: StatusCode) -> Response {
    let standing = visit.app.standing().await;
    let past = past::read(&visit.app).await;
    let now = &standing.approvals;
    let (status, body) = match &standing.status {
        Err(failure) => (StatusCode::SERVICE_UNAVAILABLE, problem(failure)),
        Ok(_) => (
            status,
            html! {
                section.waiting-page aria-labelledby="waits" {
                    h2 #waits { "Waiting for you" }
                    (ask(now, &visit.session, "/approvals", entry, Room::Page))
                }
                (past::grants(now, &visit.session))
                (past::answers(past.as_ref()))
                (how(now))
            },
        ),
    };
    let mut response = visit.framed(Tab::Approvals, &standing, Ok(body));
    *response.status_mut() = status;
    response
}

/// What stands on top of every page. On the page of approvals the calls stand
/// in the page itself.
pub fn bar(now: &WatchApprovalsResponse, session: &Session, back: &str, tab: Tab) -> Markup {
    if tab == Tab::Approvals {
        return html! { p.waiting-line data-waiting-summary { (summary(now)) } };
    }
    html! {
        details #waiting .waiting {
            summary.waiting-line data-waiting-summary { (summary(now)) }
            div.waiting-panel { (ask(now, session, back, &Entry::default(), Room::Panel)) }
        }
    }
}

/// How many wait, and the first of them.
pub fn summary(now: &WatchApprovalsResponse) -> Markup {
    let waiting = now.waiting.len() as u64;
    html! {
        @match now.waiting.first() {
            None => { span.faint { "No call waits for you" } }
            Some(first) => {
                (state(Tone::Waits, &counted(waiting, "call waits", "calls wait"))) " for you"
                span.waiting-first {
                    " · " (card::left(first)) " · " (said(&first.identity)) " asks for "
                    (said(&first.service)) " " (said(&first.action)) " " (effect(&first.effect))
                }
            }
        }
    }
}

/// One call that waits, not ticked, for a page that is open already.
pub async fn show_card(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(place): Query<Place>,
) -> Response {
    let standing = app.standing().await;
    let mut waiting = standing.approvals.waiting.iter();
    match waiting.find(|approval| approval.id == id) {
        Some(approval) => card(approval, false, place.room()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Where a card is to stand.
#[derive(Deserialize)]
pub struct Place {
    #[serde(default)]
    whole: bool,
}

impl Place {
    fn room(&self) -> Room {
        if self.whole { Room::Page } else { Room::Panel }
    }
}

/// How calls come to wait, for where none does.
fn how(now: &WatchApprovalsResponse) -> Markup {
    html! {
        @if now.waiting.is_empty() {
            section aria-labelledby="how" {
                h2 #how { "How a call comes to wait" }
                p { "A rule of " code { "policy.yaml" } " with " code { "ask: true" }
                    " lets its calls through once you have said yes to each. "
                    code { "approval: owner" } " beside it, which needs not be written, means that you answer, with the master password; "
                    code { "approval: host" } " lets the agent's own window answer, too." }
                pre.example tabindex="0" role="region" aria-label="An example of a rule that asks" { (EXAMPLE) }
                p { "Or by command: " (command("axis allow github issues.create --ask")) }
            }
        }
    }
}

const EXAMPLE: &str = "policies:
  - identity: local-dev
    approval: owner
    allow:
      - { service: github, actions: [\"*\"], effects: [read] }
      - { service: github, actions: [\"issues.*\"], effects: [write], ask: true }
";

#[cfg(test)]
mod tests;
