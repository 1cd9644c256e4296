//! Where this user's files are: the home directory, the variables that move
//! things, and the project somebody works in.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use axis_proto::system::is_program;

use super::error::HostsError;
use crate::system;

/// What paths depend on. Taken once, so that all of a command sees the same.
#[derive(Debug, Clone)]
pub struct Environment {
    home: PathBuf,
    variables: BTreeMap<String, String>,
    directory: PathBuf,
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Result<Self, HostsError> {
        let home = env::home_dir()
            .filter(|home| home.is_absolute())
            .ok_or(HostsError::NoHome)?;
        let text = |value: std::ffi::OsString| value.into_string().ok();
        Ok(Self {
            home,
            variables: env::vars_os()
                .filter_map(|(name, value)| Some((spelled(text(name)?), text(value)?)))
                .collect(),
            directory: env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        })
    }

    /// One in which nothing is set: for tests.
    #[cfg(test)]
    pub fn at(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            variables: BTreeMap::new(),
            directory: home.to_owned(),
        }
    }

    /// The same with one more variable: for tests.
    #[cfg(test)]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A variable that is set to something.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let text = self.variables.get(name)?;
        (!text.is_empty()).then_some(text)
    }

    /// A variable that is set to an absolute path: nothing is ever resolved
    /// from the working directory.
    pub fn path_variable(&self, name: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.variables.get(name)?);
        path.is_absolute().then_some(path)
    }

    /// The root of the project that `directory` lies in, or the working
    /// directory without one: the nearest directory with a `.git` in it, else
    /// itself. The home directory is nobody's project, even with dotfiles in git.
    pub fn project(&self, directory: Option<&Path>) -> PathBuf {
        if let Some(directory) = directory {
            return self.directory.join(directory);
        }
        self.directory
            .ancestors()
            .take_while(|ancestor| *ancestor != self.home)
            .find(|ancestor| ancestor.join(".git").exists())
            .unwrap_or(&self.directory)
            .to_owned()
    }

    /// Whether a program of this name lies on the PATH.
    pub fn has_program(&self, name: &str) -> bool {
        self.program(name).is_some()
    }

    /// The first program of this name on the PATH.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let path = self.variables.get("PATH")?;
        env::split_paths(path)
            .filter(|directory| directory.is_absolute())
            .flat_map(|directory| system::program_files(&directory, name))
            .find(|file| is_program(file))
    }

    /// A path of `config/hosts.toml` on this machine.
    ///
    /// # Errors
    /// It isn't written as its head says.
    pub fn expand(&self, path: &str) -> Result<PathBuf, HostsError> {
        let odd = || HostsError::Data(format!("the path {path:?} can't be read"));
        let rest_of = |rest: &str| rest.trim_start_matches('/').to_owned();
        if let Some(rest) = path.strip_prefix("${") {
            let (variable, rest) = rest.split_once('}').ok_or_else(odd)?;
            let (name, default) = variable.split_once(":-").ok_or_else(odd)?;
            let base = match self.path_variable(name) {
                Some(base) => base,
                None => self.expand(default)?,
            };
            return Ok(join(base, &rest_of(rest)));
        }
        if let Some(rest) = path.strip_prefix("{appdata}") {
            let base = self.expand(if cfg!(target_os = "macos") {
                "~/Library/Application Support"
            } else if cfg!(windows) {
                "${APPDATA:-~/AppData/Roaming}"
            } else {
                "${XDG_CONFIG_HOME:-~/.config}"
            })?;
            return Ok(join(base, &rest_of(rest)));
        }
        if let Some(rest) = path.strip_prefix('~') {
            return Ok(join(self.home.clone(), &rest_of(rest)));
        }
        let path = PathBuf::from(path);
        path.is_absolute().then_some(path).ok_or_else(odd)
    }

    /// `path` as a person writes it: with ~ for the home directory.
    pub fn shorten(&self, path: &Path) -> String {
        match path.strip_prefix(&self.home) {
            Ok(rest) => format!("~/{}", rest.display()),
            Err(_) => path.display().to_string(),
        }
    }
}

/// A variable's name as it is looked for: Windows doesn't tell Path from PATH.
fn spelled(name: String) -> String {
    if cfg!(windows) {
        name.to_ascii_uppercase()
    } else {
        name
    }
}

fn join(base: PathBuf, rest: &str) -> PathBuf {
    if rest.is_empty() {
        base
    } else {
        base.join(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_the_variables_that_move_them() {
        let plain = Environment::at(Path::new("/home/me"));
        let moved = plain
            .clone()
            .with("CODEX_HOME", "/else/codex")
            .with("XDG_CONFIG_HOME", "/xdg")
            .with("EMPTY", "")
            .with("RELATIVE", "here");
        let cases = [
            (&plain, "~/.claude.json", "/home/me/.claude.json"),
            (
                &plain,
                "${CODEX_HOME:-~/.codex}/config.toml",
                "/home/me/.codex/config.toml",
            ),
            (
                &moved,
                "${CODEX_HOME:-~/.codex}/config.toml",
                "/else/codex/config.toml",
            ),
            (&moved, "${CODEX_HOME:-~/.codex}", "/else/codex"),
            (&moved, "${EMPTY:-~/.x}/y", "/home/me/.x/y"),
            (&moved, "${RELATIVE:-~/.x}/y", "/home/me/.x/y"),
            #[cfg(target_os = "linux")]
            (
                &plain,
                "{appdata}/Code/User/mcp.json",
                "/home/me/.config/Code/User/mcp.json",
            ),
            #[cfg(target_os = "linux")]
            (
                &moved,
                "{appdata}/Code/User/mcp.json",
                "/xdg/Code/User/mcp.json",
            ),
            (&plain, "/Applications/Zed.app", "/Applications/Zed.app"),
        ];
        for (environment, path, expected) in cases {
            assert_eq!(environment.expand(path).unwrap(), Path::new(expected));
        }
        assert!(plain.expand("relative/file").is_err());
        assert!(plain.expand("${UNCLOSED").is_err());
    }

    #[test]
    fn a_project_is_the_nearest_checkout_and_never_the_home() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        let deep = home.join("work/app/src");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::create_dir_all(home.join(".git")).unwrap();
        let mut environment = Environment::at(home);
        environment.directory.clone_from(&deep);
        assert_eq!(environment.project(None), deep);
        std::fs::create_dir_all(home.join("work/app/.git")).unwrap();
        assert_eq!(environment.project(None), home.join("work/app"));
        assert_eq!(environment.project(Some(Path::new("/p"))), Path::new("/p"));
        assert_eq!(
            environment.project(Some(Path::new("sub"))),
            deep.join("sub")
        );
    }
}
