//! What another policy, or other services, change in what agents may do: over
//! all identities, services and actions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::catalogue::{Action, Catalogue, Service};
use crate::names::Identity;
use crate::policy::{Policy, Terms};

/// Most changes that are told one by one.
const MAX_TOLD: usize = 1000;
/// Most actions that one of them names.
const MAX_NAMES: usize = 20;
/// How long is compared: a policy of ten thousand identities takes longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What changes in what agents may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meaning {
    /// What would be allowed that isn't.
    pub more: Vec<String>,
    /// What wouldn't be allowed that is.
    pub less: Vec<String>,
    /// What would be allowed on other terms.
    pub other: Vec<String>,
    /// How many actions each of these stands for, all identities counted.
    pub counts: Counts,
    /// Whether the time was too short for all identities.
    pub is_cut: bool,
}

/// How many changes there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Allowed that weren't.
    pub more: usize,
    /// Not allowed that were.
    pub less: usize,
    /// On other terms.
    pub other: usize,
}

/// Policy and services at one side of the comparison.
pub(super) struct View<'a> {
    pub policy: Option<&'a Policy>,
    pub catalogue: &'a Catalogue,
}

/// From so many actions on a service's are told by those that are left out …
const MANY: usize = 8;
/// … where these are so few.
const FEW: usize = 6;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    More,
    Less,
    Other,
}

/// Changes that are told together: of one kind, for one identity, at one
/// service, on the same terms.
type Groups = BTreeMap<(Kind, String, String, String), Vec<String>>;

impl Meaning {
    /// What changes from `before` to `after`, at the moment `at`.
    pub(super) fn between(before: &View<'_>, after: &View<'_>, at: Timestamp) -> Self {
        let until = Instant::now() + PATIENCE;
        let mut meaning = Self::default();
        let mut groups = Groups::new();
        'all: for (identity, called) in identities(before, after) {
            meaning.compare_entry(&identity, &called, before, after);
            for service in services(before, after) {
                if Instant::now() > until {
                    meaning.is_cut = true;
                    break 'all;
                }
                let sides = (before, after);
                compare_rules(&identity, &called, service, sides, at, &mut groups);
            }
        }
        for ((kind, called, service, words), actions) in groups {
            let names = names(&actions, before, after, &service);
            let told = format!("{called}, {service}: {names} ({words})");
            meaning.tell(kind, told, actions.len());
        }
        meaning
    }

    /// What is said of an identity beside its rules.
    fn compare_entry(
        &mut self,
        identity: &Identity,
        called: &str,
        before: &View<'_>,
        after: &View<'_>,
    ) {
        let words = |view: &View<'_>| {
            let words = view.policy.map(|policy| policy.entry_terms(identity));
            match words.unwrap_or_default() {
                words if words.is_empty() => "nothing".to_owned(),
                words => words.join(", "),
            }
        };
        let (before, after) = (words(before), words(after));
        if before != after {
            self.counts.other += 1;
            let told = format!("{called}, over all calls: {before} → {after}");
            push(&mut self.other, told);
        }
    }

    fn tell(&mut self, kind: Kind, told: String, count: usize) {
        let (list, counter) = match kind {
            Kind::More => (&mut self.more, &mut self.counts.more),
            Kind::Less => (&mut self.less, &mut self.counts.less),
            Kind::Other => (&mut self.other, &mut self.counts.other),
        };
        *counter += count;
        push(list, told);
    }
}

/// The actions by name; where they are nearly all of the service's, those that
/// they are not.
fn names(told: &[String], before: &View<'_>, after: &View<'_>, service: &str) -> String {
    let sides = [before, after].map(|view| view.catalogue.service(service));
    let all = actions(sides[0], sides[1]);
    let others: Vec<_> = all
        .iter()
        .filter(|action| !told.iter().any(|it| it == *action))
        .copied()
        .collect();
    if told.len() > MANY && others.len() <= FEW {
        let count = told.len();
        return match others.as_slice() {
            [] => format!("all {count} actions"),
            others => format!("{count} actions, all but {}", others.join(", ")),
        };
    }
    let mut names: Vec<_> = told.iter().take(MAX_NAMES).cloned().collect();
    if told.len() > MAX_NAMES {
        names.push(format!("and {} more", told.len() - MAX_NAMES));
    }
    names.join(", ")
}

fn push(list: &mut Vec<String>, told: String) {
    if list.len() < MAX_TOLD {
        list.push(told);
    }
}

/// All identities that either side knows, and one that neither does.
fn identities(before: &View<'_>, after: &View<'_>) -> Vec<(Identity, String)> {
    let known: BTreeSet<&str> = [before.policy, after.policy]
        .into_iter()
        .flatten()
        .flat_map(Policy::identities)
        .map(Identity::as_str)
        .collect();
    let mut all = Vec::with_capacity(known.len() + 1);
    let nobody = (0..).map(|number: u64| format!("other-{number}"));
    let nobody = nobody
        .take(known.len() + 1)
        .find(|name| !known.contains(name.as_str()));
    if let Some(Ok(nobody)) = nobody.map(|name| Identity::parse(&name)) {
        all.push((nobody, "any other identity".to_owned()));
    }
    for name in known {
        if let Ok(identity) = Identity::parse(name) {
            all.push((identity, name.to_owned()));
        }
    }
    all
}

/// All services of either side.
fn services<'a>(before: &View<'a>, after: &View<'a>) -> BTreeSet<&'a str> {
    let services = before
        .catalogue
        .services()
        .chain(after.catalogue.services());
    services.map(|service| service.name().as_str()).collect()
}

fn compare_rules(
    identity: &Identity,
    called: &str,
    service: &str,
    (before, after): (&View<'_>, &View<'_>),
    at: Timestamp,
    groups: &mut Groups,
) {
    let was = before.catalogue.service(service);
    let will_be = after.catalogue.service(service);
    for action in actions(was, will_be) {
        let old = terms(before.policy, identity, was, action, at);
        let new = terms(after.policy, identity, will_be, action, at);
        if old == new {
            continue;
        }
        let (kind, words) = match (old.is_allowed(), new.is_allowed()) {
            (false, true) => (Kind::More, new.words()),
            (true, false) => (Kind::Less, old.words()),
            _ if old.words() == new.words() => {
                let words = format!("{}, but with other values: see the lines", new.words());
                (Kind::Other, words)
            }
            _ => (Kind::Other, format!("{} → {}", old.words(), new.words())),
        };
        let key = (kind, called.to_owned(), service.to_owned(), words);
        groups.entry(key).or_default().push(action.to_owned());
    }
}

fn actions<'a>(old: Option<&'a Service>, new: Option<&'a Service>) -> BTreeSet<&'a str> {
    let services = [old, new].into_iter().flatten();
    services
        .flat_map(Service::actions)
        .map(Action::name)
        .collect()
}

fn terms(
    policy: Option<&Policy>,
    identity: &Identity,
    service: Option<&Service>,
    action: &str,
    at: Timestamp,
) -> Terms {
    let found = service.and_then(|service| Some((service, service.action(action)?)));
    match (policy, found) {
        (Some(policy), Some((service, action))) => {
            policy.terms(identity, service.name(), action.name(), action.effect(), at)
        }
        _ => Terms::nothing(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn between(before: &str, after: &str) -> Meaning {
        let catalogue = Catalogue::builtin().unwrap();
        let policy = |text: &str| Policy::parse(text, Path::new("policy.yaml")).unwrap();
        let (before, after) = (policy(before), policy(after));
        let view = |policy| View {
            policy: Some(policy),
            catalogue: &catalogue,
        };
        let at = "2026-01-01T00:00:00Z".parse().unwrap();
        Meaning::between(&view(&before), &view(&after), at)
    }

    fn policy(rules: &str) -> String {
        format!("policies:\n- identity: ci\n  allow:\n{rules}")
    }

    #[test]
    fn what_is_allowed_more_and_less_is_told_by_name() {
        let before = policy("  - { service: github, actions: [repos.get, issues.list] }\n");
        let after =
            policy("  - { service: github, actions: [repos.get, issues.create], ttl: 5 }\n");
        let meaning = between(&before, &after);
        assert_eq!(
            meaning.more,
            ["ci, github: issues.create (with 5 s between two successes)"]
        );
        assert_eq!(meaning.less, ["ci, github: issues.list (always)"]);
        assert_eq!(
            meaning.other,
            ["ci, github: repos.get (always → with 5 s between two successes)"]
        );
        assert_eq!(
            meaning.counts,
            Counts {
                more: 1,
                less: 1,
                other: 1
            }
        );
    }

    #[test]
    fn texts_that_mean_the_same_change_nothing() {
        let before = policy("  - { service: github, actions: [repos.get, issues.list] }\n");
        let after = policy(
            "  # a comment\n  - { service: github, actions: [issues.list] }\n  - { service: GitHub, actions: [Repos.get] }\n",
        );
        assert_eq!(between(&before, &after), Meaning::default());
    }

    #[test]
    fn a_rule_for_everybody_is_told_of_those_who_have_no_entry() {
        let before = policy("  - { service: github, actions: [repos.get] }\n");
        let after = format!(
            "{before}- identity: '*'\n  rateLimit: {{ requestsPerMinute: 7 }}\n  allow:\n  - {{ service: '*', actions: ['*'] }}\n"
        );
        let meaning = between(&before, &after);
        assert!(
            meaning.more[0].starts_with("any other identity, anthropic: 10 actions, all but http."),
            "{:?}",
            meaning.more
        );
        assert!(meaning.counts.more > 400, "{:?}", meaning.counts);
        assert_eq!(meaning.more.len(), 22, "of both, one for each service");
        assert!(
            meaning.other[0].contains("over all calls: nothing → at most 7 calls"),
            "{:?}",
            meaning.other
        );
    }

    #[test]
    fn a_socket_that_is_no_longer_required_is_told() {
        let after = policy("  - { service: github, actions: [repos.get] }\n");
        let before = format!("{after}  socket: required\n");
        let meaning = between(&before, &after);
        assert_eq!(
            meaning.other,
            ["ci, over all calls: served on its own socket only → nothing"]
        );
        let everybody = after.replace("identity: ci", "identity: '*'");
        let meaning = between(&everybody, &format!("{everybody}  socket: required\n"));
        assert!(
            meaning.other[0]
                .ends_with("nothing → what \"*\" allows on identities' own sockets only"),
            "{:?}",
            meaning.other
        );
    }

    #[test]
    fn a_loosened_constraint_is_told() {
        let rule = |owner: &str| {
            policy(&format!(
                "  - {{ service: github, actions: [issues.create], params: {{ owner: {owner} }} }}\n"
            ))
        };
        let meaning = between(&rule("acme"), &rule("'*'"));
        assert_eq!(
            meaning.other,
            ["ci, github: issues.create (where \"owner\" is \"acme\" → where \"owner\" is \"*\")"]
        );
    }
}
