//! Why a request can't carry its credential.

/// Why a credential can't be put into a request. No variant repeats it, and
/// what a token endpoint had a say in has passed the leak guard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is nothing in it.
    #[error(
        "the stored credential is empty; the owner can mend it with `axis add SERVICE --replace`"
    )]
    Empty,
    /// It holds something that no request can carry.
    #[error(
        "the stored credential holds a line break, a control character or a letter outside ASCII, which no HTTP header can carry; the owner can mend it with `axis add SERVICE --replace`"
    )]
    Unsendable,
    /// It isn't written the way its scheme needs.
    #[error(
        "the stored credential must be {form}; the owner can mend it with `axis add SERVICE --replace`"
    )]
    Malformed {
        /// What it should look like.
        form: &'static str,
    },
    /// The request can't be signed.
    #[error("the request can't be signed: its headers or its region hold what no signature covers")]
    Unsignable,
    /// The token would be fetched where the credential may not go.
    #[error(
        "its token would be fetched from {host}, but the credential is bound to {allowed}; the owner can add it again with --base-url"
    )]
    ForeignEndpoint {
        /// Where the token endpoint is.
        host: String,
        /// Where the credential may go.
        allowed: String,
    },
    /// The token endpoint gave no answer.
    #[error("no access token: {reason}")]
    NoAnswer {
        /// A sentence that names the host.
        reason: String,
        /// Whether it took too long.
        timed_out: bool,
    },
    /// The token endpoint said no.
    #[error("no access token: {host} answered {status}: {message}")]
    Refused {
        /// Where the token endpoint is.
        host: String,
        /// Its HTTP status.
        status: u16,
        /// Its own words.
        message: String,
    },
    /// The credential can't be read, or its successor can't be kept.
    #[error("{0}")]
    Unkept(String),
    /// The owner has put another credential in its place since the call began,
    /// for other hosts than the request is bound to.
    #[error("the owner put a credential for other hosts in its place at this moment: call again")]
    Rebound,
    /// The task that fetched the token failed.
    #[error("axisd failed while it fetched an access token; its log says more")]
    Crashed,
}
