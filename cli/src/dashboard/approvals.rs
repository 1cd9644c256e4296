//! What waits for the owner: on top of every page, and a page of its own.

use axis_proto::v1::{Approval, WatchApprovalsResponse};
use axum::response::Response;
use maud::{Markup, html};

use super::form::Form;
use super::health::see;
use super::page::{Tab, Visit};
use super::session::Session;
use super::words::{Tone, counted, effect, said, state};

/// The page.
pub async fn show(visit: Visit) -> Response {
    visit.page(Tab::Approvals, Ok(html! {})).await
}

/// Approves or rejects what the form names.
pub async fn answer(form: Form) -> Response {
    see(form.text("back"))
}

/// What stands on top of every page.
pub fn bar(now: &WatchApprovalsResponse, _session: &Session, _back: &str, _tab: Tab) -> Markup {
    html! {
        details #waiting .waiting {
            summary data-waiting-summary { (summary(now)) }
            div data-waiting-cards { @for approval in &now.waiting { (card(approval)) } }
        }
    }
}

/// How many wait, and the first of them.
pub fn summary(now: &WatchApprovalsResponse) -> Markup {
    let waiting = now.waiting.len() as u64;
    html! {
        @if waiting == 0 { span.faint { "No call waits for you" } }
        @else { (state(Tone::Waits, &counted(waiting, "call waits", "calls wait"))) " for you" }
    }
}

/// One call that waits, whole.
pub fn card(approval: &Approval) -> Markup {
    html! {
        article.card data-id=(approval.id) {
            p { (said(&approval.identity)) " asks for " (said(&approval.service)) " " (said(&approval.action)) " " (effect(&approval.effect)) }
        }
    }
}
