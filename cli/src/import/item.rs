//! One name and its value, wherever it stands: what every source comes down to.

use secrecy::{ExposeSecret, SecretString};

/// One name and its value.
pub struct Item {
    /// The name as it is written there.
    pub name: String,
    /// Where it stands, for people.
    pub place: String,
    /// What it holds.
    pub value: SecretString,
    /// The service, where the place itself says which it is for.
    pub service: Option<String>,
    /// What else tells what it is for, such as the host of a login.
    pub context: String,
    /// Whether its name alone means nothing: a title that a person gave it, so
    /// that it has to look like the service's credentials, too.
    pub is_loose: bool,
}

impl Item {
    /// A variable.
    pub fn variable(name: &str, place: impl Into<String>, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            place: place.into(),
            value: SecretString::from(value),
            service: None,
            context: String::new(),
            is_loose: false,
        }
    }

    /// Something with a title.
    pub fn titled(title: &str, place: impl Into<String>, value: &str) -> Self {
        Self {
            is_loose: true,
            ..Self::variable(title, place, value)
        }
    }

    /// A credential of which it is known what it is for.
    pub fn of_service(service: &str, place: impl Into<String>, value: SecretString) -> Self {
        Self {
            name: service.to_owned(),
            place: place.into(),
            value,
            service: Some(service.to_owned()),
            context: String::new(),
            is_loose: false,
        }
    }

    /// Why it is no credential, whatever it is called: nobody has put one in
    /// yet, or it stands in another place.
    pub fn is_no_secret(&self) -> Option<&'static str> {
        no_secret(self.value.expose_secret())
    }
}

fn no_secret(value: &str) -> Option<&'static str> {
    let text = value.trim();
    if text.is_empty() {
        return Some("it is empty");
    }
    if is_reference(text) {
        return Some("it names an entry of another secret store, and holds no secret itself");
    }
    let is_expansion = text.starts_with("${") || text.starts_with("$(") || {
        let name = text.strip_prefix('$').unwrap_or("");
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        !name.is_empty() && name.chars().all(is_name)
    };
    if is_expansion {
        return Some("it names another variable, and nobody filled that in");
    }
    let lower = text.to_ascii_lowercase();
    let whole = [
        "todo",
        "tbd",
        "none",
        "null",
        "nil",
        "undefined",
        "secret",
        "password",
        "token",
        "test",
        "example",
        "dummy",
        "foo",
        "bar",
        "...",
        "…",
    ];
    let parts = [
        "your",
        "changeme",
        "change-me",
        "change_me",
        "replace-",
        "replace_",
        "replaceme",
        "placeholder",
        "insert-",
        "insert_",
        "xxxx",
        "****",
        "....",
        "-here",
        "_here",
        "redacted",
        "dummy",
    ];
    let is_bracketed = (text.starts_with('<') && text.ends_with('>'))
        || (text.starts_with("{{") && text.ends_with("}}"))
        || (text.starts_with('%') && text.ends_with('%'));
    // a word may stand in a long random key by chance, but hardly in a short one
    let is_short = text.len() <= 40;
    let first = text.chars().next();
    let is_one_char = text.chars().all(|c| Some(c) == first);
    if is_bracketed
        || is_one_char
        || whole.contains(&lower.as_str())
        || (is_short && parts.iter().any(|part| lower.contains(part)))
        || text.ends_with("...")
        || text.ends_with('…')
    {
        return Some("it is a placeholder");
    }
    None
}

/// Whether it is an address in another store, such as `op://vault/item/field`.
fn is_reference(text: &str) -> bool {
    [
        "op://", "bw://", "pass://", "cmd://", "vault:", "ref+", "env:", "keyring:",
    ]
    .iter()
    .any(|scheme| text.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_filled_in_is_no_secret() {
        for text in [
            "",
            "  ",
            "${GITHUB_TOKEN}",
            "$GITHUB_TOKEN",
            "$(cat token)",
            "changeme",
            "CHANGE_ME",
            "your-key-here",
            "sk-your-key",
            "ghp_xxxxxxxxxxxxxxxxxxxx",
            "<token>",
            "{{ token }}",
            "********",
            "sk-...",
            "null",
            "op://Private/GitHub/token",
        ] {
            assert!(no_secret(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_could_be_a_secret_is_one() {
        for text in [
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "sk-proj-abcdef",
            "$2b$12$abcdefghijklmnopqrstuv",
            "pa$$word",
            "a",
            "0000111",
            "AC0123456789abcdef0123456789abcdef:0123",
            "{\"type\": \"service_account\"}",
        ] {
            let expected = (text == "a").then_some("it is a placeholder");
            assert_eq!(no_secret(text), expected, "{text}");
        }
    }
}
