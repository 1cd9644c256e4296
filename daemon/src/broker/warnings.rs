//! What a policy says that can't be meant, by the services in force.

use super::Broker;
use crate::catalogue::Action;
use crate::policy::{KnownAction, KnownService, Policy};

impl Broker {
    /// What the policy in force says that can't be meant.
    pub fn policy_warnings(&self) -> Vec<String> {
        let current = self.policy.current();
        let policy = current.policy.as_deref();
        policy.map_or_else(Vec::new, |policy| self.warnings_of(policy))
    }

    /// The same of any policy.
    pub fn warnings_of(&self, policy: &Policy) -> Vec<String> {
        let catalogue = self.services.catalogue();
        let known: Vec<KnownService<'_>> = catalogue
            .services()
            .map(|service| KnownService {
                name: service.name().as_str(),
                actions: service.actions().map(known_action).collect(),
            })
            .collect();
        policy.warnings(&known, self.clock.wall())
    }
}

fn known_action(action: &Action) -> KnownAction<'_> {
    KnownAction {
        name: action.name(),
        effect: action.effect(),
        params: action.param_names().collect(),
        takes_any_param: action.takes_any_param(),
    }
}
