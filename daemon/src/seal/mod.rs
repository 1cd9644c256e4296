//! The seal: the texts of all files that decide over calls, as the owner's
//! password put them into the vault. While they are there, those files only
//! propose. Pure: texts in, texts out.
//!
//! - [`Files`]: the texts, by the names of their files.
//! - [`Files::pack`]: the one text that the vault keeps of them.
//! - [`Lines`]: how a file differs from what is sealed.

mod lines;
mod packed;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::lines::Lines;
pub use self::packed::{MAX_BYTES, MAX_PACKED_BYTES, SealError};

/// The texts of all files that decide over calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// `policy.yaml`
    pub policy: Option<String>,
    /// The owner's own services, by the names of their files.
    pub services: BTreeMap<String, String>,
    /// `daemon.yaml`
    pub daemon: Option<String>,
    /// The certificates that `upstream.ca_file` in `daemon.yaml` names: what
    /// is sealed is their text, since the file could be swapped.
    pub ca: Option<String>,
}

/// Which of the files one is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileName {
    /// `policy.yaml`
    Policy,
    /// One in `services/`.
    Service(String),
    /// `daemon.yaml`
    Daemon,
    /// The file of certificates.
    Ca,
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy => f.write_str("policy.yaml"),
            Self::Service(name) => write!(f, "services/{name}"),
            Self::Daemon => f.write_str("daemon.yaml"),
            Self::Ca => f.write_str("ca_file"),
        }
    }
}

impl Files {
    /// Each file that is there, with its text.
    pub fn each(&self) -> impl Iterator<Item = (FileName, &str)> {
        let policy = self.policy.as_deref().map(|text| (FileName::Policy, text));
        let services = self.services.iter();
        let services =
            services.map(|(name, text)| (FileName::Service(name.clone()), text.as_str()));
        let daemon = self.daemon.as_deref().map(|text| (FileName::Daemon, text));
        let ca = self.ca.as_deref().map(|text| (FileName::Ca, text));
        policy.into_iter().chain(services).chain(daemon).chain(ca)
    }

    /// The text of one file; none where it isn't there.
    pub fn text(&self, name: &FileName) -> Option<&str> {
        match name {
            FileName::Policy => self.policy.as_deref(),
            FileName::Service(name) => self.services.get(name).map(String::as_str),
            FileName::Daemon => self.daemon.as_deref(),
            FileName::Ca => self.ca.as_deref(),
        }
    }

    /// SHA-256 over the names and texts of all files, in hex: the same where
    /// all of them are, and nowhere else.
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        let mut add = |item: &str| {
            // with its length, so that no two items can be cut another way
            digest.update(item.len().to_string());
            digest.update(":");
            digest.update(item);
        };
        for (name, text) in self.each() {
            add(&name.to_string());
            add(text);
        }
        hex::encode(digest.finalize())
    }

    /// The names of the files in which the two differ, in their order.
    pub fn differing(&self, other: &Self) -> Vec<FileName> {
        let mut names: Vec<FileName> = self
            .each()
            .chain(other.each())
            .filter(|(name, _)| self.text(name) != other.text(name))
            .map(|(name, _)| name)
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(policy: &str, services: &[(&str, &str)]) -> Files {
        let services = services.iter();
        Files {
            policy: Some(policy.to_owned()),
            services: services
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect(),
            ..Files::default()
        }
    }

    #[test]
    fn no_two_sets_of_files_have_one_digest() {
        let all = [
            Files::default(),
            files("", &[]),
            files("a", &[]),
            files("a", &[("b", "c")]),
            files("a", &[("c", "b")]),
            files("a", &[("b", "")]),
            files("a", &[("b", "c10:services/d1:e")]),
            files("a", &[("b", "c"), ("d", "e")]),
            Files {
                daemon: Some("a".into()),
                ..Files::default()
            },
            Files {
                ca: Some("a".into()),
                ..Files::default()
            },
        ];
        for (at, one) in all.iter().enumerate() {
            assert_eq!(one.digest(), one.clone().digest());
            for other in &all[at + 1..] {
                assert_ne!(one.digest(), other.digest(), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn the_files_that_differ_are_named_once_each() {
        let one = files("a", &[("x.yaml", "1"), ("y.yaml", "2")]);
        let other = files("b", &[("y.yaml", "3"), ("z.yaml", "4")]);
        let names: Vec<String> = one
            .differing(&other)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            names,
            [
                "policy.yaml",
                "services/x.yaml",
                "services/y.yaml",
                "services/z.yaml"
            ]
        );
        assert!(one.differing(&one).is_empty());
    }
}
