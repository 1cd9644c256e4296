//! Attacks: what the agent, a hostile upstream or a careless file may try.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod keystore;
mod leaks;
mod memory;
mod process;
mod upstream;
