//! axis-asv's policy, read for what it allowed there. It knew few services and
//! actions, and `*` meant those: taken over as `*` it would allow many times
//! more, deletions among them. So each rule comes out as the actions that it
//! stood for.

use std::path::Path;

use serde_json::{Map, Value};

use super::{ImportError, file};

/// The largest policy that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// The most rules that are read.
const MAX_RULES: usize = 2_000;
/// The longest ttl that a policy takes, in seconds: a year.
const MAX_TTL_S: f64 = 31_536_000.0;
/// The highest limit that a policy takes.
const MAX_PER_MINUTE: f64 = 100_000.0;

/// All that axis-asv could call. Axis calls the same by the same names.
const ACTIONS: [(&str, &[&str]); 11] = [
    ("openai", &["responses.create"]),
    ("anthropic", &["messages.create"]),
    (
        "github",
        &[
            "repos.get",
            "issues.create",
            "pulls.create",
            "contents.read",
        ],
    ),
    ("stripe", &["paymentIntents.create", "customers.list"]),
    ("slack", &["chat.postMessage", "conversations.list"]),
    ("sendgrid", &["mail.send"]),
    ("notion", &["pages.create", "databases.query"]),
    ("linear", &["issues.create"]),
    ("twilio", &["messages.create"]),
    ("aws", &["s3.getObject", "s3.putObject"]),
    ("gcp", &["storage.getObject", "storage.listObjects"]),
];

/// What was read, and what of it can't be taken over.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AsvPolicy {
    /// One for each identity, in their order.
    pub identities: Vec<AsvIdentity>,
    /// What isn't taken over as it stands, and why.
    pub remarks: Vec<String>,
}

/// What one identity might do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AsvIdentity {
    /// Its name, or `"*"`.
    pub identity: String,
    /// At most so many calls in any 60 s.
    pub per_minute: Option<u32>,
    /// What it might do; no action occurs twice, since the first rule decided.
    pub rules: Vec<AsvRule>,
}

/// Some actions of one service, on one condition.
#[derive(Debug, PartialEq, Eq)]
pub struct AsvRule {
    /// The service.
    pub service: &'static str,
    /// The actions, by their full names.
    pub actions: Vec<&'static str>,
    /// Seconds between two successes.
    pub ttl: Option<u32>,
}

/// Reads the policy at `path`.
///
/// # Errors
/// It is no policy of axis-asv.
pub fn read(path: &Path) -> Result<AsvPolicy, ImportError> {
    let text = file::text(path, MAX_BYTES)?;
    parse(&text).map_err(|problem| ImportError::malformed(path, problem))
}

fn parse(text: &str) -> Result<AsvPolicy, String> {
    let document: Value =
        serde_yaml::from_str(text).map_err(|error| format!("it is no YAML: {error}"))?;
    let policies = document
        .get("policies")
        .and_then(Value::as_array)
        .ok_or("it has no list `policies`")?;
    let mut policy = AsvPolicy::default();
    let mut rules = 0;
    for (at, entry) in policies.iter().enumerate() {
        let place = format!("entry {}", at + 1);
        let Some(entry) = entry.as_object() else {
            policy.remarks.push(format!("{place}: it is no entry"));
            continue;
        };
        rules += entry
            .get("allow")
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        if rules > MAX_RULES {
            return Err(format!("it has more than {MAX_RULES} rules"));
        }
        policy.entry(&place, entry);
    }
    Ok(policy)
}

impl AsvPolicy {
    fn entry(&mut self, place: &str, entry: &Map<String, Value>) {
        self.refuse_others(place, entry, &["identity", "rateLimit", "allow"]);
        let Some(identity) = entry.get("identity").and_then(name) else {
            let remark = format!("{place}: its identity is no name that Axis takes");
            return self.remarks.push(remark);
        };
        let mut read = AsvIdentity {
            identity,
            ..AsvIdentity::default()
        };
        if let Some(limit) = entry.get("rateLimit") {
            let most = limit.get("requestsPerMinute").and_then(Value::as_f64);
            match most.and_then(|most| whole(most, MAX_PER_MINUTE)) {
                Some(most) => read.per_minute = Some(most),
                None => self.remarks.push(format!(
                    "{place}: its rateLimit is no whole number from 1 to {MAX_PER_MINUTE}"
                )),
            }
        }
        let allow = entry.get("allow").and_then(Value::as_array);
        for (at, rule) in allow.into_iter().flatten().enumerate() {
            let place = format!("{place}, rule {}", at + 1);
            match rule.as_object() {
                Some(rule) => self.rule(&place, rule, &mut read),
                None => self.remarks.push(format!("{place}: it is no rule")),
            }
        }
        if self
            .identities
            .iter()
            .any(|it| it.identity == read.identity)
        {
            let remark = format!(
                "{place}: a second entry for {}; only the first one counted",
                read.identity
            );
            return self.remarks.push(remark);
        }
        self.identities.push(read);
    }

    fn rule(&mut self, place: &str, rule: &Map<String, Value>, into: &mut AsvIdentity) {
        self.refuse_others(place, rule, &["service", "actions", "ttl"]);
        let ttl = rule.get("ttl").filter(|ttl| !ttl.is_null());
        let seconds = ttl
            .and_then(Value::as_f64)
            .and_then(|seconds| whole(seconds, MAX_TTL_S));
        if ttl.is_some() && seconds.is_none() {
            // without its pause it would allow more than was meant
            let remark = format!(
                "{place}: left out, since its ttl is no number of seconds from 1 to {MAX_TTL_S}"
            );
            return self.remarks.push(remark);
        }
        let service = rule.get("service").and_then(Value::as_str).unwrap_or("");
        let services: Vec<_> = ACTIONS
            .iter()
            .filter(|(name, _)| service == "*" || name.eq_ignore_ascii_case(service))
            .collect();
        if services.is_empty() {
            let remark = format!("{place}: axis-asv had no service {service:?}");
            return self.remarks.push(remark);
        }
        let actions = rule.get("actions").and_then(Value::as_array);
        let actions: Vec<&str> = actions
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for action in &actions {
            let is_known = *action == "*"
                || services
                    .iter()
                    .any(|(_, known)| known.iter().any(|it| it.eq_ignore_ascii_case(action)));
            if !is_known {
                self.remarks.push(format!(
                    "{place}: axis-asv had no action {action:?} of {service}"
                ));
            }
        }
        for (service, known) in services {
            let is_meant = |name: &&&str| {
                actions
                    .iter()
                    .any(|action| *action == "*" || action.eq_ignore_ascii_case(name))
            };
            let is_decided = |name: &str| {
                let mut rules = into.rules.iter();
                rules.any(|rule| rule.service == *service && rule.actions.contains(&name))
            };
            let meant: Vec<&'static str> = known
                .iter()
                .filter(is_meant)
                .copied()
                .filter(|name| !is_decided(name))
                .collect();
            if !meant.is_empty() {
                into.rules.push(AsvRule {
                    service,
                    actions: meant,
                    ttl: seconds,
                });
            }
        }
    }

    /// A field that axis-asv passed over may have been meant to narrow.
    fn refuse_others(&mut self, place: &str, map: &Map<String, Value>, known: &[&str]) {
        for field in map.keys().filter(|field| !known.contains(&field.as_str())) {
            self.remarks.push(format!(
                "{place}: axis-asv passed over the field {field:?}, and so it is here"
            ));
        }
    }
}

/// A name that an identity can have, or `"*"`.
fn name(value: &Value) -> Option<String> {
    let text = value.as_str()?.to_ascii_lowercase();
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let is_name = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 64
        && text.bytes().all(is_inner);
    (is_name || text == "*").then_some(text)
}

/// A positive number, rounded up to a whole one.
fn whole(number: f64, most: f64) -> Option<u32> {
    let number = number.ceil();
    // what isn't a number is in no range
    (1.0..=most)
        .contains(&number)
        .then(|| format!("{number}").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(service: &'static str, actions: &[&'static str], ttl: Option<u32>) -> AsvRule {
        AsvRule {
            service,
            actions: actions.to_vec(),
            ttl,
        }
    }

    #[test]
    fn a_rule_becomes_the_actions_that_it_stood_for() {
        let policy = parse(
            "policies:\n  - identity: Local-Dev\n    rateLimit: { requestsPerMinute: 30 }\n    allow:\n      \
             - { service: GitHub, actions: [Repos.Get], ttl: 60 }\n      - { service: github, actions: ['*'] }\n      \
             - { service: aws, actions: ['s3.putObject'] }\n",
        )
        .unwrap();
        assert_eq!(policy.remarks, Vec::<String>::new());
        let [entry] = policy.identities.as_slice() else {
            panic!("{policy:?}");
        };
        assert_eq!(entry.identity, "local-dev");
        assert_eq!(entry.per_minute, Some(30));
        assert_eq!(
            entry.rules,
            [
                rule("github", &["repos.get"], Some(60)),
                rule(
                    "github",
                    &["issues.create", "pulls.create", "contents.read"],
                    None
                ),
                rule("aws", &["s3.putObject"], None),
            ]
        );
    }

    #[test]
    fn everything_is_what_there_was_and_no_more() {
        let policy = parse("policies: [{identity: '*', allow: [{service: '*', actions: ['*']}]}]");
        let policy = policy.unwrap();
        let actions = policy.identities[0].rules.iter().flat_map(|it| &it.actions);
        assert_eq!(actions.count(), 19);
        assert_eq!(policy.identities[0].rules.len(), 11);
    }

    #[test]
    fn what_can_not_be_taken_over_is_said() {
        for (entry, said) in [
            ("identity: 'a b'", "its identity is no name"),
            (
                "identity: a, ratelimit: {}",
                "passed over the field \"ratelimit\"",
            ),
            (
                "identity: a, rateLimit: {requestsPerMinute: 0}",
                "its rateLimit",
            ),
            (
                "identity: a, allow: [{service: opnai, actions: ['*']}]",
                "no service \"opnai\"",
            ),
            (
                "identity: a, allow: [{service: github, actions: [x]}]",
                "no action \"x\" of github",
            ),
            (
                "identity: a, allow: [{service: github, actions: ['*'], ttl: -1}]",
                "left out",
            ),
            (
                "identity: a, allow: [{service: github, actions: ['*'], TTL: 5}]",
                "field \"TTL\"",
            ),
        ] {
            let policy = parse(&format!("policies: [{{{entry}}}]")).unwrap();
            assert_eq!(policy.remarks.len(), 1, "{entry}: {policy:?}");
            assert!(policy.remarks[0].contains(said), "{entry}: {policy:?}");
            if said == "left out" {
                assert!(policy.identities[0].rules.is_empty());
            }
        }
        let nan = "policies: [{identity: a, allow: [{service: github, actions: [], ttl: .nan}]}]";
        for text in ["", "policies: 1", "a: [", "- x", nan] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
