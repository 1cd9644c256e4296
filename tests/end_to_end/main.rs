//! The whole house: real binaries, a real MCP session, an upstream on
//! loopback, and what came over the wire.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod approvals;
mod auth;
mod calls;
mod daemon;
mod demo;
mod editing;
mod events;
mod identities;
mod imported;
mod importing;
mod keychain;
mod logs;
mod nineteen;
mod own_services;
mod owner;
mod policy;
mod readme;
mod rotation;
mod sealing;
mod select;
mod service;
mod services;
mod shim;
mod sources;
mod terminal;
mod token_endpoints;
mod transfers;
mod typos;
mod worked_examples;
