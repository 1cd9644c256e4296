//! MCP hosts: programs that start `axis mcp` for their agents. Which there are,
//! which of them are here, and how Axis gets into their files and out again.

mod change;
mod diff;
mod edit;
mod entry;
mod environment;
mod error;
mod file;
mod host;
mod json;
mod program;
mod secrets;
mod text;
mod toml;
mod tree;
mod values;

#[cfg(test)]
mod tests;

pub use self::change::{Allowed, Effect};
pub use self::edit::{Applied, Edit, plan, plan_removal, standing};
pub use self::entry::{Entry, Standing};
pub use self::environment::Environment;
pub use self::error::HostsError;
pub use self::host::{Host, Scope, known};
pub use self::program::doubt;
pub use self::secrets::{KeyPatterns, PlaintextSecret, secrets, secrets_in};
pub use self::values::{file_of, values};
