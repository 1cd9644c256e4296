//! axisd as a service of this system: which files say so to its service
//! manager, and how that hears of them.

mod launchd;
mod manager;
mod systemd;

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use axis_proto::places::{Places, home_directory};
use axis_proto::socket::SocketDir;

pub use self::manager::{Manager, Order, journal};
use crate::failure::{Exit, Failure};
use crate::system::program_file;

/// What axisd needs of the environment of whoever installs it, to find the same
/// files as they do.
const KEPT: [&str; 7] = [
    "AXIS_HOME",
    "AXIS_POLICY_PATH",
    "AXIS_KEYSTORE_PATH",
    "AXIS_SOCKET_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
];

/// What a service manager has to know.
pub struct Installation {
    /// The daemon's binary.
    pub program: PathBuf,
    /// What it gets of the environment.
    pub environment: Vec<(String, String)>,
    /// Where clients look for it.
    pub sockets: SocketDir,
    /// Its log, where the service manager keeps none.
    pub log: PathBuf,
    /// The user's home directory.
    pub home: PathBuf,
}

/// A file for the service manager.
#[derive(Debug, PartialEq, Eq)]
pub struct UnitFile {
    /// Where it belongs.
    pub path: PathBuf,
    /// What stands in it.
    pub text: String,
}

impl Installation {
    /// Of this binary, with the environment of this process.
    pub fn here() -> Result<Self, Failure> {
        let own = env::current_exe()
            .and_then(fs::canonicalize)
            .map_err(|error| {
                Failure::new(Exit::Failed, "the path of this program is unknown")
                    .because(error.to_string())
            })?;
        let program = own.with_file_name(program_file("axisd"));
        if !program.is_file() {
            return Err(Failure::new(
                Exit::Failed,
                format!("axisd is not at {}", program.display()),
            )
            .fix("install axis and axisd into one directory"));
        }
        let home = home_directory().ok_or_else(|| {
            Failure::new(Exit::Usage, "no home directory is known for this user").fix("set HOME")
        })?;
        Ok(Self {
            program,
            environment: kept()?,
            sockets: SocketDir::locate()?,
            log: Places::from_environment()?.state.join("axisd.log"),
            home,
        })
    }
}

fn kept() -> Result<Vec<(String, String)>, Failure> {
    let set = KEPT.into_iter().filter_map(|name| {
        let value = env::var_os(name).filter(|value| !value.is_empty())?;
        Some((name, value))
    });
    set.map(|(name, value)| {
        let value = value.into_string().ok();
        let value = value.filter(|value| !value.contains(char::is_control));
        let value = value.ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                format!("{name} can't stand in a service file: it isn't one line of text"),
            )
        })?;
        Ok((name.to_owned(), value))
    })
    .collect()
}

/// A path as it can stand in a service file.
fn one_line(path: &Path) -> Result<&str, Failure> {
    let text = path
        .to_str()
        .filter(|text| !text.contains(char::is_control));
    text.ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!(
                "{} can't stand in a service file: it isn't one line of text",
                path.display()
            ),
        )
    })
}

impl UnitFile {
    /// Whether it stands there word for word.
    pub fn stands(&self) -> bool {
        fs::read(&self.path).is_ok_and(|text| text == self.text.as_bytes())
    }

    /// Writes it, through a file beside it, so that none is ever half there.
    pub fn write(&self) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::new(Exit::Failed, format!("can't write {}", self.path.display()))
                .because(error.to_string())
        };
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(directory).map_err(failed)?;
        let file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
        fs::write(file.path(), &self.text).map_err(failed)?;
        file.persist(&self.path)
            .map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Removes it. Whether it was there.
    pub fn remove(&self) -> Result<bool, Failure> {
        match fs::remove_file(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Failure::new(
                Exit::Failed,
                format!("can't remove {}", self.path.display()),
            )
            .because(error.to_string())),
        }
    }
}
