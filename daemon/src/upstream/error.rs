//! Why a call brought no answer.

use std::error::Error;
use std::time::Duration;

use super::client::RedirectRefused;
use super::guard::LeakGuard;
use super::stream::UploadError;
use super::uploading::UNREAD;

/// Why a call brought no answer. Each is a sentence for agent and owner, and
/// what an upstream had a say in has passed the leak guard.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The client can't be built: nothing can be called at all.
    #[error("no HTTPS client could be set up: {reason}; axisd can't make any call")]
    Setup {
        /// What the TLS library said.
        reason: String,
    },
    /// Plain http to another machine.
    #[error(
        "{host} would get the credential unencrypted, so nothing was sent; plain http is only for loopback"
    )]
    Insecure {
        /// Where the request would have gone.
        host: String,
    },
    /// No connection, so nothing was sent.
    #[error(
        "could not connect to {host}: {reason}; nothing was sent, so the call can be made again"
    )]
    Unreachable {
        /// Host and port.
        host: String,
        /// What the system or the TLS library said.
        reason: String,
    },
    /// The whole call took too long.
    #[error(
        "{host} did not finish its answer within {after_s} s; the call may have taken effect there, so check before making it again"
    )]
    Timeout {
        /// Host and port.
        host: String,
        /// The call's timeout in seconds.
        after_s: f64,
    },
    /// Nothing more came of a body for too long.
    #[error("{host} sent nothing for {after_s} s in the midst of its answer, so it was given up")]
    Stalled {
        /// Host and port.
        host: String,
        /// For how long.
        after_s: u64,
    },
    /// The upstream took nothing more of a body for too long.
    #[error(
        "{host} took nothing of the upload for {after_s} s and did not answer, so it was given up; the call may have taken effect there, so check before making it again"
    )]
    Unread {
        /// Host and port.
        host: String,
        /// For how long.
        after_s: u64,
    },
    /// The client didn't take the body.
    #[error("the answer of {host} was not taken, so it was given up")]
    NotTaken {
        /// Host and port.
        host: String,
    },
    /// The client's body didn't come whole.
    #[error(
        "{reason}, so {host} did not get all of it; the call may have taken effect there, so check before making it again"
    )]
    Upload {
        /// Host and port.
        host: String,
        /// What was wrong with it.
        reason: UploadError,
    },
    /// The connection ended early, or what came was no HTTP.
    #[error(
        "{host} gave no complete answer: {reason}; the call may have taken effect there, so check before making it again"
    )]
    Broken {
        /// Host and port.
        host: String,
        /// What the HTTP library said.
        reason: String,
    },
    /// A redirect to another scheme, host or port. It was not followed.
    #[error(
        "{host} redirects to {to_host}, where the credential may not go, so the redirect was not followed; if the service has moved, the owner can add the credential again with --base-url"
    )]
    ForeignRedirect {
        /// Host and port that were asked.
        host: String,
        /// Scheme, host and port that they named.
        to_host: String,
    },
    /// One redirect after the other.
    #[error("{host} redirects in circles: gave up after {limit} redirects; check the params")]
    TooManyRedirects {
        /// Host and port.
        host: String,
        /// Redirects that were followed.
        limit: usize,
    },
    /// The answer is larger than may be held in memory.
    #[error(
        "the answer of {host} is larger than {cap} bytes; ask for less: fewer items, a page, a smaller range"
    )]
    TooLarge {
        /// Host and port.
        host: String,
        /// The cap in bytes, counted after decoding.
        cap: usize,
    },
    /// The body is encoded in a way that the leak guard can't look into.
    #[error(
        "{host} encoded its answer as {encoding:?}, which could not be decoded and checked for the credential, so it was dropped; only valid gzip is understood"
    )]
    Undecodable {
        /// Host and port.
        host: String,
        /// What the Content-Encoding said.
        encoding: String,
    },
}

impl UpstreamError {
    /// What `error`, met in a call to `host`, means. Its own text is not used:
    /// it can hold the URL, and that the credential.
    pub(super) fn of(error: &reqwest::Error, host: &str, guard: &LeakGuard) -> Self {
        let host = host.to_owned();
        if let Some(refused) = sources(error).find_map(|e| e.downcast_ref::<RedirectRefused>()) {
            return match refused {
                RedirectRefused::Foreign { to_host } => Self::ForeignRedirect {
                    host,
                    to_host: guard.redact(to_host),
                },
                RedirectRefused::TooMany { limit } => Self::TooManyRedirects {
                    host,
                    limit: *limit,
                },
            };
        }
        if let Some(reason) = sources(error).find_map(|e| e.downcast_ref::<UploadError>()) {
            return Self::Upload {
                host,
                reason: reason.clone(),
            };
        }
        let innermost = sources(error).last().map(ToString::to_string);
        let said = innermost.map(|text| guard.redact(&text));
        if error.is_connect() {
            let reason = match said {
                _ if error.is_timeout() => "it did not answer in time".to_owned(),
                _ if error.is_dns() => "its name could not be resolved".to_owned(),
                said => said.unwrap_or_else(|| "the connection failed".to_owned()),
            };
            return Self::Unreachable { host, reason };
        }
        Self::Broken {
            host,
            reason: said.unwrap_or_else(|| "the request failed".to_owned()),
        }
    }

    /// The upload stands still at the other end.
    pub(super) fn unread(host: &str) -> Self {
        Self::Unread {
            host: host.to_owned(),
            after_s: UNREAD.as_secs(),
        }
    }

    /// The whole call took longer than `limit`.
    pub(super) fn timeout(host: &str, limit: Duration) -> Self {
        Self::Timeout {
            host: host.to_owned(),
            after_s: limit.as_secs_f64(),
        }
    }
}

/// What stands behind `error`, without itself.
fn sources(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&error| error.source())
}
