//! An upstream on loopback that records what it gets and answers as told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use serde_json::Value;

use crate::wait_for;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// Path and query, still encoded.
    pub path: String,
    /// Headers in lowercase.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
}

impl Recorded {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// What the upstream answers.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// Time before it answers.
    pub delay: Duration,
}

impl Reply {
    /// A JSON answer.
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_string().into_bytes(),
            delay: Duration::ZERO,
        }
    }

    /// The same, later.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

type Answer = Arc<dyn Fn(&Recorded) -> Reply + Send + Sync>;

/// A running upstream; it ends with this value.
pub struct Upstream {
    port: u16,
    requests: Arc<Mutex<Vec<Recorded>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Upstream {
    /// An upstream that answers every request with `{"ok": true}`-like JSON.
    pub fn friendly() -> Self {
        Self::answering(|request| Reply::json(200, &serde_json::json!({"path": request.path})))
    }

    /// An upstream that records nothing and answers 1 KB of JSON: for figures.
    pub fn kilobyte() -> Self {
        let body = Bytes::from(serde_json::json!({"text": "x".repeat(1000)}).to_string());
        let router = Router::new().fallback(move || {
            let body = body.clone();
            async move { ([("content-type", "application/json")], body) }
        });
        Self::serving(router, Arc::default())
    }

    /// An upstream that answers as `answer` says.
    pub fn answering(answer: impl Fn(&Recorded) -> Reply + Send + Sync + 'static) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let state: (Arc<Mutex<Vec<Recorded>>>, Answer) = (requests.clone(), Arc::new(answer));
        Self::serving(Router::new().fallback(serve).with_state(state), requests)
    }

    /// An upstream that answers as `router` does, and records nothing.
    pub fn routed(router: Router) -> Self {
        Self::serving(router, Arc::default())
    }

    fn serving(router: Router, requests: Arc<Mutex<Vec<Recorded>>>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            port,
            requests,
            _runtime: runtime,
        }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it got so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until it got `count` requests.
    pub fn wait_for_requests(&self, count: usize) {
        wait_for("requests at the upstream", || {
            (self.requests.lock().unwrap().len() >= count).then_some(())
        });
    }
}

async fn serve(
    State((requests, answer)): State<(Arc<Mutex<Vec<Recorded>>>, Answer)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let recorded = Recorded {
        method: method.to_string(),
        path: uri
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default(),
        headers: headers
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
        body,
    };
    requests.lock().unwrap().push(recorded.clone());
    let reply = answer(&recorded);
    tokio::time::sleep(reply.delay).await;
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response
        .body(Body::from(reply.body))
        .expect("the reply is valid HTTP")
}
