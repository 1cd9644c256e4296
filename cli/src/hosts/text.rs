//! The text of a host's file, read: the way to our entry, and what changes it.

use std::path::Path;

use serde_json::Value;

use super::entry::NAME;
use super::error::HostsError;
use super::host::{Format, Host};
use super::tree::{Node, Splice, spliced};
use super::{json, toml};

/// A host's file, read.
pub struct Text<'a> {
    host: &'a Host,
    file: &'a Path,
    /// All of it.
    pub content: &'a str,
    /// What it says; none where it is empty.
    pub root: Option<Node>,
}

impl<'a> Text<'a> {
    /// Reads it.
    pub fn of(host: &'a Host, file: &'a Path, content: &'a str) -> Result<Self, HostsError> {
        let root = match host.format {
            Format::Json => json::parse(content),
            Format::Toml => toml::parse(content).map(Some),
        };
        let root = root.map_err(|(line, column, why)| HostsError::Unparsable {
            file: file.to_owned(),
            line,
            column,
            why,
        })?;
        Ok(Self {
            host,
            file,
            content,
            root,
        })
    }

    /// The keys that lead to our entry.
    pub fn way(&self) -> Vec<String> {
        let mut way = self.host.servers.clone();
        way.push(NAME.to_owned());
        way
    }

    /// The table of servers.
    pub fn servers(&self) -> Option<&Node> {
        self.root.as_ref()?.at(&self.host.servers)
    }

    /// What stands under our name.
    ///
    /// # Errors
    /// The way there leads through something that is no table, or stands twice.
    pub fn entry(&self) -> Result<Option<&Node>, HostsError> {
        let Some(root) = self.root.as_ref() else {
            return Ok(None);
        };
        // a server may have such a name, but a server starts or reaches something
        let is_newer = self.host.newer_form.iter().any(|way| {
            let table = root.at(way).and_then(Node::table);
            table.is_some_and(|table| table.get("type").is_none_or(|it| it.text().is_none()))
        });
        if is_newer {
            return Err(HostsError::NoPlace {
                file: self.file.to_owned(),
                why: "it is in a newer form of the host's than Axis writes",
            });
        }
        let mut node = root;
        let mut name = "the whole file";
        for key in &self.way() {
            let Some(table) = node.table() else {
                return Err(HostsError::WrongKind {
                    file: self.file.to_owned(),
                    key: name.to_owned(),
                    wanted: "a table",
                    found: node.kind(),
                });
            };
            if table.count(key) > 1 {
                return Err(HostsError::Twice {
                    file: self.file.to_owned(),
                    key: key.clone(),
                });
            }
            match table.member(key) {
                Some(member) => (name, node) = (&member.key, &member.node),
                None => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    /// The text with `value` at `way`.
    pub fn set(&self, way: &[String], value: &Value) -> Result<String, HostsError> {
        let splices = match (self.host.format, &self.root) {
            (Format::Json, root) => json::set(self.content, root.as_ref(), way, value),
            (Format::Toml, Some(root)) => {
                toml::set(self.content, root, way, value).map_err(|why| HostsError::NoPlace {
                    file: self.file.to_owned(),
                    why,
                })?
            }
            (Format::Toml, None) => Vec::new(),
        };
        Ok(spliced(self.content, splices))
    }

    /// What takes out what `way` leads to.
    pub fn cut(&self, way: &[String]) -> Vec<Splice> {
        match (self.host.format, &self.root) {
            (_, None) => Vec::new(),
            (Format::Json, Some(root)) => json::cut(self.content, root, way),
            (Format::Toml, Some(root)) => toml::cut(self.content, root, way),
        }
    }

    /// That what stands under our name isn't ours.
    pub fn not_ours(&self) -> HostsError {
        HostsError::NotOurs {
            file: self.file.to_owned(),
            name: NAME.to_owned(),
        }
    }
}
