//! The owner's own services: what came of their files is on record and in the
//! daemon's log.

use tracing::{info, warn};

use super::Owner;
use crate::audit::Act;
use crate::services::Change;

impl Owner {
    /// Tells of the files as they were found at start.
    pub(super) fn record_services(&self) {
        let current = self.broker.services.current();
        for file in &current.files {
            if let Some(service) = &file.service {
                self.service_changed(&Change::InForce(file.path.clone(), service.clone()));
            }
            if let Some(error) = &file.error {
                let kept = file.service.as_ref().map(|service| service.name().clone());
                let error = error.clone();
                self.service_changed(&Change::Refused { error, kept });
            }
        }
    }

    pub(super) fn service_changed(&self, change: &Change) {
        match change {
            Change::InForce(path, service) => {
                let (name, actions) = (service.name(), service.actions().len());
                info!(%name, actions, path = %path.display(), "a service of your own is in force");
                let detail = format!(
                    "{name}, actions: {actions}, host: {}",
                    service.destinations()
                );
                self.record(Act::ServiceLoaded, Some(&detail), None);
            }
            Change::Refused { error, kept } => {
                if let Some(name) = kept {
                    warn!("the last good version of {name} stays in force: {error}");
                } else {
                    warn!("a service file is not in force: {error}");
                }
                self.record(Act::ServiceRefused, Some(&error.headline()), None);
            }
            // looked at with the other files
            Change::Proposed => {}
            Change::Gone(name) => {
                info!(%name, "a service of your own is gone with its file");
                self.record(Act::ServiceGone, Some(name.as_str()), None);
            }
        }
    }
}
