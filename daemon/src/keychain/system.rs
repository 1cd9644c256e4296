//! One entry of this system's keychain. Everything here may block.

use std::collections::HashMap;
use std::sync::Arc;

use keyring_core::{CredentialStore, Error};
use secrecy::{ExposeSecret, SecretString};

use super::{KeychainError, SERVICE};
use crate::vault::master::MAX_PASSWORD_BYTES;

/// An entry, whether there is anything in it or not.
pub(super) struct Entry(keyring_core::Entry);

/// Connects anew each time: a store that failed once fails for good.
pub(super) fn open(account: &str) -> Result<Entry, KeychainError> {
    let store = store()?;
    let entry = store.build(SERVICE, account, Some(&modifiers()));
    Ok(Entry(entry.map_err(failure)?))
}

impl Entry {
    pub fn get(&self) -> Result<Option<SecretString>, KeychainError> {
        let secret = match self.0.get_secret() {
            Ok(secret) => secret,
            Err(Error::NoEntry) => return Ok(None),
            Err(error) => return Err(failure(error)),
        };
        // all that is freed is wiped, so nothing stays of what is refused here
        let text = String::from_utf8(secret).map_err(|_| KeychainError::Unreadable)?;
        if text.is_empty() || text.len() > MAX_PASSWORD_BYTES {
            return Err(KeychainError::Unreadable);
        }
        Ok(Some(SecretString::from(text)))
    }

    pub fn set(&self, password: &SecretString) -> Result<(), KeychainError> {
        let bytes = password.expose_secret().as_bytes();
        self.0.set_secret(bytes).map_err(failure)
    }

    pub fn is_there(&self) -> Result<bool, KeychainError> {
        match self.0.get_credential() {
            Ok(_) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(failure(error)),
        }
    }

    /// Whether there was any.
    pub fn delete(&self) -> Result<bool, KeychainError> {
        match self.0.delete_credential() {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(Error::Ambiguous(entries)) => {
                for entry in entries {
                    entry.delete_credential().map_err(failure)?;
                }
                Ok(true)
            }
            Err(error) => Err(failure(error)),
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "freebsd"))]
fn store() -> Result<Arc<CredentialStore>, KeychainError> {
    bus::find()?;
    let store = zbus_secret_service_keyring_store::Store::new().map_err(unreachable)?;
    Ok(store)
}

/// What a keychain's own window calls the entry.
#[cfg(any(target_os = "linux", target_os = "freebsd"))]
fn modifiers() -> HashMap<&'static str, &'static str> {
    [("label", "Axis master password")].into()
}

#[cfg(target_os = "macos")]
fn store() -> Result<Arc<CredentialStore>, KeychainError> {
    let store = apple_native_keyring_store::keychain::Store::new().map_err(unreachable)?;
    Ok(store)
}

#[cfg(windows)]
fn store() -> Result<Arc<CredentialStore>, KeychainError> {
    let store = windows_native_keyring_store::Store::new().map_err(unreachable)?;
    Ok(store)
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "freebsd",
    target_os = "macos",
    windows
)))]
fn store() -> Result<Arc<CredentialStore>, KeychainError> {
    Err(KeychainError::Unreachable(
        "this system has none that Axis knows".into(),
    ))
}

#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
fn modifiers() -> HashMap<&'static str, &'static str> {
    HashMap::new()
}

/// Where the session's D-Bus is. The address is often missing in the
/// environment that an MCP host gives, though there is a bus.
#[cfg(any(target_os = "linux", target_os = "freebsd"))]
mod bus {
    use std::env;
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    use std::path::PathBuf;

    use super::KeychainError;

    const ADDRESS: &str = "DBUS_SESSION_BUS_ADDRESS";

    /// Checks the bus that the store falls back to where the environment names
    /// none: its socket must be this user's own.
    pub fn find() -> Result<(), KeychainError> {
        if env::var_os(ADDRESS).is_some() {
            return Ok(());
        }
        let uid = rustix::process::geteuid().as_raw();
        let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let socket = runtime
            .unwrap_or_else(|| format!("/run/user/{uid}").into())
            .join("bus");
        let none = |why: String| Err(KeychainError::Unreachable(why));
        match std::fs::metadata(&socket) {
            Err(_) => none(format!(
                "no D-Bus of this session ({ADDRESS} is not set, and there is no {})",
                socket.display()
            )),
            Ok(file) if !file.file_type().is_socket() || file.uid() != uid => {
                none(format!("{} is not this user's D-Bus", socket.display()))
            }
            Ok(_) => Ok(()),
        }
    }
}

fn unreachable(error: Error) -> KeychainError {
    match error {
        Error::PlatformFailure(reason) => KeychainError::Unreachable(reason.to_string()),
        error => failure(error),
    }
}

/// Never the text of an error that may hold what was read.
fn failure(error: Error) -> KeychainError {
    match error {
        Error::NoStorageAccess(reason) => KeychainError::Locked(reason.to_string()),
        Error::PlatformFailure(reason) => KeychainError::Failed(reason.to_string()),
        Error::Ambiguous(entries) => KeychainError::Ambiguous(entries.len()),
        Error::BadEncoding(_) | Error::BadDataFormat(..) => KeychainError::Unreadable,
        error => KeychainError::Failed(error.to_string()),
    }
}
