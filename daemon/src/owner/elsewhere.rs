//! `axis add --source`: a credential that stays where the owner keeps it. What
//! would be run is shown first; it is run once the password is known to be right.

use secrecy::{ExposeSecret, SecretString};

use super::{Owner, OwnerError};
use crate::audit::Peer;
use crate::auth;
use crate::catalogue::Service;
use crate::sources::{DEFAULT_TTL_S, MAX_TTL_S, Proposal};

/// Where a credential is to be read from.
pub struct Elsewhere {
    /// Such as `op://Work/GitHub/token`.
    pub reference: String,
    /// The absolute path of the program, where it isn't among the system's.
    pub program: Option<String>,
    /// For how long a value that was read is used; unset: the usual.
    pub ttl_s: Option<u64>,
    /// The command line that the owner said yes to.
    pub confirmed_command: String,
}

impl Owner {
    /// What a reference means on this machine.
    pub async fn resolve_source(&self, elsewhere: &Elsewhere) -> Result<Proposal, OwnerError> {
        let ttl_s = elsewhere.ttl_s.unwrap_or(DEFAULT_TTL_S);
        if ttl_s > MAX_TTL_S {
            return Err(OwnerError::TtlTooLong { ttl_s });
        }
        let program = elsewhere.program.as_deref();
        let sources = &self.broker.sources;
        let proposal = sources.propose(&elsewhere.reference, program, ttl_s);
        Ok(proposal.await?)
    }

    /// What the owner said yes to, if it is still that.
    pub(super) async fn confirmed_source(
        &self,
        elsewhere: &Elsewhere,
        service: &Service,
        token: &SecretString,
    ) -> Result<Proposal, OwnerError> {
        let proposal = self.resolve_source(elsewhere).await?;
        if proposal.command != elsewhere.confirmed_command {
            return Err(OwnerError::UnconfirmedCommand {
                command: proposal.command,
            });
        }
        if auth::replaces_its_secret(service.auth()) {
            return Err(OwnerError::Secret {
                problem: "is replaced by each use, so it has to be in the vault: add it without --source",
            });
        }
        if !proposal.takes_token && !token.expose_secret().is_empty() {
            return Err(OwnerError::Secret {
                problem: "is read elsewhere, and nothing else is needed for that: leave --stdin away",
            });
        }
        Ok(proposal)
    }

    /// The secret as it is there now. Where it needn't be, it is only said that
    /// it isn't.
    pub(super) async fn read_source(
        &self,
        password: &SecretString,
        proposal: &Proposal,
        token: &SecretString,
        must: bool,
        by: &Peer,
    ) -> Result<Result<SecretString, String>, OwnerError> {
        // else whoever reaches the socket could have any program run
        self.verify_password(password.clone(), by).await?;
        let sources = &self.broker.sources;
        let read = sources.read(&proposal.source, token.expose_secret());
        match read.await {
            Ok(secret) => Ok(Ok(secret)),
            Err(unread) if must => Err(OwnerError::SourceUnread(unread)),
            Err(unread) => Ok(Err(unread.to_string())),
        }
    }
}
