//! What the vault knows at one moment, as an immutable snapshot, and how one
//! snapshot follows from another.

use std::collections::HashMap;
use std::sync::Arc;

use super::VaultError;
use super::contents;
use super::credential::{Credential, Holding};
use super::entry::EntryName;
use super::fault::Fault;
use super::file::{Digest, KeystoreFile};
use super::keystore::{self, Keystore};
use super::reserved::{Reserved, ReservedTexts};
use super::secret::Key;
use crate::names::CredentialName;

/// What the owner sees of the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultState {
    /// There is no keystore yet.
    Absent,
    /// There is one, and why it isn't open.
    Locked(WhyLocked),
    /// Open.
    Unlocked {
        /// How many credentials are in it.
        credentials: usize,
        /// The keystore's count of writes.
        generation: u64,
    },
}

/// Why the vault is locked, and what opens it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhyLocked {
    /// axisd never had the master password.
    #[error("axisd has not had the master password since it started; run `axis unlock`")]
    NeverUnlocked,
    /// `axis lock`.
    #[error("its owner locked it; run `axis unlock`")]
    ByOwner,
    /// An older copy of the file was put back.
    #[error(
        "the keystore is older (generation {file}) than the audit log says (generation {known}): someone put an old copy back; if it was you, run `axis unlock --accept-older`"
    )]
    Older {
        /// The file's generation.
        file: u64,
        /// The newest one on record.
        known: u64,
    },
    /// The audit log that should know the file's generation is gone.
    #[error(
        "the audit log that tells how new the keystore must be is gone: whether the keystore is an old copy can't be told; if you removed the log yourself, run `axis unlock --accept-older`"
    )]
    LogGone,
    /// The audit log holds nothing that this vault's key proves, or what isn't so.
    #[error(
        "the audit log is not the one of this vault: someone replaced or edited it, so whether the keystore is an old copy can't be told; if it was you, run `axis unlock --accept-older`"
    )]
    LogReplaced,
    /// The file isn't what it should be: a whole sentence.
    #[error("{0}")]
    Damaged(String),
}

/// No copy of a keystore is older by more writes: one an hour takes a century.
pub(super) const MOST_AHEAD: u64 = 1_000_000;

/// A record of a keystore so much newer is forged, even in a vault whose owner
/// has accepted some that were.
const ABSURD: u64 = 1000 * MOST_AHEAD;

/// What the audit log knows of the keystore's generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownGeneration {
    /// There was no audit log at axisd's start.
    NoLog,
    /// A log, but no keystore on record: as after an `axis init` that was
    /// killed before its record.
    Empty,
    /// The newest generation on record.
    At(u64),
}

/// A keystore as it was read or written last.
pub(super) struct Loaded {
    pub keystore: Keystore,
    /// Of the file's bytes, to see whether someone else wrote since.
    pub digest: Digest,
}

/// What an unlocked vault holds.
#[derive(Clone)]
pub(super) struct Opened {
    pub credentials: HashMap<CredentialName, Holding>,
    /// What stood in their places before the owner replaced it, where that was
    /// a secret: an answer may still hold it. From the file comes the last one,
    /// and what is replaced meanwhile is known until it is closed.
    pub replaced: HashMap<CredentialName, Vec<Arc<Credential>>>,
    pub audit_key: Arc<Key>,
    pub reserved: ReservedTexts,
    /// Seals what a credential's use put in its place.
    pub vault_key: Arc<Key>,
}

/// All the vault knows at one moment.
#[derive(Clone)]
pub(super) struct Snapshot {
    /// Nothing while the file is absent or can't be parsed.
    pub loaded: Option<Arc<Loaded>>,
    /// Set while unlocked.
    pub opened: Option<Arc<Opened>>,
    /// Why an unlock won't do, until it is mended or accepted.
    pub trouble: Option<WhyLocked>,
    /// Since the last `lock`, until the next unlock.
    pub locked_by_owner: bool,
    /// The newest generation that was ever seen or is on record, as far as that
    /// can be believed.
    pub newest: u64,
}

impl Loaded {
    /// Reads and parses the file; `None` where there is none.
    pub fn read(file: &KeystoreFile, min_iterations: u32) -> Result<Option<Self>, VaultError> {
        let Some(bytes) = file.read()? else {
            return Ok(None);
        };
        let keystore = Keystore::parse(&bytes, min_iterations).map_err(|f| file.damaged(f))?;
        Ok(Some(Self {
            keystore,
            digest: Digest::of(&bytes),
        }))
    }
}

impl KnownGeneration {
    /// What `generation` is to be said of a file of this generation.
    pub(super) fn doubt(self, generation: u64, newest: u64) -> Option<WhyLocked> {
        let known = match self {
            Self::NoLog => return Some(WhyLocked::LogGone),
            Self::Empty if generation > 1 => return Some(WhyLocked::LogGone),
            Self::Empty => newest,
            Self::At(known) => known.max(newest),
        };
        match known.checked_sub(generation) {
            None | Some(0) => None,
            Some(ahead) if ahead > ABSURD => Some(WhyLocked::LogReplaced),
            Some(_) => Some(WhyLocked::Older {
                file: generation,
                known,
            }),
        }
    }
}

impl Opened {
    /// Checks that the vault wrote `keystore`, and opens every entry.
    pub fn verified(keystore: &Keystore, vault_key: &Key) -> Result<Self, Fault> {
        keystore.verify(vault_key)?;
        Self::open(keystore, vault_key)
    }

    /// Opens every entry of a keystore that was verified.
    pub fn open(keystore: &Keystore, vault_key: &Key) -> Result<Self, Fault> {
        let unreadable = |name: &str| Fault::EntriesEdited {
            names: vec![name.to_owned()],
        };
        let audit_key = keystore.open(vault_key, keystore::AUDIT_KEY)?;
        let audit_key = contents::key(&audit_key).map_err(|()| unreadable(keystore::AUDIT_KEY))?;
        let holding = |entry: &str, name: &CredentialName| {
            let plaintext = keystore.open(vault_key, entry)?;
            contents::holding(name.clone(), &plaintext).map_err(|()| unreadable(entry))
        };
        let mut credentials = HashMap::new();
        let mut replaced = HashMap::new();
        for (name, _) in keystore.credentials() {
            let before = EntryName::Previous(name.clone()).to_string();
            if keystore.entries.contains_key(&before)
                && let Holding::Secret(before) = holding(&before, &name)?
            {
                replaced.insert(name.clone(), vec![before]);
            }
            let held = holding(&name.to_string(), &name)?;
            credentials.insert(name, held);
        }
        Ok(Self {
            credentials,
            replaced,
            audit_key: Arc::new(audit_key),
            reserved: Reserved::open(keystore, vault_key)?,
            vault_key: Arc::new(Key::copy_of(vault_key.expose())),
        })
    }
}

impl Snapshot {
    /// What is known of a file that was just read, or couldn't be.
    pub fn of(read: Result<Option<Loaded>, VaultError>) -> Self {
        let (loaded, trouble) = match read {
            Ok(loaded) => (loaded.map(Arc::new), None),
            Err(error) => (None, Some(WhyLocked::Damaged(error.to_string()))),
        };
        Self {
            newest: loaded.as_ref().map_or(0, |l| l.keystore.generation),
            loaded,
            opened: None,
            trouble,
            locked_by_owner: false,
        }
    }

    pub fn state(&self) -> VaultState {
        match (&self.opened, &self.loaded) {
            (Some(opened), Some(loaded)) => VaultState::Unlocked {
                credentials: opened.credentials.len(),
                generation: loaded.keystore.generation,
            },
            _ => match self.why_locked() {
                Some(why) => VaultState::Locked(why),
                None => VaultState::Absent,
            },
        }
    }

    /// Why it is locked; `None` while there is no keystore.
    pub fn why_locked(&self) -> Option<WhyLocked> {
        match &self.trouble {
            Some(trouble) => Some(trouble.clone()),
            None if self.loaded.is_none() => None,
            None if self.locked_by_owner => Some(WhyLocked::ByOwner),
            None => Some(WhyLocked::NeverUnlocked),
        }
    }
}
