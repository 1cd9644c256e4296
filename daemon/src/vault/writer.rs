//! The one who changes the vault: reads the keystore, writes it and publishes
//! what follows. Everything here blocks, so it runs off the async threads.

mod change;
mod opening;
mod successor;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::{ArcSwap, Guard};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

pub(super) use self::change::Change;
use self::successor::Right;
pub use self::successor::Successor;
use super::credential::NewCredential;
use super::entry::EntryName;
use super::fault::Fault;
use super::file::{Digest, Exclusive, KeystoreFile, MAX_BYTES};
use super::keystore::Keystore;
use super::secret::Key;
use super::state::{KnownGeneration, Loaded, Snapshot, WhyLocked};
use super::{VaultError, Written, contents, previous};
use crate::clock::Clock;
use crate::host::BaseUrl;
use crate::names::CredentialName;

/// The keystore file and the snapshot that follows from it.
pub(super) struct Writer {
    file: KeystoreFile,
    clock: Arc<dyn Clock>,
    iterations: u32,
    snapshot: ArcSwap<Snapshot>,
    /// Held by whoever reads the file, writes it and publishes.
    turn: Mutex<()>,
    /// Counts `lock` calls, so that one that comes during an unlock wins.
    locks: AtomicU64,
    /// Counts rotations, so that a password that one made wrong is told apart.
    rotations: AtomicU64,
    /// The successors that are still out, for a rotation to hand its key on.
    rights: Mutex<Vec<Weak<Mutex<Right>>>>,
}

/// What opens the vault key for a write.
#[derive(Clone, Copy)]
pub(super) enum Opener<'a> {
    Password(&'a SecretString),
    /// It is open already.
    VaultKey(&'a Key),
    /// It was open when this was given.
    Right(&'a Mutex<Right>),
}

impl Writer {
    /// Looks at the file; `iterations` are written, and fewer are refused.
    pub fn new(path: PathBuf, clock: Arc<dyn Clock>, iterations: u32) -> Self {
        let file = KeystoreFile::new(path);
        let snapshot = Snapshot::of(Loaded::read(&file, iterations));
        Self {
            file,
            clock,
            iterations,
            snapshot: ArcSwap::from_pointee(snapshot),
            turn: Mutex::new(()),
            locks: AtomicU64::new(0),
            rotations: AtomicU64::new(0),
            rights: Mutex::default(),
        }
    }

    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// What is known at this moment, without waiting.
    pub fn snapshot(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    pub fn compare_with_log(&self, known: KnownGeneration) {
        self.snapshot.rcu(|now| {
            let mut next = Snapshot::clone(now);
            if let KnownGeneration::At(known) = known {
                next.newest = next.newest.max(known);
            }
            if let (None, None, Some(loaded)) = (&now.opened, &now.trouble, &now.loaded) {
                next.trouble = known.doubt(loaded.keystore.generation, now.newest);
            }
            next
        });
    }

    pub fn lock(&self) -> bool {
        self.locks.fetch_add(1, Ordering::SeqCst);
        let before = self.snapshot.rcu(|now| Snapshot {
            opened: None,
            locked_by_owner: true,
            ..Snapshot::clone(now)
        });
        before.opened.is_some()
    }

    /// Closes a vault whose audit log turned out not to be its own.
    pub fn distrust_log(&self) {
        self.snapshot.rcu(|now| Snapshot {
            opened: None,
            trouble: Some(WhyLocked::LogReplaced),
            ..Snapshot::clone(now)
        });
    }

    /// How often the vault was locked; an unlock that began before a lock
    /// comes to nothing.
    pub fn locks_so_far(&self) -> u64 {
        self.locks.load(Ordering::SeqCst)
    }

    pub fn verify_password(&self, password: &SecretString) -> Result<(), VaultError> {
        let unsealed = self.writable()?.keystore.unseal(password);
        unsealed.map(drop).map_err(|_| VaultError::WrongPassword)
    }

    /// Where the service of a stored credential is, if not where its definition
    /// says.
    pub fn base_url(
        &self,
        password: &SecretString,
        name: &CredentialName,
    ) -> Result<Option<BaseUrl>, VaultError> {
        let loaded = self.writable()?;
        let keystore = &loaded.keystore;
        let text = name.to_string();
        if !keystore.entries.contains_key(&text) {
            return Ok(None);
        }
        let unsealed = keystore.unseal(password);
        let vault_key = unsealed.map_err(|_| VaultError::WrongPassword)?;
        let opened = keystore
            .verify(&vault_key)
            .and_then(|()| keystore.open(&vault_key, &text))
            .and_then(|plaintext| {
                contents::holding(name.clone(), &plaintext)
                    .map_err(|()| Fault::EntriesEdited { names: vec![text] })
            });
        let holding = opened.map_err(|fault| self.damaged(fault))?;
        Ok(holding.base_url().cloned())
    }

    pub fn add(
        &self,
        password: &SecretString,
        new: NewCredential,
        replace: bool,
    ) -> Result<Written, VaultError> {
        self.change(Opener::Password(password), |keystore, vault_key| {
            let name = EntryName::Credential(new.name.clone());
            let replaced = keystore.entries.contains_key(&name.to_string());
            if replaced && !replace {
                return Err(VaultError::CredentialExists { name: new.name });
            }
            let plaintext = contents::plaintext(
                new.secret.expose_secret().as_bytes(),
                &new.hosts,
                new.base_url.as_ref(),
                new.source.as_ref(),
            );
            previous::keep(keystore, vault_key, &new.name, &plaintext, self.now())?;
            keystore.put(vault_key, &name, plaintext, self.now())?;
            Ok((replaced, Change::Put(new.into())))
        })
    }

    pub fn revoke(
        &self,
        password: &SecretString,
        name: &CredentialName,
    ) -> Result<Written, VaultError> {
        self.change(Opener::Password(password), |keystore, _| {
            if keystore.entries.remove(&name.to_string()).is_none() {
                return Err(VaultError::NoCredential { name: name.clone() });
            }
            previous::forget(keystore, name);
            Ok((true, Change::Removed(name.clone())))
        })
    }

    /// The one way to a changed keystore: read again, compare, verify, change,
    /// write, publish.
    pub fn change<E: From<VaultError>>(
        &self,
        opener: Opener<'_>,
        edit: impl FnOnce(&mut Keystore, &Key) -> Result<(bool, Change), E>,
    ) -> Result<Written, E> {
        let _turn = self.turn();
        let loaded = self.writable()?;
        let exclusive = self.exclusively(&loaded)?;
        let (unsealed, held);
        let vault_key = match opener {
            Opener::VaultKey(vault_key) => vault_key,
            Opener::Right(right) => {
                held = successor::lock(right).vault_key.clone();
                &held
            }
            Opener::Password(password) => {
                let attempt = loaded.keystore.unseal(password);
                unsealed = attempt.map_err(|_| VaultError::WrongPassword)?;
                &unsealed
            }
        };
        loaded
            .keystore
            .verify(vault_key)
            .map_err(|fault| self.damaged(fault))?;
        let mut keystore = loaded.keystore.clone();
        let (replaced, change) = edit(&mut keystore, vault_key)?;
        previous::forget_expired(&mut keystore.entries, self.now());
        let (written, bytes) = self.finished(keystore, vault_key)?;
        exclusive.replace(&bytes)?;
        let generation = written.keystore.generation;
        let written = Arc::new(written);
        self.snapshot.rcu(|now| Snapshot {
            loaded: Some(Arc::clone(&written)),
            opened: now.opened.as_ref().map(|opened| change.applied_to(opened)),
            trouble: None,
            locked_by_owner: now.locked_by_owner,
            newest: generation,
        });
        Ok(Written {
            generation,
            replaced,
        })
    }

    /// The keystore that a change may start from. What was absent or damaged
    /// may have been mended since.
    pub fn writable(&self) -> Result<Arc<Loaded>, VaultError> {
        let snapshot = self.snapshot.load();
        if snapshot.loaded.is_none() || matches!(snapshot.trouble, Some(WhyLocked::Damaged(_))) {
            self.look_again();
        }
        let snapshot = self.snapshot.load();
        match (&snapshot.trouble, &snapshot.loaded) {
            (Some(trouble), _) => Err(VaultError::Locked(trouble.clone())),
            (None, Some(loaded)) => Ok(Arc::clone(loaded)),
            (None, None) => Err(self.absent()),
        }
    }

    /// Takes up the file's state from disk; what is unlocked stays so.
    fn look_again(&self) {
        let found = Snapshot::of(Loaded::read(&self.file, self.iterations));
        self.publish_while_locked(&found);
    }

    /// Notes why a file that was read can't be used.
    fn distrust(&self, loaded: Loaded, why: WhyLocked) {
        let found = Snapshot {
            trouble: Some(why),
            ..Snapshot::of(Ok(Some(loaded)))
        };
        self.publish_while_locked(&found);
    }

    fn publish_while_locked(&self, found: &Snapshot) {
        self.snapshot.rcu(|now| {
            if now.opened.is_some() {
                return Arc::clone(now);
            }
            Arc::new(Snapshot {
                locked_by_owner: now.locked_by_owner,
                newest: now.newest,
                ..found.clone()
            })
        });
    }

    pub fn damaged(&self, fault: Fault) -> VaultError {
        self.file.damaged(fault)
    }

    /// The moment that is written beside an entry.
    pub fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    /// Why nothing of `snapshot`, which isn't open, can be had.
    pub fn shut(&self, snapshot: &Snapshot) -> VaultError {
        match snapshot.why_locked() {
            Some(why) => VaultError::Locked(why),
            None => self.absent(),
        }
    }

    pub fn absent(&self) -> VaultError {
        VaultError::Absent {
            path: self.file.path().to_owned(),
        }
    }

    pub fn turn(&self) -> MutexGuard<'_, ()> {
        // A panic of another writer left the file whole and the snapshot as it was.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps other writers out of a file that must still be `loaded`.
    pub fn exclusively(&self, loaded: &Loaded) -> Result<Exclusive<'_>, VaultError> {
        let exclusive = self.file.exclusive()?;
        if exclusive.read()?.as_deref().map(Digest::of) != Some(loaded.digest) {
            return Err(VaultError::Changed {
                path: self.file.path().to_owned(),
            });
        }
        Ok(exclusive)
    }

    /// Counts the write and makes the MAC: the keystore and its file's bytes.
    pub fn finished(
        &self,
        mut keystore: Keystore,
        vault_key: &Key,
    ) -> Result<(Loaded, Vec<u8>), VaultError> {
        let newest = self.snapshot.load().newest;
        let written = keystore.generation.max(newest).checked_add(1);
        keystore.generation = written.ok_or(VaultError::NoGeneration)?;
        keystore.sign(vault_key);
        let bytes = keystore.render();
        if bytes.len() > MAX_BYTES {
            return Err(VaultError::Full);
        }
        let digest = Digest::of(&bytes);
        Ok((Loaded { keystore, digest }, bytes))
    }

    /// How many rotations there have been since axisd started.
    pub fn rotations(&self) -> u64 {
        self.rotations.load(Ordering::SeqCst)
    }

    /// The rounds of key derivation that are written.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }
}
