//! axis-asv's keystore, version 1: each entry has a key of its own, derived
//! from the password with 210,000 rounds of PBKDF2-HMAC-SHA-512, and is sealed
//! with AES-256-GCM. Nothing binds an entry to its name.

use std::path::Path;

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{ImportError, Skipped, file};

/// The rounds of its key derivation; the file doesn't name them.
const ITERATIONS: u32 = 210_000;
/// Bytes of a salt.
const SALT_BYTES: usize = 32;
/// Bytes of an AES-GCM nonce.
const IV_BYTES: usize = 12;
/// Bytes of an AES-GCM tag.
const TAG_BYTES: usize = 16;
/// The longest secret, in bytes.
const MAX_SECRET_BYTES: usize = 64 * 1024;
/// The largest file that is read, in bytes.
const MAX_BYTES: usize = 4 << 20;
/// The most entries: each costs a derivation.
const MAX_ENTRIES: usize = 500;
/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// A keystore whose entries are still sealed.
pub struct KeystoreV1 {
    /// Those that can be opened.
    pub entries: Vec<SealedEntry>,
    /// Those that can't be, whatever the password is.
    pub faults: Vec<Skipped>,
}

/// One entry.
#[derive(Clone)]
pub struct SealedEntry {
    /// Its name, which is that of a service.
    pub name: String,
    salt: [u8; SALT_BYTES],
    iv: [u8; IV_BYTES],
    ciphertext: Vec<u8>,
    tag: [u8; TAG_BYTES],
}

/// Why an entry doesn't open.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Sealed {
    /// Another password, or something was changed.
    #[error("it doesn't open with this password: it is sealed with another one, or damaged")]
    Closed,
    /// What was in it is no text.
    #[error("it opened, but holds no text")]
    NotText,
}

#[derive(Deserialize)]
struct Document {
    version: Option<Value>,
    entries: Option<Map<String, Value>>,
}

/// Reads the keystore at `path`.
///
/// # Errors
/// It is none, or of a version that isn't known. One bad entry is a fault of
/// that entry alone.
pub fn read(path: &Path) -> Result<KeystoreV1, ImportError> {
    let text = file::text(path, MAX_BYTES)?;
    parse(&text).map_err(|problem| ImportError::malformed(path, problem))
}

fn parse(text: &str) -> Result<KeystoreV1, String> {
    let document: Document = serde_json::from_str(text).map_err(|error| {
        // the words of the error may repeat what stands there
        let (line, column) = (error.line(), error.column());
        format!("it is no keystore of axis-asv (line {line}, column {column})")
    })?;
    match document.version {
        Some(Value::Number(version)) if version.as_u64() == Some(1) => {}
        Some(Value::Number(version)) if version.as_u64() == Some(2) => {
            return Err("it is a keystore of Axis itself (version 2): put it where \
                 `axis doctor` says that the keystore is, then run `axis unlock`"
                .into());
        }
        Some(Value::Number(version)) => {
            return Err(format!("its version is {version}, and only 1 is known"));
        }
        _ => return Err("it has no version: it is no keystore of axis-asv".into()),
    }
    let entries = document
        .entries
        .ok_or("it has no entries: it is no keystore of axis-asv")?;
    if entries.len() > MAX_ENTRIES {
        return Err(format!(
            "it has {} entries, and at most {MAX_ENTRIES} are read",
            entries.len()
        ));
    }
    let mut keystore = KeystoreV1 {
        entries: Vec::new(),
        faults: Vec::new(),
    };
    for (name, value) in &entries {
        match entry(name, value) {
            Ok(entry) => keystore.entries.push(entry),
            Err(why) => keystore.faults.push(Skipped {
                variable: name.chars().take(MAX_NAME_BYTES).collect(),
                why,
            }),
        }
    }
    Ok(keystore)
}

fn entry(name: &str, value: &Value) -> Result<SealedEntry, String> {
    let is_inner = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-'
    };
    let is_name = name.len() <= MAX_NAME_BYTES
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.bytes().all(is_inner);
    if !is_name {
        return Err("axis-asv makes no such name".into());
    }
    let said = value.pointer("/metadata/service").and_then(Value::as_str);
    if let Some(said) = said
        && said != name
    {
        return Err(format!(
            "it says that it belongs to {said:?}: somebody has put it in this one's place"
        ));
    }
    let ciphertext = bytes(value, "ciphertext")?;
    if ciphertext.is_empty() {
        return Err("its ciphertext is empty".into());
    }
    if ciphertext.len() > MAX_SECRET_BYTES {
        return Err(format!(
            "its ciphertext is longer than {MAX_SECRET_BYTES} bytes"
        ));
    }
    Ok(SealedEntry {
        name: name.to_owned(),
        salt: exactly(value, "salt")?,
        iv: exactly(value, "iv")?,
        ciphertext,
        tag: exactly(value, "tag")?,
    })
}

fn bytes(entry: &Value, field: &str) -> Result<Vec<u8>, String> {
    let text = match entry.get(field) {
        None => return Err(format!("it has no {field}")),
        Some(Value::String(text)) => text,
        Some(_) => return Err(format!("its {field} is no text")),
    };
    hex::decode(text).map_err(|_| format!("its {field} is not in hex"))
}

fn exactly<const N: usize>(entry: &Value, field: &str) -> Result<[u8; N], String> {
    let bytes = bytes(entry, field)?;
    let length = bytes.len();
    bytes
        .try_into()
        .map_err(|_| format!("its {field} has {length} bytes instead of {N}"))
}

impl SealedEntry {
    /// Opens it: one key derivation, so it takes its time.
    ///
    /// # Errors
    /// [`Sealed`].
    pub fn open(&self, password: &SecretString) -> Result<SecretString, Sealed> {
        let mut key = Zeroizing::new([0_u8; 32]);
        let params = pbkdf2::Params::new(ITERATIONS).map_err(|_| Sealed::Closed)?;
        pbkdf2::pbkdf2_hmac_with_params(
            password.expose_secret().as_bytes(),
            &self.salt,
            pbkdf2::Algorithm::Pbkdf2Sha512,
            params,
            key.as_mut(),
        );
        let mut buffer = Zeroizing::new(self.ciphertext.clone());
        Aes256Gcm::new((&*key).into())
            .decrypt_inout_detached(
                (&self.iv).into(),
                b"",
                InOutBuf::from(buffer.as_mut_slice()),
                (&self.tag).into(),
            )
            .map_err(|_| Sealed::Closed)?;
        let text = std::str::from_utf8(&buffer).map_err(|_| Sealed::NotText)?;
        Ok(SecretString::from(text))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn whole(entries: &Value) -> String {
        json!({ "version": 1, "entries": entries }).to_string()
    }

    fn sealed(change: impl FnOnce(&mut Value)) -> Value {
        let mut entry = json!({
            "salt": "00".repeat(32),
            "iv": "00".repeat(12),
            "ciphertext": "00",
            "tag": "00".repeat(16),
            "metadata": { "service": "github" },
        });
        change(&mut entry);
        entry
    }

    #[test]
    fn one_bad_entry_loses_no_other_and_says_what_is_wrong() {
        for (change, why) in [
            (json!({ "tag": null }), "its tag is no text"),
            (json!({ "tag": "00" }), "its tag has 1 bytes instead of 16"),
            (json!({ "salt": "0g" }), "its salt is not in hex"),
            (json!({ "iv": "000" }), "its iv is not in hex"),
            (json!({ "ciphertext": "" }), "its ciphertext is empty"),
            (
                json!({ "metadata": { "service": "stripe" } }),
                "it says that it belongs to \"stripe\": somebody has put it in this one's place",
            ),
        ] {
            let bad = sealed(|entry| {
                for (field, value) in change.as_object().unwrap() {
                    entry[field] = value.clone();
                }
            });
            let good = sealed(|entry| entry["metadata"]["service"] = "openai".into());
            let keystore = parse(&whole(&json!({ "github": bad, "openai": good }))).unwrap();
            assert_eq!(keystore.entries.len(), 1);
            assert_eq!(keystore.faults[0].why, why);
        }
        let missing = sealed(|entry| {
            entry.as_object_mut().unwrap().remove("tag");
        });
        let keystore = parse(&whole(&json!({ "github": missing }))).unwrap();
        assert_eq!(keystore.faults[0].why, "it has no tag");
        let long = sealed(|entry| entry["ciphertext"] = "00".repeat(MAX_SECRET_BYTES + 1).into());
        let keystore = parse(&whole(&json!({ "github": long }))).unwrap();
        assert!(keystore.faults[0].why.contains("longer than"));
    }

    #[test]
    fn names_that_axis_asv_does_not_make_are_refused() {
        for name in [
            "",
            "__proto__",
            "a.b",
            "../x",
            "A",
            "é",
            "-a",
            &"a".repeat(65),
        ] {
            let entry = sealed(|entry| entry["metadata"] = json!({}));
            let keystore = parse(&whole(&json!({ name: entry }))).unwrap();
            assert!(keystore.entries.is_empty(), "{name}");
            assert_eq!(keystore.faults.len(), 1, "{name}");
        }
    }

    #[test]
    fn what_is_no_keystore_of_version_1_is_told_apart() {
        for (text, said) in [
            ("", "no keystore of axis-asv (line 1, column 0)"),
            ("[]", "no keystore of axis-asv"),
            ("{}", "it has no version"),
            (r#"{"version": "1"}"#, "it has no version"),
            (r#"{"version": 2}"#, "a keystore of Axis itself"),
            (r#"{"version": 3}"#, "its version is 3"),
            (r#"{"version": 1}"#, "it has no entries"),
            (r#"{"version": 1, "entries": []}"#, "no keystore"),
        ] {
            let error = parse(text).err().unwrap();
            assert!(error.contains(said), "{text}: {error}");
        }
        let deep = format!("{{\"version\": 1, \"entries\": {}", "[".repeat(100_000));
        assert!(parse(&deep).is_err());
        let entries: Map<_, _> = (0..=MAX_ENTRIES)
            .map(|n| (format!("e{n}"), json!({})))
            .collect();
        assert!(
            parse(&whole(&entries.into()))
                .err()
                .unwrap()
                .contains("501 entries")
        );
    }

    #[test]
    fn an_error_repeats_nothing_of_the_file() {
        let error = parse(r#"{"version": 1, "entries": "sk-SECRET"}"#)
            .err()
            .unwrap();
        assert!(!error.contains("SECRET"), "{error}");
    }
}
