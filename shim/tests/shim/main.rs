//! The shim as an MCP host sees it, with an axisd that the test plays.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on has failed; clippy knows this only of #[test] functions"
)]

mod answers;
mod daemon;
mod fake;
mod files;
mod handshake;
mod host;
mod input;
mod launch;
