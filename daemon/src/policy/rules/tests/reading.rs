//! The compiled tables against a slow and obvious reading of the same rules.

use super::*;

/// One rule of a random policy, as it is written.
#[derive(Debug, Clone)]
struct Written {
    scope: &'static str,
    is_deny: bool,
    service: &'static str,
    actions: Vec<&'static str>,
    effects: Option<Vec<&'static str>>,
    /// `p` must be one of these.
    param: Option<Vec<&'static str>>,
    is_over: Option<bool>,
    ttl: Option<u32>,
    ask: bool,
}

const SCOPES: [&str; 4] = ["a", "b", "c", "*"];

fn written() -> impl Strategy<Value = Written> {
    let patterns = vec!["x", "y.z", "y.w", "y.*", "y.z.*", "http.get", "http.*", "*"];
    let effects = prop::sample::subsequence(vec!["read", "write", "delete"], 1..=3);
    let values = vec!["one", "o*", "?wo", "3", "*"];
    (
        prop::sample::select(SCOPES.to_vec()),
        prop::bool::weighted(0.25),
        prop::sample::select(vec!["s", "t", "*"]),
        prop::collection::vec(prop::sample::select(patterns), 0..3),
        prop::option::weighted(0.3, effects),
        prop::option::weighted(0.3, prop::sample::subsequence(values, 1..=2)),
        prop::option::weighted(0.3, any::<bool>()),
        prop::option::of(1_u32..9),
        any::<bool>(),
    )
        .prop_map(
            |(scope, is_deny, service, actions, effects, param, is_over, ttl, ask)| Written {
                scope,
                is_deny,
                service,
                actions,
                effects,
                param,
                is_over,
                ttl: ttl.filter(|_| !is_deny),
                ask: ask && !is_deny,
            },
        )
}

fn as_yaml(rules: &[Written], limits: [Option<u32>; 4], shut: [bool; 4]) -> String {
    let mut text = String::from("policies:\n");
    for ((scope, limit), is_shut) in SCOPES.iter().zip(limits).zip(shut) {
        writeln!(text, "- identity: {scope:?}").unwrap();
        if is_shut {
            writeln!(text, "  socket: required").unwrap();
        }
        if let Some(limit) = limit {
            writeln!(text, "  rateLimit: {{requestsPerMinute: {limit}}}").unwrap();
        }
        for (list, is_deny) in [("allow", false), ("deny", true)] {
            writeln!(text, "  {list}:\n  - {{service: q, actions: []}}").unwrap();
            let rules = rules.iter();
            for rule in rules.filter(|rule| rule.scope == *scope && rule.is_deny == is_deny) {
                let (service, actions) = (rule.service, &rule.actions);
                write!(text, "  - {{service: {service:?}, actions: {actions:?}").unwrap();
                if let Some(effects) = &rule.effects {
                    write!(text, ", effects: {effects:?}").unwrap();
                }
                if let Some(values) = &rule.param {
                    write!(text, ", params: {{p: {values:?}}}").unwrap();
                }
                if let Some(is_over) = rule.is_over {
                    let hour = if is_over { 11 } else { 13 };
                    write!(text, ", until: 2026-07-01T{hour}:00:00Z").unwrap();
                }
                if let Some(ttl) = rule.ttl {
                    write!(text, ", ttl: {ttl}").unwrap();
                }
                if rule.ask {
                    write!(text, ", ask: true").unwrap();
                }
                writeln!(text, "}}").unwrap();
            }
        }
    }
    text
}

/// One request, plainly.
#[derive(Debug, Clone, Copy)]
struct Asked {
    identity: &'static str,
    service: &'static str,
    action: &'static str,
    effect: Effect,
    param: Option<&'static str>,
}

impl Written {
    fn counts_for(&self, asked: Asked) -> bool {
        let action = asked.action;
        let names = |pattern: &&str| match pattern.strip_suffix('*') {
            Some("") => !action.starts_with("http."),
            Some(prefix) => action.starts_with(prefix),
            None => *pattern == action,
        };
        let takes = |value: &&str| match *value {
            "*" => true,
            "o*" => asked.param.unwrap().starts_with('o'),
            "?wo" => matches!(asked.param, Some("two" | "xwo")),
            exact => asked.param == Some(exact),
        };
        (self.service == "*" || self.service == asked.service)
            && self.actions.iter().any(names)
            && (self.effects.as_ref()).is_none_or(|them| them.contains(&asked.effect.word()))
            && (self.param.as_ref())
                .is_none_or(|values| asked.param.is_some() && values.iter().any(takes))
            && self.is_over != Some(true)
    }
}

/// The scope, the ttl and whether it asks of the rule that allows, by reading
/// from top to bottom; `shut` are the entries that count for nothing here.
fn plain_reading(
    rules: &[Written],
    shut: &[&str],
    asked: Asked,
) -> Option<(&'static str, Option<u32>, bool)> {
    let count = |scope: &str, is_deny| {
        let rules = rules.iter();
        let scope = scope.to_owned();
        rules.filter(move |rule| {
            rule.scope == scope && rule.is_deny == is_deny && rule.counts_for(asked)
        })
    };
    // who has a socket of its own to come by isn't served elsewhere at all
    if shut.contains(&asked.identity) {
        return None;
    }
    let scopes = [asked.identity, "*"];
    if scopes
        .iter()
        .any(|scope| count(scope, true).next().is_some())
    {
        return None;
    }
    let open = scopes.iter().filter(|scope| !shut.contains(scope));
    let mut allowing = open.flat_map(|scope| count(scope, false));
    allowing.next().map(|rule| (rule.scope, rule.ttl, rule.ask))
}

proptest! {
    #[test]
    fn the_tables_decide_as_a_plain_reading_does(
        rules in prop::collection::vec(written(), 0..14),
        limits in prop::array::uniform4(prop::option::of(1_u32..9)),
        required in prop::array::uniform4(prop::bool::weighted(0.2)),
        own_socket in any::<bool>(),
        effect in prop::sample::select(vec![Effect::Read, Effect::Write, Effect::Delete]),
        param in prop::sample::select(vec![None, Some("one"), Some("two"), Some("3"), Some("zzz")]),
    ) {
        let policy = policy(&as_yaml(&rules, limits, required));
        let shut = SCOPES.iter().zip(required).filter(|(_, required)| *required && !own_socket);
        let shut: Vec<&str> = shut.map(|(scope, _)| *scope).collect();
        for (index, identity) in ["a", "b", "c", "d"].into_iter().enumerate() {
            for service in ["s", "t", "u"] {
                for action in ["x", "y", "y.z", "y.w", "y.v", "y.z.q", "http.get", "http.put", "q"] {
                    let asked = Asked { identity, service, action, effect, param };
                    let params = param.map_or(json!({}), |param| json!({"p": param}));
                    let decision = policy.decide(&Request {
                        identity: &Identity::parse(identity).unwrap(),
                        own_socket,
                        service: &ServiceName::parse(service).unwrap(),
                        action,
                        effect,
                        params: params.as_object(),
                        at: "2026-07-01T12:00:00Z".parse().unwrap(),
                    });
                    let found = match decision {
                        Decision::Allow(allowed) => Some(allowed),
                        Decision::Deny(_) => None,
                    };
                    prop_assert_eq!(
                        found.as_ref().map(|it| (it.cooldown_scope.to_string(), it.ttl, it.ask.is_some())),
                        plain_reading(&rules, &shut, asked).map(|(scope, ttl, ask)| {
                            (scope.to_owned(), ttl.map(|s| Duration::from_secs(s.into())), ask)
                        }),
                        "{:?}", asked
                    );
                    if let Some(found) = found {
                        let own = limits[..3].get(index).copied().flatten();
                        prop_assert_eq!(found.limit.requests_per_minute, own.or(limits[3]));
                        prop_assert_eq!(found.limit.of == Scope::Any, own.is_none());
                    }
                }
            }
        }
    }
}
