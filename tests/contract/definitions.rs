//! Every built-in definition says what its vendor's interface says.

use std::collections::BTreeSet;

use crate::facts::{self, Operation, Required};
use crate::graphql;
use crate::written::{self, Action, Param};

/// What a definition takes beyond the vendor's description, on purpose:
/// service, action, param, type.
const WIDER: &[(&str, &str, &str, &str)] = &[
    // a header holds the list, joined by commas
    ("aws", "s3.getObjectAttributes", "attributes", "string"),
    // one input item alone: the vendor is the one to judge it
    ("openai", "responses.create", "input", "object"),
    // as its update and its guide have them
    ("notion", "pages.create", "cover", "object"),
    ("notion", "pages.create", "icon", "object"),
    // the name repeated for each, as its documentation has it
    ("sendgrid", "stats.getForCategories", "categories", "array"),
];

/// What a definition leaves to the agent, though the vendor's description
/// requires it: service, action, param.
const LOOSER: &[(&str, &str, &str)] = &[
    // a template brings its own
    ("sendgrid", "mail.send", "subject"),
];

#[test]
fn every_definition_agrees_with_its_vendors_interface() {
    let mut wrong = Vec::new();
    for service in written::services() {
        let name = &service.name;
        let Some(mut facts) = facts::of(name) else {
            wrong.push(format!("{name}: facts/{name}.tsv is missing"));
            continue;
        };
        for (action_name, action) in &service.actions {
            let place = format!("{name} {action_name}");
            let Some(vendor) = facts.remove(action_name) else {
                wrong.push(format!("{place}: has no facts"));
                continue;
            };
            let base = base_path(&service.base_url);
            let faults = request_faults(base, action, &vendor)
                .into_iter()
                .chain(param_faults((name, action_name), action, &vendor))
                .chain(graphql::faults(action, &vendor));
            wrong.extend(faults.map(|fault| format!("{place}: {fault}")));
        }
        let left = facts.into_keys();
        wrong.extend(left.map(|action| format!("{name} {action}: has facts, but no definition")));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn what_is_called_a_read_is_no_delete_and_the_other_way_round() {
    for service in written::services() {
        for (name, action) in &service.actions {
            let place = format!("{} {name}", service.name);
            match action.effect.as_str() {
                "read" => assert!(
                    matches!(action.method.as_str(), "GET" | "HEAD" | "POST"),
                    "{place} reads by {}",
                    action.method
                ),
                // Twilio, Slack and Stripe delete and cancel by other methods too
                "write" | "delete" => assert_ne!(action.method, "GET", "{place}"),
                effect => panic!("{place} has the effect {effect}"),
            }
        }
    }
}

/// What is wrong with the method or the path.
fn request_faults(base: &str, action: &Action, vendor: &Operation) -> Vec<String> {
    let mut faults = Vec::new();
    if action.method != vendor.method {
        faults.push(format!("{}, the vendor {}", action.method, vendor.method));
    }
    let path = format!("{base}{}", action.path);
    if shape(&path) != shape(&vendor.path) {
        faults.push(format!("{path}, the vendor {}", vendor.path));
    }
    faults
}

/// What is wrong with the params.
fn param_faults(place: (&str, &str), action: &Action, vendor: &Operation) -> Vec<String> {
    let mut faults = Vec::new();
    let mut sent = BTreeSet::new();
    let deeper = action.params.iter().filter(|(_, param)| param.at.is_some());
    let deeper: BTreeSet<_> = deeper.map(|(name, param)| param.wire_name(name)).collect();
    for (name, param) in &action.params {
        if param.place == "body" && action.body.as_deref() == Some("bytes") {
            continue; // it is all of the body, which has no names
        }
        let Some((wire_name, known)) = counterpart(name, param, action, vendor) else {
            faults.push(format!("the vendor has no {name} in the {}", param.place));
            continue;
        };
        sent.insert((known.place.as_str(), wire_name));
        // one of several that make up the same member: the example shows which
        if deeper.contains(wire_name) {
            continue;
        }
        let filled = param.required || param.default.is_some();
        let looser = LOOSER.contains(&(place.0, place.1, name));
        if filled != (known.required != Required::No) && !looser {
            faults.push(format!("{name} is not required as the facts say"));
        }
        for sent in param.types() {
            let wider = WIDER.contains(&(place.0, place.1, name, sent));
            if !takes(known, param, sent) && !wider {
                let types = known.types.join(" or ");
                faults.push(format!("{name} as {sent}, the vendor takes {types}"));
            }
        }
    }
    for (wire_name, known) in &vendor.params {
        let is_sent = sent.contains(&(known.place.as_str(), wire_name.as_str()));
        if known.required != Required::No && !is_sent {
            faults.push(format!("has no {wire_name}, which is required"));
        }
    }
    faults
}

/// The vendor's param that `param` fills, with its name on the wire. A path has
/// places, not names.
fn counterpart<'v>(
    name: &str,
    param: &Param,
    action: &Action,
    vendor: &'v Operation,
) -> Option<(&'v str, &'v facts::Param)> {
    if param.place == "path" {
        let place = format!("{{{name}}}");
        let before = action.path.split(&place).next()?;
        let position = before.matches('{').count();
        return vendor.in_path().get(position).copied();
    }
    let wire_name = param.wire_name(name);
    let input = action
        .graphql
        .as_ref()
        .and_then(|graphql| graphql.input.as_ref());
    match (param.place.as_str(), input) {
        ("variable", _) => vendor.param("body", wire_name),
        ("body", Some(input)) => vendor.param("body", &format!("{input}.{wire_name}")),
        (place, _) => vendor.param(place, wire_name),
    }
}

/// Whether the vendor takes what `param` sends when it gets a `sent`.
fn takes(vendor: &facts::Param, param: &Param, sent: &str) -> bool {
    let has = |word: &str| vendor.types.iter().any(|known| known == word);
    let as_text = param.place != "body" && has("string");
    match sent {
        _ if has("any") || has(sent) => true,
        "integer" if has("number") => true,
        "integer" | "number" | "boolean" => as_text,
        "array" => as_text && param.style.as_deref() == Some("comma"),
        _ => false,
    }
}

/// A path without the names in it, which are on no wire.
fn shape(path: &str) -> String {
    let mut pieces = path.split('{');
    let mut shape = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        shape.push_str("{}");
        shape.push_str(piece.split_once('}').map_or("", |(_, after)| after));
    }
    shape
}

/// The path that a base URL puts before every action's.
fn base_path(base_url: &str) -> &str {
    let rest = base_url.split_once("://").map_or("", |(_, rest)| rest);
    rest.find('/').map_or("", |at| &rest[at..])
}
