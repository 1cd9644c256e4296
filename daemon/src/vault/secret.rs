//! Secrets in memory, each in pages of its own. No type here has Debug, Clone or
//! Serialize.

use std::str;

use axis_proto::pages::SecretPages;
use secrecy::{ExposeSecret, SecretString};

/// A secret text: what [`crate::auth`] puts into a request.
pub struct Secret(SecretPages);

/// A secret key of 32 bytes.
pub struct Key(SecretPages);

impl Secret {
    /// Moves a text into pages of its own; the argument is wiped.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "dropped here, it is wiped")]
    pub fn from_string(text: SecretString) -> Self {
        let text = text.expose_secret();
        Self(SecretPages::copy_of(text.as_bytes()))
    }

    /// Decodes hex straight into pages; `None` if it is no hex of UTF-8.
    pub(super) fn from_hex(hex: &str) -> Option<Self> {
        let pages = from_hex(hex)?;
        str::from_utf8(pages.bytes()).is_ok().then_some(Self(pages))
    }

    /// The text. Whoever copies it out must wipe the copy.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it can't")]
    #[expect(clippy::expect_used, reason = "both constructors check")]
    pub fn expose(&self) -> &str {
        str::from_utf8(self.0.bytes()).expect("a Secret is made from text only")
    }

    /// Whether its pages are locked; false where the system's limit of locked
    /// memory (`ulimit -l`) was reached.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.0.is_locked()
    }
}

impl Key {
    /// 32 bytes of the system's randomness, made in place.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        let mut pages = SecretPages::zeroed(32);
        getrandom::fill(pages.bytes_mut())?;
        Ok(Self(pages))
    }

    /// Copies the bytes into pages; the caller wipes its own.
    pub(super) fn copy_of(bytes: &[u8; 32]) -> Self {
        Self(SecretPages::copy_of(bytes))
    }

    /// Decodes 64 hex digits straight into pages.
    pub(super) fn from_hex(hex: &str) -> Option<Self> {
        let pages = from_hex(hex)?;
        (pages.bytes().len() == 32).then_some(Self(pages))
    }

    /// The bytes. Whoever copies them out must wipe the copy.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it can't")]
    #[expect(clippy::expect_used, reason = "every constructor makes 32 bytes")]
    pub fn expose(&self) -> &[u8; 32] {
        self.0.bytes().first_chunk().expect("a Key has 32 bytes")
    }

    /// Whether its pages are locked.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.0.is_locked()
    }
}

/// Decodes hex straight into pages.
fn from_hex(hex: &str) -> Option<SecretPages> {
    let mut pages = SecretPages::zeroed(hex.len() / 2);
    hex::decode_to_slice(hex, pages.bytes_mut()).ok()?;
    Some(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_what_was_put_in() {
        for text in ["", "x", "ghp_\u{1F511}\"\\\n", &"k".repeat(100_000)] {
            assert_eq!(Secret::from_string(text.into()).expose(), text);
            let decoded = Secret::from_hex(&hex::encode(text)).unwrap();
            assert_eq!(decoded.expose(), text);
        }
    }

    #[test]
    fn what_is_no_hex_of_text_is_no_secret() {
        for bad in ["0", "zz", "ff", "c328"] {
            assert!(Secret::from_hex(bad).is_none(), "{bad}");
        }
        assert!(Key::from_hex(&"ab".repeat(31)).is_none());
        assert_eq!(
            Key::from_hex(&"ab".repeat(32)).unwrap().expose(),
            &[0xab; 32]
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_secrets_page_is_locked_and_left_out_of_dumps_and_children() {
        let secret = Secret::from_string("sk-live-pages".into());
        let address = format!("{:x}-", secret.expose().as_ptr().addr());
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let flags = maps
            .lines()
            .skip_while(|line| !line.starts_with(&address))
            .find_map(|line| line.strip_prefix("VmFlags:"))
            .expect("the secret starts a mapping of its own");
        let has = |flag| flags.split_whitespace().any(|f| f == flag);
        assert!(has("dd") && has("dc"), "not set apart: {flags}");
        assert_eq!(has("lo"), secret.is_locked(), "{flags}");
    }
}
