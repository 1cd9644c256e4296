//! A request on its way out, in three states that can't be skipped:
//! [`UpstreamRequest`] (validated params, no host) → [`BoundRequest`] (a host
//! that the credential is sealed to) → [`AuthorisedRequest`] (the credential
//! is in it).

use bytes::Bytes;
use http::{HeaderMap, Method};
use url::Url;

use crate::host::{BaseUrl, Host};

/// What the params made: everything but host and credential.
#[derive(Debug, Clone)]
pub struct UpstreamRequest {
    /// The HTTP method.
    pub method: Method,
    /// Encoded path and query, starting with `/`, to be appended to a base URL.
    pub path_and_query: String,
    /// Headers from the definition and the params.
    pub headers: HeaderMap,
    /// The body, where there is one; its content type stands in `headers`.
    pub body: Option<Bytes>,
    /// What the params say of the host, for a service that has several.
    pub site: Site,
}

/// What params say of a request's host.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// One label of the host each, by the param's name.
    pub labels: Vec<(String, String)>,
    /// The first segment of the path, where that may stand before the host
    /// instead.
    pub virtual_host: Option<String>,
}

impl Site {
    /// The label of that name.
    pub fn label(&self, name: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(known, _)| known == name);
        found.map(|(_, label)| label.as_str())
    }
}

/// Why a request may not go out with a credential.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The URL leads elsewhere than the credential may go.
    #[error(
        "the request would go to {host}, but the credential is bound to {allowed}; to use it there, add it again with --base-url"
    )]
    ForeignHost {
        /// Where the request would have gone.
        host: String,
        /// Where the credential may go.
        allowed: String,
    },
}

/// A request whose host the credential is bound to.
#[derive(Debug, Clone)]
pub struct BoundRequest {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// The region that the params name, for a signature.
    pub(crate) region: Option<String>,
    /// The size of a body that comes in chunks; `body` is none then.
    pub(crate) upload_size: Option<u64>,
}

impl BoundRequest {
    /// Puts `request` on `base`, if that is one of `hosts`.
    ///
    /// # Errors
    /// [`BindError::ForeignHost`] when `base` leads to a host that is not in
    /// `hosts`. No path can lead to another: [`BaseUrl::join`] keeps the host.
    pub fn bind(
        request: UpstreamRequest,
        base: &BaseUrl,
        hosts: &[Host],
    ) -> Result<Self, BindError> {
        if !hosts.iter().any(|host| host.covers(base.host())) {
            return Err(BindError::ForeignHost {
                host: base.host().as_str().to_owned(),
                allowed: hosts
                    .iter()
                    .map(Host::as_str)
                    .collect::<Vec<_>>()
                    .join(", "),
            });
        }
        Ok(Self {
            method: request.method,
            url: base.join(&request.path_and_query),
            headers: request.headers,
            body: request.body,
            region: request.site.label("region").map(str::to_owned),
            upload_size: None,
        })
    }

    /// The same with a body of `size` bytes to come in chunks, where there is
    /// one: whoever signs the request can't know it.
    #[must_use]
    pub fn with_upload(mut self, size: Option<u64>) -> Self {
        self.upload_size = size;
        self
    }
}

/// A request that carries its credential. Only [`crate::auth`] makes one, and
/// it can't be printed.
pub struct AuthorisedRequest(pub(crate) BoundRequest);
