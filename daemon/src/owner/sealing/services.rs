//! What another text of a service file means.

use std::collections::BTreeMap;

use crate::catalogue::{Action, Service};
use crate::services::Loaded;

/// Most actions that are named.
const MAX_NAMES: usize = 20;

/// The service that the file `name` defines.
pub(super) fn of_file<'l>(loaded: &'l Loaded, name: &str) -> Option<&'l Service> {
    let mut files = loaded.files.iter();
    let file = files.find(|file| file.path.file_name().is_some_and(|it| it == name))?;
    file.service.as_deref()
}

/// What makes `after` of `before`, in words.
pub(super) fn words(before: Option<&Service>, after: Option<&Service>) -> Vec<String> {
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
    let changed = new.iter().filter_map(|(name, action)| {
        let before = old.get(name)?;
        let is_same = before.route() == action.route()
            && before.effect() == action.effect()
            && before.params_schema() == action.params_schema();
        (!is_same).then_some(*name)
    });
    words.extend(named("actions changed", changed));
    let effects = new.iter().filter_map(|(name, action)| {
        let (before, after) = (old.get(name)?.effect(), action.effect());
        (before != after).then(|| format!("{name}: {} → {}", before.word(), after.word()))
    });
    words.extend(effects.take(MAX_NAMES).map(|it| format!("effect of {it}")));
    if words.is_empty() {
        words.push("what its actions send or answer would be another thing: see the lines".into());
    }
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
