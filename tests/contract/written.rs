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
    /// Params of every action.
    #[serde(default)]
    pub params: BTreeMap<String, Param>,
    pub actions: BTreeMap<String, Action>,
}

#[derive(Deserialize)]
pub struct Action {
    pub effect: String,
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub params: BTreeMap<String, Param>,
}

#[derive(Clone, Deserialize)]
pub struct Param {
    #[serde(rename = "in")]
    pub place: String,
    #[serde(rename = "as")]
    pub wire_name: Option<String>,
    #[serde(default)]
    pub required: bool,
    pub style: Option<String>,
    #[serde(rename = "type")]
    types: OneOrSeveral,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum OneOrSeveral {
    One(String),
    Several(Vec<String>),
}

impl Param {
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
    let mut service: Service =
        serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for action in service.actions.values_mut() {
        for (name, param) in &service.params {
            let own = action.params.entry(name.clone());
            own.or_insert_with(|| param.clone());
        }
    }
    service
}
