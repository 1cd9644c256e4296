//! The built-in definitions as they are written, read without the daemon's own
//! reader: what it makes of them is for the requests to show.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// One file of `config/services/`.
#[derive(Deserialize)]
pub struct Service {
    #[serde(rename = "service")]
    pub name: String,
    pub base_url: String,
    body: Option<String>,
    pub actions: BTreeMap<String, Action>,
}

#[derive(Deserialize)]
pub struct Action {
    pub effect: String,
    pub method: String,
    pub path: String,
    /// How the body is written, where it is no JSON object; from the service
    /// unless the action says it.
    pub body: Option<String>,
    pub graphql: Option<Graphql>,
    #[serde(default)]
    pub params: BTreeMap<String, Param>,
}

#[derive(Deserialize)]
pub struct Graphql {
    pub query: String,
    pub input: Option<String>,
    pub result: String,
}

#[derive(Deserialize)]
pub struct Param {
    #[serde(rename = "in")]
    pub place: String,
    #[serde(rename = "as")]
    wire_name: Option<String>,
    /// Where in the body it goes, if that is deeper than a member of its own.
    pub at: Option<String>,
    #[serde(default)]
    pub required: bool,
    /// What fills it when the agent doesn't.
    pub default: Option<String>,
    pub style: Option<String>,
    #[serde(rename = "type")]
    types: OneOrSeveral,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrSeveral {
    One(String),
    Several(Vec<String>),
}

impl Param {
    /// The name of what it goes into: of `created[gte]` and of
    /// `personalizations.0.to`, the vendor has the first part.
    pub fn wire_name<'p>(&'p self, name: &'p str) -> &'p str {
        let whole = self.at.as_deref().or(self.wire_name.as_deref());
        let mut steps = whole.unwrap_or(name).split(['[', '.']);
        steps.next().unwrap_or_default()
    }

    pub fn types(&self) -> &[String] {
        match &self.types {
            OneOrSeveral::One(word) => std::slice::from_ref(word),
            OneOrSeveral::Several(words) => words,
        }
    }
}

/// Every built-in service.
pub fn services() -> Vec<Service> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/services");
    let entries = std::fs::read_dir(&dir).expect("config/services is there");
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let services: Vec<_> = paths.iter().map(|path| read(path)).collect();
    assert!(!services.is_empty(), "{} holds nothing", dir.display());
    services
}

fn read(path: &Path) -> Service {
    let text = std::fs::read_to_string(path).expect("a definition can be read");
    let read = serde_yaml::from_str(&text);
    let mut service: Service = read.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for action in service.actions.values_mut() {
        action.body = action.body.take().or_else(|| service.body.clone());
    }
    service
}
