//! The HTTP client.

pub mod request;
