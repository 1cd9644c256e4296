//! The page of that name.

use axum::response::Response;
use maud::html;

use super::page::{Tab, Visit};

/// The page.
pub async fn show(visit: Visit) -> Response {
    visit.page(Tab::Activity, Ok(html! {})).await
}
