//! The whole house: real binaries, a real MCP session, an upstream on
//! loopback, and what came over the wire.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod approvals;
mod auth;
mod calls;
mod ci_guide;
mod daemon;
mod dashboard;
mod demo;
mod doctor;
mod editing;
mod events;
mod guides;
mod hosts;
mod identities;
mod imported;
mod importing;
mod keychain;
mod logs;
mod nineteen;
mod own_services;
mod owner;
mod packages;
mod policy;
mod readme;
mod rotation;
mod sealing;
mod select;
mod service;
mod services;
mod setup;
mod shim;
mod sources;
mod streams;
mod terminal;
mod token_endpoints;
mod transfers;
mod typos;
mod worked_examples;
