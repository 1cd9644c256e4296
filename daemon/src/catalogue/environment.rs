//! The environment variables that usually hold a service's key, by which
//! `axis setup` and `axis import` find keys that lie about in plaintext.

/// Most variables that one key is put together from.
const MAX_PARTS: usize = 4;

/// Most bytes of one way to write them.
const MAX_BYTES: usize = 200;

/// One way in which a key stands in the environment: `GITHUB_TOKEN`; several
/// that make one key with colons between them:
/// `TWILIO_ACCOUNT_SID:TWILIO_AUTH_TOKEN`; or, after an `@`, a variable that
/// names the file which holds it: `@GOOGLE_APPLICATION_CREDENTIALS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVariables(String);

impl KeyVariables {
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let names = text.strip_prefix('@').unwrap_or(text);
        let parts: Vec<&str> = names.split(':').collect();
        let is_file = names.len() < text.len();
        let fits = text.len() <= MAX_BYTES
            && parts.len() <= MAX_PARTS
            && (!is_file || parts.len() == 1)
            && parts.iter().all(|part| is_variable(part));
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "{text:?} names no environment variable: write NAME, NAME:NAME for a key that several make up, or @NAME for one that names the key's file"
        ))
    }

    /// As it stands in a definition.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_variable(name: &str) -> bool {
    let inner = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_names_joined_or_of_a_file() {
        for good in ["GITHUB_TOKEN", "A:B", "A:B:C", "@KEY_FILE", "_x1"] {
            assert_eq!(KeyVariables::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            ":",
            "A:",
            "@",
            "@A:B",
            "1A",
            "A B",
            "A=B",
            "A:B:C:D:E",
            "Ä",
        ] {
            let error = KeyVariables::parse(bad).unwrap_err();
            assert!(error.contains("environment variable"), "{error}");
        }
    }
}
