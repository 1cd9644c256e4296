//! Where the files of a call may lie (`AXIS_FILES`), and the way to them: a
//! directory that was looked at stays open, so that no other takes its place.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axis_proto::places::Places;
use axis_proto::socket::{SocketDir, absolute_variable};

use self::here::Folder;
pub use self::here::read_at;
#[cfg(unix)]
use self::unix as here;
#[cfg(windows)]
use self::windows as here;

/// The variable that says it.
pub const VARIABLE: &str = "AXIS_FILES";

/// Where an agent's `save_to` and `body_file` may lead.
#[derive(Clone, Debug)]
pub enum Reach {
    /// Wherever this user's rights do.
    Everywhere,
    /// To no file at all.
    Nowhere,
    /// To what lies in one directory, however deep.
    Beneath(Arc<Root>),
}

/// A directory that no file of a call lies outside of.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    folder: Folder,
}

/// Where a file is or will be.
#[derive(Debug)]
pub struct Place {
    folder: Folder,
    name: OsString,
    path: PathBuf,
}

/// A file under another name beside its place. Dropped, it is gone.
#[derive(Debug)]
pub struct Part {
    place: Place,
    name: OsString,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Directory,
    Link,
    Other,
}

impl Reach {
    /// What `AXIS_FILES` says; unset, it is empty.
    ///
    /// # Errors
    /// A sentence for whoever set it.
    pub fn parse(text: &OsStr) -> Result<Self, String> {
        match text.to_str().map(str::trim) {
            Some("" | "on") => return Ok(Self::Everywhere),
            Some("off") => return Ok(Self::Nowhere),
            _ => {}
        }
        let wrong = |why: String| format!("{VARIABLE} is {}: {why}", text.display());
        // without dots and slashes at its end, which would follow a link
        let path: PathBuf = Path::new(text).components().collect();
        let leaves = path.components().any(|part| part == Component::ParentDir);
        if !path.is_absolute() || leaves {
            return Err(wrong(
                "write on, off or the absolute path of a directory into the MCP host's configuration"
                    .to_owned(),
            ));
        }
        // whoever may change a link on the way would choose the directory
        if let Some(link) = path.ancestors().find(|way| way.is_symlink()) {
            return Err(wrong(format!(
                "{} is a link: write the directory that it leads to",
                link.display()
            )));
        }
        let folder = Folder::open_plainly(&path).map_err(|error| wrong(reason(&error)))?;
        Ok(Self::Beneath(Arc::new(Root { path, folder })))
    }

    /// The one directory, where there is one.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Beneath(root) => Some(&root.path),
            Self::Everywhere | Self::Nowhere => None,
        }
    }

    /// Whether there are no files.
    pub fn is_nowhere(&self) -> bool {
        matches!(self, Self::Nowhere)
    }

    /// Where `path` leads, if a call's file can be there.
    ///
    /// # Errors
    /// Why none can, as the end of a sentence.
    pub fn place(&self, path: &str) -> Result<Place, String> {
        let place = match self {
            Self::Nowhere => return Err(format!("{VARIABLE} is off, so there are no files")),
            _ if path.ends_with(['/', '\\']) => Err("it names no file".to_owned()),
            Self::Everywhere => Place::anywhere(path),
            Self::Beneath(root) => root.place(path),
        }?;
        if is_of_axis(&place.path) {
            return Err("it is among Axis's own files, which no call reads or writes".to_owned());
        }
        match place.folder.kind(&place.name) {
            Ok(None | Some(Kind::Plain)) => Ok(place),
            Ok(Some(Kind::Directory)) => Err("it is a directory and no plain file".to_owned()),
            Ok(Some(Kind::Link)) => Err("it is a link, and none is followed here".to_owned()),
            Ok(Some(Kind::Other)) => Err("it is no plain file".to_owned()),
            Err(error) => Err(reason(&error)),
        }
    }
}

impl Root {
    /// Follows no link, and leaves alone what begins with a dot: there lies
    /// what runs later, such as `.git/hooks`, or holds keys, such as `.env`.
    fn place(&self, path: &str) -> Result<Place, String> {
        let root = self.path.display();
        let path = self.path.join(path);
        let Ok(below) = path.strip_prefix(&self.path) else {
            return Err(format!(
                "it isn't in {root}, where {VARIABLE} keeps all files"
            ));
        };
        for part in below.components() {
            match part {
                Component::Normal(name) if !name.as_encoded_bytes().starts_with(b".") => {}
                Component::Normal(name) => {
                    return Err(format!(
                        "{:?} begins with a dot: such names are left alone in {root} ({VARIABLE})",
                        name.to_string_lossy()
                    ));
                }
                _ => return Err(format!("it has \"..\" in it: name it from {root} on")),
            }
        }
        let (Some(way), Some(name)) = (below.parent(), below.file_name()) else {
            return Err("it names no file".to_owned());
        };
        Ok(Place {
            folder: self.folder.beneath(way).map_err(|error| reason(&error))?,
            name: name.to_owned(),
            path: self.path.join(below),
        })
    }
}

impl Place {
    /// Looks for `path` from the working directory. A link stays one: its place
    /// is where it leads.
    fn anywhere(path: &str) -> Result<Self, String> {
        let said = |error: io::Error| reason(&error);
        let absolute = std::path::absolute(path).map_err(said)?;
        let real = match fs::canonicalize(&absolute) {
            Ok(real) => real,
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(said(error)),
            Err(_) if absolute.is_symlink() => {
                return Err("it is a link that leads nowhere".to_owned());
            }
            Err(_) => match (absolute.parent(), absolute.file_name()) {
                (Some(directory), Some(name)) => {
                    fs::canonicalize(directory).map_err(said)?.join(name)
                }
                _ => absolute,
            },
        };
        let (Some(directory), Some(name)) = (real.parent(), real.file_name()) else {
            return Err("it names no file".to_owned());
        };
        Ok(Self {
            folder: Folder::open(directory).map_err(said)?,
            name: name.to_owned(),
            path: real,
        })
    }

    /// The file as people write it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it for reading.
    ///
    /// # Errors
    /// It can't be read, or is no plain file.
    pub fn open(&self) -> io::Result<File> {
        let file = self.folder.open_file(&self.name)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no plain file"));
        }
        Ok(file)
    }

    /// Begins a file that takes its place in the end. Its owner alone reads it.
    ///
    /// # Errors
    /// There can be none.
    pub fn begin(self) -> io::Result<(File, Part)> {
        let name = OsString::from(format!(".axis-{}.part", uuid::Uuid::new_v4().simple()));
        let file = self.folder.create_file(&name)?;
        Ok((file, Part { place: self, name }))
    }
}

impl Part {
    /// The place that it takes in the end.
    pub fn path(&self) -> &Path {
        &self.place.path
    }

    /// Takes its place, of what is there, too.
    ///
    /// # Errors
    /// It can't; it is gone.
    pub fn finish(self) -> io::Result<()> {
        // what Drop then looks for is no longer there
        self.place.folder.rename(&self.name, &self.place.name)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.place.folder.remove(&self.name);
    }
}

/// Whether `path` is among the files that policy, keys and records are in. An
/// agent that has nothing but calls can't get at them; one that has a shell
/// needs no call for that.
fn is_of_axis(path: &Path) -> bool {
    // what isn't there yet lies in a directory that is
    let Some(real) = fs::canonicalize(path).ok().or_else(|| {
        let directory = fs::canonicalize(path.parent()?).ok()?;
        Some(directory.join(path.file_name()?))
    }) else {
        return false;
    };
    let places = Places::from_environment().ok();
    let places = places.map(|it| [it.config, it.data, it.state]);
    let sockets = SocketDir::locate().ok();
    let named = ["AXIS_POLICY_PATH", "AXIS_KEYSTORE_PATH"];
    let named = named.map(|name| absolute_variable(name).ok().flatten());
    places
        .into_iter()
        .flatten()
        .chain(sockets.map(|it| it.path().to_owned()))
        .chain(named.into_iter().flatten())
        .filter_map(|own| fs::canonicalize(own).ok())
        .any(|own| real.starts_with(own))
}

/// The system's words alone: the path stands before them.
pub fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code).to_string(),
        None => error.to_string(),
    }
}

#[cfg(unix)]
#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
