//! Hot reload: the policy is read again when its file changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::store::{Change, PolicyStore};
use crate::watch::{Follow, Stamp, Target, Watch};

/// How soon a file that is away is looked for again.
const SOON: Duration = Duration::from_millis(100);

impl PolicyStore {
    /// Follows the file from now on; `on_change` hears of every change, on the
    /// watching thread, after it is in force.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn watch(
        self: &Arc<Self>,
        how: Follow,
        on_change: impl Fn(Change) + Send + 'static,
    ) -> std::io::Result<Watch> {
        let store = Arc::clone(self);
        let target = Target::File(store.path().to_owned());
        let mut last_stamp = None;
        Watch::start("policy-watch", target, how, move |is_told| {
            let stamp = Stamp::of(store.path());
            // someone else may have read a file that came and went in between
            let has_gone = stamp.is_none() && !store.found_nothing();
            if is_told || has_gone || stamp != last_stamp || store.is_in_grace() {
                last_stamp = stamp;
                if let Some(change) = store.refresh(Instant::now()) {
                    on_change(change);
                }
            }
            store.is_in_grace().then_some(SOON)
        })
    }
}

#[cfg(test)]
mod tests;
