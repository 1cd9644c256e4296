//! Which program reads a credential: found once, where only the system's own
//! programs are, and looked at again before every run.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use axis_proto::system::{self, is_program, own_user};

use super::error::SourceError;

/// Where programs are looked for; the caller's PATH could be an agent's.
pub(super) const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin:/snap/bin";
/// Most links on the way to one file, as Linux has it.
const MAX_LINKS: usize = 40;

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
        .find(|path| is_program(path))
        .ok_or_else(none)
}

/// The files that decide what a command does, as far as they are known.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Looked {
    /// The program, and what its arguments name, as they are named.
    pub files: Vec<String>,
    /// Those of them that the user whom axisd runs as could replace, who may be
    /// an agent.
    pub own: Vec<String>,
}

/// Refuses a program that another user could replace, or a file that its
/// arguments name by an absolute path: it may be what an interpreter runs.
pub(super) fn check<'a>(
    program: &Path,
    arguments: impl IntoIterator<Item = &'a str>,
) -> Result<Looked, SourceError> {
    let unstartable = |error: io::Error| SourceError::Unstartable {
        program: program.display().to_string(),
        why: error.to_string(),
    };
    if !program.is_absolute() {
        return Err(unstartable(io::Error::other("its path is not absolute")));
    }
    let mut looked = Looked::default();
    let file = looked.look_at(program)?;
    if !is_program(&file) {
        return Err(unstartable(io::ErrorKind::PermissionDenied.into()));
    }
    for path in arguments.into_iter().filter_map(path_in) {
        if fs::metadata(path).is_ok_and(|it| it.is_file()) {
            looked.look_at(path)?;
        }
    }
    Ok(looked)
}

/// The absolute path in `/srv/get.py`, `--file=/srv/get.py` or `FILE=/srv/get.py`.
fn path_in(word: &str) -> Option<&Path> {
    let path = if word.starts_with('/') {
        word
    } else {
        word.split_once('=')?.1
    };
    Some(Path::new(path)).filter(|path| path.is_absolute())
}

impl Looked {
    /// Looks at all on the way to a file. Where it really is.
    fn look_at(&mut self, file: &Path) -> Result<PathBuf, SourceError> {
        let mut is_own = false;
        let found = follow(file, |place, found| {
            is_own |= belongs_to_user(place, found)?;
            Ok(())
        })?;
        let name = file.display().to_string();
        if is_own {
            self.own.push(name.clone());
        }
        self.files.push(name);
        Ok(found)
    }
}

/// Goes the way of an absolute path as the system does, link by link; `each`
/// sees all directories, all links and the file.
fn follow(
    path: &Path,
    mut each: impl FnMut(&Path, &fs::Metadata) -> Result<(), SourceError>,
) -> Result<PathBuf, SourceError> {
    let unstartable = |error: io::Error| SourceError::Unstartable {
        program: path.display().to_string(),
        why: error.to_string(),
    };
    let mut at = PathBuf::from("/");
    each(&at, &fs::symlink_metadata(&at).map_err(unstartable)?)?;
    let mut rest = steps(path);
    let mut links = 0;
    while let Some(step) = rest.pop() {
        if step == ".." {
            at.pop();
            continue;
        }
        let next = at.join(step);
        let found = fs::symlink_metadata(&next).map_err(unstartable)?;
        each(&next, &found)?;
        if !found.is_symlink() {
            at = next;
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(unstartable(io::Error::other("its links have no end")));
        }
        let target = fs::read_link(&next).map_err(unstartable)?;
        if target.is_absolute() {
            at = PathBuf::from("/");
        }
        rest.extend(steps(&target));
    }
    Ok(at)
}

/// The names in a path, the first one last.
fn steps(path: &Path) -> Vec<OsString> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    let mut names: Vec<_> = names.collect();
    names.reverse();
    names
}

/// Whether a file or directory is the user's own, whom axisd runs as.
fn belongs_to_user(place: &Path, found: &fs::Metadata) -> Result<bool, SourceError> {
    const STICKY: u32 = 0o1000;
    let refused = |problem: String| SourceError::Unsafe {
        path: place.display().to_string(),
        problem,
    };
    let (Some(owner), Some(mode)) = (system::owner(found), system::mode(found)) else {
        let problem = "who may replace it can't be told on this system";
        return Err(refused(problem.to_owned()));
    };
    if owner != 0 && owner != own_user() {
        return Err(refused(format!("it belongs to user {owner}")));
    }
    // in a sticky directory nobody replaces what is someone else's
    let is_closed = mode & 0o022 == 0 || found.is_symlink() || found.is_dir() && mode & STICKY != 0;
    if !is_closed {
        return Err(refused(format!("others may write to it (mode {mode:04o})")));
    }
    Ok(owner != 0)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

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
        let looked = check(&find("sh").unwrap(), []).unwrap();
        assert_eq!(looked.own, Vec::<String>::new());
    }

    /// A file that may be run, in a directory of its own.
    fn program(home: &Path, directory: &str) -> PathBuf {
        let directory = home.join(directory);
        fs::create_dir(&directory).unwrap();
        set_mode(&directory, 0o755);
        let file = directory.join("get");
        fs::write(&file, "#!/bin/sh\n").unwrap();
        set_mode(&file, 0o755);
        file
    }

    fn is_refused(looked: &Result<Looked, SourceError>) -> bool {
        matches!(looked, Err(SourceError::Unsafe { .. }))
    }

    #[test]
    fn a_program_that_others_could_replace_is_refused_wherever_they_could() {
        let home = tempfile::tempdir().unwrap();
        let file = program(home.path(), "bin");
        let dir = home.path().join("bin");
        let link = home.path().join("link");
        symlink(&file, &link).unwrap();
        for path in [&file, &link] {
            assert!(check(path, []).is_ok());
        }
        for (place, open, closed) in [
            (&file, 0o775, 0o755),
            (&file, 0o757, 0o755),
            (&dir, 0o777, 0o755),
        ] {
            set_mode(place, open);
            for path in [&file, &link] {
                assert!(is_refused(&check(path, [])), "{}", path.display());
            }
            set_mode(place, closed);
        }
        set_mode(&file, 0o644);
        let unstartable = check(&file, []);
        assert!(matches!(unstartable, Err(SourceError::Unstartable { .. })));
        assert!(check(Path::new("get"), []).is_err());
    }

    #[test]
    fn every_link_of_a_chain_is_looked_at_with_the_directories_above_it() {
        let home = tempfile::tempdir().unwrap();
        let file = program(home.path(), "bin");
        let (middle, first) = (home.path().join("middle"), home.path().join("first"));
        for directory in [&middle, &first] {
            fs::create_dir(directory).unwrap();
            set_mode(directory, 0o755);
        }
        // first/get → middle/get → bin/get, and dirs → middle → …
        symlink(&file, middle.join("get")).unwrap();
        symlink("../middle/get", first.join("get")).unwrap();
        let directories = home.path().join("directories");
        symlink("middle/../middle", &directories).unwrap();
        let ways = [first.join("get"), directories.join("get")];
        for way in &ways {
            let looked = check(way, []).unwrap();
            assert_eq!(looked.files, [way.display().to_string()]);
        }
        set_mode(&middle, 0o777);
        for way in &ways {
            assert!(is_refused(&check(way, [])), "{}", way.display());
        }
        let circle = home.path().join("circle");
        symlink("circle", &circle).unwrap();
        let error = check(&circle, []).unwrap_err();
        assert!(error.to_string().contains("no end"), "{error}");
    }

    #[test]
    fn a_file_that_an_argument_names_is_looked_at_like_the_program() {
        let home = tempfile::tempdir().unwrap();
        let script = program(home.path(), "bin");
        set_mode(&script, 0o644);
        let sh = find("sh").unwrap();
        let named = script.display().to_string();
        let words = [
            named.clone(),
            format!("--file={named}"),
            format!("F={named}"),
        ];
        let directory = home.path().display().to_string();
        for word in &words {
            // what isn't there, or no file, decides nothing
            let looked = check(&sh, [word.as_str(), "/no/such/file", &directory]).unwrap();
            assert_eq!(looked.files, [sh.display().to_string(), named.clone()]);
            let is_root = rustix::process::geteuid().is_root();
            assert_eq!(looked.own.is_empty(), is_root, "{looked:?}");
        }
        set_mode(&script, 0o666);
        for word in &words {
            assert!(is_refused(&check(&sh, [word.as_str()])), "{word}");
        }
    }
}
