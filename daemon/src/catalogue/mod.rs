//! All known services and actions, as data: what each action takes, the
//! request that its params make, and what the answer means. Pure: no clock,
//! no disk, no network.

mod action;
mod base;
mod body;
mod canonical;
mod definition;
mod environment;
mod headers;
mod ordered;
mod param;
mod params;
mod path;
mod raw;
mod reach;
mod request;
mod response;
mod schema;
mod service;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;

use include_dir::{Dir, include_dir};

pub use action::Action;
pub use base::NoHost;
pub use canonical::canonical_params;
pub use definition::{DefinitionError, Effect, MAX_BYTES as MAX_DEFINITION_BYTES};
pub use params::{MAX_PARAMS_BYTES, MAX_PARAMS_DEPTH, ParamsError, params_object};
pub use response::{ActionOutcome, ActionResult, Answer, VendorError};
pub use service::{Check, CredentialSpec, Service};

use crate::names::{ServiceName, did_you_mean};

/// `config/services`, as `build.rs` turned it into JSON.
static BUILTIN: Dir<'_> = include_dir!("$OUT_DIR/services");

/// A service lists all its actions in an error up to this many.
const SHORT_LIST: usize = 12;

/// Why a service or an action is not in the catalogue. The message names the
/// nearest ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No such service.
    #[error("there is no service {service:?}. {advice}")]
    UnknownService {
        /// What was asked for, cut after 80 characters.
        service: String,
        /// What there is.
        advice: String,
    },
    /// The service has no such action.
    #[error("the service {service} has no action {action:?}{advice}")]
    UnknownAction {
        /// The service.
        service: ServiceName,
        /// What was asked for, cut after 80 characters.
        action: String,
        /// What there is; may be empty.
        advice: String,
    },
}

/// The services, by name. Immutable: a changed definition makes a new one.
#[derive(Debug, Clone)]
pub struct Catalogue {
    services: BTreeMap<ServiceName, Arc<Service>>,
}

impl Catalogue {
    /// The services that are built in.
    ///
    /// # Errors
    /// [`DefinitionError`] when one of them is broken, which this crate's
    /// tests would have told.
    pub fn builtin() -> Result<Self, DefinitionError> {
        let mut services = BTreeMap::new();
        for file in BUILTIN.files() {
            let text = file.contents_utf8().unwrap_or_default();
            let service = Service::read_builtin(text, file.path())?;
            services.insert(service.name().clone(), Arc::new(service));
        }
        Ok(Self { services })
    }

    /// These services and those of `others`, of which none has the name of
    /// another one.
    #[must_use]
    pub fn with(&self, others: impl IntoIterator<Item = Arc<Service>>) -> Self {
        let mut services = self.services.clone();
        services.extend(
            others
                .into_iter()
                .map(|service| (service.name().clone(), service)),
        );
        Self { services }
    }

    /// The service of that name, compared without case.
    pub fn service(&self, name: &str) -> Option<&Service> {
        let found = self.services.get(name.to_ascii_lowercase().as_str());
        found.map(AsRef::as_ref)
    }

    /// All services by name.
    pub fn services(&self) -> impl ExactSizeIterator<Item = &Service> {
        self.services.values().map(AsRef::as_ref)
    }

    /// The service and the action of these names, compared without case.
    ///
    /// # Errors
    /// [`ResolveError`] with the nearest names.
    pub fn resolve(
        &self,
        service: &str,
        action: &str,
    ) -> Result<(&Service, &Action), ResolveError> {
        let found = self
            .service(service)
            .ok_or_else(|| self.unknown_service(service))?;
        match found.action(action) {
            Some(action) => Ok((found, action)),
            None => Err(self.unknown_action(found, action)),
        }
    }

    /// The error for a service that isn't there.
    pub fn unknown_service(&self, wanted: &str) -> ResolveError {
        let names = || self.services.keys().map(ServiceName::as_str);
        let known: Vec<_> = names().collect();
        let near = did_you_mean(&cut(wanted), names()).map(|near| near + " ");
        ResolveError::UnknownService {
            service: cut(wanted),
            advice: format!("{}Known: {}", near.unwrap_or_default(), known.join(", ")),
        }
    }

    /// The error for an action that `service` doesn't have.
    pub fn unknown_action(&self, service: &Service, wanted: &str) -> ResolveError {
        let mut advice = String::new();
        if let Some(other) = self.services().find(|other| other.action(wanted).is_some()) {
            advice = format!(". The service {} has it", other.name());
        } else if let Some(near) = did_you_mean(&cut(wanted), service.actions().map(Action::name)) {
            advice = format!(". {near}");
        }
        if service.actions().len() <= SHORT_LIST {
            let names: Vec<_> = service.actions().map(Action::name).collect();
            let end = if advice.ends_with('?') { "" } else { "." };
            advice = format!("{advice}{end} It has: {}", names.join(", "));
        }
        ResolveError::UnknownAction {
            service: service.name().clone(),
            action: cut(wanted),
            advice,
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}
