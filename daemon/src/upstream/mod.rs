//! The HTTP client: takes a request that carries its credential to the one
//! host it was made for, and brings the answer back without the credential.
//!
//! - [`request`]: the three states of a request on its way out.
//! - [`Upstream`]: the client, with its timeouts and its cap.
//! - [`UpstreamResponse`]: what came back, [`UpstreamError`]: why nothing did.
//! - [`Streams`]: what comes and goes beside a call in chunks.
//! - [`LeakGuard`]: takes the credential out of all that came.

mod body;
mod client;
mod error;
mod guard;
pub mod request;
mod response;
mod roots;
mod skew;
mod stream;
#[cfg(test)]
mod tests;
mod transfer;
mod uploading;

pub use self::client::{Errand, Prepared, Upstream, UpstreamSettings};
pub use self::error::UpstreamError;
pub use self::guard::{GuardedStream, LeakGuard, Patience, REPLACEMENT};
pub use self::response::UpstreamResponse;
pub use self::roots::count as count_certificates;
pub use self::stream::{HostQuestion, Part, Plan, Streams, Upload, UploadError};
