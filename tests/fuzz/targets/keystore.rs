//! A keystore's bytes, opened with the key that fits them.
//!
//! - Any bytes are a keystore or get a word on what is wrong with them.
//! - What opens says what the vault wrote: no byte of it that means anything can
//!   be changed.

use std::sync::LazyLock;

use axisd::vault::inspection::{self, Key};
use secrecy::SecretString;
use serde_json::Value;

/// What a vault wrote: credentials with and without a label, a replaced one, a
/// sealed policy and an identity's socket.
static WRITTEN: &[u8] = include_bytes!("keystore.json");

/// One key derivation for all that follows.
static VAULT_KEY: LazyLock<Key> = LazyLock::new(|| {
    let password = SecretString::from("correct horse battery staple");
    inspection::unseal(WRITTEN, &password).expect("the password fits")
});

/// Bytes: the file.
pub fn run(data: &[u8]) {
    match inspection::open(data, &VAULT_KEY) {
        Ok(_) => assert_eq!(meaning(data), meaning(WRITTEN), "it was changed and opens"),
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
}

/// Without the case of hex digits.
fn meaning(bytes: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(bytes).ok()?.to_ascii_lowercase();
    serde_json::from_str(&text).ok()
}
