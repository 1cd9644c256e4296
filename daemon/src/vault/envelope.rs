//! The cryptography of the keystore: master password → root key → vault key →
//! one key for every sealed box and one for the file's MAC.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::hex_text::{Hex, HexText};
use super::secret::Key;

/// Bytes of a salt.
pub(super) const SALT_BYTES: usize = 32;
/// Bytes of an AES-GCM nonce.
pub(super) const IV_BYTES: usize = 12;
/// Bytes of an AES-GCM tag.
pub(super) const TAG_BYTES: usize = 16;

/// What a derived key is for: HKDF's `info`, so that no key serves two ends.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    VaultKey,
    Entry,
    Mac,
}

/// An authenticated ciphertext with the salt its key was derived with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SealedBox {
    pub salt: Hex<SALT_BYTES>,
    pub iv: Hex<IV_BYTES>,
    pub ciphertext: HexText,
    pub tag: Hex<TAG_BYTES>,
}

/// What a box is bound to beside its plaintext: items, each preceded by its
/// length in four bytes, big-endian.
pub(super) struct BoundTo(Vec<u8>);

/// The tag doesn't fit: wrong key, or something was changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Forged;

/// More than ciphers and hashes take of the stack.
const STACK_BYTES: usize = 128 * 1024;

/// Does `work` with keys, and wipes the stack that it took: ciphers and hashes
/// move their keys about there, and a thread's stack outlives the vault's lock.
pub(super) fn with_keys<T>(work: impl FnOnce() -> T) -> T {
    #[inline(never)]
    fn deeper<T>(work: impl FnOnce() -> T) -> T {
        work()
    }
    #[inline(never)]
    #[expect(clippy::large_stack_arrays, reason = "the stack is what is wiped")]
    fn wipe() {
        // seen by nobody, it would not be written; one by one it takes too long
        std::hint::black_box(&mut [0_u8; STACK_BYTES]);
    }
    let done = deeper(work);
    wipe();
    done
}

/// PBKDF2-HMAC-SHA-512 of the master password.
pub(super) fn root_key(
    password: &SecretString,
    salt: &[u8; SALT_BYTES],
    iterations: u32,
) -> Zeroizing<[u8; 32]> {
    let mut root = Zeroizing::new([0; 32]);
    stretch(
        password.expose_secret().as_bytes(),
        salt,
        iterations,
        root.as_mut(),
    );
    root
}

#[expect(clippy::expect_used, reason = "a keystore's rounds are checked before")]
fn stretch(password: &[u8], salt: &[u8], iterations: u32, out: &mut [u8]) {
    let params = pbkdf2::Params::new(iterations).expect("no fewer than 1000 rounds");
    let algorithm = pbkdf2::Algorithm::Pbkdf2Sha512;
    pbkdf2::pbkdf2_hmac_with_params(password, salt, algorithm, params, out);
}

/// HKDF-SHA-256 of `root`.
#[expect(clippy::expect_used, reason = "HKDF-SHA-256 gives up to 8160 bytes")]
fn subkey(root: &[u8; 32], salt: &[u8], purpose: Purpose) -> Zeroizing<[u8; 32]> {
    let info: &[u8] = match purpose {
        Purpose::VaultKey => b"axis keystore v2 vault key",
        Purpose::Entry => b"axis keystore v2 entry",
        Purpose::Mac => b"axis keystore v2 mac",
    };
    let mut key = Zeroizing::new([0; 32]);
    let (mut extracted, hkdf) = Hkdf::<Sha256>::extract(Some(salt), root);
    hkdf.expand(info, key.as_mut())
        .expect("32 bytes are not too many for HKDF");
    extracted.as_mut_slice().zeroize();
    key
}

/// HMAC-SHA-256 of `message` under the MAC key of `vault_key`.
pub(super) fn mac(vault_key: &Key, message: &[u8]) -> [u8; 32] {
    keyed(vault_key, message).finalize().into_bytes().into()
}

/// Whether `tag` is the MAC of `message`, compared in constant time.
pub(super) fn mac_fits(vault_key: &Key, message: &[u8], tag: &[u8; 32]) -> bool {
    keyed(vault_key, message).verify_slice(tag).is_ok()
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn keyed(vault_key: &Key, message: &[u8]) -> Hmac<Sha256> {
    let key = subkey(vault_key.expose(), b"", Purpose::Mac);
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_ref()).expect("HMAC takes any key");
    mac.update(message);
    mac
}

impl BoundTo {
    /// Starts with the words that tell one kind of box from another.
    pub fn new(kind: &str) -> Self {
        Self(Vec::new()).bytes(kind.as_bytes())
    }

    /// Adds bytes; an absent item is an empty one.
    pub fn bytes(mut self, item: &[u8]) -> Self {
        // No item nears 4 GiB: a keystore has at most 16 MiB.
        let length = u32::try_from(item.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(item);
        self
    }

    /// Adds a number as eight bytes, big-endian.
    pub fn number(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }
}

impl SealedBox {
    /// Seals under a salt and an IV that were never used before.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn seal(
        root: &[u8; 32],
        purpose: Purpose,
        bound_to: &BoundTo,
        mut plaintext: Zeroizing<Vec<u8>>,
    ) -> Result<Self, getrandom::Error> {
        let mut salt = [0; SALT_BYTES];
        let mut iv = [0; IV_BYTES];
        getrandom::fill(&mut salt)?;
        getrandom::fill(&mut iv)?;
        let key = subkey(root, &salt, purpose);
        let tag = encrypt(&key, &iv, &bound_to.0, &mut plaintext);
        Ok(Self {
            salt: Hex(salt),
            iv: Hex(iv),
            ciphertext: HexText(std::mem::take(&mut *plaintext)),
            tag: Hex(tag),
        })
    }

    /// Opens it, if key, purpose and everything it is bound to are those it
    /// was sealed with.
    pub fn open(
        &self,
        root: &[u8; 32],
        purpose: Purpose,
        bound_to: &BoundTo,
    ) -> Result<Zeroizing<Vec<u8>>, Forged> {
        let key = subkey(root, &self.salt.0, purpose);
        let mut buffer = Zeroizing::new(self.ciphertext.0.clone());
        decrypt(&key, &self.iv.0, &bound_to.0, &mut buffer, &self.tag.0)?;
        Ok(buffer)
    }
}

/// AES-256-GCM in place.
#[expect(clippy::expect_used, reason = "AES-GCM takes up to 64 GiB")]
fn encrypt(
    key: &[u8; 32],
    iv: &[u8; IV_BYTES],
    bound_to: &[u8],
    buffer: &mut [u8],
) -> [u8; TAG_BYTES] {
    Aes256Gcm::new(key.into())
        .encrypt_inout_detached(iv.into(), bound_to, InOutBuf::from(buffer))
        .expect("a keystore entry is far below 64 GiB")
        .into()
}

/// AES-256-GCM in place; `buffer` is untouched when the tag doesn't fit.
fn decrypt(
    key: &[u8; 32],
    iv: &[u8; IV_BYTES],
    bound_to: &[u8],
    buffer: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Forged> {
    Aes256Gcm::new(key.into())
        .decrypt_inout_detached(iv.into(), bound_to, InOutBuf::from(buffer), tag.into())
        .map_err(|_| Forged)
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
