//! Params: from an operation's path, query, headers and body to those of an
//! action, each under a name of its own.

mod body;
mod declared;
mod fields;

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::auth::Auth;
use super::schema::Schemas;

/// Longest name of a param, in bytes.
const MAX_NAME: usize = 64;

/// The params of one action in the making.
pub(super) struct Params<'a> {
    schemas: &'a Schemas<'a>,
    auth: &'a Auth,
    /// Names of all kinds, in lowercase.
    names: HashSet<String>,
    /// Those of the path, in its order.
    in_path: Vec<InPath>,
    others: Vec<(String, Map<String, Value>)>,
    /// Places that are filled: where, and the name on the wire.
    filled: HashSet<(&'static str, String)>,
}

/// A param of the path.
struct InPath {
    /// What the document calls it.
    wire: String,
    name: String,
    /// What is known of it, where it was declared.
    fields: Option<Map<String, Value>>,
}

impl<'a> Params<'a> {
    pub(super) fn new(schemas: &'a Schemas<'a>, auth: &'a Auth) -> Self {
        Self {
            schemas,
            auth,
            names: HashSet::new(),
            in_path: Vec::new(),
            others: Vec::new(),
            filled: HashSet::new(),
        }
    }

    /// The path with the names that its params have here.
    ///
    /// # Errors
    /// Why a definition can't have such a path.
    pub(super) fn take_path(&mut self, path: &str) -> Result<String, String> {
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:@".contains(&byte);
        let mut written = String::new();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        for (at, segment) in segments.iter().enumerate() {
            written.push('/');
            let is_end = at + 1 == segments.len();
            if matches!(*segment, "." | "..") || (segment.is_empty() && !is_end) {
                return Err(format!("its path has the segment {segment:?}"));
            }
            let (before, rest) = segment.split_once('{').unwrap_or((segment, ""));
            written.push_str(before);
            let mut after = "";
            if before.len() < segment.len() {
                let Some((name, end)) = rest.split_once('}') else {
                    return Err(format!("its path has {{ without }} in {segment:?}"));
                };
                if end.contains('{') {
                    return Err(format!(
                        "its path has two params in the segment {segment:?}"
                    ));
                }
                if self.in_path.iter().any(|known| known.wire == name) {
                    return Err(format!("its path has the param {name:?} twice"));
                }
                let own = self.name(name, "path");
                written.push('{');
                written.push_str(&own);
                written.push('}');
                self.in_path.push(InPath {
                    wire: name.to_owned(),
                    name: own,
                    fields: None,
                });
                after = end;
            }
            if !before.bytes().chain(after.bytes()).all(plain) {
                return Err(format!(
                    "its path has the segment {segment:?}; beside a param there may be letters, digits, - . _ ~ : and @"
                ));
            }
            written.push_str(after);
        }
        if let Some(query) = query {
            let plain = |byte: u8| plain(byte) || b"=&%+".contains(&byte);
            if !query.bytes().all(plain) {
                return Err(format!("its path has the query {query:?}"));
            }
            for pair in query.split('&') {
                let name = pair.split('=').next().unwrap_or_default();
                self.filled.insert(("query", name.to_owned()));
            }
            written.push('?');
            written.push_str(query);
        }
        Ok(written)
    }

    fn describe(&self, fields: &mut Map<String, Value>, written: &'a Value) {
        let text = self.schemas.described(written);
        if let Some(text) = self.schemas.description(text) {
            let more = fields.get("description").and_then(Value::as_str);
            let text = more.map_or(text.clone(), |more| format!("{text} ({more})"));
            fields.insert("description".into(), text.into());
        }
    }

    /// Adds a param under a name that no other one has.
    fn add(&mut self, wire: &str, place: &'static str, required: bool, fields: Map<String, Value>) {
        let on_the_wire = if place == "header" {
            wire.to_ascii_lowercase()
        } else {
            wire.to_owned()
        };
        if !self.filled.insert((place, on_the_wire)) {
            return;
        }
        let name = self.name(wire, place);
        let mut written = Map::from_iter([("in".to_owned(), json!(place))]);
        if name != wire {
            written.insert("as".into(), wire.into());
        }
        if required {
            written.insert("required".into(), true.into());
        }
        written.extend(fields);
        self.others.push((name, written));
    }

    /// A name for `wire` that agents and hosts take, and that is free.
    fn name(&mut self, wire: &str, place: &str) -> String {
        let plain: String = wire
            .trim_end_matches("[]")
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') {
                    c
                } else {
                    '_'
                }
            })
            .take(MAX_NAME)
            .collect();
        let plain = plain.trim_matches('_');
        // such as $filter, and what is written in another script
        let plain = if plain.is_empty() { place } else { plain };
        let numbered = (2..).map(|number| format!("{plain}_{place}{number}"));
        let names = [plain.to_owned(), format!("{plain}_{place}")]
            .into_iter()
            .chain(numbered);
        for name in names {
            if self.names.insert(name.to_ascii_lowercase()) {
                return name;
            }
        }
        plain.to_owned()
    }

    /// All of them: those in the path first, then what else is required. What
    /// the path has and nobody declared is a text.
    pub(super) fn finish(self) -> Vec<(String, Map<String, Value>)> {
        let mut all = Vec::new();
        for InPath { name, fields, .. } in self.in_path {
            let mut written = Map::from_iter([
                ("in".to_owned(), json!("path")),
                ("required".to_owned(), json!(true)),
            ]);
            let text = || Map::from_iter([("type".to_owned(), json!("string"))]);
            written.extend(fields.unwrap_or_else(text));
            all.push((name, written));
        }
        let is_required =
            |(_, fields): &(String, Map<String, Value>)| fields.contains_key("required");
        let (required, optional): (Vec<_>, Vec<_>) = self.others.into_iter().partition(is_required);
        all.extend(required);
        all.extend(optional);
        all
    }
}
