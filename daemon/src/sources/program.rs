//! Which program reads a credential: found once, where only the system's own
//! programs are, and looked at again before every run.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::SourceError;

/// Where programs are looked for; the caller's PATH could be an agent's.
pub(super) const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin:/snap/bin";

/// The absolute path of the program `name`, links as they are: what they lead
/// to may be another version tomorrow.
pub(super) fn find(name: &str) -> Result<PathBuf, SourceError> {
    let path = Path::new(name);
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    let none = || SourceError::NoProgram {
        program: name.to_owned(),
    };
    if name.contains('/') {
        return Err(none());
    }
    let candidates = SYSTEM_PATH.split(':').map(|dir| Path::new(dir).join(name));
    candidates
        .into_iter()
        .find(|path| is_executable(path))
        .ok_or_else(none)
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

/// Refuses a program that another user could replace. Whether the user whom
/// axisd runs as could, who may be an agent.
pub(super) fn check(program: &Path) -> Result<bool, SourceError> {
    let unstartable = |error: io::Error| SourceError::Unstartable {
        program: program.display().to_string(),
        why: error.to_string(),
    };
    if !program.is_absolute() {
        return Err(unstartable(io::Error::other("its path is not absolute")));
    }
    let resolved = program.canonicalize().map_err(unstartable)?;
    if !is_executable(&resolved) {
        return Err(unstartable(io::ErrorKind::PermissionDenied.into()));
    }
    let mut is_own = false;
    // the way there by the links, and the file that they lead to
    for path in [program, &resolved] {
        for (step, place) in path.ancestors().enumerate() {
            let found = if step == 0 {
                // a link's own mode says nothing
                fs::symlink_metadata(place)
            } else {
                fs::metadata(place)
            };
            is_own |= look_at(place, &found.map_err(unstartable)?)?;
        }
    }
    Ok(is_own)
}

/// Whether a file or directory is the user's own, whom axisd runs as.
fn look_at(place: &Path, found: &fs::Metadata) -> Result<bool, SourceError> {
    const STICKY: u32 = 0o1000;
    let refused = |problem: String| SourceError::Unsafe {
        path: place.display().to_string(),
        problem,
    };
    let user = rustix::process::geteuid().as_raw();
    if found.uid() != 0 && found.uid() != user {
        return Err(refused(format!("it belongs to user {}", found.uid())));
    }
    let mode = found.permissions().mode();
    // in a sticky directory nobody replaces what is someone else's
    let is_closed = mode & 0o022 == 0 || found.is_symlink() || found.is_dir() && mode & STICKY != 0;
    if !is_closed {
        return Err(refused(format!(
            "others may write to it (mode {:04o})",
            mode & 0o7777
        )));
    }
    Ok(found.uid() != 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_program_is_found_where_the_system_has_its_own() {
        assert!(find("sh").unwrap().is_absolute());
        assert_eq!(find("/opt/own/get").unwrap(), Path::new("/opt/own/get"));
        for none in ["axis-no-such-program", "./sh", "bin/sh", "../sh"] {
            assert!(find(none).is_err(), "{none}");
        }
        assert_eq!(check(&find("sh").unwrap()), Ok(false));
    }

    #[test]
    fn a_program_that_others_could_replace_is_refused_wherever_they_could() {
        let home = tempfile::tempdir().unwrap();
        let (dir, file) = (home.path().join("bin"), home.path().join("bin/get"));
        fs::create_dir(&dir).unwrap();
        fs::write(&file, "#!/bin/sh\n").unwrap();
        set_mode(&dir, 0o755);
        set_mode(&file, 0o755);
        let link = home.path().join("link");
        symlink(&file, &link).unwrap();
        for path in [&file, &link] {
            assert!(check(path).is_ok());
        }
        for (place, open, closed) in [
            (&file, 0o775, 0o755),
            (&file, 0o757, 0o755),
            (&dir, 0o777, 0o755),
        ] {
            set_mode(place, open);
            for path in [&file, &link] {
                let error = check(path).unwrap_err();
                assert!(matches!(error, SourceError::Unsafe { .. }), "{error}");
            }
            set_mode(place, closed);
        }
        set_mode(&file, 0o644);
        assert!(matches!(check(&file), Err(SourceError::Unstartable { .. })));
        assert!(check(Path::new("get")).is_err());
    }
}
