//! Upstreams of every temper behind one port: how one answers is the repository's
//! owner in the path.

use std::convert::Infallible;
use std::io::Write;
use std::time::Duration;

use axis_tests::Upstream;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

/// How an upstream answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temper {
    /// 1 KB at once.
    Kilobyte,
    /// 1 MB.
    Megabyte,
    /// 100 KB, compressed.
    Compressed,
    /// With the credential in it, plain and in base64.
    Reflecting,
    /// After 50 ms.
    Slow,
    /// An error with a message.
    Failing,
    /// A body that ends in its midst.
    Broken,
    /// A body without an end.
    Endless,
}

impl Temper {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Kilobyte,
        Self::Megabyte,
        Self::Compressed,
        Self::Reflecting,
        Self::Slow,
        Self::Failing,
        Self::Broken,
        Self::Endless,
    ];

    /// Its name in the path.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kilobyte => "kilobyte",
            Self::Megabyte => "megabyte",
            Self::Compressed => "compressed",
            Self::Reflecting => "reflecting",
            Self::Slow => "slow",
            Self::Failing => "failing",
            Self::Broken => "broken",
            Self::Endless => "endless",
        }
    }

    /// Whether a call to it succeeds.
    pub fn succeeds(self) -> bool {
        !matches!(self, Self::Failing | Self::Broken | Self::Endless)
    }
}

/// Starts it; it reflects `secret`.
pub fn start(secret: &str) -> Upstream {
    let bodies = Bodies::made(secret);
    let router = Router::new()
        .route(
            "/repos/{owner}/{repo}",
            get(move |Path((owner, _)): Path<(String, String)>| {
                let bodies = bodies.clone();
                async move { bodies.answer(&owner).await }
            }),
        )
        .route(
            "/repos/{owner}/{repo}/issues",
            post(async || (StatusCode::CREATED, axum::Json(json!({"number": 1})))),
        );
    Upstream::routed(router)
}

/// What is sent, made once.
#[derive(Clone)]
struct Bodies {
    kilobyte: Bytes,
    megabyte: Bytes,
    compressed: Bytes,
    reflecting: Bytes,
}

impl Bodies {
    fn made(secret: &str) -> Self {
        use base64::Engine;
        let of = |length: usize| json!({"text": "x".repeat(length)}).to_string();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(of(100_000).as_bytes()).unwrap();
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("user:{secret}"));
        Self {
            kilobyte: of(1_000).into(),
            megabyte: of(1_000_000).into(),
            compressed: gzip.finish().unwrap().into(),
            reflecting: json!({"plain": secret, "basic": encoded})
                .to_string()
                .into(),
        }
    }

    async fn answer(&self, owner: &str) -> Response {
        let json = [(CONTENT_TYPE, "application/json")];
        let temper = Temper::ALL.into_iter().find(|it| it.name() == owner);
        match temper.expect("a known temper") {
            Temper::Kilobyte => (json, self.kilobyte.clone()).into_response(),
            Temper::Megabyte => (json, self.megabyte.clone()).into_response(),
            Temper::Compressed => {
                let encoding = [(CONTENT_ENCODING, "gzip")];
                (json, encoding, self.compressed.clone()).into_response()
            }
            Temper::Reflecting => (json, self.reflecting.clone()).into_response(),
            Temper::Slow => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                (json, self.kilobyte.clone()).into_response()
            }
            Temper::Failing => {
                let message = r#"{"message":"not today"}"#;
                (StatusCode::INTERNAL_SERVER_ERROR, json, message).into_response()
            }
            Temper::Broken => {
                let parts = [
                    Ok(self.kilobyte.slice(..500)),
                    Err(std::io::Error::other("gone")),
                ];
                let body = Body::from_stream(tokio_stream::iter(parts));
                (json, body).into_response()
            }
            Temper::Endless => {
                let part = self.megabyte.clone();
                let parts = std::iter::repeat_with(move || Ok::<_, Infallible>(part.clone()));
                let body = Body::from_stream(tokio_stream::iter(parts));
                (json, body).into_response()
            }
        }
    }
}
