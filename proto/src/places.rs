//! The directories that Axis keeps its files in: the system's usual ones, or
//! `AXIS_HOME` for all of them.

use std::path::{Path, PathBuf};

use crate::socket::{SocketError, directory_variable};

/// Where files lie, by what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// `policy.yaml`, `daemon.yaml`, `services/`
    pub config: PathBuf,
    /// `keystore.json`
    pub data: PathBuf,
    /// `audit.jsonl`, `axisd.log`
    pub state: PathBuf,
}

impl Places {
    /// Reads `AXIS_HOME` and the system's directories. Nothing is created.
    ///
    /// # Errors
    /// The environment names no usable place.
    pub fn from_environment() -> Result<Self, SocketError> {
        if let Some(home) = directory_variable("AXIS_HOME")? {
            return Ok(Self {
                config: home.clone(),
                data: home.clone(),
                state: home,
            });
        }
        let dirs = directories::ProjectDirs::from("", "", "axis").ok_or(SocketError::NoHome)?;
        let data = dirs.data_local_dir();
        Ok(Self {
            config: dirs.config_dir().to_owned(),
            data: data.to_owned(),
            state: dirs.state_dir().unwrap_or(data).to_owned(),
        })
    }
}

/// The user's home directory: `HOME`, else what the user database says.
pub fn home_directory() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned())
}

/// Whether `home` is this user's own by the user database, where that is a file
/// that names the user: `HOME` can be anything. Where it isn't, `HOME` is believed.
#[cfg(unix)]
pub fn is_own_home(home: &Path) -> bool {
    let user = crate::system::own_user();
    let Ok(database) = std::fs::read_to_string("/etc/passwd") else {
        return true;
    };
    home_of(&database, user).is_none_or(|own| Path::new(own) == home)
}

/// Windows tells a program where its user's home is; no variable does.
#[cfg(windows)]
pub fn is_own_home(_: &Path) -> bool {
    true
}

/// The home of a user by the lines of passwd(5).
#[cfg(unix)]
fn home_of(database: &str, user: u32) -> Option<&str> {
    database.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let is_theirs = fields.next()?.parse() == Ok(user);
        is_theirs.then(|| fields.nth(2)).flatten()
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn the_user_database_knows_the_home_of_each_user() {
        let database = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000:Ann,,,:/home/ann:/bin/bash\n# no line\nbad:x:7\n";
        assert_eq!(home_of(database, 1000), Some("/home/ann"));
        assert_eq!(home_of(database, 0), Some("/root"));
        assert_eq!(home_of(database, 7), None);
        assert_eq!(home_of(database, 8), None);
    }
}
