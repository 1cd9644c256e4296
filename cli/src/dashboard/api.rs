//! The same as the pages show, as JSON under `/api/`: for a browser that is
//! signed in, or with a token of `axis dashboard --token`.

use axis_proto::v1::CheckDashboardTokenRequest;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;

use super::app::{App, answer};
use super::health;
use crate::failure::Failure;

/// What is under `/api`.
pub fn routes(app: &App) -> Router<App> {
    Router::new()
        .route("/health", get(checks))
        .fallback(unknown)
        .layer(from_fn_with_state(app.clone(), entitled))
}

/// Lets those in who are signed in or have a token.
async fn entitled(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.sessions().of(request.headers(), app.port()).is_some() {
        return next.run(request).await;
    }
    let sent = request.headers().get(AUTHORIZATION);
    let sent = sent.and_then(|value| value.to_str().ok());
    let token = sent.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| token.trim().to_owned())
    });
    let Some(token) = token else {
        return refused(
            "Sign in with the link of axis dashboard, or send a token of axis dashboard --token.",
        );
    };
    let asked = CheckDashboardTokenRequest { token };
    match answer(app.admin().check_dashboard_token(asked)).await {
        Ok(answer) if answer.valid => next.run(request).await,
        Ok(_) => refused(
            "The token isn't good: it is over a day old, or axisd was restarted. Get one with axis dashboard --token.",
        ),
        Err(failure) => error(&failure),
    }
}

fn refused(why: &str) -> Response {
    let body = Json(json!({"error": {"message": why}}));
    (
        StatusCode::UNAUTHORIZED,
        [(WWW_AUTHENTICATE, "Bearer")],
        body,
    )
        .into_response()
}

/// What kept axisd from answering.
pub fn error(failure: &Failure) -> Response {
    let (message, fix) = failure.sentence();
    let body = json!({"error": {"message": message, "fix": fix}});
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

async fn unknown() -> Response {
    let body =
        Json(json!({"error": {"message": "There is health, services, logs, policy and stats."}}));
    (StatusCode::NOT_FOUND, body).into_response()
}

/// What `axis doctor --json` says.
async fn checks(State(app): State<App>) -> Response {
    match health::examine(&app).await {
        Ok(report) => Json(crate::commands::doctor::document(
            Some(report.level),
            &report.checks,
        ))
        .into_response(),
        Err(failure) => error(&failure),
    }
}
