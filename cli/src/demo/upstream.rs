//! The API of the demo: a small GitHub on loopback that insists on the key,
//! remembers what it saw, and carelessly repeats the key in its answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::failure::{Exit, Failure};

/// A request that the upstream got.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Method and path.
    pub line: String,
    /// Whether it carried the key.
    pub authorised: bool,
}

/// The running upstream; it ends when dropped.
pub struct Upstream {
    base_url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Api {
    authorization: Arc<str>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    /// Listens on a free port of loopback and takes only requests with `key`.
    pub async fn start(key: &str) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::new(Exit::Failed, format!("can't listen on loopback: {error}"))
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let api = Api {
            authorization: format!("Bearer {key}").into(),
            seen: Arc::clone(&seen),
        };
        let routes = axum::Router::new().fallback(any(answer)).with_state(api);
        let server = tokio::spawn(async move {
            // It ends with the demo, and the demo notices a missing upstream.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self {
            base_url: format!("http://{address}"),
            seen,
            server,
        })
    }

    /// Where it listens.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// What it got since the last time this was asked.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut lock(&self.seen))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(seen: &Mutex<Vec<Seen>>) -> MutexGuard<'_, Vec<Seen>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(api): State<Api>, request: Request) -> Response {
    let sent = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let authorised = sent == &*api.authorization;
    let path = request.uri().path();
    lock(&api.seen).push(Seen {
        line: format!("{} {path}", request.method()),
        authorised,
    });
    if !authorised {
        let refusal = json!({"message": "Bad credentials"});
        return (StatusCode::UNAUTHORIZED, Json(refusal)).into_response();
    }
    match path.strip_prefix("/repos/") {
        Some(name) => Json(json!({
            "full_name": name,
            "private": true,
            "open_issues": 3,
            "debug": {"you_sent": sent},
        }))
        .into_response(),
        None => Json(json!({"login": "octocat"})).into_response(),
    }
}
