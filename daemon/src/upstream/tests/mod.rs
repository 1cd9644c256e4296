//! The client against upstreams on loopback that behave as badly as they can.

mod answers;
mod http2;
mod limits;
mod loopback;
mod proxied;
mod redirects;
mod repeats;
mod tls;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};

use self::loopback::Loopback;
use super::request::{AuthorisedRequest, BoundRequest, UpstreamRequest};
use super::{LeakGuard, Upstream, UpstreamError, UpstreamResponse, UpstreamSettings};
use crate::host::BaseUrl;
use crate::upstream::Errand;

const KEY: &str = "sk-canary/0123456789+abcdef";

fn upstream() -> Upstream {
    let settings = UpstreamSettings {
        response_cap: 64 * 1024,
        ..UpstreamSettings::default()
    };
    Upstream::new(&settings).unwrap()
}

/// A request that carries [`KEY`] in a header of the vendor's own.
fn request(method: Method, base: &str, path: &str) -> AuthorisedRequest {
    let base = BaseUrl::parse(base).unwrap();
    let request = UpstreamRequest {
        method,
        path_and_query: path.to_owned(),
        headers: HeaderMap::from_iter([(
            http::HeaderName::from_static("x-api-key"),
            HeaderValue::from_static(KEY),
        )]),
        site: crate::upstream::request::Site::default(),
        body: Some(Bytes::from_static(b"{\"a\":1}")),
    };
    let hosts = [base.host().clone()];
    AuthorisedRequest(BoundRequest::bind(request, &base, &hosts).unwrap())
}

async fn call(server: &Loopback) -> Result<UpstreamResponse, UpstreamError> {
    let request = request(Method::POST, &server.base(), "/v1/x");
    upstream()
        .send(request, &LeakGuard::new(&[KEY]), &Errand::default())
        .await
}

async fn call_within(
    server: &Loopback,
    limit: Duration,
) -> Result<UpstreamResponse, UpstreamError> {
    let request = request(Method::POST, &server.base(), "/v1/x");
    let guard = LeakGuard::new(&[KEY]);
    upstream()
        .send(
            request,
            &guard,
            &Errand {
                timeout: Some(limit),
                ..Errand::default()
            },
        )
        .await
}

/// No error may hold the key or the URL's query, however it is printed.
fn assert_harmless(error: &UpstreamError) {
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.to_lowercase().contains(KEY), "{text}");
        assert!(!text.contains("/v1/x"), "{text}");
    }
}
