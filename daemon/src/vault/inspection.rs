//! What an unlock makes of a keystore's bytes, without a file, a daemon or a
//! key derivation for each: for whoever hands it bytes that no vault wrote.

use secrecy::SecretString;

use super::fault::Fault;
use super::keystore::{ITERATIONS, Keystore};
pub use super::secret::Key;
use super::state::Opened;

/// The vault key in `bytes`, which `password` opens; one key derivation.
///
/// # Errors
/// [`Fault`]: also where the password is wrong.
pub fn unseal(bytes: &[u8], password: &SecretString) -> Result<Key, Fault> {
    let keystore = Keystore::parse(bytes, ITERATIONS)?;
    keystore.unseal(password).map_err(|_| Fault::Edited)
}

/// Reads `bytes`, checks that the vault wrote them, and opens all that is in
/// them, as [`super::Vault::unlock`] does. The number of credentials.
///
/// # Errors
/// The first [`Fault`].
pub fn open(bytes: &[u8], vault_key: &Key) -> Result<usize, Fault> {
    let keystore = Keystore::parse(bytes, ITERATIONS)?;
    Ok(Opened::verified(&keystore, vault_key)?.credentials.len())
}
