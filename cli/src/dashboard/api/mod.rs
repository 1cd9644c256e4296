//! The same as the pages show, as JSON under `/api/`: for a browser that is
//! signed in, or with a token of `axis dashboard --token`. Read-only.

mod documents;
mod query;

use axis_proto::v1::CheckDashboardTokenRequest;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{ALLOW, AUTHORIZATION, WWW_AUTHENTICATE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;

use self::query::WrongParam;
use super::app::{App, answer};
use crate::failure::{Exit, Failure};

/// What is under `/api`.
pub fn routes(app: &App) -> Router<App> {
    Router::new()
        .route("/health", get(documents::health))
        .route("/services", get(documents::services))
        .route("/logs", get(documents::lines))
        .route("/policy", get(documents::policy))
        .route("/stats", get(documents::stats))
        .route("/approvals", get(documents::approvals))
        .fallback(unknown)
        .method_not_allowed_fallback(read_only)
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

/// Why there is no document.
enum Refusal {
    /// The request is wrong.
    Param(WrongParam),
    /// axisd said no, or nothing.
    Failure(Failure),
}

impl From<WrongParam> for Refusal {
    fn from(wrong: WrongParam) -> Self {
        Self::Param(wrong)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Param(wrong) => wrong.into_response(),
            Self::Failure(failure) => error(&failure),
        }
    }
}

/// What kept axisd from answering.
fn error(failure: &Failure) -> Response {
    let status = match failure.exit() {
        Exit::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Exit::Usage => StatusCode::BAD_REQUEST,
        Exit::Denied => StatusCode::FORBIDDEN,
        Exit::Done | Exit::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let (message, fix) = failure.sentence();
    let body = json!({"error": {"message": message, "fix": fix}});
    (status, Json(body)).into_response()
}

async fn unknown() -> Response {
    let message = "There is health, services, logs, policy, stats and approvals.";
    let body = Json(json!({"error": {"message": message}}));
    (StatusCode::NOT_FOUND, body).into_response()
}

async fn read_only() -> Response {
    let message = "The documents are read-only: GET and HEAD.";
    let body = Json(json!({"error": {"message": message}}));
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")], body).into_response()
}
