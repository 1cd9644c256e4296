//! What the owner is asked: one call, exactly as it will go out.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::audit::Peer;
use crate::names::{CredentialName, Identity, ServiceName};

/// Letters and digits that nobody takes for others (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 40 bits: typed by hand, and not met twice.
const ID_CHARACTERS: usize = 8;

/// The name of one approval, as the owner types it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApprovalId(Arc<str>);

impl ApprovalId {
    /// A new one.
    pub(super) fn random() -> Self {
        // a version-4 UUID is 122 bits of the system's randomness
        let mut bits = Uuid::new_v4().as_u128();
        let character = |_| {
            let index = usize::try_from(bits & 31).unwrap_or(0);
            bits >>= 5;
            char::from(ALPHABET[index])
        };
        Self((0..ID_CHARACTERS).map(character).collect::<String>().into())
    }

    /// What the owner typed; any text, since one that names nothing is found
    /// out when it is looked for.
    pub fn typed(text: &str) -> Self {
        let text: String = text.trim().chars().take(80).collect();
        Self(text.to_ascii_lowercase().into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an answer is bound to: a digest of everything that goes out, and of who
/// asks. A call that differs in any of it is another question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Binding([u8; 32]);

impl Binding {
    /// The binding to `parts`, in their order.
    pub fn to<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            // so that no two lists of parts run together into the same bytes
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        Self(digest.finalize().into())
    }
}

/// One call that someone has to say yes to.
#[derive(Clone, Debug)]
pub struct Question {
    /// What the answer counts for.
    pub binding: Binding,
    /// The call that asked first.
    pub request_id: Uuid,
    /// Who asks.
    pub identity: Identity,
    /// Whether on that one's own socket; elsewhere the name is a claim.
    pub own_socket: bool,
    /// The process that asked; shown, not bound.
    pub peer: Peer,
    /// In the agent's words; shown, not bound.
    pub justification: String,
    /// Of which service.
    pub service: ServiceName,
    /// What.
    pub action: String,
    /// `read`, `write` or `delete`.
    pub effect: &'static str,
    /// With which credential.
    pub credential: CredentialName,
    /// Every param, as one JSON object.
    pub params: String,
    /// The HTTP method.
    pub method: String,
    /// Where it goes.
    pub host: String,
    /// Path and query.
    pub target: String,
}

impl Question {
    /// Whether a grant for `other` covers this.
    pub(super) fn is_granted_with(&self, other: &Self) -> bool {
        self.identity == other.identity
            && self.own_socket == other.own_socket
            && self.service == other.service
            && self.action == other.action
            && self.credential == other.credential
    }
}
