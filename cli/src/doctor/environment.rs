//! Of passwords and keys that stand in plaintext where an agent of this user
//! reads first.

use std::path::Path;

use axis_proto::given;
use axis_proto::places::home_directory;
use axis_proto::v1::{Check, Service};

use super::{ok, warn};
use crate::import::{self, Certainty, Findings};

pub(super) fn checks(services: &[Service]) -> Vec<Check> {
    let mut checks = vec![master_password(), keys(services)];
    checks.extend(dotenv(services));
    checks.extend(the_original());
    checks
}

fn master_password() -> Check {
    if !given::is_set("AXIS_MASTER_PASSWORD") {
        return ok("environment", "AXIS_MASTER_PASSWORD is not set here");
    }
    warn(
        "environment",
        "AXIS_MASTER_PASSWORD is set here: every program that is started from here, agents too, can read it",
        "unset AXIS_MASTER_PASSWORD, and type it: axis unlock",
    )
}

fn keys(services: &[Service]) -> Check {
    match names(&import::from_environment(services)) {
        found if found.is_empty() => ok("keys in plaintext", "none in this environment"),
        found => warn(
            "keys in plaintext",
            format!(
                "in this environment, where agents that are started from here read them: {}",
                found.join(", ")
            ),
            "axis import env, then take those that it stored out of your shell's settings",
        ),
    }
}

fn dotenv(services: &[Service]) -> Option<Check> {
    let path = Path::new(".env");
    let found = names(&import::from_dotenv(path, services).ok()?);
    (!found.is_empty()).then(|| {
        warn(
            "keys in plaintext",
            format!("in .env of this directory: {}", found.join(", ")),
            "axis import .env, then delete the lines of those that it stored",
        )
    })
}

/// What the program that Axis follows left.
fn the_original() -> Option<Check> {
    let keystore = home_directory()?.join(".axis/keystore.json");
    keystore.is_file().then(|| {
        warn(
            "axis-asv",
            format!("its keystore is still there: {}", keystore.display()),
            "axis import axis-asv, then delete it",
        )
    })
}

fn names(findings: &Findings) -> Vec<String> {
    let named = findings
        .found
        .iter()
        .filter(|found| found.certainty == Certainty::Named);
    named.map(import::Found::variable).collect()
}
