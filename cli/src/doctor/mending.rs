//! What `axis doctor --fix` does by itself: only what takes nothing away from
//! anybody but other users of the machine.

use std::fs;
use std::path::Path;

use axis_proto::system::{self, own_user};
use axis_proto::v1::Check;
use axis_proto::v1::check::State;

use crate::hosts::{self, Allowed, Entry, Environment};

/// Mends what is harmless to mend, and says in words what was done and what
/// could not be.
pub fn mend(checks: &[Check]) -> Vec<Result<String, String>> {
    let to_close = checks.iter().flat_map(|check| &check.close);
    let mut done: Vec<Result<String, String>> =
        to_close.map(|path| close(Path::new(path))).collect();
    let has_stale_host = checks
        .iter()
        .any(|check| check.name == "hosts" && check.state() == State::Fail);
    if has_stale_host {
        done.extend(renew_hosts());
    }
    done
}

/// Closes a file or directory of this user to others.
fn close(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let metadata = fs::symlink_metadata(path).map_err(failed)?;
    let is_own = system::owner(&metadata) == Some(own_user());
    let mode = system::mode(&metadata).filter(|_| is_own && !metadata.is_symlink());
    let Some(mode) = mode else {
        return Err(format!("{} is not yours to change", path.display()));
    };
    system::set_mode(path, mode & 0o700).map_err(failed)?;
    Ok(format!("{} is closed to other users", path.display()))
}

/// Lets hosts whose program is gone start this one; who they are, and which
/// Axis they call, stays.
fn renew_hosts() -> Vec<Result<String, String>> {
    let (Ok(environment), Ok(known)) = (Environment::of_process(), hosts::known()) else {
        return Vec::new();
    };
    let mut done = Vec::new();
    for host in known {
        let Some(place) = host.found(&environment) else {
            continue;
        };
        let Ok(Some(standing)) = hosts::standing(host, &place) else {
            continue;
        };
        if Path::new(&standing.command).is_file() {
            continue;
        }
        let renewed = Entry::renewed(&standing, &environment)
            .and_then(|entry| hosts::plan(host, &place, entry, Allowed::default()))
            .and_then(hosts::Edit::apply);
        done.push(match renewed {
            Ok(applied) => Ok(format!(
                "{} starts this axis again: {}",
                host.title,
                environment.shorten(&applied.file)
            )),
            Err(error) => Err(format!("{}: {error}", host.title)),
        });
    }
    done
}
