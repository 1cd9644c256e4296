//! Secrets in memory: each in anonymous pages of its own that are locked (not
//! swapped), left out of core dumps and of forked children, and wiped at the
//! end. No type here has Debug, Clone or Serialize.

use std::str;

use memmap2::MmapMut;
use secrecy::{ExposeSecret, SecretString};
use zeroize::{Zeroize, Zeroizing};

/// A secret text: what [`crate::auth`] puts into a request.
pub struct Secret(SecretPages);

/// A secret key of 32 bytes.
pub struct Key(SecretPages);

/// Bytes in pages of their own. Where the system gives no such pages they lie
/// on the heap and are still wiped; [`SecretPages::is_locked`] tells.
struct SecretPages {
    pages: Pages,
    length: usize,
}

enum Pages {
    Mapped { map: MmapMut, locked: bool },
    Heap(Zeroizing<Box<[u8]>>),
}

impl Secret {
    /// Moves a text into pages of its own; the argument is wiped.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "dropped here, it is wiped")]
    pub fn from_string(text: SecretString) -> Self {
        let text = text.expose_secret();
        let mut pages = SecretPages::zeroed(text.len());
        pages.bytes_mut().copy_from_slice(text.as_bytes());
        Self(pages)
    }

    /// Decodes hex straight into pages; `None` if it is no hex of UTF-8.
    pub(super) fn from_hex(hex: &str) -> Option<Self> {
        let pages = SecretPages::from_hex(hex)?;
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
        let mut pages = SecretPages::zeroed(32);
        pages.bytes_mut().copy_from_slice(bytes);
        Self(pages)
    }

    /// Decodes 64 hex digits straight into pages.
    pub(super) fn from_hex(hex: &str) -> Option<Self> {
        let pages = SecretPages::from_hex(hex)?;
        (pages.length == 32).then_some(Self(pages))
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

impl SecretPages {
    fn zeroed(length: usize) -> Self {
        let pages = match MmapMut::map_anon(length.max(1)) {
            Ok(map) => {
                let locked = map.lock().is_ok();
                #[cfg(target_os = "linux")]
                for advice in [memmap2::Advice::DontDump, memmap2::Advice::DontFork] {
                    if let Err(error) = map.advise(advice) {
                        tracing::warn!(%error, ?advice, "a secret's pages can't be set apart");
                    }
                }
                Pages::Mapped { map, locked }
            }
            Err(_) => Pages::Heap(Zeroizing::new(vec![0; length].into_boxed_slice())),
        };
        Self { pages, length }
    }

    fn from_hex(hex: &str) -> Option<Self> {
        let mut pages = Self::zeroed(hex.len() / 2);
        hex::decode_to_slice(hex, pages.bytes_mut()).ok()?;
        Some(pages)
    }

    fn bytes(&self) -> &[u8] {
        match &self.pages {
            Pages::Mapped { map, .. } => &map[..self.length],
            Pages::Heap(bytes) => bytes,
        }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.pages {
            Pages::Mapped { map, .. } => &mut map[..self.length],
            Pages::Heap(bytes) => bytes,
        }
    }

    fn is_locked(&self) -> bool {
        matches!(self.pages, Pages::Mapped { locked: true, .. })
    }
}

impl Drop for SecretPages {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
    }
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
