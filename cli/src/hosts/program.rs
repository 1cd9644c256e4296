//! The path of this program that a host is to start: absolute, since programs
//! with windows have no PATH of a shell, and one that stays over updates.

use std::env;
use std::path::{Component, Path, PathBuf};

use super::environment::Environment;
use super::error::HostsError;

/// The program as the owner runs it, where that is a lasting name for it (a
/// link in ~/.local/bin stays while what it leads to is replaced); else the
/// file itself.
pub fn path(environment: &Environment) -> Result<String, HostsError> {
    let lost = |error: std::io::Error| HostsError::NoProgram(error.to_string());
    let file = env::current_exe()
        .and_then(|file| file.canonicalize())
        .map_err(lost)?;
    let called = env::args_os().next().map(PathBuf::from);
    let path = called
        .and_then(|called| as_called(environment, &called))
        .filter(|path| path.canonicalize().is_ok_and(|target| target == file))
        .unwrap_or(file);
    path.into_os_string()
        .into_string()
        .map_err(|path| HostsError::NoProgram(format!("{} is no text", path.display())))
}

/// Why the path may not last, where it looks so.
pub fn doubt(path: &str) -> Option<&'static str> {
    let parts: Vec<&str> = Path::new(path)
        .components()
        .filter_map(|part| part.as_os_str().to_str())
        .collect();
    let is_build = parts
        .windows(2)
        .any(|pair| pair[0] == "target" && matches!(pair[1], "debug" | "release"));
    if is_build {
        Some("it lies in a build directory, which the next `cargo clean` empties")
    } else if path.starts_with("/tmp/") || path.starts_with("/var/tmp/") {
        Some("it lies in a directory for temporary files")
    } else {
        None
    }
}

fn as_called(environment: &Environment, called: &Path) -> Option<PathBuf> {
    let mut parts = called.components();
    if parts.clone().count() == 1 && !called.has_root() {
        return environment.program(called.to_str()?);
    }
    let is_plain = called.is_absolute()
        && !called
            .as_os_str()
            .as_encoded_bytes()
            .windows(2)
            .any(|two| two == b"/.")
        && parts.all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if is_plain {
        return Some(called.to_owned());
    }
    let directory = called.parent()?.canonicalize().ok()?;
    Some(directory.join(called.file_name()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_will_not_last_is_doubted() {
        for path in [
            "/home/me/axis/target/debug/axis",
            "/home/me/axis/target/release/axis",
            "/tmp/x/axis",
        ] {
            assert!(doubt(path).is_some(), "{path}");
        }
        for path in [
            "/home/me/.local/bin/axis",
            "/usr/bin/axis",
            "/srv/target/axis",
        ] {
            assert_eq!(doubt(path), None, "{path}");
        }
    }

    #[test]
    fn a_link_is_kept_as_it_is_called() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let bin = home.join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(home.join("axis-1.2"), "").unwrap();
        std::fs::set_permissions(
            home.join("axis-1.2"),
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .unwrap();
        std::os::unix::fs::symlink(home.join("axis-1.2"), bin.join("axis")).unwrap();
        let environment = Environment::at(&home).with("PATH", bin.to_str().unwrap());
        for called in [
            "axis",
            &format!("{}/axis", bin.display()),
            &format!("{}/../bin/./axis", bin.display()),
        ] {
            let path = as_called(&environment, Path::new(called)).unwrap();
            assert_eq!(path, bin.join("axis"), "{called}");
        }
    }
}
