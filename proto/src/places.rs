//! The directories that Axis keeps its files in: the system's usual ones, or
//! `AXIS_HOME` for all of them.

use std::path::PathBuf;

use crate::socket::{SocketError, absolute_variable};

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
        if let Some(home) = absolute_variable("AXIS_HOME")? {
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
