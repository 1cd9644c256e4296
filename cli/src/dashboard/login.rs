//! The one-time link, and what someone sees who has none.

use axum::extract::{Query, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::html;
use serde::Deserialize;

use super::app::App;
use super::page;
use super::session::set_cookie;
use super::words::command;

/// What the link carries.
#[derive(Deserialize)]
pub struct Link {
    #[serde(default)]
    code: String,
}

/// Opens a session for whoever has the link's code, once.
pub async fn redeem(
    State(app): State<App>,
    method: Method,
    headers: HeaderMap,
    Query(link): Query<Link>,
) -> Response {
    // a look ahead must not use the link up
    let is_ahead = headers.contains_key("sec-purpose") || headers.contains_key("purpose");
    if method != Method::GET || is_ahead {
        return StatusCode::NO_CONTENT.into_response();
    }
    match app.sessions().redeem(&link.code) {
        Ok(Some(cookie)) => {
            let cookie = set_cookie(&cookie, app.port());
            let headers = [(LOCATION, "/"), (SET_COOKIE, cookie.as_str())];
            (StatusCode::SEE_OTHER, headers).into_response()
        }
        // the link again, from a browser that is signed in
        Ok(None) if app.sessions().of(&headers, app.port()).is_some() => {
            (StatusCode::SEE_OTHER, [(LOCATION, "/")]).into_response()
        }
        Ok(None) => asked_for(),
        Err(failure) => (StatusCode::INTERNAL_SERVER_ERROR, failure.to_string()).into_response(),
    }
}

/// What someone sees who isn't signed in.
pub fn asked_for() -> Response {
    let body = html! {
        h1 { "Sign in with the link" }
        p {
            "This page shows what your agents do, so it opens only with the link that "
            code { "axis dashboard" }
            " prints. Each link is good once."
        }
        p {
            "In the terminal in which it runs, press " kbd { "Enter" } " for a new link. "
            "If it doesn't run any more, start it again:"
        }
        (command("axis dashboard"))
    };
    (StatusCode::UNAUTHORIZED, page::bare("Sign in", &body)).into_response()
}
