//! What comes of documents: good, odd and hostile ones.

mod hostile;
mod naming;
mod params;
mod service;

use serde_json::{Value, json};

use super::{ImportError, Imported, Wishes, convert};

/// A document of OpenAPI 3.0 with these paths, and more of what stands beside.
fn document(paths: &Value, beside: &Value) -> String {
    let mut document = json!({
        "openapi": "3.0.3",
        "info": {"title": "Test API", "version": "1"},
        "servers": [{"url": "https://api.example.com"}],
        "paths": paths,
    });
    for (name, value) in beside.as_object().unwrap() {
        document[name] = value.clone();
    }
    document.to_string()
}

fn import(text: &str) -> Result<Imported, ImportError> {
    convert(text, &Wishes::default())
}

/// The definition that comes of it, as a value.
#[track_caller]
fn definition(text: &str) -> Value {
    let imported = import(text).unwrap();
    serde_yaml::from_str(&imported.yaml)
        .unwrap_or_else(|error| panic!("{error}: {}", imported.yaml))
}

/// The one action of a document with one operation, and what it lacks.
#[track_caller]
fn action(method: &str, path: &str, operation: &Value, beside: &Value) -> (Value, Vec<String>) {
    let text = document(&json!({ path: { method: operation } }), beside);
    let imported = import(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut actions = definition(&text)["actions"].take();
    let (_, action) = actions.as_object_mut().unwrap().iter_mut().next().unwrap();
    let lacks = imported.in_part.into_iter().flat_map(|note| note.says);
    (action.take(), lacks.collect())
}
