//! What a valid policy may still have got wrong: names that nothing has, and
//! rules that can never decide anything.

use super::document::{Entry, Rule};
use super::pattern::{ActionPattern, ServicePattern};
use super::rules::{Policy, Table};
use crate::names::did_you_mean;

impl Policy {
    /// One sentence for every doubt, in file order, each beginning with its
    /// line. `catalogue` is every known service with its actions.
    pub fn warnings(&self, catalogue: &[(&str, Vec<&str>)]) -> Vec<String> {
        let mut warnings = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            let table = Table::compile(index, entry);
            for (number, rule) in entry.rules.iter().enumerate() {
                unknown_names(rule, catalogue, &mut warnings);
                hidden(number, entry, &table, &mut warnings);
            }
        }
        warnings
    }
}

fn unknown_names(rule: &Rule, catalogue: &[(&str, Vec<&str>)], warnings: &mut Vec<String>) {
    let actions: Vec<&str> = match &rule.service {
        ServicePattern::Any => catalogue
            .iter()
            .flat_map(|(_, actions)| actions.iter().copied())
            .collect(),
        ServicePattern::Named(service) => {
            let known = catalogue.iter().find(|(name, _)| *name == service.as_str());
            let Some((_, actions)) = known else {
                let near = did_you_mean(service.as_str(), catalogue.iter().map(|(name, _)| *name));
                warnings.push(format!(
                    "line {}: there is no service \"{service}\", so this rule allows nothing{}",
                    rule.line,
                    sentence(near)
                ));
                return;
            };
            actions.clone()
        }
    };
    for (pattern, line) in &rule.actions {
        let (written, known) = match pattern {
            ActionPattern::Any => continue,
            ActionPattern::Named(action) => (
                action.to_string(),
                actions.iter().any(|name| name.eq_ignore_ascii_case(action)),
            ),
            ActionPattern::Below(prefix) => (
                format!("{prefix}.*"),
                actions.iter().any(|name| is_below(name, prefix)),
            ),
        };
        if !known {
            let near = did_you_mean(written.trim_end_matches(".*"), actions.iter().copied());
            let owner = match &rule.service {
                ServicePattern::Any => "no service has an".to_owned(),
                ServicePattern::Named(service) => format!("service \"{service}\" has no"),
            };
            warnings.push(format!(
                "line {line}: {owner} action \"{written}\"{}",
                sentence(near)
            ));
        }
    }
}

fn is_below(name: &str, prefix: &str) -> bool {
    name.to_ascii_lowercase()
        .strip_prefix(prefix)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// A rule whose every action an earlier rule of the same entry decides.
fn hidden(number: usize, entry: &Entry, table: &Table, warnings: &mut Vec<String>) {
    let rule = &entry.rules[number];
    let mut last_cover = None;
    for (pattern, _) in &rule.actions {
        match table.first_cover(&rule.service, pattern) {
            Some(cover) if cover < number => last_cover = last_cover.max(Some(cover)),
            _ => return,
        }
    }
    let line = rule.line;
    let Some(cover) = last_cover else {
        warnings.push(format!(
            "line {line}: this rule names no action, so it allows nothing"
        ));
        return;
    };
    let ttl = match rule.ttl {
        Some(ttl) if entry.rules[cover].ttl != rule.ttl => {
            format!(", nor does its ttl of {} s count", ttl.as_secs())
        }
        _ => String::new(),
    };
    warnings.push(format!(
        "line {line}: this rule never decides anything{ttl}: line {} stands before it and allows the same; put it first, or delete it",
        entry.rules[cover].line
    ));
}

fn sentence(near: Option<String>) -> String {
    near.map(|near| format!(". {near}")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
