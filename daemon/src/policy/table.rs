//! Rules by service and action, so that a decision looks at those few that
//! can be about it, however many there are.

use std::collections::HashMap;

use serde_json::{Map, Value};

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
    named: HashMap<Box<str>, Listed>,
    below: HashMap<Box<str>, Listed>,
    any: Listed,
}

#[derive(Debug, Default)]
struct Listed {
    numbers: Vec<usize>,
    /// Whether the last one counts for every request.
    is_closed: bool,
    /// Where several say which texts a param may be: by those texts.
    index: Option<Index>,
}

/// The same rules by what they want of a param.
#[derive(Debug, Default)]
struct Index {
    /// By the param's name and the text.
    by_text: HashMap<Box<str>, HashMap<Box<str>, Vec<usize>>>,
    /// Those that say no such thing.
    others: Vec<usize>,
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
        let services = table.services.values_mut();
        for actions in services.chain([&mut table.any_service]) {
            actions.index(rules);
        }
        table
    }

    /// The rules that can be about `action`, in lowercase, of `service`.
    pub(super) fn candidates(&self, service: &ServiceName, action: &str) -> Candidates<'_> {
        self.collected(service, action, |found, lists| lists.push(&found.numbers))
    }

    /// Of these the rules of `allow` that can be about a call with `params`.
    pub(super) fn candidates_with(
        &self,
        service: &ServiceName,
        action: &str,
        params: &Map<String, Value>,
    ) -> Candidates<'_> {
        self.collected(service, action, |found, lists| found.with(params, lists))
    }

    fn collected<'t>(
        &'t self,
        service: &ServiceName,
        action: &str,
        take: impl Fn(&'t Listed, &mut Vec<&'t [usize]>),
    ) -> Candidates<'t> {
        let mut lists = Vec::new();
        for actions in self.of_service(Some(service)) {
            actions.collect(action, &mut |found| take(found, &mut lists));
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

impl Listed {
    fn add(&mut self, number: usize, is_unconditional: bool) {
        if !self.is_closed && self.numbers.last() != Some(&number) {
            self.numbers.push(number);
            self.is_closed = is_unconditional;
        }
    }

    /// Those that can be about a call with `params`.
    fn with<'t>(&'t self, params: &Map<String, Value>, lists: &mut Vec<&'t [usize]>) {
        let Some(index) = &self.index else {
            return lists.push(&self.numbers);
        };
        lists.push(&index.others);
        for (param, texts) in &index.by_text {
            // of a list every item must match, so the first one must
            let first = match params.get(&**param) {
                Some(Value::Array(items)) => items.first(),
                one => one,
            };
            match first {
                Some(Value::String(text)) => {
                    lists.extend(texts.get(text.as_str()).map(Vec::as_slice));
                }
                None => {}
                // a number may be spelled in more than one way
                Some(_) => return lists.push(&self.numbers),
            }
        }
    }

    /// The rule that counts for every request.
    fn cover(&self) -> Option<usize> {
        self.numbers.last().copied().filter(|_| self.is_closed)
    }
}

impl Index {
    /// Each rule by the param of it that tells the most rules apart; none where
    /// that would spare nothing.
    fn of(numbers: &[usize], rules: &[Rule]) -> Option<Self> {
        let plain = |number: &usize| {
            let constraints = rules.get(*number).into_iter().flat_map(|rule| &rule.params);
            constraints
                .filter_map(|(constraint, _)| Some((&*constraint.param, constraint.texts()?)))
        };
        let mut alike: HashMap<(&str, &str), usize> = HashMap::new();
        for (param, texts) in numbers.iter().flat_map(plain) {
            for text in texts {
                *alike.entry((param, text)).or_default() += 1;
            }
        }
        let mut index = Self::default();
        for number in numbers {
            let crowd = |(param, texts): &(&str, Vec<&str>)| {
                let alike = texts.iter().filter_map(|text| alike.get(&(*param, *text)));
                alike.max().copied()
            };
            let Some((param, texts)) = plain(number).min_by_key(crowd) else {
                index.others.push(*number);
                continue;
            };
            let by_text = index.by_text.entry(param.into()).or_default();
            for text in texts {
                let list = by_text.entry(text.into()).or_default();
                if list.last() != Some(number) {
                    list.push(*number);
                }
            }
        }
        (numbers.len() > index.others.len() + 1).then_some(index)
    }
}

impl Actions {
    fn list(&mut self, pattern: &ActionPattern) -> &mut Listed {
        match pattern {
            ActionPattern::Any => &mut self.any,
            ActionPattern::Below(prefix) => self.below.entry(prefix.clone()).or_default(),
            ActionPattern::Named(action) => self.named.entry(action.clone()).or_default(),
        }
    }

    fn collect<'t>(&'t self, action: &str, take: &mut impl FnMut(&'t Listed)) {
        if let Some(named) = self.named.get(action) {
            take(named);
        }
        if !self.below.is_empty() {
            let below = prefixes(action).filter_map(|prefix| self.below.get(prefix));
            below.for_each(&mut *take);
        }
        if !is_raw(action) && !self.any.numbers.is_empty() {
            take(&self.any);
        }
    }

    fn index(&mut self, rules: &[Rule]) {
        let lists = self.named.values_mut().chain(self.below.values_mut());
        for list in lists.chain([&mut self.any]) {
            list.index = Index::of(&list.numbers, rules);
        }
    }

    fn first_cover(&self, pattern: &ActionPattern) -> Option<usize> {
        let below = |prefix: &str| self.below.get(prefix).and_then(Listed::cover);
        match pattern {
            ActionPattern::Any => self.any.cover(),
            ActionPattern::Named(action) => {
                let named = self.named.get(action).and_then(Listed::cover);
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
