//! The Axis daemon: it holds the unlocked vault, decides, adds the credential
//! on its own side, makes the call and keeps the record.
//!
//! The rooms do not import each other's insides; [`broker`] alone joins them.

pub mod approvals;
pub mod audit;
pub mod auth;
pub mod broker;
pub mod catalogue;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod doctor;
pub mod host;
pub mod identities;
pub mod instance;
pub mod keychain;
pub mod names;
pub mod owner;
pub mod paths;
pub mod policy;
pub mod process;
pub mod rpc;
pub mod seal;
pub mod selection;
pub mod services;
pub mod sources;
pub mod supervision;
pub mod upstream;
pub mod vault;
pub mod watch;
pub mod yaml;
