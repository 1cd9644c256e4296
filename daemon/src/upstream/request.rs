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
        if !hosts.contains(base.host()) {
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
        })
    }
}

/// A request that carries its credential. Only [`crate::auth`] makes one, and
/// it can't be printed.
pub struct AuthorisedRequest(pub(crate) BoundRequest);
