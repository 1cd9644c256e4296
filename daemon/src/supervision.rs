//! axisd under a service manager: who started it, the sockets that systemd
//! holds for it, and telling systemd that it is ready.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use axis_proto::socket::Held;

pub use self::here::{ready, stopping};
#[cfg(unix)]
use self::unix as here;
#[cfg(windows)]
use self::windows as here;

/// Who started this axisd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartedBy {
    /// Someone at a shell, or a program that isn't known.
    Hand,
    /// `axis` or `axis mcp`, because none ran.
    Client,
    /// The user's own systemd, as a service.
    Systemd,
    /// The system's systemd, as a service.
    System,
    /// launchd, as an agent.
    Launchd,
}

/// Why the sockets that were handed over can't be served.
#[derive(Debug, thiserror::Error)]
pub enum HandedOverError {
    /// One of them is no listening socket of this machine.
    #[error("the service manager handed over something that is no Unix socket: {0}")]
    NotASocket(#[source] io::Error),
    /// Clients look for axisd somewhere else.
    #[error(
        "the service manager listens on {}, where no client of this axisd looks; its sockets are {} and {}: run `axis daemon install` again",
        found.display(), broker.display(), admin.display()
    )]
    Elsewhere {
        /// Where it listens.
        found: PathBuf,
        /// Where agents look.
        broker: PathBuf,
        /// Where the owner looks.
        admin: PathBuf,
    },
}

impl StartedBy {
    /// Looks at the environment; `autostarted` is what a client says.
    pub fn find(autostarted: bool) -> Self {
        if autostarted {
            return Self::Client;
        }
        if cfg!(windows) {
            return Self::Hand;
        }
        // of this very process, not of one that it descends from
        let own = std::process::id().to_string();
        if env::var("SYSTEMD_EXEC_PID").is_ok_and(|pid| pid == own) {
            // a user's own systemd names itself to its services, the system's doesn't
            return match env::var_os("MANAGERPID") {
                Some(_) => Self::Systemd,
                None => Self::System,
            };
        }
        match env::var("XPC_SERVICE_NAME") {
            Ok(name) if name == axis_proto::LAUNCHD_LABEL => Self::Launchd,
            _ => Self::Hand,
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hand => "hand",
            Self::Client => "client",
            Self::Systemd => "systemd",
            Self::System => "system",
            Self::Launchd => "launchd",
        }
    }
}

/// Listening sockets that the service manager made, and that stay its own.
#[derive(Debug, Default)]
pub struct HandedOver(Vec<(PathBuf, Held)>);

impl HandedOver {
    /// Takes what was handed over to this process, if anything was.
    ///
    /// # Errors
    /// It isn't what axisd can serve.
    pub fn take() -> Result<Self, HandedOverError> {
        here::handed_over().map(Self)
    }

    /// The one at `path`.
    pub fn at(&mut self, path: &Path) -> Option<Held> {
        let index = self.0.iter().position(|(at, _)| at == path)?;
        Some(self.0.swap_remove(index).1)
    }

    /// Whether any was handed over and not taken yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing is left that nobody serves.
    ///
    /// # Errors
    /// The first that is.
    pub fn none_left(&self, broker: &Path, admin: &Path) -> Result<(), HandedOverError> {
        match self.0.first() {
            None => Ok(()),
            Some((found, _)) => Err(HandedOverError::Elsewhere {
                found: found.clone(),
                broker: broker.to_owned(),
                admin: admin.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_socket_that_no_client_looks_for_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let [broker, admin, other] =
            ["broker.sock", "admin.sock", "other.sock"].map(|name| directory.path().join(name));
        let bind = |path: &PathBuf| (path.clone(), UnixListener::bind(path).unwrap());
        let mut handed = HandedOver(vec![bind(&broker), bind(&other)]);
        assert!(handed.at(&broker).is_some());
        assert!(handed.at(&broker).is_none(), "only once");
        assert!(handed.at(&admin).is_none());
        let error = handed.none_left(&broker, &admin).unwrap_err().to_string();
        assert!(error.contains("other.sock"), "{error}");
        assert!(error.contains("axis daemon install"), "{error}");
        handed.at(&other);
        assert!(handed.none_left(&broker, &admin).is_ok());
    }
}
