//! What the vault holds sealed of the identities' own sockets.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::IdentityError;
use crate::names::{Identity, did_you_mean};

/// Most identities with a socket of their own.
pub const MAX_SOCKETS: usize = 64;

/// An identity's own socket, as the owner ordered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSocket {
    /// Who every caller is.
    pub identity: Identity,
    /// The uid that the sandbox's processes have on this machine, where that
    /// isn't the owner's.
    pub uid: Option<u32>,
    /// Since when; unknown of one that was only found.
    pub created_at: Option<Timestamp>,
}

/// All of them, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedSockets(Vec<OwnSocket>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    identity: &'a str,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    created_at: String,
}

impl SealedSockets {
    /// Reads what [`Self::write`] wrote; nothing is none.
    pub fn read(text: Option<&str>) -> Result<Self, IdentityError> {
        let written: Vec<Written<'_>> = serde_json::from_str(text.unwrap_or("[]"))?;
        let mut sockets = Self::default();
        for written in written {
            let unreadable = |error: &dyn std::fmt::Display| {
                IdentityError::Unreadable(serde::de::Error::custom(error))
            };
            let identity = Identity::parse(written.identity).map_err(|e| unreadable(&e))?;
            let created_at = written.created_at.parse::<Timestamp>();
            let created_at = created_at.map_err(|error| unreadable(&error))?;
            sockets.0.push(OwnSocket {
                identity,
                uid: written.uid,
                created_at: Some(created_at),
            });
        }
        Ok(sockets)
    }

    /// As it is sealed.
    pub fn write(&self) -> Result<String, IdentityError> {
        let written: Vec<_> = self
            .0
            .iter()
            .map(|socket| Written {
                identity: socket.identity.as_str(),
                uid: socket.uid,
                created_at: format!("{:.3}", socket.created_at.unwrap_or_default()),
            })
            .collect();
        serde_json::to_string(&written).map_err(IdentityError::Unwritable)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &OwnSocket> {
        self.0.iter()
    }

    /// The one of this identity.
    pub fn get(&self, identity: &Identity) -> Option<&OwnSocket> {
        self.0.iter().find(|socket| socket.identity == *identity)
    }

    /// Whether there is room for another one.
    pub fn has_room(&self) -> bool {
        self.0.len() < MAX_SOCKETS
    }

    /// Adds one whose identity has none yet.
    pub fn insert(&mut self, socket: OwnSocket) {
        self.0.push(socket);
        self.0.sort_by(|a, b| a.identity.cmp(&b.identity));
    }

    /// Takes one out.
    ///
    /// # Errors
    /// The identity has none; which may have been meant.
    pub fn remove(&mut self, identity: &Identity) -> Result<OwnSocket, IdentityError> {
        let at = self.0.iter().position(|it| it.identity == *identity);
        at.map(|at| self.0.remove(at))
            .ok_or_else(|| IdentityError::Unknown {
                near: did_you_mean(
                    identity.as_str(),
                    self.0.iter().map(|socket| socket.identity.as_str()),
                ),
                identity: identity.clone(),
            })
    }
}
