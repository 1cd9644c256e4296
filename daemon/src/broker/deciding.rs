//! What policy and vault say to a request.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Broker;
use super::outcome::{Code, Failure};
use super::refusal::Refusal;
use super::request::{ActionRequest, Socket};
use super::standing::Standing;
use crate::catalogue::{self, Action, Service};
use crate::names::{CredentialName, Identity, Label};
use crate::policy::{self, Allowed, Decision};
use crate::vault::Credential;

impl Broker {
    /// What the policy says to the request.
    pub(super) fn decide(
        &self,
        request: &ActionRequest,
        identity: &Identity,
        service: &Service,
        action: &Action,
        standing: &Standing,
    ) -> Result<Allowed, Refusal> {
        let policy = &standing.policy;
        // params that can't be read make no request, whatever is decided
        let params = policy
            .looks_at_params()
            .then(|| catalogue::params_object(&request.params))
            .flatten();
        let decision = policy.decide(&policy::Request {
            identity,
            own_socket: request.socket == Socket::Own,
            service: service.name(),
            action: action.name(),
            effect: action.effect(),
            params: params.as_ref(),
            at: self.clock.wall(),
        });
        match decision {
            Decision::Allow(allowed) => Ok(allowed),
            Decision::Deny(denial) => Err(self.directed(denial, identity).into()),
        }
    }

    /// The credential that the request goes out with.
    pub(super) async fn credential(
        &self,
        service: &Service,
        label: Option<&Label>,
        standing: &Standing,
    ) -> Result<Arc<Credential>, Failure> {
        let name = CredentialName {
            service: service.name().clone(),
            label: label.cloned(),
        };
        let stored = self.stored(&name).await;
        let credential = stored.map_err(|error| error.failure(&name))?;
        self.check_seal(standing)?;
        // between the unlock and the reading of the log no limit is known yet
        if !self.ready.load(Ordering::Acquire) {
            return Err(Failure::new(
                Code::VaultLocked,
                "the vault is being unlocked at this moment: try again",
            ));
        }
        Ok(credential)
    }
}
