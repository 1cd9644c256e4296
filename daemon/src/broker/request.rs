//! What an agent asks for, as it arrived and after it was checked.

use std::fmt;

use axis_proto::MAX_JUSTIFICATION_CHARS;
use bytes::Bytes;
use uuid::Uuid;

use super::outcome::{Code, Failure};
use crate::audit::{ConnectionId, Peer};
use crate::names::Identity;

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// The general one, where the identity is the client's word.
    General,
    /// The identity's own.
    Own,
    /// One that lay where identities' own sockets are: whether the owner
    /// ordered it stands in the vault, which nobody has unlocked yet.
    Found,
}

/// One request, as it came over the socket.
#[derive(Clone)]
pub struct ActionRequest {
    /// Made by axisd; stands in the audit log and in the answer.
    pub id: Uuid,
    /// Under which name: the client's word, or on an identity's own socket that
    /// one's.
    pub identity: String,
    /// Where it came in.
    pub socket: Socket,
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
    /// Checks what needs no catalogue: socket, identity and justification.
    pub fn check(&self) -> Result<Identity, Failure> {
        if self.socket == Socket::Found {
            return Err(Failure::new(
                Code::VaultLocked,
                "the vault is locked: axisd has not had the master password since it started",
            )
            .hint("the owner opens it with: axis unlock"));
        }
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
