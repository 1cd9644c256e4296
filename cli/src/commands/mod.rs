//! The commands, one file each: arguments, a call to axisd, and words.

mod add;
pub mod allow;
pub mod approvals;
mod approve;
pub mod call;
pub mod calls;
mod completions;
mod daemon;
mod dashboard;
mod demo;
mod deny;
pub mod doctor;
pub mod hosts;
mod identity;
mod import;
mod init;
mod keychain;
pub mod list;
mod lock;
pub mod logs;
mod man;
pub mod mcp;
pub mod param;
pub mod policy;
mod reject;
mod revoke;
mod rotate;
pub mod services;
mod setup;
mod status;
mod undo;
mod unlock;

use clap::Subcommand;

use crate::failure::{Exit, Failure};

/// What `axis` can do; the main commands first.
#[derive(Debug, Subcommand)]
pub enum Command {
    Setup(setup::Setup),
    Init(init::Init),
    Add(add::Add),
    List(list::List),
    Revoke(revoke::Revoke),
    Services(services::Services),
    Policy(policy::Policy),
    Allow(allow::Allow),
    Deny(deny::Deny),
    Approvals(approvals::Approvals),
    Approve(approve::Approve),
    Reject(reject::Reject),
    Identity(identity::Identity),
    Call(call::Call),
    Mcp(mcp::Mcp),
    Logs(logs::Logs),
    Status(status::Status),
    Unlock(unlock::Unlock),
    Lock(lock::Lock),
    Doctor(doctor::Doctor),
    Dashboard(dashboard::Dashboard),
    Daemon(daemon::Daemon),
    Demo(demo::Demo),
    Import(import::Import),
    Completions(completions::Completions),
    Man(man::Man),
    Keychain(keychain::Keychain),
    Hosts(hosts::Hosts),
    Rotate(rotate::Rotate),
    Undo(undo::Undo),
}

impl Command {
    /// Whether it is a view that goes on until it is ended, so that ending it is
    /// no failure.
    pub fn is_view(&self) -> bool {
        match self {
            Self::Dashboard(_) => true,
            Self::Approvals(approvals) => approvals.goes_on(),
            Self::Logs(logs) => logs.goes_on(),
            Self::Daemon(daemon) => daemon.goes_on(),
            _ => false,
        }
    }

    /// Does it.
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Setup(setup) => setup.run().await,
            Self::Init(init) => init.run().await,
            Self::Add(add) => add.run().await,
            Self::List(list) => list.run().await,
            Self::Revoke(revoke) => revoke.run().await,
            Self::Services(services) => services.run().await,
            Self::Policy(policy) => policy.run().await,
            Self::Allow(allow) => allow.run().await,
            Self::Deny(deny) => deny.run().await,
            Self::Approvals(approvals) => approvals.run().await,
            Self::Approve(approve) => approve.run().await,
            Self::Reject(reject) => reject.run().await,
            Self::Identity(identity) => identity.run().await,
            Self::Call(call) => call.run().await,
            Self::Mcp(mcp) => mcp.run().await,
            Self::Logs(logs) => logs.run().await,
            Self::Status(status) => status.run().await,
            Self::Unlock(unlock) => unlock.run().await,
            Self::Lock(lock) => lock.run().await,
            Self::Doctor(doctor) => doctor.run().await,
            Self::Dashboard(dashboard) => Box::pin(dashboard.run()).await,
            Self::Daemon(daemon) => daemon.run().await,
            Self::Demo(demo) => demo.run().await,
            Self::Import(import) => Box::pin(import.run()).await,
            Self::Completions(completions) => completions.run().await,
            Self::Man(man) => man.run().await,
            Self::Keychain(keychain) => keychain.run().await,
            Self::Hosts(hosts) => hosts.run().await,
            Self::Rotate(rotate) => rotate.run().await,
            Self::Undo(undo) => undo.run().await,
        }
    }
}
