//! The keystore file's form, version 2: JSON to types and back, what each part
//! is bound to, and whether a file is what the vault wrote. No disk here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::entry::{self, Entry, EntryName, Metadata, Millis};
use super::envelope::{self, BoundTo, Forged, Purpose, SALT_BYTES, SealedBox, with_keys};
use super::fault::Fault;
use super::hex_text::Hex;
use super::secret::Key;
use crate::names::CredentialName;

/// The version this room reads and writes.
const VERSION: u64 = 2;
/// Rounds of PBKDF2 that are written.
pub(super) const ITERATIONS: u32 = 210_000;
/// More rounds than this would make an unlock hang for seconds.
const MAX_ITERATIONS: u32 = 10_000_000;
/// The entry with the audit log's MAC key.
pub(super) const AUDIT_KEY: &str = ".audit-key";

/// A parsed keystore file; nothing of it has been opened.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keystore {
    version: u64,
    /// Counts writes.
    pub generation: u64,
    kdf: Kdf,
    cipher: Cipher,
    vault_key: SealedBox,
    #[serde(deserialize_with = "entry::by_name")]
    pub entries: BTreeMap<String, Entry>,
    mac: Hex<32>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    algorithm: Algorithm,
    iterations: u32,
    salt: Hex<SALT_BYTES>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Algorithm {
    #[serde(rename = "PBKDF2-HMAC-SHA-512")]
    Pbkdf2HmacSha512,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Cipher {
    #[serde(rename = "AES-256-GCM")]
    Aes256Gcm,
}

impl Keystore {
    /// Makes a keystore with a new vault key under `password`, and no entries.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn create(
        password: &SecretString,
        iterations: u32,
    ) -> Result<(Self, Key), getrandom::Error> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt)?;
        let kdf = Kdf {
            algorithm: Algorithm::Pbkdf2HmacSha512,
            iterations,
            salt: Hex(salt),
        };
        let cipher = Cipher::Aes256Gcm;
        let vault_key = Key::random()?;
        let sealed = with_keys(|| {
            let root = envelope::root_key(password, &salt, iterations);
            let plaintext = Zeroizing::new(vault_key.expose().to_vec());
            let bound_to = kdf.vault_key_bound_to(cipher);
            SealedBox::seal(&root, Purpose::VaultKey, &bound_to, plaintext)
        })?;
        let keystore = Self {
            version: VERSION,
            generation: 0,
            kdf,
            cipher,
            vault_key: sealed,
            entries: BTreeMap::new(),
            mac: Hex([0; 32]),
        };
        Ok((keystore, vault_key))
    }

    /// Reads a file's bytes. What needs no password to be seen is checked:
    /// form, version, parameters, and that names and metadata agree.
    pub fn parse(bytes: &[u8], min_iterations: u32) -> Result<Self, Fault> {
        if bytes.trim_ascii().is_empty() {
            return Err(Fault::Empty);
        }
        let probe: Probe = serde_json::from_slice(bytes).map_err(|error| Fault::of_json(&error))?;
        match probe.version.as_ref().map(serde_json::Number::as_u64) {
            Some(Some(VERSION)) => {}
            Some(Some(1)) => return Err(Fault::Version1),
            Some(Some(version)) if version > VERSION => return Err(Fault::Future { version }),
            Some(_) => return Err(Fault::UnknownVersion),
            None => return Err(Fault::NoVersion),
        }
        let keystore: Self =
            serde_json::from_slice(bytes).map_err(|error| Fault::of_json(&error))?;
        let iterations = keystore.kdf.iterations;
        if iterations < min_iterations {
            return Err(Fault::Weakened { iterations });
        }
        if iterations > MAX_ITERATIONS {
            return Err(Fault::Excessive { iterations });
        }
        for (name, entry) in &keystore.entries {
            entry.metadata.check_name(name)?;
        }
        if !keystore.entries.contains_key(AUDIT_KEY) {
            return Err(Fault::Malformed {
                reason: format!("the entry {AUDIT_KEY:?} is missing"),
            });
        }
        Ok(keystore)
    }

    /// The file's bytes.
    #[expect(clippy::expect_used, reason = "text and numbers, written to memory")]
    pub fn render(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a keystore is plain JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Opens the vault key; one key derivation.
    ///
    /// # Errors
    /// The password is wrong, or what the vault key is sealed under was edited.
    pub fn unseal(&self, password: &SecretString) -> Result<Key, Forged> {
        with_keys(|| {
            let root = envelope::root_key(password, &self.kdf.salt.0, self.kdf.iterations);
            let bound_to = self.kdf.vault_key_bound_to(self.cipher);
            let opened = self.vault_key.open(&root, Purpose::VaultKey, &bound_to)?;
            opened.first_chunk().map(Key::copy_of).ok_or(Forged)
        })
    }

    /// Whether the file is what the vault wrote; if not, which entries aren't.
    pub fn verify(&self, vault_key: &Key) -> Result<(), Fault> {
        let message = self.under_mac();
        if with_keys(|| envelope::mac_fits(vault_key, &message, &self.mac.0)) {
            return Ok(());
        }
        let names: Vec<String> = self
            .entries
            .keys()
            .filter(|name| self.open(vault_key, name).is_err())
            .cloned()
            .collect();
        Err(if names.is_empty() {
            Fault::Edited
        } else {
            Fault::EntriesEdited { names }
        })
    }

    /// Opens one entry.
    pub fn open(&self, vault_key: &Key, name: &str) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let edited = || Fault::EntriesEdited {
            names: vec![name.to_owned()],
        };
        let entry = self.entries.get(name).ok_or_else(edited)?;
        let bound_to = self.entry_bound_to(name, &entry.metadata);
        let sealed = entry.sealed();
        with_keys(|| sealed.open(vault_key.expose(), Purpose::Entry, &bound_to))
            .map_err(|Forged| edited())
    }

    /// Seals an entry, in place of one of that name if there is one.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn put(
        &mut self,
        vault_key: &Key,
        name: &EntryName,
        plaintext: Zeroizing<Vec<u8>>,
        now: Timestamp,
    ) -> Result<(), getrandom::Error> {
        let text = name.to_string();
        let now = Millis::of(now);
        let created_at = match self.entries.get(&text) {
            Some(before) => before.metadata.created_at,
            None => now,
        };
        let metadata = Metadata::of(name, created_at, now);
        self.seal(vault_key, text, metadata, plaintext)
    }

    /// Seals an entry that was begun at another time.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn seal(
        &mut self,
        vault_key: &Key,
        name: String,
        metadata: Metadata,
        plaintext: Zeroizing<Vec<u8>>,
    ) -> Result<(), getrandom::Error> {
        let bound_to = self.entry_bound_to(&name, &metadata);
        let sealed = with_keys(|| {
            SealedBox::seal(vault_key.expose(), Purpose::Entry, &bound_to, plaintext)
        })?;
        self.entries.insert(name, Entry::new(sealed, metadata));
        Ok(())
    }

    /// The same entries, all of them, under a new vault key that `password`
    /// opens; and that key.
    ///
    /// # Errors
    /// An entry doesn't open, or the system has no randomness to give.
    pub fn resealed(
        &self,
        vault_key: &Key,
        password: &SecretString,
        iterations: u32,
    ) -> Result<(Self, Key), Unsealable> {
        let (mut next, next_key) = Self::create(password, iterations)?;
        next.generation = self.generation;
        for (name, entry) in &self.entries {
            let plaintext = self.open(vault_key, name)?;
            let metadata = entry.metadata.clone();
            next.seal(&next_key, name.clone(), metadata, plaintext)?;
        }
        Ok((next, next_key))
    }

    /// Makes the MAC anew; the last step before a file is written.
    pub fn sign(&mut self, vault_key: &Key) {
        let message = self.under_mac();
        self.mac = Hex(with_keys(|| envelope::mac(vault_key, &message)));
    }

    /// The credentials' names and metadata, in the order of the names.
    pub fn credentials(&self) -> impl Iterator<Item = (CredentialName, &Metadata)> {
        self.entries.values().filter_map(|entry| {
            let name = entry.metadata.credential_name()?.ok()?;
            Some((name, &entry.metadata))
        })
    }

    /// Compact JSON of everything but the MAC, in the order of the types.
    #[expect(clippy::expect_used, reason = "text and numbers, written to memory")]
    fn under_mac(&self) -> Vec<u8> {
        serde_json::to_vec(&UnderMac {
            version: self.version,
            generation: self.generation,
            kdf: &self.kdf,
            cipher: self.cipher,
            vault_key: &self.vault_key,
            entries: &self.entries,
        })
        .expect("a keystore is plain JSON")
    }

    fn entry_bound_to(&self, name: &str, metadata: &Metadata) -> BoundTo {
        self.kdf
            .bound_to("axis keystore entry", self.cipher)
            .bytes(name.as_bytes())
            .bytes(metadata.service.as_deref().unwrap_or_default().as_bytes())
            .bytes(metadata.label.as_deref().unwrap_or_default().as_bytes())
            .bytes(metadata.created_at.to_string().as_bytes())
            .bytes(metadata.updated_at.to_string().as_bytes())
    }
}

/// Why a keystore couldn't be sealed anew.
pub(super) enum Unsealable {
    /// An entry isn't what it should be.
    Fault(Fault),
    /// The system has no randomness to give.
    NoRandomness(getrandom::Error),
}

impl From<Fault> for Unsealable {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<getrandom::Error> for Unsealable {
    fn from(error: getrandom::Error) -> Self {
        Self::NoRandomness(error)
    }
}

/// The first look at a file: which version, whatever else it holds.
#[derive(Deserialize)]
struct Probe {
    version: Option<serde_json::Number>,
}

#[derive(Serialize)]
struct UnderMac<'a> {
    version: u64,
    generation: u64,
    kdf: &'a Kdf,
    cipher: Cipher,
    vault_key: &'a SealedBox,
    entries: &'a BTreeMap<String, Entry>,
}

impl Kdf {
    fn bound_to(&self, kind: &str, cipher: Cipher) -> BoundTo {
        let Algorithm::Pbkdf2HmacSha512 = self.algorithm;
        let Cipher::Aes256Gcm = cipher;
        BoundTo::new(kind)
            .number(VERSION)
            .bytes(b"PBKDF2-HMAC-SHA-512")
            .number(u64::from(self.iterations))
            .bytes(b"AES-256-GCM")
    }

    fn vault_key_bound_to(&self, cipher: Cipher) -> BoundTo {
        self.bound_to("axis keystore vault key", cipher)
            .bytes(&self.salt.0)
    }
}
