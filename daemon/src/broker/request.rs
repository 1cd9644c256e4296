//! What an agent asks for, as it arrived and after it was checked.

use std::fmt;

use axis_proto::MAX_JUSTIFICATION_CHARS;
use bytes::Bytes;
use uuid::Uuid;

use super::outcome::{Code, Failure};
use crate::audit::{ConnectionId, Peer};
use crate::names::Identity;

/// One request, as it came over the socket.
#[derive(Clone)]
pub struct ActionRequest {
    /// Made by axisd; stands in the audit log and in the answer.
    pub id: Uuid,
    /// The identity that the client claims.
    pub identity: String,
    /// The service it names.
    pub service: String,
    /// The action it names.
    pub action: String,
    /// Why, in the agent's words.
    pub justification: String,
    /// A JSON object, not yet parsed.
    pub params: Bytes,
    /// What of the result it wants: a jq expression, not yet parsed.
    pub select: Option<String>,
    /// Whether it may wait for the owner as long as the owner is given.
    pub waits: bool,
    /// Whether its client can ask in its host's own window.
    pub can_ask: bool,
    /// Who is at the other end.
    pub peer: Peer,
    /// Through which connection.
    pub connection: ConnectionId,
}

impl fmt::Debug for ActionRequest {
    // params are left out: they are the agent's business alone
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionRequest")
            .field("id", &self.id)
            .field("identity", &self.identity)
            .field("service", &self.service)
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}

impl ActionRequest {
    /// Checks what needs no catalogue: identity and justification.
    pub fn check(&self) -> Result<Identity, Failure> {
        let identity = Identity::parse(&self.identity).map_err(|error| {
            Failure::new(Code::InvalidParams, error.to_string())
                .hint("set AXIS_IDENTITY in the MCP host's configuration of axis")
        })?;
        let length = self.justification.chars().count();
        if self.justification.trim().is_empty() {
            return Err(Failure::new(
                Code::InvalidParams,
                "justification is empty: say in a sentence why this call is needed",
            ));
        }
        if length > MAX_JUSTIFICATION_CHARS {
            return Err(Failure::new(
                Code::InvalidParams,
                format!(
                    "justification is {length} characters long; at most {MAX_JUSTIFICATION_CHARS} are taken"
                ),
            ));
        }
        Ok(identity)
    }
}
