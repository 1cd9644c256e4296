//! Rules by service and action, so that a decision looks at those few that
//! can be about it, however many there are.

use std::collections::HashMap;

use super::pattern::{ActionPattern, ServicePattern, is_raw, prefixes};
use super::rule::Rule;
use crate::names::ServiceName;

/// One list of rules.
#[derive(Debug)]
pub(super) struct Table {
    services: HashMap<ServiceName, Actions>,
    any_service: Actions,
}

/// For every action pattern the numbers of the rules that have it, in file
/// order; none after one that counts for every request, since none of them
/// would ever be asked.
#[derive(Debug, Default)]
struct Actions {
    named: HashMap<Box<str>, Numbers>,
    below: HashMap<Box<str>, Numbers>,
    any: Numbers,
}

#[derive(Debug, Default)]
struct Numbers {
    numbers: Vec<usize>,
    /// Whether the last one counts for every request.
    is_closed: bool,
}

/// The numbers of the rules that can be about one service and action, in file
/// order.
pub(super) struct Candidates<'t> {
    lists: Vec<&'t [usize]>,
}

impl Table {
    pub(super) fn compile(rules: &[Rule]) -> Self {
        let mut table = Self {
            services: HashMap::new(),
            any_service: Actions::default(),
        };
        for (number, rule) in rules.iter().enumerate() {
            let actions = match &rule.service {
                ServicePattern::Any => &mut table.any_service,
                ServicePattern::Named(service) => {
                    table.services.entry(service.clone()).or_default()
                }
            };
            for (pattern, _) in &rule.actions {
                actions.list(pattern).add(number, rule.is_unconditional());
            }
        }
        table
    }

    /// The rules that can be about `action`, in lowercase, of `service`.
    pub(super) fn candidates(&self, service: &ServiceName, action: &str) -> Candidates<'_> {
        let mut lists = Vec::new();
        for actions in self.of_service(Some(service)) {
            actions.collect(action, &mut lists);
        }
        Candidates { lists }
    }

    /// The first rule before which `pattern`, of a rule for `service`, can't
    /// decide anything: the one that covers all of it whatever the request.
    pub(super) fn first_cover(
        &self,
        service: &ServicePattern,
        pattern: &ActionPattern,
    ) -> Option<usize> {
        let service = match service {
            ServicePattern::Any => None,
            ServicePattern::Named(service) => Some(service),
        };
        self.of_service(service)
            .filter_map(|actions| actions.first_cover(pattern))
            .min()
    }

    fn of_service(&self, service: Option<&ServiceName>) -> impl Iterator<Item = &Actions> {
        service
            .and_then(|service| self.services.get(service))
            .into_iter()
            .chain([&self.any_service])
    }
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let heads = self.lists.iter().filter_map(|list| list.first());
        let next = *heads.min()?;
        for list in &mut self.lists {
            if let [first, rest @ ..] = list
                && *first == next
            {
                *list = rest;
            }
        }
        Some(next)
    }
}

impl Numbers {
    fn add(&mut self, number: usize, is_unconditional: bool) {
        if !self.is_closed && self.numbers.last() != Some(&number) {
            self.numbers.push(number);
            self.is_closed = is_unconditional;
        }
    }

    /// The rule that counts for every request.
    fn cover(&self) -> Option<usize> {
        self.numbers.last().copied().filter(|_| self.is_closed)
    }
}

impl Actions {
    fn list(&mut self, pattern: &ActionPattern) -> &mut Numbers {
        match pattern {
            ActionPattern::Any => &mut self.any,
            ActionPattern::Below(prefix) => self.below.entry(prefix.clone()).or_default(),
            ActionPattern::Named(action) => self.named.entry(action.clone()).or_default(),
        }
    }

    fn collect<'t>(&'t self, action: &str, lists: &mut Vec<&'t [usize]>) {
        let numbers = |found: &'t Numbers| found.numbers.as_slice();
        lists.extend(self.named.get(action).map(numbers));
        if !self.below.is_empty() {
            lists.extend(prefixes(action).filter_map(|prefix| self.below.get(prefix).map(numbers)));
        }
        if !is_raw(action) && !self.any.numbers.is_empty() {
            lists.push(&self.any.numbers);
        }
    }

    fn first_cover(&self, pattern: &ActionPattern) -> Option<usize> {
        let below = |prefix: &str| self.below.get(prefix).and_then(Numbers::cover);
        match pattern {
            ActionPattern::Any => self.any.cover(),
            ActionPattern::Named(action) => {
                let named = self.named.get(action).and_then(Numbers::cover);
                let any = self.any.cover().filter(|_| !is_raw(action));
                let wider = prefixes(action).filter_map(below);
                named.into_iter().chain(any).chain(wider).min()
            }
            ActionPattern::Below(prefix) => {
                // "*" covers none of http.*
                let any = self.any.cover().filter(|_| !is_raw(&format!("{prefix}.")));
                let wider = prefixes(prefix).filter_map(below);
                below(prefix).into_iter().chain(any).chain(wider).min()
            }
        }
    }
}
