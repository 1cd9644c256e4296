//! Of the process and its files: who else can read them, and whether there is
//! room.

use std::fs;
use std::path::{Path, PathBuf};

use axis_proto::shell;
use axis_proto::system::{self, own_user};

use super::{Check, fail, ok, warn};
use crate::owner::Owner;
use crate::paths::parent;
use crate::process;

/// Below so many free bytes the owner is told.
const SCARCE: u64 = 256 << 20;

/// Below so many calls will soon be refused.
const GONE: u64 = 16 << 20;

/// Descriptors below which many agents at once can't be served.
const FEW_DESCRIPTORS: u64 = 1024;

/// Where the system has no modes.
const NOT_CHECKED: &str = "who else may reach the files isn't checked on this system: \
    they are as open as the profile that they lie in";

/// Whether the mode gives others any of these rights.
fn is_open(metadata: &fs::Metadata, others: u32) -> bool {
    system::mode(metadata).is_some_and(|mode| mode & others != 0)
}

pub(super) fn hardening() -> Check {
    let Some(closed) = process::is_closed() else {
        return warn(
            "process",
            "nothing but this system itself keeps debuggers of this user out of axisd",
            "",
        );
    };
    if closed {
        ok(
            "process",
            "axisd is closed to debuggers and leaves no core dumps",
        )
    } else {
        fail(
            "process",
            "axisd can be read by other processes of this user",
            "axis daemon restart",
        )
    }
}

pub(super) fn directories(owner: &Owner) -> Check {
    // through that of the sockets others may pass, where axisd is a user of its own
    let open: Vec<PathBuf> = [
        (parent(&owner.paths.keystore), 0o077),
        (parent(&owner.paths.audit), 0o077),
        (owner.paths.sockets.path(), 0o066),
    ]
    .into_iter()
    .filter(|(dir, others)| fs::metadata(dir).is_ok_and(|metadata| is_open(&metadata, *others)))
    .map(|(dir, _)| dir.to_owned())
    .collect();
    let Some(first) = open.first() else {
        if !system::TELLS_RIGHTS {
            return warn("directories", NOT_CHECKED, "");
        }
        return ok(
            "directories",
            "keystore, audit log and sockets are closed to other users",
        );
    };
    Check {
        message: format!("{} is open to other users", first.display()),
        fix: format!("chmod 700 {}", shell::word(&first.to_string_lossy())),
        close: open,
        ..fail("directories", "", "")
    }
}

pub(super) fn descriptors() -> Check {
    match process::most_files() {
        Some(most) if most < FEW_DESCRIPTORS => warn(
            "descriptors",
            format!("axisd may have {most} files open: few agents at once can be served"),
            "ulimit -n 4096, then axis daemon restart",
        ),
        Some(most) => ok("descriptors", format!("axisd may have {most} files open")),
        None => ok("descriptors", "axisd may have any number of files open"),
    }
}

/// The keystore is as closed as its directory, and the user's own.
pub(super) fn keystore(owner: &Owner) -> Check {
    let path = &owner.paths.keystore;
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return warn(
                "keystore",
                format!("there is no {} yet", path.display()),
                "axis init",
            );
        }
        Err(error) => return fail("keystore", format!("{}: {error}", path.display()), ""),
    };
    let own = own_user();
    if let Some(uid) = system::owner(&metadata)
        && uid != own
    {
        return fail(
            "keystore",
            format!("{} belongs to the user {uid}", path.display()),
            format!("chown {own} {}", shell::word(&path.to_string_lossy())),
        );
    }
    if is_open(&metadata, 0o077) {
        return Check {
            close: vec![path.clone()],
            ..fail(
                "keystore",
                format!("{} can be read by other users", path.display()),
                format!("chmod 600 {}", shell::word(&path.to_string_lossy())),
            )
        };
    }
    if !system::TELLS_RIGHTS {
        return warn("keystore", format!("it is encrypted; {NOT_CHECKED}"), "");
    }
    ok("keystore", "it is encrypted, and closed to other users")
}

/// Whether the next record and the next write of the keystore find room.
pub(super) fn space(owner: &Owner) -> Check {
    let mut scarcest: Option<(u64, &Path)> = None;
    for directory in [parent(&owner.paths.audit), parent(&owner.paths.keystore)] {
        let Some(free) = process::free_bytes(directory) else {
            continue;
        };
        if scarcest.is_none_or(|(least, _)| free < least) {
            scarcest = Some((free, directory));
        }
    }
    let Some((free, directory)) = scarcest else {
        return warn("disk", "how much room is left can't be told", "");
    };
    let free_mib = free >> 20;
    let message = format!("{free_mib} MiB are free in {}", directory.display());
    let fix = format!("df -h {}", shell::word(&directory.to_string_lossy()));
    if free < GONE {
        fail(
            "disk",
            format!("{message}: calls are refused once nothing can be recorded"),
            fix,
        )
    } else if free < SCARCE {
        warn("disk", message, fix)
    } else {
        ok("disk", message)
    }
}

/// Both sockets are where clients look, and closed to others.
pub(super) fn sockets(owner: &Owner) -> Check {
    let sockets = &owner.paths.sockets;
    let open: Vec<PathBuf> = [sockets.broker(), sockets.admin()]
        .into_iter()
        .filter(|path| fs::symlink_metadata(path).is_ok_and(|metadata| is_open(&metadata, 0o007)))
        .collect();
    if let Some(first) = open.first() {
        return Check {
            message: format!("{} is open to other users", first.display()),
            fix: format!("chmod 600 {}", shell::word(&first.to_string_lossy())),
            close: open,
            ..fail("sockets", "", "")
        };
    }
    let missing = [sockets.broker(), sockets.admin()]
        .into_iter()
        .find(|path| !path.exists());
    match missing {
        Some(path) => fail(
            "sockets",
            format!("{} is gone: new clients don't find axisd", path.display()),
            "axis daemon restart",
        ),
        None => ok(
            "sockets",
            format!("both are in {}", sockets.path().display()),
        ),
    }
}
