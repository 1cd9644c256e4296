//! Hot reload: the services are read again when their files change.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::store::{Change, ServiceStore};
use crate::watch::{Follow, Target, Watch};

/// How soon a file that is away is looked for again.
const SOON: Duration = Duration::from_millis(100);

impl ServiceStore {
    /// Follows the directory from now on; `on_change` hears of all changes of
    /// one moment, on the watching thread, after they are in force.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn watch(
        self: &Arc<Self>,
        how: Follow,
        on_change: impl Fn(Vec<Change>) + Send + 'static,
    ) -> std::io::Result<Watch> {
        let store = Arc::clone(self);
        let target = Target::Directory(store.directory().to_owned());
        let mut last_seen = None;
        Watch::start("services-watch", target, how, move |is_told| {
            let seen = Some(store.stamps());
            if is_told || seen != last_seen || store.is_in_grace() {
                last_seen = seen;
                let changes = store.refresh(Instant::now());
                if !changes.is_empty() {
                    on_change(changes);
                }
            }
            store.is_in_grace().then_some(SOON)
        })
    }
}
