//! All keys that follow from a keystore and its password, made as
//! docs/keystore.md says.

use std::fs;

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use axis_tests::Home;
use hkdf::Hkdf;
use serde_json::Value;
use sha2::Sha256;

use super::scan::Wanted;

const ALGORITHM: &str = "PBKDF2-HMAC-SHA-512";
const ROUNDS: u32 = 210_000;
const CIPHER: &str = "AES-256-GCM";

/// Adds the keys of the home's keystore to what is wanted.
pub(crate) fn wanted_keys(mut wanted: Wanted, home: &Home, password: &str) -> Wanted {
    let bytes = fs::read(home.file("keystore.json")).unwrap();
    let keystore: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(keystore["kdf"]["iterations"], ROUNDS);
    let salt = field(&keystore["kdf"], "salt");
    let params = pbkdf2::Params::new(ROUNDS).unwrap();
    let mut root = [0; 32];
    let algorithm = pbkdf2::Algorithm::Pbkdf2Sha512;
    pbkdf2::pbkdf2_hmac_with_params(password.as_bytes(), &salt, algorithm, params, &mut root);

    let bound_to = [item(b"axis keystore vault key"), head(), item(&salt)];
    let sealed = &keystore["vault_key"];
    let box_key = subkey(&root, &field(sealed, "salt"), b"axis keystore v2 vault key");
    let vault_key = opened(sealed, &box_key, &bound_to.concat());
    let mac_key = subkey(&vault_key, b"", b"axis keystore v2 mac");
    wanted = wanted
        .bytes("the root key", &root)
        .bytes("the key of the vault key's box", &box_key)
        .bytes("the vault key", &vault_key)
        .bytes("the keystore's MAC key", &mac_key);
    for (name, entry) in keystore["entries"].as_object().unwrap() {
        let key = subkey(&vault_key, &field(entry, "salt"), b"axis keystore v2 entry");
        wanted = wanted.bytes(&format!("the key of {name}'s box"), &key);
        if name == ".audit-key" {
            let metadata = &entry["metadata"];
            let text = |name: &str| item(metadata[name].as_str().unwrap_or_default().as_bytes());
            let bound_to = [
                item(b"axis keystore entry"),
                head(),
                item(name.as_bytes()),
                text("service"),
                text("label"),
                text("created_at"),
                text("updated_at"),
            ];
            let plaintext = opened(entry, &key, &bound_to.concat());
            let plaintext: Value = serde_json::from_slice(&plaintext).unwrap();
            wanted = wanted.bytes("the audit log's key", &field(&plaintext, "secret"));
        }
    }
    wanted
}

fn head() -> Vec<u8> {
    let number = |number: u64| item(&number.to_be_bytes());
    [
        number(2),
        item(ALGORITHM.as_bytes()),
        number(ROUNDS.into()),
        item(CIPHER.as_bytes()),
    ]
    .concat()
}

fn item(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes(), bytes].concat()
}

fn field(of: &Value, name: &str) -> Vec<u8> {
    hex::decode(of[name].as_str().unwrap()).unwrap()
}

fn subkey(root: &[u8], salt: &[u8], info: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let derived = Hkdf::<Sha256>::new(Some(salt), root);
    derived.expand(info, &mut key).unwrap();
    key
}

fn opened(sealed: &Value, key: &[u8; 32], bound_to: &[u8]) -> Vec<u8> {
    let mut buffer = field(sealed, "ciphertext");
    let iv: [u8; 12] = field(sealed, "iv").try_into().unwrap();
    let tag: [u8; 16] = field(sealed, "tag").try_into().unwrap();
    Aes256Gcm::new(key.into())
        .decrypt_inout_detached(
            (&iv).into(),
            bound_to,
            InOutBuf::from(buffer.as_mut_slice()),
            (&tag).into(),
        )
        .unwrap();
    buffer
}
