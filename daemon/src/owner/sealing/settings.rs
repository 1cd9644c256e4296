//! What another text of daemon.yaml, or other certificates, mean.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::upstream::count_certificates;
use crate::yaml::Source;

/// Deepest nesting that is looked into; no setting is below it.
const MAX_DEPTH: usize = 8;

/// What makes `after` of `before`, a setting each.
pub(super) fn words(before: Option<&str>, after: Option<&str>) -> Vec<String> {
    let (before, after) = (settings(before), settings(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let said = |value: Option<&String>| value.map_or("not set", String::as_str).to_owned();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| {
            let (before, after) = (said(before.get(name)), said(after.get(name)));
            format!("{name}: {before} → {after}")
        })
        .collect()
}

/// What makes the certificates `after` of `before`.
pub(super) fn certificates(before: Option<&str>, after: Option<&str>) -> Vec<String> {
    let said = |text: Option<&str>| match text.map(count_certificates) {
        None => "none".to_owned(),
        Some(Ok(count)) => count.to_string(),
        Some(Err(_)) => "not readable".to_owned(),
    };
    vec![format!(
        "root certificates of your own that upstreams are believed by: {} → {}; whoever holds the key of one can read every call",
        said(before),
        said(after)
    )]
}

/// Each setting by its whole name; none where the text can't be read.
fn settings(text: Option<&str>) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let origin = Path::new("daemon.yaml");
    let read = text.map(|text| Source::new(text, origin).parse::<Value>());
    if let Some(Ok(value)) = read {
        collect("", &value, MAX_DEPTH, &mut settings);
    }
    settings
}

fn collect(name: &str, value: &Value, depth: usize, settings: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) if depth > 0 => {
            for (member, value) in members {
                let name = match name {
                    "" => member.clone(),
                    name => format!("{name}.{member}"),
                };
                collect(&name, value, depth - 1, settings);
            }
        }
        Value::Null if name.is_empty() => {}
        value => {
            settings.insert(name.to_owned(), value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_that_changes_is_told_with_both_values() {
        let before = "limits: {call_timeout: 60}\naudit: {sync: always}\n";
        let after = "limits: {call_timeout: 90}\nupstream: {proxy: 'http://p:1'}\n";
        assert_eq!(
            words(Some(before), Some(after)),
            [
                "audit.sync: \"always\" → not set",
                "limits.call_timeout: 60 → 90",
                "upstream.proxy: not set → \"http://p:1\"",
            ]
        );
        assert!(words(None, Some("# nothing\n")).is_empty());
    }
}
