//! The keystore's beginning, and its opening.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use secrecy::SecretString;

use super::Writer;
use crate::vault::entry::EntryName;
use crate::vault::keystore::{AUDIT_KEY, Keystore};
use crate::vault::secret::Key;
use crate::vault::state::{KnownGeneration, Loaded, MOST_AHEAD, Opened, Snapshot, WhyLocked};
use crate::vault::{VaultError, contents};

impl Writer {
    pub fn init(&self, password: &SecretString) -> Result<u64, VaultError> {
        let _turn = self.turn();
        let exists = || VaultError::KeystoreExists {
            path: self.file.path().to_owned(),
        };
        if self.file.read()?.is_some() {
            self.look_again();
            return Err(exists());
        }
        self.file.prepare_directory()?;
        let exclusive = self.file.exclusive()?;
        let (mut keystore, vault_key) = Keystore::create(password, self.iterations)?;
        let audit_key = Key::random()?;
        keystore.put(
            &vault_key,
            &EntryName::Reserved(AUDIT_KEY),
            contents::plaintext(audit_key.expose(), &[], None, None),
            self.clock.wall(),
        )?;
        let (loaded, bytes) = self.finished(keystore, &vault_key)?;
        exclusive.create(&bytes)?;
        let generation = loaded.keystore.generation;
        let next = Snapshot {
            loaded: Some(Arc::new(loaded)),
            opened: Some(Arc::new(Opened {
                credentials: HashMap::new(),
                replaced: HashMap::new(),
                audit_key: Arc::new(audit_key),
                reserved: HashMap::new(),
                vault_key: Arc::new(vault_key),
            })),
            trouble: None,
            locked_by_owner: false,
            newest: generation,
        };
        self.snapshot.store(Arc::new(next));
        Ok(generation)
    }

    pub fn unlock(
        &self,
        password: &SecretString,
        known: KnownGeneration,
        accept_older: bool,
        locks: u64,
    ) -> Result<usize, VaultError> {
        let _turn = self.turn();
        let loaded = match Loaded::read(&self.file, self.iterations) {
            Ok(Some(loaded)) => loaded,
            Ok(None) => {
                self.look_again();
                return Err(self.absent());
            }
            Err(error) => {
                self.look_again();
                return Err(error);
            }
        };
        let vault_key = loaded
            .keystore
            .unseal(password)
            .map_err(|_| VaultError::WrongPassword)?;
        let before = self.snapshot.load();
        if let Some(opened) = &before.opened
            && before
                .loaded
                .as_ref()
                .is_some_and(|l| l.digest == loaded.digest)
        {
            return Ok(opened.credentials.len());
        }
        let opened = match Opened::verified(&loaded.keystore, &vault_key) {
            Ok(opened) => Arc::new(opened),
            Err(fault) => {
                let error = self.damaged(fault);
                self.distrust(loaded, WhyLocked::Damaged(error.to_string()));
                return Err(error);
            }
        };
        let generation = loaded.keystore.generation;
        let doubt = known.doubt(generation, before.newest);
        if let Some(doubt) = doubt.filter(|_| !accept_older) {
            self.distrust(loaded, doubt.clone());
            return Err(VaultError::Locked(doubt));
        }
        let loaded = Arc::new(loaded);
        let on_record = match known {
            KnownGeneration::At(known) => known,
            KnownGeneration::NoLog | KnownGeneration::Empty => 0,
        };
        self.snapshot.rcu(|now| {
            if self.locks.load(Ordering::SeqCst) != locks {
                return Arc::clone(now);
            }
            Arc::new(Snapshot {
                loaded: Some(Arc::clone(&loaded)),
                opened: Some(Arc::clone(&opened)),
                trouble: None,
                locked_by_owner: false,
                // where the owner accepts an older one: what is written next
                // has a number that no copy has, however high the log's is
                newest: now
                    .newest
                    .max(on_record)
                    .clamp(generation, generation.saturating_add(MOST_AHEAD)),
            })
        });
        if self.locks.load(Ordering::SeqCst) != locks {
            return Err(VaultError::LockedMeanwhile);
        }
        self.file.tidy();
        Ok(opened.credentials.len())
    }
}
