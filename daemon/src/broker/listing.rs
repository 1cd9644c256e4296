//! What an identity may do, for agents that ask before they act.

use super::Broker;
use super::outcome::Failure;
use crate::catalogue::{Action, Service};
use crate::names::Identity;
use crate::policy::{Decision, Denial, Request};

/// Who asks.
#[derive(Debug, Clone)]
pub struct Asker {
    /// Under which name.
    pub identity: Identity,
    /// Whether on the socket of that name.
    pub own_socket: bool,
}

/// One service with its actions.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Its name.
    pub service: String,
    /// Its name for people.
    pub title: String,
    /// Whether the vault holds a credential for it.
    pub has_credential: bool,
    /// Its actions, in the definition's order.
    pub actions: Vec<ListedAction>,
}

/// One action in a [`Listing`].
#[derive(Debug, Clone)]
pub struct ListedAction {
    /// Its name.
    pub name: String,
    /// `read`, `write` or `delete`.
    pub effect: &'static str,
    /// Whether policy allows it now, limits left aside.
    pub allowed: bool,
    /// Whether each call waits for an approval.
    pub ask: bool,
}

/// One action with its params.
#[derive(Debug, Clone)]
pub struct Described {
    /// Its service.
    pub service: String,
    /// Its name.
    pub action: String,
    /// `read`, `write` or `delete`.
    pub effect: &'static str,
    /// JSON Schema of the params.
    pub params_schema: Vec<u8>,
    /// Params that are valid.
    pub example: Vec<u8>,
    /// Whether policy allows it now, limits left aside.
    pub allowed: bool,
    /// Whether each call waits for an approval.
    pub ask: bool,
}

impl Broker {
    /// All services with all actions, or those of `service`.
    ///
    /// # Errors
    /// An unknown service, with the nearest names.
    pub fn list(&self, asker: &Asker, service: Option<&str>) -> Result<Vec<Listing>, Failure> {
        let catalogue = self.services.catalogue();
        let listing = |service: &Service| self.listing(asker, service);
        match service {
            None => Ok(catalogue.services().map(listing).collect()),
            Some(name) => {
                let service = catalogue
                    .service(name)
                    .ok_or_else(|| catalogue.unknown_service(name))?;
                Ok(vec![listing(service)])
            }
        }
    }

    /// One action with its params.
    ///
    /// # Errors
    /// An unknown service or action, with the nearest names.
    pub fn describe(
        &self,
        asker: &Asker,
        service: &str,
        action: &str,
    ) -> Result<Described, Failure> {
        let catalogue = self.services.catalogue();
        let (service, action) = catalogue.resolve(service, action)?;
        let (allowed, ask) = self.stands(asker, service, action);
        Ok(Described {
            service: service.name().to_string(),
            action: action.name().to_owned(),
            effect: action.effect().word(),
            params_schema: action.params_schema().as_bytes().to_vec(),
            example: action.example().as_bytes().to_vec(),
            allowed,
            ask,
        })
    }

    fn listing(&self, asker: &Asker, service: &Service) -> Listing {
        let names = self.vault.names();
        Listing {
            service: service.name().to_string(),
            title: service.title().to_owned(),
            has_credential: names.iter().any(|name| name.service == *service.name()),
            actions: service
                .actions()
                .map(|action| {
                    let (allowed, ask) = self.stands(asker, service, action);
                    ListedAction {
                        name: action.name().to_owned(),
                        effect: action.effect().word(),
                        allowed,
                        ask,
                    }
                })
                .collect(),
        }
    }

    /// A denial that says where the identity's own socket is, where it takes
    /// that one.
    pub fn directed(&self, denial: Denial, identity: &Identity) -> Denial {
        if !denial.needs_own_socket {
            return denial;
        }
        let socket = self.sockets.socket(identity.as_str());
        Denial {
            hint: Some(format!(
                "its agent's `axis mcp` gets there with AXIS_SOCKET={}; where there is no such socket, the owner makes it with `axis identity add {identity}`",
                socket.display()
            )),
            ..denial
        }
    }

    /// Whether the action can be allowed, and whether its calls then wait for an
    /// approval.
    fn stands(&self, asker: &Asker, service: &Service, action: &Action) -> (bool, bool) {
        // what is sealed in a vault that was never opened is not known
        if self.is_withheld() {
            return (false, false);
        }
        let policy = self.policy.current();
        let decision = policy.decide(&Request {
            identity: &asker.identity,
            own_socket: asker.own_socket,
            service: service.name(),
            action: action.name(),
            effect: action.effect(),
            params: None,
            at: self.clock.wall(),
        });
        match decision {
            Decision::Allow(allowed) => (true, allowed.ask.is_some()),
            Decision::Deny(_) => (false, false),
        }
    }
}
