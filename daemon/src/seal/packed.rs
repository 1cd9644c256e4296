//! The one text that the vault keeps of all files: JSON, compressed, in base64.

use std::io::{Read, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::Files;

/// Most bytes of all files together.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Most bytes of them once they are compressed; the keystore, which holds them
/// in hex, takes 16 MiB.
pub const MAX_PACKED_BYTES: usize = 3 * 1024 * 1024;

/// The form that is written.
const VERSION: u32 = 1;

/// Why files can't be sealed, or what is sealed can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Too much text.
    #[error(
        "policy, services and settings have {bytes} bytes together, more than the {MAX_BYTES} that can be sealed; leave out actions that you don't need in your service files"
    )]
    TooLarge {
        /// Bytes of all files.
        bytes: usize,
    },
    /// Too much text, compressed.
    #[error(
        "policy, services and settings have {bytes} bytes once they are compressed, more than the {MAX_PACKED_BYTES} that can be sealed; leave out actions that you don't need in your service files"
    )]
    TooLargePacked {
        /// Bytes of all files, compressed.
        bytes: usize,
    },
    /// Another version of axisd wrote it.
    #[error(
        "what is sealed has a form (version {version}) that this axisd doesn't know; start the axisd that sealed it"
    )]
    Version {
        /// The form.
        version: u32,
    },
    /// It isn't what any axisd writes.
    #[error("what is sealed can't be read: {reason}")]
    Unreadable {
        /// In which step.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Packed<F> {
    version: u32,
    files: F,
}

/// The first look: which form, whatever else it holds.
#[derive(Deserialize)]
struct Probe {
    version: u32,
}

impl Files {
    /// The text that the vault keeps.
    ///
    /// # Errors
    /// [`SealError::TooLarge`], [`SealError::TooLargePacked`].
    pub fn pack(&self) -> Result<String, SealError> {
        let bytes = self.each().map(|(_, text)| text.len()).sum();
        if bytes > MAX_BYTES {
            return Err(SealError::TooLarge { bytes });
        }
        let unreadable = |error: &dyn std::error::Error| SealError::Unreadable {
            reason: error.to_string(),
        };
        let packed = Packed {
            version: VERSION,
            files: self,
        };
        let json = serde_json::to_vec(&packed).map_err(|error| unreadable(&error))?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let compressed = encoder
            .write_all(&json)
            .and_then(|()| encoder.finish())
            .map_err(|error| unreadable(&error))?;
        if compressed.len() > MAX_PACKED_BYTES {
            let bytes = compressed.len();
            return Err(SealError::TooLargePacked { bytes });
        }
        Ok(BASE64_STANDARD.encode(compressed))
    }

    /// The files in a text that [`Files::pack`] made.
    ///
    /// # Errors
    /// It is none, or another version's.
    pub fn unpack(text: &str) -> Result<Self, SealError> {
        let unreadable = |reason: String| SealError::Unreadable { reason };
        let compressed = BASE64_STANDARD
            .decode(text)
            .map_err(|error| unreadable(error.to_string()))?;
        // JSON may take six characters for one
        let most = u64::try_from(MAX_BYTES * 7).unwrap_or(u64::MAX);
        let mut json = Vec::new();
        GzDecoder::new(compressed.as_slice())
            .take(most)
            .read_to_end(&mut json)
            .map_err(|error| unreadable(error.to_string()))?;
        let probe: Probe =
            serde_json::from_slice(&json).map_err(|error| unreadable(error.to_string()))?;
        if probe.version != VERSION {
            let version = probe.version;
            return Err(SealError::Version { version });
        }
        let packed: Packed<Self> =
            serde_json::from_slice(&json).map_err(|error| unreadable(error.to_string()))?;
        Ok(packed.files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Files {
        Files {
            policy: Some("policies: []\n# \u{1F511} \u{1b}[2J\n".into()),
            services: [("acme.yaml".to_owned(), "service: acme\n".to_owned())].into(),
            daemon: None,
            ca: Some(String::new()),
        }
    }

    #[test]
    fn what_is_packed_reads_back() {
        for files in [Files::default(), files()] {
            let packed = files.pack().unwrap();
            assert_eq!(Files::unpack(&packed).unwrap(), files);
        }
    }

    #[test]
    fn a_text_of_the_size_of_all_services_takes_little_room() {
        let mut files = files();
        let action = "  things.list: { effect: read, method: GET, path: /things }\n";
        files
            .services
            .insert("large.yaml".into(), action.repeat(16_000));
        assert!(files.pack().unwrap().len() < 100_000);
    }

    #[test]
    fn what_is_too_large_is_refused_with_what_to_do() {
        let mut files = files();
        let name = |number: usize| format!("{number}.yaml");
        for number in 0..33 {
            files.services.insert(name(number), "x".repeat(1024 * 1024));
        }
        let error = files.pack().unwrap_err();
        assert!(matches!(error, SealError::TooLarge { .. }), "{error}");
        assert!(error.to_string().contains("leave out actions"), "{error}");
        // what can't be compressed: hashes of hashes
        files.services.clear();
        let mut digest = "x".to_owned();
        let mut noise = String::new();
        while noise.len() < 2 * MAX_PACKED_BYTES + 1024 * 1024 {
            let one = Files {
                policy: Some(digest),
                ..Files::default()
            };
            digest = one.digest();
            noise.push_str(&digest);
        }
        files.services.insert("noise.yaml".into(), noise);
        let error = files.pack().unwrap_err();
        assert!(matches!(error, SealError::TooLargePacked { .. }), "{error}");
    }

    #[test]
    fn what_is_no_packed_text_is_refused() {
        let gzip = |json: &str| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(json.as_bytes()).unwrap();
            BASE64_STANDARD.encode(encoder.finish().unwrap())
        };
        for text in [
            String::new(),
            "no base64!".into(),
            BASE64_STANDARD.encode("no gzip"),
            gzip("no json"),
            gzip(r#"{"version":1,"files":{"services":{},"extra":1}}"#),
        ] {
            let error = Files::unpack(&text).unwrap_err();
            assert!(matches!(error, SealError::Unreadable { .. }), "{error}");
        }
        let newer = gzip(r#"{"version":2,"files":[]}"#);
        assert_eq!(
            Files::unpack(&newer).unwrap_err(),
            SealError::Version { version: 2 }
        );
    }
}
