//! What another text of a service file means.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};

use crate::catalogue::{Action, Service};
use crate::services::Loaded;
use crate::yaml::Source;

/// Most actions that are named.
const MAX_NAMES: usize = 20;

/// A service file: its text, and the service that it defines where it has no
/// mistake in it.
pub(super) struct Written<'w> {
    pub text: &'w str,
    pub service: Option<&'w Service>,
}

/// The service that the file `name` defines.
pub(super) fn of_file<'l>(loaded: &'l Loaded, name: &str) -> Option<&'l Service> {
    let mut files = loaded.files.iter();
    let file = files.find(|file| file.path.file_name().is_some_and(|it| it == name))?;
    file.service.as_deref()
}

/// What makes `after` of `before`, in words.
pub(super) fn words(before: Option<&Written<'_>>, after: Option<&Written<'_>>) -> Vec<String> {
    let mut words = of_services(
        before.and_then(|file| file.service),
        after.and_then(|file| file.service),
    );
    if let (Some(before), Some(after)) = (before, after) {
        words.extend(written(before.text, after.text));
        if words.is_empty() && after.service.is_some() {
            words.push("nothing but comments, layout or order".to_owned());
        }
    }
    words
}

/// What two texts say of the same things, whichever field it is in: a query, a
/// fixed header or a param's name on the wire is told as much as a path.
fn written(before: &str, after: &str) -> Vec<String> {
    let (Some(mut before), Some(mut after)) = (members(before), members(after)) else {
        return vec!["the two texts can't be compared by their fields: see the lines".to_owned()];
    };
    let actions = |of: &mut Map<String, Value>| match of.remove("actions") {
        Some(Value::Object(actions)) => actions,
        _ => Map::new(),
    };
    let (old, new) = (actions(&mut before), actions(&mut after));
    let mut words = Vec::new();
    let whole = differing(&before, &after);
    if !whole.is_empty() {
        let whole = whole.join(", ");
        words.push(format!(
            "what is written for all its actions changed: {whole}"
        ));
    }
    let changed: Vec<String> = new
        .iter()
        .filter_map(|(name, action)| {
            let (before, after) = (old.get(name)?.as_object()?, action.as_object()?);
            let fields = differing(before, after).join(", ");
            (!fields.is_empty()).then(|| format!("{name} ({fields})"))
        })
        .collect();
    let changed = changed.iter().map(String::as_str);
    words.extend(named("what it sends changed", changed));
    words
}

/// The names under which the two hold other values.
fn differing<'v>(before: &'v Map<String, Value>, after: &'v Map<String, Value>) -> Vec<&'v str> {
    let names: BTreeSet<&str> = before
        .keys()
        .chain(after.keys())
        .map(String::as_str)
        .collect();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .collect()
}

fn members(text: &str) -> Option<Map<String, Value>> {
    let origin = Path::new("service.yaml");
    match Source::new(text, origin).parse::<Value>() {
        Ok(Value::Object(members)) => Some(members),
        Ok(_) | Err(_) => None,
    }
}

fn of_services(before: Option<&Service>, after: Option<&Service>) -> Vec<String> {
    match (before, after) {
        (None, None) => Vec::new(),
        (None, Some(service)) => vec![format!(
            "it would define {}: {} actions at {}; its keys go to {}, in the way of {}",
            service.name(),
            own_actions(service),
            service.base_text(),
            service.destinations(),
            service.auth().word()
        )],
        (Some(service), None) => vec![format!("{} would be gone", service.name())],
        (Some(before), Some(after)) => changes(before, after),
    }
}

fn changes(before: &Service, after: &Service) -> Vec<String> {
    let mut words = Vec::new();
    let mut differs = |what: &str, before: &str, after: &str| {
        if before != after {
            words.push(format!("{what}: {before:?} → {after:?}"));
        }
    };
    differs("service", before.name().as_str(), after.name().as_str());
    differs("base_url", before.base_text(), after.base_text());
    differs("keys go to", &before.destinations(), &after.destinations());
    let (old, new) = (before.auth(), after.auth());
    differs("auth", old.word(), new.word());
    if old != new && old.word() == new.word() {
        words.push(format!("auth: {old:?} → {new:?}"));
    }
    let (old, new) = (by_name(before), by_name(after));
    let came = new.keys().filter(|name| !old.contains_key(*name));
    words.extend(named("new actions", came.copied()));
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    words.extend(named("actions gone", gone.copied()));
    let effects = new.iter().filter_map(|(name, action)| {
        let (before, after) = (old.get(name)?.effect(), action.effect());
        (before != after).then(|| format!("{name}: {} → {}", before.word(), after.word()))
    });
    words.extend(effects.take(MAX_NAMES).map(|it| format!("effect of {it}")));
    words
}

/// How many actions it has beside the raw ones, which every service has.
fn own_actions(service: &Service) -> usize {
    let names = service.actions().map(Action::name);
    names.filter(|name| !name.starts_with("http.")).count()
}

fn by_name(service: &Service) -> BTreeMap<&str, &Action> {
    service
        .actions()
        .map(|action| (action.name(), action))
        .collect()
}

fn named<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = names.collect();
    let more = match names.len().saturating_sub(MAX_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown: Vec<&str> = names.iter().take(MAX_NAMES).copied().collect();
    (!names.is_empty()).then(|| format!("{what}: {}{more}", shown.join(", ")))
}
