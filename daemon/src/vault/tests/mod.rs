//! The vault as its users see it, on real files. Cheap key derivation, the
//! real format; `the_real_cost` in `life` pays the full price.

mod disk;
mod edits;
mod life;
mod older;
mod previous;
mod reserved;
mod rotation;
mod succession;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::ManualClock;
use crate::host::BaseUrl;

/// Rounds of key derivation where a test is not about them.
const CHEAP: u32 = 1000;
const PASSWORD: &str = "correct horse battery staple";

/// A directory for one test, and the vaults on its keystore.
struct Home {
    directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl Home {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
        let now = "2026-01-15T10:30:00.123456Z".parse().unwrap();
        Self {
            directory,
            clock: Arc::new(ManualClock::starting_at(now)),
        }
    }

    /// One whose keystore holds `github` and `openai`.
    async fn furnished() -> Self {
        let home = Self::new();
        let vault = home.vault();
        vault.init(PASSWORD.into()).await.unwrap();
        for (name, secret) in [("github", "ghp_one"), ("openai", "sk-two")] {
            let added = vault.add(PASSWORD.into(), new(name, secret), false).await;
            added.unwrap();
        }
        home
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("keystore.json")
    }

    /// The vault as a daemon that was just started has it.
    fn vault(&self) -> Vault {
        let clock: Arc<dyn Clock> = self.clock.clone();
        Vault::with_cost(self.path(), clock, CHEAP, Duration::ZERO)
    }

    async fn unlocked(&self) -> Vault {
        let vault = self.vault();
        unlock(&vault).await.unwrap();
        vault
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes()).unwrap()
    }

    fn put(&self, bytes: &[u8]) {
        fs::write(self.path(), bytes).unwrap();
        fs::set_permissions(self.path(), Permissions::from_mode(0o600)).unwrap();
    }
}

async fn unlock(vault: &Vault) -> Result<usize, VaultError> {
    let known = KnownGeneration::At(1);
    vault.unlock(PASSWORD.into(), known, false).await
}

/// `service` or `service/label`.
fn name(text: &str) -> CredentialName {
    let (service, label) = text.split_once('/').unwrap_or((text, ""));
    CredentialName::parse(service, label).unwrap()
}

fn new(text: &str, secret: &str) -> NewCredential {
    let base = BaseUrl::parse(&format!("https://{text}.example/api")).unwrap();
    NewCredential {
        name: name(text),
        secret: secret.into(),
        hosts: vec![base.host().clone()],
        base_url: Some(base),
        source: None,
    }
}

/// The error's sentence; also for results whose value can't be printed.
fn refused<T>(result: Result<T, VaultError>) -> VaultError {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(error) => error,
    }
}
