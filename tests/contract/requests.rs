//! What the definitions make: for every action the request of its example, and
//! of its example with each other param added, looked at as the vendor gets it.

use axisd::catalogue::{Action, Catalogue, Service};
use axisd::upstream::request::UpstreamRequest;
use serde_json::{Map, Value, json};

use crate::facts::{self, Operation};

/// The most that an agent reads to learn one action, in bytes.
const MAX_DESCRIPTION_BYTES: usize = 4_000;
/// The most that it reads to learn all names and effects, in bytes.
const MAX_LIST_BYTES: usize = 40_000;

/// The content types that nobody asked for.
const COMES_WITH_A_BODY: &[&str] = &[
    "application/json",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
];

/// The account that a credential names, where a definition asks for that.
const ACCOUNT: &str = "AC00000000000000000000000000000000";

fn catalogue() -> Catalogue {
    Catalogue::builtin().unwrap_or_else(|error| panic!("{error}"))
}

/// Every action with its facts.
fn each(mut check: impl FnMut(&Service, &Action, &Operation)) {
    for service in catalogue().services() {
        let facts = facts::of(service.name().as_str()).unwrap_or_default();
        for action in service.actions() {
            if let Some(vendor) = facts.get(action.name()) {
                check(service, action, vendor);
            }
        }
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_example_makes_the_request_that_the_vendor_demands() {
    let mut looked_at = 0;
    each(|service, action, vendor| {
        let place = format!("{} {}", service.name(), action.name());
        let request = build(action, &parsed(action.example()));
        let path = format!("{}{}", service.base_url(), path(&request));
        let (_, path) = path.split_once("://").unwrap();
        let path = &path[path.find('/').unwrap()..];
        assert_eq!(request.method.as_str(), vendor.method, "{place}");
        let (template, fixed) = vendor.path.split_once('?').unwrap_or((&vendor.path, ""));
        assert!(fits(path, template), "{place}: {path} is no {template}");
        let mut in_query = vendor.required("query");
        let fixed = names(fixed);
        in_query.extend(fixed.iter().map(String::as_str));
        in_query.sort_unstable();
        assert_eq!(sent_at("query", &request), in_query, "{place}");
        assert_eq!(
            sent_at("body", &request),
            vendor.required("body"),
            "{place}"
        );
        looked_at += 1;
    });
    assert!(looked_at > 0);
}

#[test]
fn every_optional_param_reaches_the_vendor_where_it_looks_for_it() {
    each(|service, action, vendor| {
        let example = parsed(action.example());
        let plain = build(action, &example);
        let schema = parsed(action.params_schema());
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            if example.get(name).is_some() {
                continue;
            }
            let place = format!("{} {} {name}", service.name(), action.name());
            let mut params = example.clone();
            params[name] = value(schema);
            let request = match try_build(action, &params) {
                Err(problem) if problem.contains("send one of them") => continue,
                built => built.unwrap_or_else(|problem| panic!("{problem}")),
            };
            if path(&request) != path(&plain) {
                continue; // it takes the place of the credential's account
            }
            if request.body != plain.body && sent(&request) == sent(&plain) {
                continue; // it goes deeper into a member that is there anyway
            }
            let mut added = sent(&request);
            added.retain(|one| !sent(&plain).contains(one));
            let [(at, wire_name)] = added.as_slice() else {
                panic!("{place} adds {added:?} to the request");
            };
            let known = vendor.param(at, wire_name).is_some();
            assert!(known, "{place} adds {wire_name} to the {at}");
        }
    });
}

#[test]
fn one_action_and_all_names_are_short_to_read() {
    let mut list = Vec::new();
    for service in catalogue().services() {
        for action in service.actions() {
            let place = format!("{} {}", service.name(), action.name());
            let described = action.params_schema().len() + action.example().len();
            assert!(
                described <= MAX_DESCRIPTION_BYTES,
                "{place} takes {described} bytes"
            );
            list.push(
                json!({"action": action.name(), "effect": action.effect().word(), "allowed": true}),
            );
        }
    }
    let all = Value::from(list).to_string().len();
    assert!(all <= MAX_LIST_BYTES, "all actions take {all} bytes");
}

fn build(action: &Action, params: &Value) -> UpstreamRequest {
    try_build(action, params).unwrap_or_else(|problem| panic!("{problem}"))
}

fn try_build(action: &Action, params: &Value) -> Result<UpstreamRequest, String> {
    let request = action.build(params.to_string().as_bytes(), Some(ACCOUNT));
    request.map_err(|problem| problem.to_string())
}

fn path(request: &UpstreamRequest) -> &str {
    let path = request.path_and_query.split('?').next();
    path.unwrap_or_default()
}

/// Place and name on the wire of all that a request carries beside its path.
fn sent(request: &UpstreamRequest) -> Vec<(&'static str, String)> {
    let query = names(
        request
            .path_and_query
            .split_once('?')
            .map_or("", |(_, query)| query),
    );
    let headers = request.headers.iter();
    let headers = headers.filter(|(_, value)| !COMES_WITH_A_BODY.iter().any(|kind| *value == kind));
    let headers = headers.map(|(name, _)| name.to_string());
    let mut sent: Vec<_> = query.into_iter().map(|name| ("query", name)).collect();
    sent.extend(headers.map(|name| ("header", name)));
    sent.extend(body_names(request).into_iter().map(|name| ("body", name)));
    sent
}

/// The names that are sent at `place`, sorted.
fn sent_at(place: &str, request: &UpstreamRequest) -> Vec<String> {
    let here = sent(request).into_iter().filter(|(at, _)| *at == place);
    let mut names: Vec<_> = here.map(|(_, name)| name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn body_names(request: &UpstreamRequest) -> Vec<String> {
    let body = request.body.as_deref().unwrap_or_default();
    if body.is_empty() {
        return Vec::new();
    }
    let kind = request
        .headers
        .get("content-type")
        .and_then(|kind| kind.to_str().ok());
    match kind {
        Some("application/x-www-form-urlencoded") => {
            return names(std::str::from_utf8(body).unwrap());
        }
        Some("application/json") => {}
        // bytes, which have no names
        _ => return Vec::new(),
    }
    let mut body: Map<String, Value> = serde_json::from_slice(body).unwrap();
    if body.contains_key("query") && body.contains_key("variables") {
        return variables(&body.remove("variables").unwrap());
    }
    body.into_iter().map(|(name, _)| name).collect()
}

/// The names of a GraphQL query's variables, those of its input below it.
fn variables(variables: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for (name, value) in variables.as_object().into_iter().flatten() {
        match value.as_object().filter(|_| name == "input") {
            Some(input) => names.extend(input.keys().map(|key| format!("{name}.{key}"))),
            None => names.push(name.clone()),
        }
    }
    names
}

/// The names in `a=1&b[c]=2`, each once.
fn names(pairs: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (name, _) in url::form_urlencoded::parse(pairs.as_bytes()) {
        let name = name.split('[').next().unwrap_or_default().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Whether `path` is `template` with its places filled.
fn fits(path: &str, template: &str) -> bool {
    let mut rest = path;
    for (number, piece) in template.split('{').enumerate() {
        let text = match number {
            0 => piece,
            _ => piece.split_once('}').map_or("", |(_, text)| text),
        };
        let found = match number {
            0 => rest.strip_prefix(text),
            // what fills a place is at least one character
            _ if text.is_empty() => return !rest.is_empty(),
            _ => rest
                .find(text)
                .filter(|at| *at > 0)
                .map(|at| &rest[at + text.len()..]),
        };
        match found {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.is_empty()
}

/// A value that `schema` takes.
fn value(schema: &Value) -> Value {
    let given = schema["examples"].get(0).or(schema["enum"].get(0));
    if let Some(given) = given {
        return given.clone();
    }
    let types = &schema["type"];
    let first = types.get(0).unwrap_or(types);
    match first.as_str() {
        Some("string") => "text".into(),
        Some("integer" | "number") => match &schema["minimum"] {
            Value::Null => 1.into(),
            least => least.clone(),
        },
        Some("boolean") => true.into(),
        Some("array") => json!([value(&schema["items"])]),
        _ => json!({"key": "text"}),
    }
}
