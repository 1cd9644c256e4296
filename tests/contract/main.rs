//! What the built-in services are held against: the vendors' interfaces,
//! written down as facts in `facts/`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod definitions;
mod facts;
mod graphql;
mod pages;
mod requests;
mod written;
