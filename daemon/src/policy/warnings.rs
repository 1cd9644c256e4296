//! What a valid policy may still have got wrong: names that nothing has, and
//! rules that can never decide anything.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::document::{Entry, Scope};
use super::pattern::{ActionPattern, ServicePattern, is_raw};
use super::rule::Rule;
use super::rules::{Policy, Tables};
use super::table::Table;
use crate::catalogue::Effect;
use crate::names::did_you_mean;

/// A service as the warnings look at it.
#[derive(Debug, Clone)]
pub struct KnownService<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it can do.
    pub actions: Vec<KnownAction<'a>>,
}

/// An action as the warnings look at it.
#[derive(Debug, Clone)]
pub struct KnownAction<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it does.
    pub effect: Effect,
    /// The params it has.
    pub params: Vec<&'a str>,
    /// Whether it takes others, too.
    pub takes_any_param: bool,
}

/// Whether a rule allows or denies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Allow,
    Deny,
}

impl Kind {
    fn nothing(self) -> &'static str {
        match self {
            Self::Allow => "allows nothing",
            Self::Deny => "denies nothing",
        }
    }
}

impl Policy {
    /// One sentence for every doubt, in file order, each beginning with its
    /// line. `catalogue` is every known service; `at` is now.
    pub fn warnings(&self, catalogue: &[KnownService<'_>], at: Timestamp) -> Vec<String> {
        let mut warnings = Vec::new();
        for (entry, tables) in self.entries_with_tables() {
            let first = warnings.len();
            let lists = [(Kind::Allow, &entry.allow), (Kind::Deny, &entry.deny)];
            for (kind, rules) in lists {
                for (number, rule) in rules.iter().enumerate() {
                    let mut warn = |line: usize, text: String| warnings.push((line, text));
                    if let Some(until) = rule.until.filter(|until| *until <= at) {
                        let nothing = kind.nothing();
                        warn(
                            rule.line,
                            format!("this rule ended at {until} and {nothing}"),
                        );
                        continue;
                    }
                    if unknown_names(kind, rule, catalogue, &mut warn) {
                        unmatched_conditions(kind, rule, catalogue, &mut warn);
                    }
                    if kind == Kind::Allow
                        && let Some(deny) = self.denied(entry, tables, rule)
                    {
                        let line = deny.line;
                        warn(
                            rule.line,
                            format!(
                                "this rule allows nothing: the deny rule in line {line} denies all of it"
                            ),
                        );
                        continue;
                    }
                    let table = match kind {
                        Kind::Allow => &tables.allow,
                        Kind::Deny => &tables.deny,
                    };
                    hidden(kind, number, rules, table, &mut warn);
                }
            }
            warnings[first..].sort_by_key(|(line, _)| *line);
        }
        let sentences = warnings.into_iter();
        sentences
            .map(|(line, text)| format!("line {line}: {text}"))
            .collect()
    }

    /// The rule of `deny` that leaves nothing of an allowing rule.
    fn denied<'p>(&'p self, entry: &'p Entry, tables: &Tables, rule: &Rule) -> Option<&'p Rule> {
        let any = self.any_entry().filter(|_| entry.scope != Scope::Any);
        let mut last = None;
        for (pattern, _) in &rule.actions {
            let here = tables.deny.first_cover(&rule.service, pattern);
            let here = here.map(|number| &entry.deny[number]);
            let there = any.and_then(|(entry, tables)| {
                let number = tables.deny.first_cover(&rule.service, pattern)?;
                Some(&entry.deny[number])
            });
            last = Some(here.or(there)?);
        }
        last
    }
}

/// The actions that a rule is about, as far as they exist.
fn matched<'c, 'a>(
    rule: &'c Rule,
    catalogue: &'c [KnownService<'a>],
) -> impl Iterator<Item = &'c KnownAction<'a>> {
    let services = catalogue.iter().filter(|service| match &rule.service {
        ServicePattern::Any => true,
        ServicePattern::Named(name) => service.name == name.as_str(),
    });
    services
        .flat_map(|service| &service.actions)
        .filter(|action| {
            let mut patterns = rule.actions.iter();
            patterns.any(|(pattern, _)| has(pattern, action.name))
        })
}

fn has(pattern: &ActionPattern, name: &str) -> bool {
    match pattern {
        ActionPattern::Any => !is_raw(&name.to_ascii_lowercase()),
        ActionPattern::Named(action) => name.eq_ignore_ascii_case(action),
        ActionPattern::Below(prefix) => name
            .to_ascii_lowercase()
            .strip_prefix(&**prefix)
            .is_some_and(|rest| rest.starts_with('.')),
    }
}

/// Warns of names that nothing has; whether there are none.
fn unknown_names(
    kind: Kind,
    rule: &Rule,
    catalogue: &[KnownService<'_>],
    warn: &mut impl FnMut(usize, String),
) -> bool {
    let names = |service: &KnownService<'_>| -> Vec<String> {
        let actions = service.actions.iter();
        actions.map(|action| action.name.to_owned()).collect()
    };
    let actions: Vec<String> = match &rule.service {
        ServicePattern::Any => catalogue.iter().flat_map(names).collect(),
        ServicePattern::Named(service) => {
            let mut known = catalogue.iter();
            let Some(known) = known.find(|known| known.name == service.as_str()) else {
                let known = catalogue.iter().map(|known| known.name);
                let near = sentence(did_you_mean(service.as_str(), known));
                let nothing = kind.nothing();
                let text =
                    format!("there is no service \"{service}\", so this rule {nothing}{near}");
                warn(rule.line, text);
                return false;
            };
            names(known)
        }
    };
    let mut all_known = true;
    for (pattern, line) in &rule.actions {
        let written = match pattern {
            ActionPattern::Any => continue,
            ActionPattern::Named(action) => action.to_string(),
            ActionPattern::Below(prefix) => format!("{prefix}.*"),
        };
        if actions.iter().any(|name| has(pattern, name)) {
            continue;
        }
        all_known = false;
        let known = actions.iter().map(String::as_str);
        let near = sentence(did_you_mean(written.trim_end_matches(".*"), known));
        let owner = match &rule.service {
            ServicePattern::Any => "no service has an".to_owned(),
            ServicePattern::Named(service) => format!("service \"{service}\" has no"),
        };
        warn(*line, format!("{owner} action \"{written}\"{near}"));
    }
    all_known
}

/// Warns of params and effects that none of a rule's actions has.
fn unmatched_conditions(
    kind: Kind,
    rule: &Rule,
    catalogue: &[KnownService<'_>],
    warn: &mut impl FnMut(usize, String),
) {
    let nothing = kind.nothing();
    let actions: Vec<_> = matched(rule, catalogue).collect();
    if actions.is_empty() {
        return;
    }
    for (constraint, line) in &rule.params {
        let param = &*constraint.param;
        let known =
            |action: &&KnownAction<'_>| action.takes_any_param || action.params.contains(&param);
        if !actions.iter().any(known) {
            let names: BTreeSet<_> = actions.iter().flat_map(|action| &action.params).collect();
            let near = sentence(did_you_mean(param, names.into_iter().copied()));
            let text = format!(
                "none of this rule's actions has a param \"{param}\", so it {nothing}{near}"
            );
            warn(*line, text);
        }
    }
    if let Some(effects) = &rule.effects
        && !actions
            .iter()
            .any(|action| effects.contains(&action.effect))
    {
        let words: Vec<_> = effects.iter().map(|effect| effect.word()).collect();
        let text = format!(
            "none of this rule's actions does {}, so it {nothing}",
            words.join(" or ")
        );
        warn(rule.line, text);
    }
}

/// Warns of a rule whose every action an earlier one of the same list decides.
fn hidden(
    kind: Kind,
    number: usize,
    rules: &[Rule],
    table: &Table,
    warn: &mut impl FnMut(usize, String),
) {
    let rule = &rules[number];
    let nothing = kind.nothing();
    if rule.actions.is_empty() {
        let text = format!("this rule names no action, so it {nothing}");
        warn(rule.line, text);
        return;
    }
    let mut last_cover = None;
    for (pattern, _) in &rule.actions {
        match table.first_cover(&rule.service, pattern) {
            Some(cover) if cover < number => last_cover = last_cover.max(Some(cover)),
            _ => return,
        }
    }
    let Some(cover) = last_cover else { return };
    let ttl = match rule.ttl {
        Some(ttl) if rules[cover].ttl != rule.ttl => {
            format!(", nor does its ttl of {} s count", ttl.as_secs())
        }
        _ => String::new(),
    };
    let (line, same) = match kind {
        Kind::Allow => (rules[cover].line, "allows"),
        Kind::Deny => (rules[cover].line, "denies"),
    };
    let text = format!(
        "this rule never decides anything{ttl}: line {line} stands before it and {same} the same; put it first, or delete it"
    );
    warn(rule.line, text);
}

fn sentence(near: Option<String>) -> String {
    near.map(|near| format!(". {near}")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
