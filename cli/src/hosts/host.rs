//! The known MCP hosts: `config/hosts.toml`, built in, and where each keeps its
//! file here.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::Deserialize;

use super::environment::Environment;
use super::error::HostsError;

/// The list as it is built in.
const LIST: &str = include_str!("../../../config/hosts.toml");

static KNOWN: LazyLock<Result<Vec<Host>, String>> = LazyLock::new(|| read(LIST));

/// One MCP host.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Its name on the command line.
    pub id: String,
    /// The product's own name.
    pub title: String,
    /// The vendor's page about its configuration.
    pub source: String,
    /// What its file is written in.
    pub format: Format,
    /// The keys that lead to the table of servers.
    pub servers: Vec<String>,
    /// Other tables of servers in the same file; `*` is any key.
    #[serde(default)]
    pub more_servers: Vec<Vec<String>>,
    /// Where a file has one of these, it is in a newer form of the host's, which
    /// Axis doesn't write.
    #[serde(default)]
    pub newer_form: Vec<Vec<String>>,
    user: Files,
    #[serde(default)]
    project: Vec<String>,
    found: Signs,
    /// What an entry looks like.
    #[serde(default)]
    pub entry: Shape,
    /// What makes the host read its file.
    pub after: String,
}

/// What a host's file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JSON; comments and trailing commas are read and kept.
    Json,
    /// TOML.
    Toml,
}

/// The keys of an entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shape {
    /// Holds the program.
    pub command: String,
    /// Holds the arguments; empty where they follow in the command's list.
    pub args: String,
    /// Holds the environment.
    pub env: String,
    /// What else stands in a new entry.
    pub fixed: serde_json::Map<String, serde_json::Value>,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            command: "command".to_owned(),
            args: "args".to_owned(),
            env: "env".to_owned(),
            fixed: serde_json::Map::new(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Files {
    all: Vec<String>,
    linux: Vec<String>,
    macos: Vec<String>,
    windows: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signs {
    #[serde(default)]
    all: Vec<String>,
    #[serde(default)]
    linux: Vec<String>,
    #[serde(default)]
    macos: Vec<String>,
    #[serde(default)]
    windows: Vec<String>,
    #[serde(default)]
    programs: Vec<String>,
}

/// For whom a host's file counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All that this user does.
    User,
    /// The work in this directory.
    Project(PathBuf),
}

/// Where a host keeps its servers here.
#[derive(Debug, Clone)]
pub struct Place {
    /// The file; it needn't exist.
    pub file: PathBuf,
}

impl Place {
    /// Whether the file is there.
    pub fn exists(&self) -> bool {
        self.file.symlink_metadata().is_ok()
    }
}

/// All hosts, in the order in which they are shown.
///
/// # Errors
/// The list that was built in is wrong.
pub fn known() -> Result<&'static [Host], HostsError> {
    match &*KNOWN {
        Ok(hosts) => Ok(hosts),
        Err(error) => Err(HostsError::Data(error.clone())),
    }
}

impl Host {
    /// The user's file, where something shows that the host is on this machine.
    pub fn found(&self, environment: &Environment) -> Option<Place> {
        let signs = of_system(
            &self.found.all,
            [&self.found.linux, &self.found.macos, &self.found.windows],
        );
        let is_found = signs
            .iter()
            .filter_map(|path| environment.expand(path).ok())
            .any(|path| path.exists())
            || self
                .found
                .programs
                .iter()
                .any(|program| environment.has_program(program));
        let place = self.place(environment, &Scope::User).ok()?;
        (is_found || place.exists()).then_some(place)
    }

    /// What was looked for, in words.
    pub fn signs(&self, environment: &Environment) -> String {
        let signs = of_system(
            &self.found.all,
            [&self.found.linux, &self.found.macos, &self.found.windows],
        );
        let mut words: Vec<String> = signs
            .iter()
            .filter_map(|path| environment.expand(path).ok())
            .map(|path| environment.shorten(&path))
            .collect();
        words.extend(
            (self.found.programs.iter()).map(|program| format!("a program {program} on the PATH")),
        );
        words.join(", ")
    }

    /// Whether projects can have a file of their own for it.
    pub fn has_project_scope(&self) -> bool {
        !self.project.is_empty()
    }

    /// The file of a scope: of several the first that exists, else the first.
    ///
    /// # Errors
    /// It has none on this system, or none in projects.
    pub fn place(&self, environment: &Environment, scope: &Scope) -> Result<Place, HostsError> {
        let files = self.files(environment, scope)?;
        let file = files
            .iter()
            .find(|file| file.symlink_metadata().is_ok())
            .or(files.first())
            .cloned();
        let file = file.ok_or_else(|| {
            let title = self.title.clone();
            match scope {
                Scope::User => HostsError::NoFile { title },
                Scope::Project(_) => HostsError::NoProjectScope { title },
            }
        })?;
        if let Scope::Project(root) = scope
            && let Some(target) = outside(root, &file)
        {
            return Err(HostsError::OutsideProject { file, target });
        }
        Ok(Place { file })
    }

    fn files(&self, environment: &Environment, scope: &Scope) -> Result<Vec<PathBuf>, HostsError> {
        match scope {
            Scope::User => of_system(
                &self.user.all,
                [&self.user.linux, &self.user.macos, &self.user.windows],
            )
            .iter()
            .map(|path| environment.expand(path))
            .collect(),
            Scope::Project(root) => Ok(self.project.iter().map(|path| root.join(path)).collect()),
        }
    }
}

/// Where a file of a project really lies, if not in the project: a link in a
/// checkout may have been put there by anyone.
fn outside(root: &Path, file: &Path) -> Option<PathBuf> {
    let root = root.canonicalize().ok()?;
    if let (Ok(link), Err(_)) = (file.read_link(), file.canonicalize()) {
        return Some(link);
    }
    let real = file.ancestors().find_map(|path| path.canonicalize().ok())?;
    (!real.starts_with(&root)).then_some(real)
}

/// The list for this system, else the one for all.
fn of_system<'a>(all: &'a [String], [linux, macos, windows]: [&'a Vec<String>; 3]) -> &'a [String] {
    let own = if cfg!(target_os = "macos") {
        macos
    } else if cfg!(windows) {
        windows
    } else {
        linux
    };
    if own.is_empty() { all } else { own }
}

fn read(list: &str) -> Result<Vec<Host>, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct List {
        host: Vec<Host>,
    }
    let list: List = toml_edit::de::from_str(list).map_err(|error| error.to_string())?;
    for host in &list.host {
        if host.servers.is_empty() {
            return Err(format!("{} has no servers", host.id));
        }
        if list.host.iter().filter(|other| other.id == host.id).count() > 1 {
            return Err(format!("{} stands twice", host.id));
        }
    }
    Ok(list.host)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_built_in_host_is_read_and_lies_somewhere() {
        let environment = Environment::at(std::path::Path::new("/home/me"));
        let hosts = known().unwrap();
        assert!(hosts.len() >= 15, "{}", hosts.len());
        for host in hosts {
            let place = host.place(&environment, &Scope::User).unwrap();
            assert!(place.file.is_absolute(), "{}", host.id);
            assert!(host.source.starts_with("https://"), "{}", host.id);
            assert!(!host.signs(&environment).is_empty(), "{}", host.id);
            let root = PathBuf::from("/srv/app");
            if host.has_project_scope() {
                let place = host
                    .place(&environment, &Scope::Project(root.clone()))
                    .unwrap();
                assert!(place.file.starts_with(root), "{}", host.id);
            }
        }
    }

    #[test]
    fn a_wrong_list_is_refused_by_name() {
        let good = "[[host]]\nid='a'\ntitle='A'\nsource='s'\nformat='json'\nservers=['x']\nuser={all=['~/a']}\nfound={}\nafter='b'\n";
        assert_eq!(read(good).unwrap().len(), 1);
        let cases = [
            (good.replace("format='json'", "format='yaml'"), "yaml"),
            (good.replace("after=", "aftre="), "aftre"),
            (good.replace("servers=['x']", "servers=[]"), "no servers"),
            (format!("{good}{good}"), "twice"),
        ];
        for (list, word) in cases {
            let error = read(&list).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_host_is_found_by_its_directory_its_program_or_its_file() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        let nothing = Environment::at(home);
        let host = |id: &str| known().unwrap().iter().find(|host| host.id == id).unwrap();
        assert!(
            known()
                .unwrap()
                .iter()
                .all(|host| host.found(&nothing).is_none())
        );
        fs::create_dir(home.join(".cursor")).unwrap();
        assert!(host("cursor").found(&nothing).is_some());
        fs::create_dir(home.join("bin")).unwrap();
        fs::write(home.join("bin/codex"), "").unwrap();
        let with_path = nothing
            .clone()
            .with("PATH", &format!("{}/bin", home.display()));
        assert!(
            host("codex").found(&with_path).is_none(),
            "it isn't executable"
        );
        fs::set_permissions(
            home.join("bin/codex"),
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .unwrap();
        assert!(host("codex").found(&with_path).is_some());
    }

    #[test]
    fn of_several_files_the_one_that_exists_is_taken() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment::at(home.path());
        let opencode = known()
            .unwrap()
            .iter()
            .find(|host| host.id == "opencode")
            .unwrap();
        let name = || {
            let place = opencode.place(&environment, &Scope::User).unwrap();
            place.file.file_name().unwrap().to_owned()
        };
        assert_eq!(name(), "opencode.json");
        let directory = home.path().join(".config/opencode");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("opencode.jsonc"), "{}").unwrap();
        assert_eq!(name(), "opencode.jsonc");
    }
}
