//! What a name says: its words, what is left of them beside those that are
//! known, and whether it promises a secret.

/// Longest label, in bytes.
const MAX_LABEL_BYTES: usize = 64;

/// Before a variable that a bundler writes into a web page.
const PAGE_PREFIXES: [&[&str]; 9] = [
    &["VITE"],
    &["NEXT", "PUBLIC"],
    &["NUXT", "PUBLIC"],
    &["REACT", "APP"],
    &["VUE", "APP"],
    &["EXPO", "PUBLIC"],
    &["GATSBY"],
    &["STORYBOOK"],
    &["PUBLIC"],
];

/// Words that tell no credential from another.
const GENERIC: [&str; 21] = [
    "ACCESS",
    "API",
    "APIKEY",
    "AUTH",
    "BOT",
    "COM",
    "CREDENTIAL",
    "CREDENTIALS",
    "HTTP",
    "HTTPS",
    "IO",
    "KEY",
    "MY",
    "ORG",
    "PASSWORD",
    "PAT",
    "PERSONAL",
    "SECRET",
    "THE",
    "TOKEN",
    "WWW",
];

/// Last words of names that promise a secret.
const SECRET: [&str; 11] = [
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
    "KEY",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "PAT",
    "SECRET",
    "TOKEN",
    "PWD",
];

/// Words of names that promise something which may be seen.
const OPEN: [&str; 3] = ["PUBLIC", "PUBLISHABLE", "ANON"];

/// A name in upper-case words.
#[derive(Debug)]
pub struct Name {
    words: Vec<String>,
    /// Words that tell what it is for, and make no label.
    context: Vec<String>,
    /// The prefix by which a bundler writes it into a web page.
    page_prefix: Option<String>,
}

/// Where a known name stands within another one.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Affix {
    before: Vec<String>,
    after: Vec<String>,
}

impl Name {
    /// The words of `text`: a variable, a title, a path.
    pub fn of(text: &str) -> Self {
        let mut words = words(text);
        let mut page_prefix = None;
        // a shell's own variable can be called so, too
        if let Some(prefix) = PAGE_PREFIXES.iter().find(|prefix| {
            words.len() > prefix.len() && prefix.iter().zip(&words).all(|(a, b)| a == b)
        }) {
            words.drain(..prefix.len());
            page_prefix = Some(format!("{}_", prefix.join("_")));
        }
        Self {
            words,
            context: Vec::new(),
            page_prefix,
        }
    }

    /// The same with what else tells what it is for.
    pub fn within(text: &str, context: &str) -> Self {
        Self {
            context: words(context),
            ..Self::of(text)
        }
    }

    /// The prefix by which a bundler writes it into a web page.
    pub fn page_prefix(&self) -> Option<&str> {
        self.page_prefix.as_deref()
    }

    /// Where `known` stands in it.
    pub fn around(&self, known: &str) -> Option<Affix> {
        let known = words(known);
        let all: Vec<&String> = self.words.iter().chain(&self.context).collect();
        let at = all
            .windows(known.len().max(1))
            .position(|window| window.iter().copied().eq(&known))?;
        let own = |range: std::ops::Range<usize>| {
            let words = self.words.get(range.start..range.end.min(self.words.len()));
            words.unwrap_or_default().to_vec()
        };
        Some(Affix {
            before: own(0..at),
            after: own(at + known.len()..self.words.len()),
        })
    }

    /// Whether it is `known` with that around it.
    pub fn is(&self, known: &str, affix: &Affix) -> bool {
        self.around(known).as_ref() == Some(affix)
    }

    /// Whether one would look for a secret under it.
    pub fn promises_secret(&self) -> bool {
        let last = self.words.last().map_or("", String::as_str);
        // alone it is the shell's working directory
        let is_directory = self.words == ["PWD"];
        SECRET.contains(&last)
            && !is_directory
            && !self.words.iter().any(|word| OPEN.contains(&word.as_str()))
    }

    /// A label of all that it says beside the service's own name.
    pub fn label_beside(&self, service: &str) -> String {
        let own = words(service);
        label(self.words.iter().filter(|word| !own.contains(word)))
    }
}

impl Affix {
    /// Whether nothing stands around it.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }

    /// The label that it makes; the service's own name says nothing in it.
    pub fn label_beside(&self, service: &str) -> String {
        let own = words(service);
        let words = self.before.iter().chain(&self.after);
        label(words.filter(|word| !own.contains(word)))
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_uppercase)
        .collect()
}

fn label<'w>(words: impl Iterator<Item = &'w String>) -> String {
    let words: Vec<_> = words
        .filter(|word| !GENERIC.contains(&word.as_str()))
        .map(|word| word.to_ascii_lowercase())
        .collect();
    let mut label = words.join("-");
    label.truncate(MAX_LABEL_BYTES);
    label.truncate(label.trim_end_matches('-').len());
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_a_known_name_makes_the_label() {
        for (name, known, label) in [
            ("GITHUB_TOKEN", "GITHUB_TOKEN", Some("")),
            ("github_token", "GITHUB_TOKEN", Some("")),
            ("GITHUB_TOKEN_WORK", "GITHUB_TOKEN", Some("work")),
            ("WORK_GITHUB_TOKEN", "GITHUB_TOKEN", Some("work")),
            ("ACME_GITHUB_TOKEN_CI", "GITHUB_TOKEN", Some("acme-ci")),
            ("VITE_OPENAI_API_KEY", "OPENAI_API_KEY", Some("")),
            ("NEXT_PUBLIC_OPENAI_API_KEY_2", "OPENAI_API_KEY", Some("2")),
            ("GitHub token (work)", "GITHUB_TOKEN", Some("work")),
            ("api/github-token", "GITHUB_TOKEN", Some("")),
            ("GITHUB_TOKENS", "GITHUB_TOKEN", None),
            ("GITHUB_ACCESS_TOKEN", "GITHUB_TOKEN", None),
        ] {
            let around = Name::of(name).around(known);
            assert_eq!(
                around.map(|it| it.label_beside("github")).as_deref(),
                label,
                "{name}"
            );
        }
    }

    #[test]
    fn a_context_tells_the_service_and_makes_no_label() {
        for (title, context, label) in [
            ("my token", "github.com", Some("token")),
            ("GitHub token", "github.com", Some("token")),
            ("token", "example.com", None),
        ] {
            let around = Name::within(title, context).around("github");
            let words = around.map(|it| [it.before, it.after].concat().join("-").to_lowercase());
            let label = label.map(|it| {
                if title.starts_with("my") {
                    "my-token"
                } else {
                    it
                }
            });
            assert_eq!(words.as_deref(), label, "{title}");
        }
    }

    #[test]
    fn a_label_is_one_that_the_vault_takes() {
        let long = format!("GITHUB_TOKEN_{}", "X".repeat(100));
        for name in [
            long.as_str(),
            "GITHUB_TOKEN_größe",
            "GITHUB_TOKEN__-_",
            "日本 GITHUB_TOKEN",
        ] {
            let label = Name::of(name).around("GITHUB_TOKEN").unwrap();
            let label = label.label_beside("github");
            assert!(label.len() <= MAX_LABEL_BYTES, "{label}");
            let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(
                label.chars().all(is_good) && !label.starts_with('-'),
                "{label}"
            );
        }
    }

    #[test]
    fn a_name_promises_a_secret_or_does_not() {
        for (name, promises) in [
            ("FOO_API_KEY", true),
            ("DB_PASSWORD", true),
            ("npm_token", true),
            ("MYSQL_PWD", true),
            ("PWD", false),
            ("STRIPE_PUBLISHABLE_KEY", false),
            ("PORT", false),
            ("TOKEN_URL", false),
            ("", false),
        ] {
            assert_eq!(Name::of(name).promises_secret(), promises, "{name}");
        }
    }
}
