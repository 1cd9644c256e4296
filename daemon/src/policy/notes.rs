//! What a valid policy means, and its author should know.

use super::document::Scope;
use super::rules::Policy;

impl Policy {
    /// One sentence for everything, each beginning with its line.
    pub fn notes(&self) -> Vec<String> {
        let claimable: Vec<_> = self
            .entries()
            .iter()
            .filter(|entry| !entry.own_socket && !entry.allow.is_empty())
            .collect();
        let last = claimable
            .iter()
            .rev()
            .find(|entry| entry.scope != Scope::Any);
        let (Some(last), 2..) = (last, claimable.len()) else {
            return Vec::new();
        };
        let names: Vec<_> = claimable
            .iter()
            .take(3)
            .map(|entry| format!("\"{}\"", entry.scope))
            .collect();
        let more = match claimable.len() - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        vec![format!(
            "line {}: on the general broker.sock the identity is the client's word: any process of yours can claim one after the other of {}{more}, so its rights there are theirs together; `socket: required` and `axis identity add {}` keep an identity apart",
            last.line,
            names.join(", "),
            last.scope,
        )]
    }
}
