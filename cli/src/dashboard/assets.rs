//! Style, scripts and icon, out of the binary.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

const STYLE: &str = concat!(
    include_str!("assets/base.css"),
    include_str!("assets/overview.css"),
    include_str!("assets/activity.css"),
    include_str!("assets/services.css"),
    include_str!("assets/policy.css"),
    include_str!("assets/approvals.css"),
);

/// Serves one of them by its name.
pub async fn serve(Path(name): Path<String>) -> Response {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    let (kind, text) = match name.as_str() {
        "style.css" => ("text/css; charset=utf-8", STYLE),
        "dashboard.js" => (SCRIPT, include_str!("assets/dashboard.js")),
        "activity.js" => (SCRIPT, include_str!("assets/activity.js")),
        "worker.js" => (SCRIPT, include_str!("assets/worker.js")),
        "icon.svg" => ("image/svg+xml", include_str!("assets/icon.svg")),
        _ => return (StatusCode::NOT_FOUND, "There is no such file.\n").into_response(),
    };
    ([(CONTENT_TYPE, kind)], text).into_response()
}
