//! Calls with streams beside them: a body goes out, or comes in, as fast as the
//! slower end takes it, and is held nowhere. They are made once: what went by
//! can't be sent again.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::HeaderValue;
use http::header::CONTENT_LENGTH;
use jiff::Timestamp;
use tokio::time::timeout;

use super::body::Intake;
use super::client::{Client, Errand, into_reqwest};
use super::error::UpstreamError;
use super::guard::LeakGuard;
use super::request::AuthorisedRequest;
use super::response::{self, UpstreamResponse};
use super::stream::{CHUNK, Delivery, NotTaken, STALL, Streams, Ticker};
use super::uploading::{self, Stalled};

/// Longest call with a body that is up- or downloaded, in all.
const LONGEST_TRANSFER: Duration = Duration::from_hours(1);

impl Client {
    /// [`Upstream::transfer`](super::Upstream::transfer).
    pub(super) async fn transfer(
        &self,
        request: AuthorisedRequest,
        guard: &LeakGuard,
        errand: &Errand<'_>,
        streams: Streams,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let (request, host) = Self::addressed(request)?;
        let limit = errand.timeout.unwrap_or(self.settings.call_timeout);
        let whole = if streams.upload.is_some() || streams.save {
            LONGEST_TRANSFER.max(limit)
        } else {
            limit
        };
        let mut request = into_reqwest(request);
        let uploading = streams.upload.map(|upload| {
            let (sending, watched) = uploading::watched();
            let length = HeaderValue::from(upload.size());
            request.headers_mut().insert(CONTENT_LENGTH, length);
            *request.body_mut() = Some(reqwest::Body::wrap_stream(upload.checked(sending)));
            watched
        });
        let late = || UpstreamError::timeout(&host, limit);
        let parts = streams.parts.as_ref();
        let exchange = async {
            let failed = |error| UpstreamError::of(&error, &host, guard);
            let answer = self.http.execute(request);
            let response = match uploading {
                None => timeout(limit, answer).await.map_err(|_| late())?,
                Some(watched) => tokio::select! {
                    answer = answer => answer,
                    stalled = watched.stalled(limit) => return Err(match stalled {
                        Stalled::Unread => UpstreamError::unread(&host),
                        Stalled::Unanswered => late(),
                    }),
                },
            };
            let response = response.map_err(failed)?;
            match parts {
                Some(parts) if streams.save && response.status().is_success() => {
                    self.deliver(response, &host, guard, Delivery::new(parts))
                        .await
                }
                parts => {
                    let parts = parts.filter(|_| streams.progress);
                    let held = self.hold(response, &host, guard, errand, parts);
                    timeout(limit, held).await.map_err(|_| late())?
                }
            }
        };
        timeout(whole, exchange)
            .await
            .unwrap_or_else(|_| Err(UpstreamError::timeout(&host, whole)))
    }

    /// Takes the whole body in, and tells how far it is.
    async fn hold(
        &self,
        mut response: reqwest::Response,
        host: &str,
        guard: &LeakGuard,
        errand: &Errand<'_>,
        parts: Option<&tokio::sync::mpsc::Sender<super::stream::Part>>,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let headers = response.headers();
        self.skew.look(host, headers, Timestamp::now());
        let (content_type, in_content_type) = response::content_type(headers, guard);
        let (kept, in_kept) = response::kept(headers, errand.keep, guard);
        let mut answer = UpstreamResponse {
            status: response.status(),
            headers: kept,
            retry_after_s: response::retry_after_s(headers, Timestamp::now()),
            content_type,
            body: Bytes::new(),
            delivered: None,
            redacted: in_content_type.saturating_add(in_kept),
        };
        let mut ticker = Ticker::new(parts, answer.content_type.as_deref());
        let mut intake = Intake::new(headers, self.settings.response_cap, host, guard)?;
        let mut seen = 0;
        while let Some(chunk) = next_chunk(&mut response, host, guard, None).await? {
            intake.push(&chunk)?;
            ticker.came(intake.decoded().get(seen..).unwrap_or_default());
            seen = intake.decoded().len();
        }
        let (body, in_body) = intake.finish()?;
        answer.body = body;
        answer.redacted = answer.redacted.saturating_add(in_body);
        Ok(answer)
    }

    /// Hands the body on as it comes.
    async fn deliver(
        &self,
        mut response: reqwest::Response,
        host: &str,
        guard: &LeakGuard,
        mut delivery: Delivery<'_>,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let not_taken = |NotTaken| UpstreamError::NotTaken {
            host: host.to_owned(),
        };
        let headers = response.headers();
        self.skew.look(host, headers, Timestamp::now());
        let (content_type, in_headers) = response::content_type(headers, guard);
        let mut answer = UpstreamResponse {
            status: response.status(),
            headers: Vec::new(),
            retry_after_s: None,
            content_type,
            body: Bytes::new(),
            delivered: None,
            redacted: in_headers,
        };
        let mut intake = Intake::passing(headers, self.settings.saved_cap, host, guard)?;
        delivery
            .begin(answer.content_type.clone(), intake.announced())
            .await
            .map_err(not_taken)?;
        let mut next = next_chunk(&mut response, host, guard, Some(STALL)).await?;
        while let Some(chunk) = next {
            for piece in intake.pieces(&chunk) {
                intake.push(piece)?;
                if intake.decoded().len() >= CHUNK {
                    let ready = intake.take();
                    delivery.hand_on(ready).await.map_err(not_taken)?;
                }
            }
            // what has come already goes along; nothing waits for what hasn't
            let waiting = next_chunk(&mut response, host, guard, None).now_or_never();
            next = if let Some(next) = waiting {
                next?
            } else {
                let ready = intake.take();
                delivery.hand_on(ready).await.map_err(not_taken)?;
                next_chunk(&mut response, host, guard, Some(STALL)).await?
            };
        }
        let (rest, in_body) = intake.finish()?;
        delivery.hand_on(rest).await.map_err(not_taken)?;
        answer.delivered = Some(delivery.sent);
        answer.redacted = answer.redacted.saturating_add(in_body);
        Ok(answer)
    }
}

/// The next bytes as they came; `within` says how long they may take.
async fn next_chunk(
    response: &mut reqwest::Response,
    host: &str,
    guard: &LeakGuard,
    within: Option<Duration>,
) -> Result<Option<Bytes>, UpstreamError> {
    let chunk = response.chunk();
    let chunk = match within {
        None => chunk.await,
        Some(limit) => timeout(limit, chunk)
            .await
            .map_err(|_| UpstreamError::Stalled {
                host: host.to_owned(),
                after_s: limit.as_secs(),
            })?,
    };
    chunk.map_err(|error| UpstreamError::of(&error, host, guard))
}
