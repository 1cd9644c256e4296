//! Credentials that lie about in other places: found, and told apart by the
//! name under which each stands and by what it looks like. This room only
//! reads; `axis import` and `axis setup` store what their owner chooses of it.

mod error;
mod file;
mod item;
mod known;
mod mapping;
mod naming;
mod source;
mod startup;

pub mod asv_policy;
pub mod dotenv;
pub mod environment;
pub mod export;
pub mod keystore_v1;
pub mod pass;

use std::path::Path;

use axis_proto::v1::Service;
use secrecy::{ExposeSecret, SecretString};

pub use self::error::ImportError;
pub use self::item::Item;
pub use self::known::Known;
pub use self::mapping::Assigned;
pub use self::source::{Source, WORDS, asv_keystore};
pub use self::startup::lines_with;

/// A credential that stands somewhere in plaintext, or in another vault.
pub struct Found {
    /// Where it stands, such as `.env, line 3`.
    pub origin: String,
    /// What it stands under: one, or several that make one credential.
    pub variables: Vec<Variable>,
    /// The service it is for.
    pub service: String,
    /// The label it gets, made from its name; empty: none.
    pub label: String,
    /// Itself.
    pub secret: SecretString,
    /// Whether it looks like that service's credentials do.
    pub shape_ok: bool,
    /// How sure it is that it is for that service.
    pub certainty: Certainty,
    /// What its owner should know of it.
    pub remarks: Vec<String>,
}

/// A name and what stands under it: the secret itself, a part of it, or the path
/// of its file.
#[derive(Clone)]
pub struct Variable {
    /// The name.
    pub name: String,
    /// The text.
    pub value: SecretString,
}

impl Variable {
    /// Whether it is this one.
    fn is(&self, name: &str, value: &str) -> bool {
        self.name == name && self.value.expose_secret() == value
    }
}

impl Found {
    /// The names in one word, as they are chosen and shown.
    pub fn variable(&self) -> String {
        let names: Vec<&str> = self.names().collect();
        names.join(":")
    }

    /// The names, one by one.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|it| it.name.as_str())
    }

    /// Its name there and in the vault, for people.
    pub fn in_the_vault(&self) -> String {
        format!("{} ({})", self.variable(), self.credential())
    }

    /// Whether it is the very same secret for the same credential.
    pub fn is_same(&self, other: &Self) -> bool {
        self.credential() == other.credential()
            && self.secret.expose_secret() == other.secret.expose_secret()
    }

    /// What the vault calls it: `service` or `service/label`.
    pub fn credential(&self) -> String {
        if self.label.is_empty() {
            self.service.clone()
        } else {
            format!("{}/{}", self.service, self.label)
        }
    }
}

/// How sure it is which service a credential is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// Its name says so.
    Named,
    /// It only looks like it: other vendors' keys may, too, and sent to the
    /// wrong one it is given away. Or the service is the owner's own, so that a
    /// file which anyone could have written says where it goes. It is imported
    /// only when it is asked for by name.
    Guessed,
}

/// Something that isn't imported.
pub struct Skipped {
    /// The name it stands under.
    pub variable: String,
    /// Why, in a few words.
    pub why: String,
}

/// What was found in one place.
#[derive(Default)]
pub struct Findings {
    /// What can be imported, in the order in which it stands there.
    pub found: Vec<Found>,
    /// What looks as if it should be, and isn't.
    pub skipped: Vec<Skipped>,
    /// How many other names there are, which hold no credential.
    pub others: usize,
}

/// The credentials in this process's environment.
pub fn from_environment(services: &[Service]) -> Findings {
    Known::of(services).sort(environment::items(), &[], Path::new(""))
}

/// The credentials in a `.env` file.
///
/// # Errors
/// It can't be read as one. A line that can't be understood is among what was
/// skipped.
pub fn from_dotenv(path: &Path, services: &[Service]) -> Result<Findings, ImportError> {
    let (items, mut faults) = dotenv::items(path)?;
    let base = path.parent().unwrap_or(Path::new(""));
    let mut findings = Known::of(services).sort(items, &[], base);
    findings.skipped.append(&mut faults);
    Ok(findings)
}
