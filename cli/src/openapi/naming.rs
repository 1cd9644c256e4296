//! Names of actions, so that they read like those that are built in.
//!
//! From the operationId, where there is one:
//! 1. Where `/`, `.` or `:` divide it, the parts stay: `issues/create-comment`
//!    → `issues.createComment`.
//! 2. Where it begins with a verb, the verb goes behind its object, and what
//!    says which (`By`, `For` …) stays with the verb: `listPets` → `pets.list`,
//!    `getPetById` → `pet.getById`.
//! 3. Else the first tag stands before it: `showMe` tagged `users` →
//!    `users.showMe`.
//!
//! Without one, from path and method: `GET /pets` → `pets.list`, `GET
//! /pets/{id}` → `pets.get`, `POST /pets` → `pets.create`.
//!
//! Two operations whose names compare equal are told apart by method and path,
//! and by a number where even those agree. All of it depends on the document
//! alone.

use std::collections::HashSet;

use super::ImportError;
use super::document::{Document, items};
use super::operation::Operation;

/// Longest action name, in bytes, with room for a number behind it.
const MAX_BYTES: usize = 110;
/// Longest service name, in bytes.
const MAX_SERVICE_BYTES: usize = 64;

const VERBS: &[&str] = &[
    "accept",
    "activate",
    "add",
    "append",
    "apply",
    "approve",
    "archive",
    "assign",
    "attach",
    "batch",
    "cancel",
    "capture",
    "change",
    "check",
    "clear",
    "clone",
    "close",
    "complete",
    "confirm",
    "connect",
    "convert",
    "copy",
    "count",
    "create",
    "deactivate",
    "delete",
    "describe",
    "detach",
    "disable",
    "disconnect",
    "download",
    "edit",
    "enable",
    "execute",
    "export",
    "fetch",
    "find",
    "finalize",
    "generate",
    "get",
    "head",
    "import",
    "insert",
    "install",
    "invite",
    "join",
    "leave",
    "list",
    "lock",
    "lookup",
    "mark",
    "merge",
    "modify",
    "move",
    "open",
    "partial",
    "patch",
    "pause",
    "pay",
    "post",
    "preview",
    "publish",
    "put",
    "query",
    "read",
    "refresh",
    "register",
    "reject",
    "remove",
    "rename",
    "render",
    "replace",
    "request",
    "reset",
    "resolve",
    "restore",
    "resume",
    "retrieve",
    "retry",
    "revoke",
    "rotate",
    "run",
    "save",
    "search",
    "send",
    "set",
    "show",
    "start",
    "stop",
    "submit",
    "subscribe",
    "sync",
    "test",
    "transfer",
    "trigger",
    "unarchive",
    "unassign",
    "unlock",
    "unpublish",
    "unsubscribe",
    "update",
    "upload",
    "upsert",
    "validate",
    "verify",
    "view",
    "void",
];

/// Words that begin what says which one is meant.
const PREPOSITIONS: &[&str] = &[
    "as", "at", "by", "for", "from", "in", "into", "of", "on", "to", "using", "via", "with",
    "without",
];

/// The names given so far.
#[derive(Default)]
pub(super) struct Names {
    /// In lowercase.
    taken: HashSet<String>,
}

impl Names {
    /// The name of `operation`, which no other one has.
    pub(super) fn of(&mut self, operation: &Operation<'_>) -> String {
        let name = shorten(&plain(operation));
        let by_path = || shorten(&join(&[&name, &camel(&words(&from_path(operation)))], ""));
        if self.take(&name) {
            return name;
        }
        let by_path = by_path();
        if self.take(&by_path) {
            return by_path;
        }
        let mut number = 2;
        loop {
            let numbered = format!("{by_path}{number}");
            if self.take(&numbered) {
                return numbered;
            }
            number += 1;
        }
    }

    fn take(&mut self, name: &str) -> bool {
        self.taken.insert(name.to_ascii_lowercase())
    }
}

fn plain(operation: &Operation<'_>) -> String {
    let id = operation
        .value
        .get("operationId")
        .and_then(|id| id.as_str());
    let name = match id.map(|id| without_path(id, operation)) {
        Some(id) if !words(id).is_empty() => from_id(id, operation),
        _ => from_path(operation),
    };
    // every service has raw actions of this name
    if name.to_ascii_lowercase().starts_with("http.") {
        return format!("api.{name}");
    }
    name
}

/// An id that some frameworks make of a function's name, the path and the
/// method, without the latter two.
fn without_path<'a>(id: &'a str, operation: &Operation<'_>) -> &'a str {
    let path: String = operation
        .path
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect();
    let method = operation.method_word().to_ascii_lowercase();
    match id.strip_suffix(&format!("{path}_{method}")) {
        Some(name) if !name.is_empty() => name,
        _ => id,
    }
}

fn from_id(id: &str, operation: &Operation<'_>) -> String {
    let parts: Vec<String> = id
        .split(['/', '.', ':'])
        .map(|part| camel(&words(part)))
        .filter(|part| !part.is_empty())
        .collect();
    if parts.len() > 1 {
        return parts.join(".");
    }
    let words = words(id);
    if let Some((verb, rest)) = words.split_first()
        && VERBS.contains(&verb.as_str())
        && !rest.is_empty()
    {
        let which = rest
            .iter()
            .position(|word| PREPOSITIONS.contains(&word.as_str()))
            .unwrap_or(rest.len());
        let (object, which) = rest.split_at(which);
        if !object.is_empty() {
            let act = [std::slice::from_ref(verb), which].concat();
            return join(&[&camel(object), &camel(&act)], ".");
        }
    }
    let tag = items(operation.value.get("tags")).find_map(|tag| tag.as_str());
    let tag = camel(&self::words(tag.unwrap_or_default()));
    let name = camel(&words);
    if tag.is_empty() || tag.len() > 40 || name.to_lowercase().starts_with(&tag.to_lowercase()) {
        name
    } else {
        join(&[&tag, &name], ".")
    }
}

fn from_path(operation: &Operation<'_>) -> String {
    let segments: Vec<&str> = operation
        .path
        .split('/')
        .filter(|it| !it.is_empty())
        .collect();
    let ends_with_param = segments.last().is_some_and(|last| last.ends_with('}'));
    let act = match operation.method_word() {
        "GET" if !ends_with_param => "list".to_owned(),
        "POST" => "create".to_owned(),
        "PATCH" => "update".to_owned(),
        other => other.to_ascii_lowercase(),
    };
    let mut parts: Vec<String> = segments
        .iter()
        .filter(|segment| !segment.starts_with('{'))
        .map(|segment| camel(&words(segment)))
        .filter(|part| !part.is_empty())
        .collect();
    if parts.is_empty() {
        parts.push("root".into());
    }
    parts.push(act);
    parts.join(".")
}

/// The words of an identifier in lowercase: `getHTTPUrl2` → get, http, url2.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let chars: Vec<char> = text.chars().collect();
    let mut starts = true;
    for (at, &c) in chars.iter().enumerate() {
        if !c.is_ascii_alphanumeric() {
            starts = true;
            continue;
        }
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let after = chars.get(at + 1);
        let begins_word = c.is_ascii_uppercase()
            && (before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                || (before.is_some_and(char::is_ascii_uppercase)
                    && after.is_some_and(char::is_ascii_lowercase)));
        match words.last_mut() {
            Some(word) if !starts && !begins_word => word.push(c.to_ascii_lowercase()),
            _ => words.push(c.to_ascii_lowercase().into()),
        }
        starts = false;
    }
    words
}

fn camel(words: &[String]) -> String {
    let mut name = String::new();
    for word in words {
        if name.is_empty() {
            name.push_str(word);
        } else {
            let mut letters = word.chars();
            name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            name.push_str(letters.as_str());
        }
    }
    name
}

fn join(parts: &[&str], between: &str) -> String {
    if between.is_empty() {
        // in camel case
        let mut name = parts[0].to_owned();
        for part in &parts[1..] {
            let mut letters = part.chars();
            name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            name.push_str(letters.as_str());
        }
        return name;
    }
    parts.join(between)
}

fn shorten(name: &str) -> String {
    let cut: String = name.chars().take(MAX_BYTES).collect();
    cut.trim_end_matches('.').to_owned()
}

/// The words of `title`, joined.
fn of_title(title: &str) -> String {
    let title = title.to_ascii_lowercase();
    let words: Vec<&str> = title
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.join("-").chars().take(MAX_SERVICE_BYTES).collect()
}

/// The service's name: the one that was asked for, or the title's words.
pub(super) fn service(asked: Option<&str>, document: &Document) -> Result<String, ImportError> {
    let name = asked.map_or_else(|| of_title(&document.title()), str::to_ascii_lowercase);
    let name = name.trim_end_matches('-').to_owned();
    let is_good = name.len() <= MAX_SERVICE_BYTES
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if is_good {
        Ok(name)
    } else {
        Err(ImportError::Name(name.chars().take(80).collect()))
    }
}
