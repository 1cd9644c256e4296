//! Identities and their own sockets: what the owner orders is sealed, then
//! served.

use std::sync::{Arc, OnceLock};

use axis_proto::system::own_user;
use secrecy::SecretString;
use tracing::warn;

use super::{Owner, OwnerError, generation};
use crate::audit::{Act, Peer};
use crate::identities::{IdentityError, OwnSocket, SealedSockets, Served};
use crate::names::Identity;
use crate::vault::{Reserved, Written};

impl Owner {
    /// Gives `identity` a socket of its own, which also the processes of the
    /// user `uid` may open.
    pub async fn add_identity(
        &self,
        password: SecretString,
        identity: Identity,
        uid: Option<u32>,
        by: &Peer,
    ) -> Result<Served, OwnerError> {
        let directories = self.own_sockets.directories();
        directories
            .check(identity.as_str())
            .map_err(IdentityError::from)?;
        if let Some(uid) = uid.filter(|uid| *uid == own_user()) {
            return Err(IdentityError::OwnUid { uid }.into());
        }
        let directory = directories.directory(identity.as_str());
        let socket = OwnSocket {
            identity: identity.clone(),
            uid,
            created_at: Some(self.broker.clock.wall()),
        };
        let written = self
            .reseal(password, by, move |sockets| {
                if sockets.get(&socket.identity).is_some() {
                    return Err(IdentityError::Exists {
                        identity: socket.identity,
                        directory,
                    });
                }
                if !sockets.has_room() {
                    return Err(IdentityError::TooMany);
                }
                sockets.insert(socket);
                Ok(())
            })
            .await?;
        let detail = match uid {
            None => identity.to_string(),
            Some(uid) => format!("{identity}, uid {uid}"),
        };
        self.record_written(Act::IdentityAdded, &detail, written.generation, by);
        let standing = self.own_sockets.standing().sockets.into_iter();
        let mut served = standing.filter(|served| served.socket.identity == identity);
        served.next().ok_or(OwnerError::Crashed)
    }

    /// Takes it away, with its directory. What of that is left, and why.
    pub async fn remove_identity(
        &self,
        password: SecretString,
        identity: Identity,
        by: &Peer,
    ) -> Result<Option<String>, OwnerError> {
        let removed = identity.clone();
        let written = self
            .reseal(password, by, move |sockets| {
                sockets.remove(&removed).map(drop)
            })
            .await?;
        self.broker.approvals.forget(&identity);
        self.record_written(
            Act::IdentityRemoved,
            identity.as_str(),
            written.generation,
            by,
        );
        Ok(self.own_sockets.remove_directory(&identity))
    }

    /// Seals what `edit` makes of the list, and serves that.
    async fn reseal(
        &self,
        password: SecretString,
        by: &Peer,
        edit: impl FnOnce(&mut SealedSockets) -> Result<(), IdentityError> + Send + 'static,
    ) -> Result<Written, OwnerError> {
        self.recordable()?;
        let sealed = Arc::new(OnceLock::new());
        let after = sealed.clone();
        let written = self
            .broker
            .vault
            .change_reserved(password, Reserved::IdentitySockets, move |before| {
                let mut sockets = SealedSockets::read(before)?;
                edit(&mut sockets)?;
                let text = sockets.write()?;
                let _ = after.set(sockets);
                Ok::<_, IdentityError>(Some(text))
            })
            .await;
        let written = self.audited(written, Some(by))??;
        if let Some(sealed) = sealed.get() {
            self.own_sockets.keep(written.generation, sealed.clone());
        }
        Ok(written)
    }

    /// Serves what the vault that was just opened says, and nothing else.
    pub(super) fn serve_sealed_sockets(&self) {
        let vault = &self.broker.vault;
        let Ok(text) = vault.reserved(Reserved::IdentitySockets) else {
            return;
        };
        let sealed = SealedSockets::read(text.as_deref()).unwrap_or_else(|error| {
            warn!(%error, "no identity's own socket is served");
            SealedSockets::default()
        });
        self.own_sockets
            .adopt(generation(vault).unwrap_or_default(), sealed);
    }
}
