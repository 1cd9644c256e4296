//! Attacks: what the agent, a hostile upstream or a careless file may try.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod flood;
mod keystore;
mod leaks;
mod process;
mod upstream;
