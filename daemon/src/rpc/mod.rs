//! The two sockets: proto messages to domain values and back, nothing else.

pub mod admin;
mod approvals;
pub mod broker;
mod credentials;
mod heads;
mod identities;
mod keychain;
mod logs;
pub mod peer;
mod policy;
mod seal;
mod services;
mod status;
mod streamed;
