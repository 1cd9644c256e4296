//! Sealing: a policy that stays in force whatever its file says.

use std::sync::{Arc, PoisonError};

use super::{Change, Loaded, PolicyStore};
use crate::policy::error::PolicyError;
use crate::policy::file::{self, Found};
use crate::policy::rules::Policy;

impl PolicyStore {
    /// Puts a sealed policy with its text in force, or why it can't be read:
    /// then everything is denied. From now on the file only proposes.
    pub fn hold(&self, sealed: Result<(Arc<Policy>, &str), Arc<PolicyError>>) {
        let _seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.loaded.load();
        let (policy, text, error) = match sealed {
            Ok((policy, text)) => (Some(policy), text, None),
            Err(error) => (None, "", Some(error)),
        };
        self.loaded.store(Arc::new(Loaded {
            path: self.path.clone(),
            policy,
            text: text.into(),
            error,
            is_sealed: true,
            generation: before.generation + 1,
        }));
    }

    /// Follows the file again. Where that is broken, what was sealed stays in
    /// force as the last good policy. What the file brings, where it had been
    /// sealed.
    pub fn release(&self) -> Option<Change> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.loaded.load_full();
        if !before.is_sealed {
            return None;
        }
        self.loaded.store(Arc::new(Loaded {
            is_sealed: false,
            ..(*before).clone()
        }));
        seen.missing_since = None;
        let found = file::read(&self.path);
        let change = self.apply(&found);
        seen.found = found;
        change
    }

    /// The text of the file as it stands, where there is one.
    ///
    /// # Errors
    /// What lies there can't be a policy.
    pub fn on_disk(&self) -> Result<Option<String>, PolicyError> {
        match file::read(&self.path) {
            Found::Text(text) => Ok(Some(text)),
            Found::Nothing => Ok(None),
            Found::Unusable(error) => Err(error),
        }
    }
}
