//! Secrets that stand in hosts' files as they are: the agent reads those files.
//! What is found is named, never shown.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use regex::Regex;

use super::environment::Environment;
use super::file::Snapshot;
use super::host::{Format, Host, Scope, known};
use super::tree::{Found, Node};
use super::{json, toml};

/// The variable that may never stand in a host's file.
const MASTER: &str = "AXIS_MASTER_PASSWORD";

/// Ends of the names of variables, headers and options that hold secrets.
const ENDINGS: [&str; 16] = [
    "key",
    "apikey",
    "token",
    "secret",
    "password",
    "passwd",
    "pwd",
    "pass",
    "pat",
    "credential",
    "credentials",
    "authorization",
    "cookie",
    "bearer",
    "auth",
    "passphrase",
];

/// Keys under which servers are given variables and headers.
pub(super) const NAMED: [&str; 5] = ["env", "environment", "headers", "http_headers", "envVars"];

/// What keys of known vendors look like.
static TOKEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        \b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{12,} | \bgh[pousr]_[A-Za-z0-9]{16,} | \bgithub_pat_\w{16,}
        | \bglpat-[\w-]{16,} | \bxox[a-z]-[\w-]{10,} | \bA[KS]IA[0-9A-Z]{16}\b | \bAIza[\w-]{30,}
        | \beyJ[\w-]{10,}\.[\w.-]{10,} | \blin_api_\w{16,} | \bntn_\w{16,} | \bSG\.[\w.-]{16,}
        | \bnpm_\w{30,} | \bhf_\w{20,} | \bdop_v1_\w{16,}",
    )
    .ok()
});

/// What tells a key from another text: the services' own words for theirs
/// beside what is usual everywhere.
#[derive(Debug, Default)]
pub struct KeyPatterns {
    names: BTreeMap<String, String>,
    values: Vec<(Regex, String)>,
}

impl KeyPatterns {
    /// Adds what a service says of its keys: the variables that usually hold
    /// one, and the pattern of its text (empty where it has none).
    pub fn learn(&mut self, service: &str, variables: &[String], pattern: &str) {
        for variable in variables {
            self.names.insert(variable.clone(), service.to_owned());
        }
        if !pattern.is_empty()
            && let Ok(pattern) = Regex::new(pattern)
        {
            self.values.push((pattern, service.to_owned()));
        }
    }

    fn by_value(&self, text: &str) -> Option<Key> {
        if let Some((_, service)) = self
            .values
            .iter()
            .find(|(pattern, _)| pattern.is_match(text))
        {
            return Some(Key::of(service));
        }
        is_token(text).then_some(Key::default())
    }
}

/// That a text is a key, and whose where that is known.
#[derive(Debug, Default)]
struct Key {
    service: Option<String>,
}

impl Key {
    fn of(service: &str) -> Self {
        Self {
            service: Some(service.to_owned()),
        }
    }
}

/// One secret that stands in a host's file, in the backup beside it, or in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaintextSecret {
    /// The host's name on the command line.
    pub host: String,
    /// The host's file.
    pub file: PathBuf,
    /// Whether it stands in that file; else it is only left in the backup.
    pub is_in_file: bool,
    /// The file's backup, where it stands there, too.
    pub backup: Option<PathBuf>,
    /// The server whose it is.
    pub server: String,
    /// The variable, header or option that holds it.
    pub variable: String,
    /// The service whose key it is, where that is known.
    pub service: Option<String>,
    /// It is the vault's master password.
    pub is_master: bool,
}

/// Looks through all files of all hosts here, and of the project where one is
/// given. A file that doesn't parse, or isn't the user's, is passed over.
pub fn secrets(
    environment: &Environment,
    project: Option<&PathBuf>,
    patterns: &KeyPatterns,
) -> Vec<PlaintextSecret> {
    let scopes = std::iter::once(Scope::User).chain(project.cloned().map(Scope::Project));
    let scopes: Vec<Scope> = scopes.collect();
    let mut found = Vec::new();
    for host in known().unwrap_or_default() {
        for scope in &scopes {
            let Ok(place) = host.place(environment, scope) else {
                continue;
            };
            for secret in secrets_in(host, &place.file, patterns) {
                // in the home directory both scopes are one
                if !found.contains(&secret) {
                    found.push(secret);
                }
            }
        }
    }
    found
}

/// Looks through one file and its backup, which keeps what is deleted from the
/// file.
pub fn secrets_in(
    host: &Host,
    file: &std::path::Path,
    patterns: &KeyPatterns,
) -> Vec<PlaintextSecret> {
    let Ok(snapshot) = Snapshot::read(file) else {
        return Vec::new();
    };
    let mut secrets = secrets_of(host, file, &snapshot, patterns);
    let Some(backup) = snapshot.backup() else {
        return secrets;
    };
    let path = snapshot.backup_path();
    for left in secrets_of(host, file, &backup, patterns) {
        let mut current = secrets.iter_mut();
        match current.find(|it| it.server == left.server && it.variable == left.variable) {
            Some(secret) => secret.backup = Some(path.clone()),
            None => secrets.push(PlaintextSecret {
                is_in_file: false,
                backup: Some(path.clone()),
                ..left
            }),
        }
    }
    secrets
}

fn secrets_of(
    host: &Host,
    file: &std::path::Path,
    snapshot: &Snapshot,
    patterns: &KeyPatterns,
) -> Vec<PlaintextSecret> {
    let Some(root) = snapshot.text().ok().and_then(|text| parse(host, text)) else {
        return Vec::new();
    };
    let mut secrets = Vec::new();
    root.each_text(&mut |found| {
        if let Some((server, rest)) = within_server(host, found.way)
            && let Some(hit) = hit(&root, found, rest, patterns)
        {
            let secret = PlaintextSecret {
                host: host.id.clone(),
                file: file.to_owned(),
                is_in_file: true,
                backup: None,
                server: server.to_owned(),
                variable: hit.variable,
                service: hit.service,
                is_master: hit.is_master,
            };
            if !secrets.contains(&secret) {
                secrets.push(secret);
            }
        }
    });
    secrets
}

/// Where the secrets of a text stand that a reader of it needn't see: those of
/// servers, and whatever else in it is called like one.
pub fn spans(host: &Host, root: &Node) -> Vec<std::ops::Range<usize>> {
    let patterns = KeyPatterns::default();
    let mut spans = Vec::new();
    root.each_text(&mut |found| {
        let is_secret = if let Some((server, rest)) = within_server(host, found.way) {
            let of_others = server != super::entry::NAME
                && (rest.first()).is_some_and(|key| NAMED.contains(&key.as_str()));
            of_others || hit(root, found, rest, &patterns).is_some()
        } else {
            let is_named = found.way.iter().any(|key| is_secret_name(key));
            is_named || patterns.by_value(found.text).is_some()
        };
        if is_secret {
            spans.push(found.span.clone());
        }
    });
    spans
}

/// `text` with everything that looks like a vendor's key masked.
pub fn without_tokens(text: &str) -> String {
    match &*TOKEN {
        Some(token) => token.replace_all(text, super::diff::MASK).into_owned(),
        None => text.to_owned(),
    }
}

fn parse(host: &Host, text: &str) -> Option<Node> {
    match host.format {
        Format::Json => json::parse(text).ok()?,
        Format::Toml => toml::parse(text).ok(),
    }
}

/// The server that `way` leads into, and the keys within it.
fn within_server<'a>(host: &Host, way: &'a [String]) -> Option<(&'a str, &'a [String])> {
    let tables = std::iter::once(&host.servers).chain(&host.more_servers);
    tables.into_iter().find_map(|table| {
        let matches = way.len() > table.len() + 1
            && table
                .iter()
                .zip(way)
                .all(|(key, step)| key == "*" || key == step);
        matches.then(|| (way[table.len()].as_str(), &way[table.len() + 1..]))
    })
}

struct Hit {
    variable: String,
    service: Option<String>,
    is_master: bool,
}

fn hit(root: &Node, found: &Found<'_>, rest: &[String], patterns: &KeyPatterns) -> Option<Hit> {
    let of = |variable: &str, key: Key| Hit {
        variable: variable.to_owned(),
        service: key.service,
        is_master: variable == MASTER,
    };
    let [key, more @ ..] = rest else { return None };
    if is_reference(found.text) {
        return None;
    }
    if let ([name], true) = (more, NAMED.contains(&key.as_str())) {
        return named(name, found.text, patterns).map(|key| of(name, key));
    }
    if let [number] = more
        && number.parse::<usize>().is_ok()
    {
        let before = number
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        let before = before.and_then(|before| {
            let (_, parents) = found.way.split_last()?;
            match root.at(parents)? {
                Node::List(_, items) => items.get(before)?.text(),
                _ => None,
            }
        });
        return argument(found.text, before, patterns).map(|(name, key)| of(&name, key));
    }
    if found.text.contains("://") {
        return has_secret_in_url(found.text).then(|| of(key, Key::default()));
    }
    let name = rest.last()?;
    named(name, found.text, patterns).map(|key| of(name, key))
}

/// Whether a value of this name is a secret, and of which service.
fn named(name: &str, text: &str, patterns: &KeyPatterns) -> Option<Key> {
    if name == MASTER {
        return Some(Key::default());
    }
    if name.starts_with("AXIS_") {
        return None;
    }
    let bare = text.strip_prefix("Bearer ").unwrap_or(text);
    if let Some(service) = patterns.names.get(name) {
        return Some(Key::of(service));
    }
    if let Some(key) = patterns.by_value(bare) {
        return Some(key);
    }
    let is_secret = (is_secret_name(name) && is_secret_text(bare)) || has_secret_in_url(text);
    is_secret.then(Key::default)
}

/// A secret among a program's arguments: `--api-key X`, `--token=X`, `-e NAME=X`,
/// `--header "Authorization: X"`, or a bare key.
fn argument(text: &str, before: Option<&str>, patterns: &KeyPatterns) -> Option<(String, Key)> {
    for divider in ['=', ':'] {
        if let Some((name, value)) = text.split_once(divider)
            && name.len() <= 64
            && !name.contains(['/', ' '])
            // a key with a divider in it must not be told as a name
            && !is_token(name)
            && !value.starts_with("//")
        {
            let value = value.trim();
            let name = name.trim_start_matches('-');
            if is_reference(value) {
                return None;
            }
            if let Some(key) = named(name, value, patterns) {
                return Some((name.to_owned(), key));
            }
        }
    }
    if let Some(option) = before.and_then(|before| before.strip_prefix('-')) {
        let option = option.trim_start_matches('-');
        if is_secret_name(option) && is_secret_text(text) && !text.starts_with('-') {
            return Some((format!("--{option}"), Key::default()));
        }
    }
    if has_secret_in_url(text) {
        return Some(("an argument".to_owned(), Key::default()));
    }
    let key = patterns.by_value(text)?;
    Some(("an argument".to_owned(), key))
}

fn is_token(text: &str) -> bool {
    TOKEN.as_ref().is_some_and(|token| token.is_match(text))
}

fn is_secret_name(name: &str) -> bool {
    // XApiKey, X-Api-Key and X_API_KEY are one
    let mut words = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            words.push('_');
        }
        words.push(if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        });
        before = c;
    }
    let last = words.rsplit('_').next().unwrap_or_default();
    ENDINGS.contains(&last) && !words.contains("public_key")
}

fn is_secret_text(text: &str) -> bool {
    let is_path = text.starts_with(['/', '~', '.']) && text.matches('/').count() > 1
        || text.starts_with("~/")
        || text.starts_with("./");
    text.len() >= 6 && !is_path && !matches!(text, "required" | "disabled" | "enabled")
}

/// Whether the text only says where the secret is, or that one is missing.
fn is_reference(text: &str) -> bool {
    let text = text.strip_prefix("Bearer ").unwrap_or(text).trim();
    let lower = text.to_ascii_lowercase();
    text.is_empty()
        || text.starts_with('$')
        || text.contains("${")
        || text.starts_with("{env:")
        || text.starts_with("{file:")
        || text.starts_with("op://")
        || (text.starts_with('%') && text.ends_with('%'))
        || (text.starts_with('<') && text.ends_with('>'))
        || lower.starts_with("your")
        || lower.starts_with("xxx")
        || lower.starts_with("changeme")
        || lower.starts_with("replace")
}

fn has_secret_in_url(text: &str) -> bool {
    let Ok(url) = url::Url::parse(text) else {
        return false;
    };
    let has_password = url
        .password()
        .is_some_and(|password| !is_reference(password));
    has_password
        || url.query_pairs().any(|(name, value)| {
            is_secret_name(&name) && is_secret_text(&value) && !is_reference(&value)
        })
}
