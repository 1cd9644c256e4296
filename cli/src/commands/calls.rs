//! Which calls `axis allow` and `axis deny` are about, and what the policy says
//! to them.

use axis_proto::v1::{PolicyExplanation, PolicyQuestion, PolicyText, Service, ShowServiceRequest};

use super::policy::explain::explain;
use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::policy_file::Node;

/// Most questions in one request: the answers have to fit into one message.
const MAX_QUESTIONS: usize = 2_000;
/// An end that is over.
const OVER: &str = "\"2000-01-01T00:00:00Z\"";

/// Actions of one service, for one identity.
#[derive(Clone)]
pub struct Calls {
    /// Who would call, or `"*"`.
    pub identity: String,
    /// The service by its name.
    pub service: String,
    /// As they were asked for: names, prefixes with `.*`, or `"*"`.
    pub patterns: Vec<String>,
    /// Each with the patterns that it falls under.
    pub actions: Vec<Called>,
}

/// One action.
#[derive(Clone)]
pub struct Called {
    /// Its name.
    pub name: String,
    /// The pattern that it falls under.
    pub pattern: String,
}

/// What the policy says to one who would call.
pub struct Answer {
    /// Who would call.
    pub identity: String,
    /// Which of the actions.
    pub action: String,
    /// What is said to that.
    pub said: PolicyExplanation,
}

impl Calls {
    /// Finds the actions; without a pattern all of them. `raw` includes those
    /// that send whatever the agent says, which `"*"` doesn't.
    ///
    /// # Errors
    /// No such service or action; the nearest ones are named.
    pub async fn find(
        daemon: &mut Daemon,
        identity: &str,
        service: &str,
        patterns: &[String],
        raw: bool,
    ) -> Result<Self, Failure> {
        let request = ShowServiceRequest {
            service: service.to_owned(),
        };
        let shown = ask(daemon.admin.show_service(request)).await?;
        let service = shown.service.unwrap_or_default();
        let mut calls = Self {
            identity: identity.to_ascii_lowercase(),
            service: service.service.clone(),
            patterns: Vec::new(),
            actions: Vec::new(),
        };
        let all = ["*".to_owned()];
        let patterns = if patterns.is_empty() { &all } else { patterns };
        for pattern in patterns {
            let found = matched(&service, pattern, raw);
            if found.is_empty() {
                return Err(calls.unknown(daemon, pattern).await);
            }
            let pattern = match found.as_slice() {
                [one] if one.eq_ignore_ascii_case(pattern) => one.clone(),
                _ => pattern.to_ascii_lowercase(),
            };
            for name in found {
                if !calls.actions.iter().any(|called| called.name == name) {
                    let pattern = pattern.clone();
                    calls.actions.push(Called { name, pattern });
                }
            }
            if !calls.patterns.contains(&pattern) {
                calls.patterns.push(pattern);
            }
        }
        Ok(calls)
    }

    /// Leaves only the patterns under which these of the actions fall.
    pub fn keep_patterns_of(&mut self, actions: &[usize]) {
        let kept = actions.iter().filter_map(|at| self.actions.get(*at));
        let kept: Vec<_> = kept.map(|called| called.pattern.clone()).collect();
        self.patterns.retain(|pattern| kept.contains(pattern));
    }

    /// What `policy` says to each, with these params; without params whether it
    /// can be allowed at all.
    pub async fn explained(
        &self,
        daemon: &mut Daemon,
        policy: PolicyText,
        params: Option<&str>,
    ) -> Result<Vec<PolicyExplanation>, Failure> {
        let identity = self.asked_as(&policy.text);
        let questions = self.actions.iter().map(|called| PolicyQuestion {
            identity: identity.clone(),
            service: self.service.clone(),
            action: called.name.clone(),
            params: params.map(|params| params.to_owned().into()),
            own_socket: None,
        });
        let questions = questions.collect();
        let explained = explain(daemon, Some(policy), questions).await?;
        match explained.iter().find_map(|answer| answer.error.clone()) {
            None => Ok(explained),
            Some(error) => Err(Failure::new(Exit::Usage, error)),
        }
    }

    /// All who are meant: the identity, or where that is `"*"` everyone whom the
    /// policy names, and one whom it doesn't.
    pub fn askers(&self, root: &Node, text: &str) -> Vec<String> {
        let mut askers = vec![self.asked_as(text)];
        if self.identity == "*" {
            let entries = root.value("policies").map(Node::items).unwrap_or_default();
            let named = entries.iter().filter_map(|entry| entry.text("identity"));
            let named = named.filter(|identity| *identity != "*");
            askers.extend(named.map(str::to_ascii_lowercase));
        }
        askers
    }

    /// What `policy` says to each of `askers`, on the general socket and on one
    /// of their own. The order is the same for every policy.
    pub async fn explained_to(
        &self,
        daemon: &mut Daemon,
        policy: PolicyText,
        askers: &[String],
        params: Option<&str>,
    ) -> Result<Vec<Answer>, Failure> {
        let mut questions = Vec::new();
        for identity in askers {
            for own_socket in [false, true] {
                questions.extend(self.actions.iter().map(|called| PolicyQuestion {
                    identity: identity.clone(),
                    service: self.service.clone(),
                    action: called.name.clone(),
                    params: params.map(|params| params.to_owned().into()),
                    own_socket: Some(own_socket),
                }));
            }
        }
        let mut answers = Vec::new();
        for questions in questions.chunks(MAX_QUESTIONS) {
            let explained = explain(daemon, Some(policy.clone()), questions.to_vec()).await?;
            for (question, said) in questions.iter().zip(explained) {
                if let Some(error) = said.error {
                    return Err(Failure::new(Exit::Usage, error));
                }
                answers.push(Answer {
                    identity: question.identity.clone(),
                    action: question.action.clone(),
                    said,
                });
            }
        }
        Ok(answers)
    }

    /// Where `"*"` is meant, an identity that no entry is for.
    fn asked_as(&self, text: &str) -> String {
        if self.identity != "*" {
            return self.identity.clone();
        }
        let mut number = 0_u64;
        loop {
            let name = format!("anyone-{number}");
            if !text.contains(&name) {
                return name;
            }
            number += 1;
        }
    }

    /// The entry of this identity in a policy.
    pub fn entry<'n>(&self, root: &'n Node) -> Option<&'n Node> {
        let mut entries = root.value("policies")?.items().iter();
        entries.find(|entry| {
            let identity = entry.text("identity");
            identity.is_some_and(|identity| identity.eq_ignore_ascii_case(&self.identity))
        })
    }

    /// Whether a rule is for this service and no other.
    pub fn is_for_service(&self, rule: &Node) -> bool {
        let service = rule.text("service");
        service.is_some_and(|service| service.eq_ignore_ascii_case(&self.service))
    }

    /// In words: `local-dev: github repos.get, issues.list`.
    pub fn words(&self) -> String {
        let actions = self.patterns.join(", ");
        format!("{}: {} {actions}", self.identity, self.service)
    }

    async fn unknown(&self, daemon: &mut Daemon, action: &str) -> Failure {
        let question = PolicyQuestion {
            identity: "anyone".into(),
            service: self.service.clone(),
            action: action.trim_end_matches(".*").to_owned(),
            params: None,
            own_socket: None,
        };
        let asked = explain(daemon, None, vec![question]).await;
        let said = asked.ok().and_then(|answers| answers.into_iter().next());
        let said = said.and_then(|answer| answer.error);
        let said =
            said.unwrap_or_else(|| format!("{} has no action that {action:?} means", self.service));
        Failure::new(Exit::Usage, said).fix(format!("axis services show {}", self.service))
    }
}

/// The policy as it will be once every deny rule that has an end is over; line
/// by line the same.
pub fn without_passing_denies(root: &Node, text: &str) -> String {
    let entries = root.value("policies").map(Node::items).unwrap_or_default();
    let rules = entries.iter().filter_map(|entry| entry.value("deny"));
    let ends = rules
        .flat_map(Node::items)
        .filter_map(|rule| rule.value("until"));
    let mut ranges: Vec<_> = ends.map(|end| end.range.clone()).collect();
    ranges.sort_by_key(|range| range.start);
    let mut text = text.to_owned();
    for range in ranges.into_iter().rev() {
        text.replace_range(range, OVER);
    }
    text
}

/// Whether all that `action`, as a rule has it, stands for falls under `pattern`.
pub fn covers(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    if pattern == action {
        return true;
    }
    let below = |prefix: &str| {
        action
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    match pattern.strip_suffix(".*") {
        Some(prefix) => below(prefix),
        None => pattern == "*" && !action.starts_with("http."),
    }
}

/// The names that `pattern` means.
fn matched(service: &Service, pattern: &str, raw: bool) -> Vec<String> {
    let pattern = pattern.to_ascii_lowercase();
    let names = service.actions.iter().map(|action| action.action.as_str());
    let names = names.filter(|name| {
        let name = name.to_ascii_lowercase();
        match pattern.strip_suffix(".*") {
            _ if pattern == "*" => raw || !name.starts_with("http."),
            Some(prefix) => name
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with('.')),
            None => name == pattern,
        }
    });
    names.map(ToOwned::to_owned).collect()
}
