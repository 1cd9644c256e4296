//! `axis setup`: at a terminal and in a script, broken off and run again.

#[path = "setup/script.rs"]
mod script;
#[path = "setup/terminal.rs"]
mod terminal;

use axis_tests::{Home, Upstream};
use serde_json::Value;

/// An upstream that takes `key` and refuses all others.
fn vendor(key: &str) -> Upstream {
    let right = format!("Bearer {key}");
    Upstream::answering(move |request| {
        if request.headers.get("authorization") == Some(&right) {
            axis_tests::Reply::json(200, &serde_json::json!({"login": "octocat"}))
        } else {
            axis_tests::Reply::json(401, &serde_json::json!({"message": "Bad credentials"}))
        }
    })
}

/// The names of what is in the vault.
fn stored(home: &Home) -> Vec<String> {
    let listed = home.axis_without_password(&["list", "--json"]).json();
    let credentials = listed["credentials"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let names = credentials.iter().filter_map(|it| it["name"].as_str());
    names.map(str::to_owned).collect()
}

fn status(home: &Home) -> Value {
    home.axis_without_password(&["status", "--json"]).json()
}
