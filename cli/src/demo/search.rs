//! Looks for a secret in all the forms in which it could have got out.

use std::fs;
use std::io;
use std::path::Path;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use zeroize::Zeroizing;

/// The forms of one secret.
pub struct Needle {
    forms: Vec<(&'static str, Zeroizing<Vec<u8>>)>,
}

/// What was searched.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Searched {
    /// How many files.
    pub files: usize,
    /// How many bytes in them.
    pub bytes: u64,
}

impl Needle {
    /// The secret as it is, in hex, and in base64 wherever it may begin in it.
    pub fn new(secret: &str) -> Self {
        let mut forms = vec![
            ("as it is", secret.as_bytes().to_vec()),
            ("backwards", secret.bytes().rev().collect()),
            ("in hex", hex::encode(secret).into_bytes()),
            ("in hex", hex::encode_upper(secret).into_bytes()),
        ];
        for alphabet in [&STANDARD, &URL_SAFE] {
            let engine = GeneralPurpose::new(alphabet, NO_PAD);
            for offset in 0..3 {
                forms.push(("in base64", base64_core(&engine, secret, offset)));
            }
        }
        Self {
            forms: forms
                .into_iter()
                .map(|(name, bytes)| (name, Zeroizing::new(bytes)))
                .collect(),
        }
    }

    /// In which form the secret stands in `bytes`, where it does.
    pub fn find(&self, bytes: &[u8]) -> Option<&'static str> {
        self.forms
            .iter()
            .find(|(_, form)| contains(bytes, form))
            .map(|(name, _)| *name)
    }

    /// Looks into every file under `dir`, and at every name. Gives what was
    /// searched and where the secret was found.
    pub fn find_in_files(&self, dir: &Path) -> io::Result<(Searched, Vec<String>)> {
        let mut searched = Searched::default();
        let mut found = Vec::new();
        let mut waiting = vec![dir.to_owned()];
        while let Some(dir) = waiting.pop() {
            for entry in fs::read_dir(&dir)? {
                let entry = entry?;
                let path = entry.path();
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    waiting.push(path);
                    continue;
                }
                if let Some(form) = self.find(path.as_os_str().as_encoded_bytes()) {
                    found.push(format!("a file's name ({form})"));
                }
                if kind.is_file() {
                    let bytes = fs::read(&path)?;
                    searched.files += 1;
                    searched.bytes += bytes.len() as u64;
                    if let Some(form) = self.find(&bytes) {
                        found.push(format!("{} ({form})", path.display()));
                    }
                }
            }
        }
        Ok((searched, found))
    }
}

fn contains(bytes: &[u8], form: &[u8]) -> bool {
    bytes.windows(form.len()).any(|window| window == form)
}

/// The characters of base64 that depend on the secret alone when it begins
/// `offset` bytes into a group of three.
fn base64_core(engine: &GeneralPurpose, secret: &str, offset: usize) -> Vec<u8> {
    let mut bytes = Zeroizing::new(vec![0; offset]);
    bytes.extend_from_slice(secret.as_bytes());
    let encoded = Zeroizing::new(engine.encode(&*bytes));
    let first = (offset * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    encoded.as_bytes()[first..last].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "ghp_0123456789/abc?def>xyz";

    #[test]
    fn each_form_is_found_wherever_it_stands() {
        let standard = GeneralPurpose::new(&STANDARD, NO_PAD);
        let url_safe = GeneralPurpose::new(&URL_SAFE, NO_PAD);
        let cases = [
            (format!("x{SECRET}y"), Some("as it is")),
            (hex::encode(format!("x{SECRET}y")), Some("in hex")),
            (hex::encode_upper(SECRET), Some("in hex")),
            (SECRET.chars().rev().collect(), Some("backwards")),
            (standard.encode(SECRET), Some("in base64")),
            (standard.encode(format!("x{SECRET}y")), Some("in base64")),
            (
                standard.encode(format!("user:{SECRET}zz")),
                Some("in base64"),
            ),
            (url_safe.encode(format!("xy{SECRET}")), Some("in base64")),
            (SECRET[1..].to_owned(), None),
            (String::new(), None),
        ];
        let needle = Needle::new(SECRET);
        for (text, form) in cases {
            assert_eq!(needle.find(text.as_bytes()), form, "{text}");
        }
    }

    #[test]
    fn files_are_searched_at_every_depth() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(dir.path().join("clean"), "nothing").unwrap();
        fs::write(deep.join("leak"), format!("key={SECRET}")).unwrap();
        let (searched, found) = Needle::new(SECRET).find_in_files(dir.path()).unwrap();
        assert_eq!(
            searched,
            Searched {
                files: 2,
                bytes: 7 + 4 + 26
            }
        );
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("a/b/leak"), "{found:?}");
    }
}
