//! From names and values to credentials of services. A name that a service's
//! definition lists decides; a name that is one of those with something around
//! it gets that as its label, where the value looks right, too; a value that
//! only looks right is a guess, since sending a key to the wrong vendor gives
//! it away.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::known::{Known, KnownService, Way};
use super::naming::{Affix, Name};
use super::{Certainty, Findings, Found, Item, Skipped, Variable, file};

/// The largest file that a variable may name, in bytes.
const MAX_KEY_FILE_BYTES: usize = 64 * 1024;

/// What the owner said of one name.
pub struct Assigned {
    /// The name.
    pub variable: String,
    /// The service that it is for.
    pub service: String,
    /// The label it gets.
    pub label: String,
}

impl Known {
    /// Sorts out what `items` are. Files that they name are looked for from
    /// `base` on.
    pub fn sort(&self, items: Vec<Item>, assigned: &[Assigned], base: &Path) -> Findings {
        let entries = items.into_iter().map(|item| Entry {
            name: Name::within(&item.name, &item.context),
            item,
            is_open: true,
        });
        let mut sorting = Sorting {
            known: self,
            entries: entries.collect(),
            base,
            findings: Vec::new(),
        };
        sorting.assigned(assigned);
        sorting.said_by_the_place();
        sorting.listed_names();
        sorting.service_in_the_name();
        sorting.only_the_shape();
        sorting.end()
    }
}

struct Entry {
    item: Item,
    name: Name,
    /// Whether it isn't sorted yet.
    is_open: bool,
}

impl Entry {
    fn secret(&self) -> &str {
        self.item.value.expose_secret()
    }
}

struct Sorting<'k> {
    known: &'k Known,
    entries: Vec<Entry>,
    base: &'k Path,
    /// With the entry that each begins with.
    findings: Vec<(usize, Finding)>,
}

enum Finding {
    Found(Found),
    Skipped(Skipped),
}

impl Sorting<'_> {
    fn assigned(&mut self, assigned: &[Assigned]) {
        for one in assigned {
            let Some(service) = self.known.service(&one.service) else {
                continue;
            };
            let found = self.entries.iter().position(|entry| {
                entry.is_open && entry.item.name.eq_ignore_ascii_case(&one.variable)
            });
            if let Some(at) = found {
                self.take(service, &[at], None, one.label.clone(), Certainty::Named);
            }
        }
    }

    fn said_by_the_place(&mut self) {
        for at in self.open() {
            let Some(name) = self.entries[at].item.service.clone() else {
                continue;
            };
            if let Some(service) = self.known.service(&name) {
                self.take(service, &[at], None, String::new(), service.certainty());
            }
        }
    }

    fn listed_names(&mut self) {
        let known = self.known;
        for service in known.services() {
            // exactly so first: what stands under a longer name is another one
            for way in &service.ways {
                self.listed_way(service, way, true);
            }
            for way in &service.ways {
                self.listed_way(service, way, false);
            }
        }
    }

    fn listed_way(&mut self, service: &KnownService, way: &Way, is_exact: bool) {
        let Some((first, others)) = way.names.split_first() else {
            return;
        };
        for at in self.open() {
            let Some(affix) = self.entries[at].name.around(first) else {
                continue;
            };
            if affix.is_empty() != is_exact {
                continue;
            }
            let mut parts = vec![at];
            parts.extend(others.iter().filter_map(|name| self.part(name, &affix)));
            if parts.len() < way.names.len() {
                continue;
            }
            let empty = parts
                .iter()
                .find_map(|at| Some((*at, self.entries[*at].item.is_no_secret()?)));
            if let Some((_, why)) = empty {
                if is_exact || self.entries[at].name.promises_secret() {
                    self.skip_all(&parts, why.to_owned());
                }
                continue;
            }
            // beside the exact name it has to look right, too
            let is_sure = is_exact && !self.entries[at].item.is_loose;
            if !is_sure && !way.is_file && service.shape(&self.joined(&parts)) == Some(false) {
                continue;
            }
            let promises = self.entries[at].name.promises_secret();
            let is_loose = self.entries[at].item.is_loose;
            if !is_sure && service.shape("").is_none() && (is_loose || !promises) {
                continue;
            }
            let file = self.entries[at].secret().to_owned();
            let file = way.is_file.then_some(file.as_str());
            self.take(
                service,
                &parts,
                file,
                affix.label_beside(&service.name),
                service.certainty(),
            );
        }
    }

    fn service_in_the_name(&mut self) {
        for at in self.open() {
            if self.entries[at].item.is_no_secret().is_some() {
                continue;
            }
            let entry = &self.entries[at];
            let service = self.known.services().iter().find(|service| {
                entry.name.around(&service.name).is_some()
                    && service.shape(entry.secret()) == Some(true)
            });
            if let Some(service) = service {
                let label = entry.name.label_beside(&service.name);
                self.take(service, &[at], None, label, service.certainty());
            }
        }
    }

    fn only_the_shape(&mut self) {
        for at in self.open() {
            let entry = &self.entries[at];
            if entry.item.is_no_secret().is_some() {
                continue;
            }
            if let Some(service) = self.known.looking_like(entry.secret()) {
                let label = entry.name.label_beside(&service.name);
                self.take(service, &[at], None, label, Certainty::Guessed);
            }
        }
    }

    fn end(mut self) -> Findings {
        for at in self.open() {
            let entry = &self.entries[at];
            if entry.item.service.is_some() {
                self.skip(at, "there is no service of that name".into());
            } else if let Some(missing) = self.missing_part(at) {
                self.skip(at, format!("{missing} isn't there, and both make the key"));
            } else if entry.name.promises_secret() && !entry.item.is_loose {
                let why = match entry.item.is_no_secret() {
                    Some(why) => why.to_owned(),
                    None => match self.service_named(at) {
                        Some(service) => format!("it doesn't look like a key of {service}"),
                        None => "no service is known to take it".to_owned(),
                    },
                };
                self.skip(at, why);
            }
        }
        self.unlabel_lone_titles();
        let others = self.open().len();
        self.findings.sort_by_key(|(at, _)| *at);
        let mut findings = Findings {
            others,
            ..Findings::default()
        };
        for (_, finding) in self.findings {
            match finding {
                Finding::Found(found) => findings.found.push(found),
                Finding::Skipped(skipped) => findings.skipped.push(skipped),
            }
        }
        findings
    }

    /// A title is a person's own words: they tell several apart, and say nothing
    /// where there is one. Calls use the one without a label.
    fn unlabel_lone_titles(&mut self) {
        let services: Vec<String> = self
            .findings
            .iter()
            .filter_map(|(_, finding)| match finding {
                Finding::Found(found) if found.certainty == Certainty::Named => {
                    Some(found.service.clone())
                }
                _ => None,
            })
            .collect();
        for (at, finding) in &mut self.findings {
            let is_titled = self.entries.get(*at).is_some_and(|it| it.item.is_loose);
            if let Finding::Found(found) = finding
                && is_titled
                && found.certainty == Certainty::Named
                && services.iter().filter(|it| **it == found.service).count() == 1
            {
                found.label.clear();
            }
        }
    }

    /// What isn't sorted yet.
    fn open(&self) -> Vec<usize> {
        (0..self.entries.len())
            .filter(|at| self.entries[*at].is_open)
            .collect()
    }

    fn part(&self, name: &str, affix: &Affix) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.is_open && entry.name.is(name, affix))
    }

    /// The other half of something that needs two, where it isn't there.
    fn missing_part(&self, at: usize) -> Option<String> {
        let name = &self.entries[at].name;
        let services = self.known.services().iter();
        let mut ways = services.flat_map(|service| &service.ways);
        ways.find_map(|way| {
            let is_part = way.names.len() == 2
                && way
                    .names
                    .iter()
                    .any(|part| name.around(part).is_some_and(|affix| affix.is_empty()));
            if !is_part {
                return None;
            }
            let mut names = way.names.iter();
            names.find(|part| name.around(part).is_none()).cloned()
        })
    }

    fn service_named(&self, at: usize) -> Option<&str> {
        let name = &self.entries[at].name;
        let mut services = self.known.services().iter();
        services
            .find(|service| name.around(&service.name).is_some())
            .map(|service| service.name.as_str())
    }

    fn joined(&self, parts: &[usize]) -> String {
        let parts: Vec<_> = parts
            .iter()
            .map(|at| self.entries[*at].secret().trim())
            .collect();
        parts.join(":")
    }

    /// Makes a credential of `parts`, or says why it is none.
    fn take(
        &mut self,
        service: &KnownService,
        parts: &[usize],
        file: Option<&str>,
        label: String,
        certainty: Certainty,
    ) {
        let Some(&first) = parts.first() else { return };
        let mut origin = self.entries[first].item.place.clone();
        let secret = match file {
            Some(path) => {
                let path = self.path(path);
                match file::text(&path, MAX_KEY_FILE_BYTES) {
                    Ok(text) => {
                        origin = format!("{origin} → {}", path.display());
                        SecretString::from(text.trim())
                    }
                    Err(error) => return self.skip_all(parts, error.to_string()),
                }
            }
            None => SecretString::from(self.joined(parts)),
        };
        if secret.expose_secret().is_empty() {
            return self.skip_all(parts, "it is empty".into());
        }
        let shape = service.shape(secret.expose_secret());
        let entry = &self.entries[first];
        let mut remarks = Vec::new();
        if let Some(prefix) = entry.name.page_prefix() {
            remarks.push(format!(
                "{prefix}… is written into web pages: whoever loaded one has it, so make a new key"
            ));
        }
        let variables: Vec<_> = parts
            .iter()
            .map(|at| &self.entries[*at].item)
            .map(|item| Variable {
                name: item.name.clone(),
                value: item.value.clone(),
            })
            .collect();
        let label = match self.free_label(service, label, &secret, &entry.name) {
            Ok(label) => label,
            Err(same) => return self.skip_all(parts, format!("it is the same as {same}")),
        };
        self.close(parts);
        let found = Found {
            origin,
            variables,
            service: service.name.clone(),
            label,
            secret,
            shape_ok: shape != Some(false),
            certainty,
            remarks,
        };
        self.findings.push((first, Finding::Found(found)));
    }

    /// A label that no other one has taken.
    ///
    /// # Errors
    /// The name of another one that holds the very same.
    fn free_label(
        &self,
        service: &KnownService,
        label: String,
        secret: &SecretString,
        name: &Name,
    ) -> Result<String, String> {
        let taken: Vec<&Found> = self
            .findings
            .iter()
            .filter_map(|(_, finding)| match finding {
                Finding::Found(found) if found.service == service.name => Some(found),
                _ => None,
            })
            .collect();
        if let Some(same) = taken
            .iter()
            .find(|found| found.secret.expose_secret() == secret.expose_secret())
        {
            return Err(same.variable());
        }
        let is_free = |label: &String| !taken.iter().any(|found| found.label == *label);
        let own = name.label_beside(&service.name);
        let numbered = (2..1000).map(|number| number.to_string());
        let mut labels = std::iter::once(label)
            .chain(std::iter::once(own).filter(|own| !own.is_empty()))
            .chain(numbered);
        Ok(labels.find(is_free).unwrap_or_default())
    }

    fn path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.base.join(text),
        }
    }

    fn skip(&mut self, at: usize, why: String) {
        self.skip_all(&[at], why);
    }

    fn skip_all(&mut self, parts: &[usize], why: String) {
        self.close(parts);
        let names: Vec<_> = parts
            .iter()
            .map(|at| self.entries[*at].item.name.clone())
            .collect();
        let variable = names.join(":");
        if let Some(first) = parts.first() {
            let skipped = Skipped { variable, why };
            self.findings.push((*first, Finding::Skipped(skipped)));
        }
    }

    fn close(&mut self, parts: &[usize]) {
        for at in parts {
            if let Some(entry) = self.entries.get_mut(*at) {
                entry.is_open = false;
            }
        }
    }
}

#[cfg(test)]
mod tests;
