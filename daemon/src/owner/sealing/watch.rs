//! daemon.yaml and the certificates that it names are looked at again when
//! they change: while they are sealed, that is told.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::Config;
use crate::owner::Owner;
use crate::watch::{Stamp, Target, Watch};

impl Owner {
    /// Follows daemon.yaml and the certificates. What they say counts at a
    /// start or once it is sealed; this only tells of a difference.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn watch_settings(self: &Arc<Self>) -> io::Result<Watch> {
        let owner = self.clone();
        let path = self.paths.daemon_yaml.clone();
        let how = self.how_to_follow(&path);
        let mut last = None;
        let mut certificates: Option<PathBuf> = None;
        Watch::start(
            "settings-watch",
            Target::File(path.clone()),
            how,
            move |_| {
                let stamp = Stamp::of(&path);
                let is_new = last.as_ref().is_none_or(|(before, _)| *before != stamp);
                if is_new {
                    let config = Config::load(&path).unwrap_or_default();
                    certificates = config.upstream.ca_file;
                }
                let now = Some((stamp, certificates.as_deref().and_then(Stamp::of)));
                if now != last {
                    last = now;
                    owner.look_at_files();
                }
                None
            },
        )
    }
}
