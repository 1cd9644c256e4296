//! One client for all upstreams; its connections are kept alive.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::header::{ACCEPT_ENCODING, HOST, RANGE};
use http::{HeaderName, HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use reqwest::Proxy;
use reqwest::redirect::{Action, Attempt, Policy};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::Instant;
use url::Url;

use super::body::Intake;
use super::error::UpstreamError;
use super::guard::LeakGuard;
use super::request::{AuthorisedRequest, BoundRequest};
use super::response::{self, UpstreamResponse};
use super::roots;
use super::skew::Skew;
use super::stream::Streams;
use crate::host::{Host, is_loopback};

/// Redirects that are followed in one call.
const REDIRECTS: usize = 5;
/// Idle connections kept to one host.
const IDLE_PER_HOST: usize = 32;
/// Less than the 60 s after which many servers hang up: a request that meets
/// a closing connection fails.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// How often an HTTP/2 connection is asked whether it still lives.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long such an answer may take.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait before a busy upstream is asked again, where it doesn't say.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];
/// A longer wait is the agent's to decide on.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The limits of every call.
#[derive(Debug, Clone)]
pub struct UpstreamSettings {
    /// A whole call, body included, where its service says nothing else.
    pub call_timeout: Duration,
    /// Until a connection stands, TLS included.
    pub connect_timeout: Duration,
    /// Bytes of an answer that is held in memory, after decoding.
    pub response_cap: usize,
    /// Bytes of an answer that is handed on in chunks, after decoding.
    pub saved_cap: usize,
    /// Through which proxy other machines are reached.
    pub proxy: Option<Url>,
    /// Root certificates in PEM that are trusted beside the usual ones.
    pub ca: Option<String>,
}

impl Default for UpstreamSettings {
    fn default() -> Self {
        Self {
            call_timeout: Duration::from_mins(2),
            connect_timeout: Duration::from_secs(10),
            response_cap: 16 * 1024 * 1024,
            saved_cap: 8 * 1024 * 1024 * 1024,
            proxy: None,
            ca: None,
        }
    }
}

/// What one call wants beyond its request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Errand<'a> {
    /// Headers of the answer that are kept.
    pub keep: &'a [HeaderName],
    /// How long it may take in all, where not as long as usual.
    pub timeout: Option<Duration>,
    /// Whether it may be made again when the upstream says that it is too busy:
    /// it changes nothing, or the upstream knows it again.
    pub repeatable: bool,
}

/// The HTTP client for all upstreams. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Upstream {
    client: Arc<ArcSwap<Client>>,
    skew: Skew,
}

/// A client that was made and is not yet in use.
#[derive(Debug)]
pub struct Prepared(Client);

/// One client; other settings make another one.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) http: reqwest::Client,
    pub(super) settings: UpstreamSettings,
    pub(super) skew: Skew,
    tls: ClientConfig,
}

impl Upstream {
    /// A client that trusts the system's root certificates and Mozilla's.
    /// Reads files: not for an async thread.
    ///
    /// # Errors
    /// [`UpstreamError::Setup`].
    pub fn new(settings: &UpstreamSettings) -> Result<Self, UpstreamError> {
        Self::with_roots(settings, roots::usual())
    }

    /// A client that trusts `roots` and what the settings name, alone.
    ///
    /// # Errors
    /// [`UpstreamError::Setup`].
    pub(crate) fn with_roots(
        settings: &UpstreamSettings,
        roots: RootCertStore,
    ) -> Result<Self, UpstreamError> {
        let skew = Skew::default();
        let client = Client::build(settings, roots, skew.clone())?;
        Ok(Self {
            client: Arc::new(ArcSwap::from_pointee(client)),
            skew,
        })
    }

    /// Another client, which trusts the usual roots. Reads files: not for an
    /// async thread.
    ///
    /// # Errors
    /// [`UpstreamError::Setup`].
    pub fn prepare(&self, settings: &UpstreamSettings) -> Result<Prepared, UpstreamError> {
        Client::build(settings, roots::usual(), self.skew.clone()).map(Prepared)
    }

    /// Makes all calls with that one from now on; those under way go on as they
    /// began.
    pub fn switch_to(&self, prepared: Prepared) {
        self.client.store(Arc::new(prepared.0));
    }

    /// Makes all calls over new connections from now on: what the idle ones had
    /// sent last may still stand in their buffers, credential included. Calls
    /// under way end as they began.
    ///
    /// # Errors
    /// [`UpstreamError::Setup`]; the connections stay then.
    pub fn forget_connections(&self) -> Result<(), UpstreamError> {
        let client = self.client.load_full();
        let anew = Client::with_tls(&client.settings, client.tls.clone(), self.skew.clone())?;
        self.client.store(Arc::new(anew));
        Ok(())
    }

    /// Hosts whose clock differs from this machine's by more than five minutes,
    /// and by how much this machine is ahead of each.
    pub fn clock_skew(&self) -> BTreeMap<String, SignedDuration> {
        self.skew.found()
    }

    /// Makes the call and takes what `guard` knows out of its answer. Dropping
    /// the future ends the call.
    ///
    /// # Errors
    /// No answer, or one that may not go to the agent. The vendor's own
    /// errors are answers.
    pub async fn send(
        &self,
        request: AuthorisedRequest,
        guard: &LeakGuard,
        errand: &Errand<'_>,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let client = self.client.load_full();
        client.send(request, guard, errand).await
    }

    /// Makes a call with `streams`. The body of a good answer that is to be
    /// saved is in none of its parts when this returns. While a body is on its
    /// way only its standing still is timed, beside a limit of an hour.
    ///
    /// # Errors
    /// As for [`Self::send`]; also where either end of a stream stalls.
    pub async fn transfer(
        &self,
        request: AuthorisedRequest,
        guard: &LeakGuard,
        errand: &Errand<'_>,
        streams: Streams,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let client = self.client.load_full();
        client.transfer(request, guard, errand, streams).await
    }
}

impl Client {
    fn build(
        settings: &UpstreamSettings,
        mut roots: RootCertStore,
        skew: Skew,
    ) -> Result<Self, UpstreamError> {
        if let Some(pem) = &settings.ca {
            roots::add(&mut roots, pem).map_err(|reason| UpstreamError::Setup { reason })?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| setup(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self::with_tls(settings, tls, skew)
    }

    fn with_tls(
        settings: &UpstreamSettings,
        tls: ClientConfig,
        skew: Skew,
    ) -> Result<Self, UpstreamError> {
        let localhost = [
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
        ];
        // the environment has no say in which proxy is asked
        let mut client = reqwest::Client::builder().no_proxy();
        if let Some(proxy) = settings.proxy.clone() {
            client = client.proxy(Proxy::custom(move |url| {
                (url.scheme() == "https" && !is_loopback(url)).then(|| proxy.clone())
            }));
        }
        let client = client
            .tls_backend_preconfigured(tls.clone())
            .user_agent(concat!("axis/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::custom(to_the_same_host))
            .referer(false)
            // the body is decoded here, where all encodings are looked at
            .no_gzip()
            // plain http is allowed to this name, so no resolver may have a say
            .resolve_to_addrs("localhost", &localhost)
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .http2_keep_alive_while_idle(true)
            .build()
            .map_err(|error| setup(&error))?;
        Ok(Self {
            http: client,
            settings: settings.clone(),
            skew,
            tls,
        })
    }

    async fn send(
        &self,
        request: AuthorisedRequest,
        guard: &LeakGuard,
        errand: &Errand<'_>,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let (request, host) = Self::addressed(request)?;
        let limit = errand.timeout.unwrap_or(self.settings.call_timeout);
        let until = Instant::now() + limit;
        tokio::time::timeout_at(until, self.repeat(request, &host, guard, errand, until))
            .await
            .unwrap_or_else(|_| Err(UpstreamError::timeout(&host, limit)))
    }

    /// The exchange, again where the upstream was too busy and it may be.
    async fn repeat(
        &self,
        request: BoundRequest,
        host: &str,
        guard: &LeakGuard,
        errand: &Errand<'_>,
        until: Instant,
    ) -> Result<UpstreamResponse, UpstreamError> {
        if errand.repeatable {
            for pause in PAUSES {
                let response = self.exchange(request.clone(), host, guard, errand).await?;
                let pause = match response.retry_after_s {
                    Some(seconds) => Duration::from_secs(seconds),
                    None => pause,
                };
                let is_over = pause > LONGEST_PAUSE || Instant::now() + pause >= until;
                if !is_busy(response.status) || is_over {
                    return Ok(response);
                }
                tokio::time::sleep(pause).await;
            }
        }
        self.exchange(request, host, guard, errand).await
    }

    /// The request and the name of the host that gets it.
    pub(super) fn addressed(
        AuthorisedRequest(request): AuthorisedRequest,
    ) -> Result<(BoundRequest, String), UpstreamError> {
        let host = Host::of(&request.url).map_or_else(String::new, |host| host.to_string());
        if request.url.scheme() != "https" && !is_loopback(&request.url) {
            return Err(UpstreamError::Insecure { host });
        }
        Ok((request, host))
    }

    async fn exchange(
        &self,
        request: BoundRequest,
        host: &str,
        guard: &LeakGuard,
        errand: &Errand<'_>,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let failed = |error| UpstreamError::of(&error, host, guard);
        let request = into_reqwest(request);
        let mut response = self.http.execute(request).await.map_err(failed)?;

        let status = response.status();
        let headers = response.headers();
        let (content_type, in_content_type) = response::content_type(headers, guard);
        let (kept, in_kept) = response::kept(headers, errand.keep, guard);
        let now = Timestamp::now();
        self.skew.look(host, headers, now);
        let retry_after_s = response::retry_after_s(headers, now);
        let mut intake = Intake::new(headers, self.settings.response_cap, host, guard)?;
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            intake.push(&chunk)?;
        }
        let (body, in_body) = intake.finish()?;
        Ok(UpstreamResponse {
            status,
            content_type,
            headers: kept,
            retry_after_s,
            body,
            delivered: None,
            redacted: in_content_type
                .saturating_add(in_kept)
                .saturating_add(in_body),
        })
    }
}

fn is_busy(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    )
}

pub(super) fn into_reqwest(bound: BoundRequest) -> reqwest::Request {
    let mut headers = bound.headers;
    // the host is the URL's, and no encoding is asked for that can't be decoded
    headers.remove(HOST);
    let encodings = if headers.contains_key(RANGE) {
        "identity"
    } else {
        "gzip"
    };
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encodings));
    let mut request = reqwest::Request::new(bound.method, bound.url);
    *request.headers_mut() = headers;
    *request.body_mut() = bound.body.map(reqwest::Body::from);
    request
}

/// Why a redirect was not followed; found again among an error's sources.
#[derive(Debug, thiserror::Error)]
pub(super) enum RedirectRefused {
    /// It leads to another scheme, host or port.
    #[error("the redirect leads to another host")]
    Foreign {
        /// Scheme, host and port.
        to_host: String,
    },
    /// It is one too many.
    #[error("more than {limit} redirects")]
    TooMany {
        /// Redirects that were followed.
        limit: usize,
    },
}

/// Follows a redirect only where the credential already is: whatever header
/// it is in, nothing of it leaves the host.
fn to_the_same_host(attempt: Attempt<'_>) -> Action {
    let origin = |url: &Url| url.origin().ascii_serialization();
    let to_host = origin(attempt.url());
    let foreign = attempt.previous().iter().any(|url| origin(url) != to_host);
    if foreign {
        attempt.error(RedirectRefused::Foreign { to_host })
    } else if attempt.previous().len() > REDIRECTS {
        attempt.error(RedirectRefused::TooMany { limit: REDIRECTS })
    } else {
        attempt.follow()
    }
}

fn setup(error: &dyn std::error::Error) -> UpstreamError {
    UpstreamError::Setup {
        reason: error.to_string(),
    }
}
