//! What there is to see first.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::html;

use super::page::{self, Tab, Visit};

/// The page.
pub async fn show(visit: Visit) -> Response {
    visit.page(Tab::Overview, Ok(html! {})).await
}

/// What isn't there.
pub async fn not_found() -> Response {
    let body = html! {
        h1 { "There is no such page" }
        p { a href="/" { "To the overview" } }
    };
    (StatusCode::NOT_FOUND, page::bare("Not found", &body)).into_response()
}
