//! How the log stands, for its owner.

use std::path::PathBuf;

use super::{Audit, aside};

/// What `axis status` shows of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditStatus {
    /// The log.
    pub path: PathBuf,
    /// Whether calls can be recorded, and so be made, now.
    pub writable: bool,
    /// The number of the record to come.
    pub next_seq: u64,
    /// Why it isn't writable; a broken chain, a torn line, a log that is gone.
    pub warnings: Vec<String>,
}

impl Audit {
    /// The log's state now; tries to make it writable where it isn't.
    pub fn status(&self) -> AuditStatus {
        let mut writer = self.writer();
        let _ = writer.probe(self.now());
        let mut warnings: Vec<String> = writer.trouble().map(str::to_owned).into_iter().collect();
        warnings.extend_from_slice(writer.warnings());
        for path in aside::set_aside_files(writer.path()) {
            let name = aside::file_name(&path);
            if !warnings.iter().any(|warning| warning.contains(&name)) {
                warnings.push(format!(
                    "{name} was set aside at an earlier start; run: axis logs verify, then move it away"
                ));
            }
        }
        AuditStatus {
            path: self.0.path.clone(),
            writable: writer.trouble().is_none(),
            next_seq: writer.head().seq + 1,
            warnings,
        }
    }
}
