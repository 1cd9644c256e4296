//! What an entry of the keystore holds once it is open: the secret and where
//! it may be sent. The secret stands there as hex, so that reading it never
//! needs a second buffer that nobody would wipe.

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::credential::{Credential, Holding};
use super::secret::{Key, Secret};
use super::source::{Source, Sourced};
use crate::host::{BaseUrl, Host};
use crate::names::CredentialName;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents<'a> {
    secret: &'a str,
    hosts: Vec<Host>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base_url: Option<BaseUrl>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
}

/// The plaintext of an entry for `secret`.
pub(super) fn plaintext(
    secret: &[u8],
    hosts: &[Host],
    base_url: Option<&BaseUrl>,
    source: Option<&Source>,
) -> Zeroizing<Vec<u8>> {
    let mut digits = Zeroizing::new(vec![0; 2 * secret.len()]);
    let contents = Contents {
        secret: encode(secret, &mut digits),
        hosts: hosts.to_vec(),
        base_url: base_url.cloned(),
        source: source.cloned(),
    };
    let mut length = Length(0);
    write(&contents, &mut length);
    // Growing would leave what it outgrew behind, so it has its size from the start.
    let mut plaintext = Zeroizing::new(Vec::with_capacity(length.0));
    write(&contents, &mut *plaintext);
    plaintext
}

/// The credential in an opened entry, or where it is read from.
///
/// # Errors
/// `Err(())` when the plaintext is none; it is not said how, since the
/// reader's message could quote the secret.
pub(super) fn holding(name: CredentialName, plaintext: &[u8]) -> Result<Holding, ()> {
    let contents: Contents = serde_json::from_slice(plaintext).map_err(drop)?;
    let secret = Secret::from_hex(contents.secret).ok_or(())?;
    let (hosts, base_url) = (contents.hosts, contents.base_url);
    Ok(match contents.source {
        None => Holding::Secret(Arc::new(Credential::new(name, secret, hosts, base_url))),
        Some(source) => {
            let sourced = Sourced::new(name, source, secret, hosts, base_url);
            Holding::Source(Arc::new(sourced))
        }
    })
}

/// The key in an opened reserved entry; errors as for [`holding`].
pub(super) fn key(plaintext: &[u8]) -> Result<Key, ()> {
    let contents: Contents = serde_json::from_slice(plaintext).map_err(drop)?;
    Key::from_hex(contents.secret).ok_or(())
}

#[expect(clippy::expect_used, reason = "the buffer has the size of the hex")]
fn encode<'a>(secret: &[u8], digits: &'a mut [u8]) -> &'a str {
    hex::encode_to_slice(secret, digits).expect("two digits a byte");
    std::str::from_utf8(digits).expect("hex digits are ASCII")
}

#[expect(clippy::expect_used, reason = "neither writer can fail")]
fn write(contents: &Contents, to: impl io::Write) {
    serde_json::to_writer(to, contents).expect("plain text fields, written to memory");
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plaintext_never_outgrew_its_buffer_and_reads_back() {
        let base = BaseUrl::parse("http://127.0.0.1:8080/v1").unwrap();
        for secret in ["s", "with \"quotes\"\n\\ and \u{1F511}", &"x".repeat(5000)] {
            for base_url in [None, Some(&base)] {
                let hosts = [base.host().clone()];
                let text = plaintext(secret.as_bytes(), &hosts, base_url, None);
                assert_eq!(text.len(), text.capacity());
                let name = CredentialName::parse("github", "").unwrap();
                let Ok(Holding::Secret(read)) = holding(name, &text) else {
                    panic!("no secret was read");
                };
                assert_eq!(read.secret().expose(), secret);
                assert_eq!(read.hosts(), hosts);
                assert_eq!(read.base_url(), base_url);
            }
        }
    }

    #[test]
    fn what_is_no_entry_is_refused_without_a_quote() {
        for bad in [
            "",
            "{}",
            r#"{"secret":"6b"}"#,
            r#"{"secret":"6","hosts":[]}"#,
            r#"{"secret":"6b","hosts":[],"extra":1}"#,
            r#"{"secret":"","hosts":[],"source":{"reference":"op://a/b/c"}}"#,
        ] {
            let name = CredentialName::parse("github", "").unwrap();
            assert!(holding(name, bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_source_reads_back_and_is_no_credential() {
        let source = Source {
            reference: "op://Work/GitHub/token \u{1F511}".into(),
            program: "/usr/bin/op".into(),
            ttl_s: 900,
        };
        let hosts = [BaseUrl::parse("https://api.github.com")
            .unwrap()
            .host()
            .clone()];
        let text = plaintext(b"ops_token", &hosts, None, Some(&source));
        assert_eq!(text.len(), text.capacity());
        let name = CredentialName::parse("github", "").unwrap();
        let Ok(Holding::Source(read)) = holding(name, &text) else {
            panic!("no source was read");
        };
        assert_eq!(*read.source(), source);
        assert_eq!(read.token().expose(), "ops_token");
        assert_eq!(read.hosts(), hosts);
    }
}
