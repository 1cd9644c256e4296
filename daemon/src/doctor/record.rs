//! Of the audit log.

use super::{Check, fail, ok, warn};
use crate::owner::Owner;

pub(super) fn audit(owner: &Owner) -> Vec<Check> {
    let status = owner.broker.audit.status();
    let path = status.path.display();
    let mut checks = vec![if status.writable {
        ok("audit log", format!("{path} can be written"))
    } else {
        fail(
            "audit log",
            format!("{path} can't be written: every call is refused"),
            "axis status",
        )
    }];
    for warning in status.warnings {
        checks.push(warn("audit record", warning, "axis logs verify"));
    }
    checks
}
