//! Of axis and axisd as files: both there, where the shell finds them, and not
//! for others to change.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use axis_proto::shell;
use axis_proto::system::{self, own_user};
use axis_proto::v1::Check;

use super::{fail, ok, warn};
use crate::hosts;
use crate::system::program_file;

pub(super) fn checks() -> Vec<Check> {
    let Ok(own) = env::current_exe().and_then(|path| path.canonicalize()) else {
        return vec![warn(
            "programs",
            "this program's own file can't be found",
            "",
        )];
    };
    vec![together(&own), writable(&own), on_the_path(&own)]
}

fn together(own: &Path) -> Check {
    let daemon = own.with_file_name(program_file("axisd"));
    if !daemon.is_file() {
        return fail(
            "programs",
            format!("{} is missing: axis starts it from there", daemon.display()),
            "put axis and axisd into one directory",
        );
    }
    match hosts::doubt(&own.to_string_lossy()) {
        Some(doubt) => warn(
            "programs",
            format!("{}: {doubt}", own.display()),
            format!(
                "install -Dm755 -t ~/.local/bin {} {}",
                shell::word(&own.to_string_lossy()),
                shell::word(&daemon.to_string_lossy())
            ),
        ),
        None => ok("programs", format!("axis and axisd are in {}", parent(own))),
    }
}

/// Whoever can change the programs gets the next password that is typed.
fn writable(own: &Path) -> Check {
    if !system::TELLS_RIGHTS {
        return warn(
            "program files",
            "who can change them isn't checked on this system",
            "",
        );
    }
    let me = own_user();
    let mut changeable = Vec::new();
    for path in [
        own.to_owned(),
        own.with_file_name(program_file("axisd")),
        own.parent().unwrap_or(Path::new("/")).to_owned(),
    ] {
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        let (Some(owner), Some(mode)) = (system::owner(&metadata), system::mode(&metadata)) else {
            continue;
        };
        let is_others = owner != me && owner != 0;
        // in a sticky directory nobody can replace what is another's
        let is_sticky = metadata.is_dir() && mode & 0o1000 != 0;
        let is_open = mode & 0o022 != 0 && !is_sticky;
        if is_others || is_open {
            changeable.push(path);
        }
    }
    let Some(first) = changeable.first() else {
        return ok("program files", "no other user can change them");
    };
    let mut check = warn(
        "program files",
        format!("other users can change {}", first.display()),
        format!("chmod go-w {}", shell::word(&first.to_string_lossy())),
    );
    check.close = Vec::new();
    check
}

fn on_the_path(own: &Path) -> Check {
    let paths = env::var_os("PATH").unwrap_or_default();
    let first: Option<PathBuf> = env::split_paths(&paths)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(program_file("axis")))
        .find(|path| path.is_file());
    match first {
        None => warn(
            "path",
            "no axis is on your PATH",
            format!("add {} to your PATH", shell::word(&parent(own))),
        ),
        Some(first) if first.canonicalize().is_ok_and(|first| first == own) => {
            ok("path", format!("your shell runs {}", first.display()))
        }
        Some(first) => warn(
            "path",
            format!(
                "your shell runs {}, which is another axis than this one, {}",
                first.display(),
                own.display()
            ),
            "remove the one that is not yours",
        ),
    }
}

fn parent(path: &Path) -> String {
    path.parent().unwrap_or(path).display().to_string()
}
