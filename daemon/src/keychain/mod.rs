//! The OS keychain, which may keep the vault's master password: the Secret
//! Service on Linux, the login keychain on macOS, the Credential Manager on
//! Windows.
//!
//! Whatever is behind it may hang for good (a D-Bus that takes the connection
//! and never answers), so each question is asked on a thread of its own, and
//! nobody waits for it longer than [`PATIENCE`].

mod account;
mod error;
mod system;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

pub use self::account::account;
pub use self::error::KeychainError;

/// The service under which the password is kept.
pub const SERVICE: &str = "axis";

/// How long an answer is waited for.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Questions that may hang at once; each holds a thread.
const MOST_QUESTIONS: usize = 4;

/// One entry of the OS keychain.
pub struct Keychain {
    account: String,
    wanted: AtomicBool,
    questions: Arc<Semaphore>,
}

/// How the keychain stands to the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeychainStatus {
    /// It answers.
    pub available: bool,
    /// It keeps a password for this vault.
    pub stored: bool,
    /// That in a sentence.
    pub detail: String,
    /// What to do; empty where there is nothing to mend.
    pub fix: String,
}

/// What became of an entry when the master password changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// There was none.
    Absent,
    /// It holds the new password now.
    Yes,
    /// It held something else than the old password, and still does: whoever
    /// answers doesn't know that, so the new one isn't told to them either.
    Foreign,
}

impl Keychain {
    /// The entry `account` of the service [`SERVICE`]. Nothing is asked yet.
    pub fn new(account: String) -> Self {
        Self {
            account,
            wanted: AtomicBool::new(true),
            questions: Arc::new(Semaphore::new(MOST_QUESTIONS)),
        }
    }

    /// The entry's name in the keychain.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Whether it may be asked at all (`keychain` in daemon.yaml).
    pub fn set_wanted(&self, wanted: bool) {
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    /// Whether it may be asked at all.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// The password that it keeps; none where it keeps none. Waits up to
    /// `patience`: a keychain may first ask its owner to unlock it.
    pub async fn password(
        &self,
        patience: Duration,
    ) -> Result<Option<SecretString>, KeychainError> {
        self.ask(patience, |entry, _| entry.get()).await
    }

    /// Keeps `password`, and sees that it is there.
    pub async fn store(&self, password: SecretString) -> Result<(), KeychainError> {
        self.ask(PATIENCE, move |entry, given_up| {
            if given_up.load(Ordering::SeqCst) {
                return Err(KeychainError::Silent { after: PATIENCE });
            }
            entry.set(&password)?;
            match entry.get()? {
                Some(kept) if is_same(&kept, &password) => Ok(()),
                _ => Err(KeychainError::NotKept),
            }
        })
        .await
    }

    /// Puts `new` in the place of `old`, for a vault whose master password has
    /// just changed. An entry that doesn't hold `old` is left alone.
    pub async fn replace_if_present(
        &self,
        old: SecretString,
        new: SecretString,
    ) -> Result<Replaced, KeychainError> {
        if !self.is_wanted() {
            return Ok(Replaced::Absent);
        }
        self.ask(PATIENCE, move |entry, given_up| match entry.get()? {
            None => Ok(Replaced::Absent),
            Some(kept) if is_same(&kept, &new) => Ok(Replaced::Yes),
            Some(kept) if !is_same(&kept, &old) => Ok(Replaced::Foreign),
            Some(_) if given_up.load(Ordering::SeqCst) => {
                Err(KeychainError::Silent { after: PATIENCE })
            }
            Some(_) => entry.set(&new).map(|()| Replaced::Yes),
        })
        .await
    }

    /// Removes the password. Whether there was one.
    pub async fn delete(&self) -> Result<bool, KeychainError> {
        self.ask_always(PATIENCE, |entry, _| entry.delete()).await
    }

    /// Whether it answers, and whether it keeps a password; the password itself
    /// isn't read.
    pub async fn status(&self) -> KeychainStatus {
        let stored = self.ask_always(PATIENCE, |entry, _| entry.is_there()).await;
        let off = KeychainError::TurnedOff;
        match stored {
            Ok(stored) if !self.is_wanted() => KeychainStatus {
                available: false,
                stored,
                detail: off.to_string(),
                fix: if stored { "axis keychain delete" } else { "" }.to_owned(),
            },
            Ok(true) => KeychainStatus {
                available: true,
                stored: true,
                detail: format!(
                    "the OS keychain keeps the master password ({SERVICE}, {}): axisd unlocks the vault with it when it starts",
                    self.account
                ),
                fix: String::new(),
            },
            Ok(false) => KeychainStatus {
                available: true,
                stored: false,
                detail: "the OS keychain answers, and keeps no master password of this vault"
                    .to_owned(),
                fix: "axis keychain set".to_owned(),
            },
            Err(error) => {
                let error = if self.is_wanted() { error } else { off };
                KeychainStatus {
                    available: false,
                    stored: false,
                    detail: error.to_string(),
                    fix: error.fix().to_owned(),
                }
            }
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        patience: Duration,
        question: impl FnOnce(&system::Entry, &AtomicBool) -> Result<T, KeychainError> + Send + 'static,
    ) -> Result<T, KeychainError> {
        if !self.is_wanted() {
            return Err(KeychainError::TurnedOff);
        }
        self.ask_always(patience, question).await
    }

    /// Asks on a thread of its own. A question that nobody waits for any more
    /// hears of it, and writes nothing from then on.
    async fn ask_always<T: Send + 'static>(
        &self,
        patience: Duration,
        question: impl FnOnce(&system::Entry, &AtomicBool) -> Result<T, KeychainError> + Send + 'static,
    ) -> Result<T, KeychainError> {
        let silent = KeychainError::Silent { after: patience };
        let Ok(permit) = self.questions.clone().try_acquire_owned() else {
            return Err(silent);
        };
        let given_up = GivenUp(Arc::new(AtomicBool::new(false)));
        let (answer, answered) = oneshot::channel();
        let (account, heard) = (self.account.clone(), given_up.0.clone());
        std::thread::Builder::new()
            .name("keychain".into())
            .spawn(move || {
                let _permit: OwnedSemaphorePermit = permit;
                let found = system::open(&account).and_then(|entry| question(&entry, &heard));
                // whoever asked may have left
                let _ = answer.send(found);
            })
            .map_err(|error| KeychainError::Failed(error.to_string()))?;
        match timeout(patience, answered).await {
            Ok(Ok(found)) => found,
            Ok(Err(_)) => Err(KeychainError::Failed("it ended without an answer".into())),
            Err(_) => Err(silent),
        }
    }
}

/// Set when whoever asked has left.
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Takes as long for any two texts of the same length.
fn is_same(one: &SecretString, other: &SecretString) -> bool {
    let (one, other) = (one.expose_secret(), other.expose_secret());
    let differing = one.bytes().zip(other.bytes()).map(|(a, b)| a ^ b);
    one.len() == other.len() && differing.fold(0, |all, bits| all | bits) == 0
}
