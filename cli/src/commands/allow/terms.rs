//! What `axis allow` must not do to all the other calls: open more than it was
//! asked for, or take away the terms of what is allowed already.

use axis_proto::v1::{PolicyExplanation, PolicyText};

use super::{Allow, by_hand, read};
use crate::client::Daemon;
use crate::commands::calls::{Answer, Calls, covers};
use crate::failure::{Exit, Failure};
use crate::output::{Output, printable};
use crate::policy_file::{Layout, Node, PolicyFile};

/// What the policy said, and what it says without the deny rules that go, before
/// there is a new rule.
pub(super) struct Change<'a> {
    allow: &'a Allow,
    file: &'a PolicyFile,
    /// All that the patterns mean, whatever it does.
    meant: &'a Calls,
    askers: &'a [String],
    /// Params that meet the request's own conditions.
    asked: &'a str,
    text: &'a str,
    was: Vec<Answer>,
    then: Vec<Answer>,
    then_asked: Vec<Answer>,
}

impl<'a> Change<'a> {
    /// `text` is the policy without those deny rules.
    pub(super) async fn begin(
        daemon: &mut Daemon,
        allow: &'a Allow,
        file: &'a PolicyFile,
        meant: &'a Calls,
        askers: &'a [String],
        asked: &'a str,
        text: &'a str,
    ) -> Result<Self, Failure> {
        let (before, without) = (file.named(&file.text), file.named(text));
        let was = meant.explained_to(daemon, before, askers, None).await?;
        let then = meant
            .explained_to(daemon, without.clone(), askers, None)
            .await?;
        let then_asked = meant
            .explained_to(daemon, without, askers, Some(asked))
            .await?;
        Ok(Self {
            allow,
            file,
            meant,
            askers,
            asked,
            text,
            was,
            then,
            then_asked,
        })
    }

    /// What was denied, and isn't once the deny rules are gone.
    fn opened(&self) -> impl Iterator<Item = (usize, &Answer)> {
        let both = self.was.iter().zip(&self.then).enumerate();
        both.filter(|(_, (was, then))| !was.said.allowed && then.said.allowed)
            .map(|(at, (_, then))| (at, then))
    }

    /// Where only some calls are to be allowed, or only for some time, no other
    /// rule may allow the others when the deny rule is gone.
    pub(super) fn refuse_opened(&self, calls: &Calls) -> Result<(), Failure> {
        let is_partial = !self.allow.params.is_empty() || self.allow.lasting.is_some();
        let is_kept = |name: &str| calls.actions.iter().any(|called| called.name == name);
        let mut opened = self.opened();
        match opened.find(|(_, then)| is_partial || !is_kept(&then.action)) {
            Some((_, then)) => Err(self.wider(then)),
            None => Ok(()),
        }
    }

    /// Where it is to be allowed on terms, the new rule has to be the one that
    /// decides on whatever is no longer denied.
    pub(super) async fn refuse_others_first(
        &self,
        daemon: &mut Daemon,
        with: impl Fn(Option<&str>) -> String,
    ) -> Result<(), Failure> {
        if !self.allow.has_terms() || self.opened().next().is_none() {
            return Ok(());
        }
        // the new rule is told from all others by a label that no other has
        let mut label = "the-new-rule".to_owned();
        while self.text.contains(&label) {
            label.push('-');
            label.push('x');
        }
        let marked = self.file.named(&with(Some(&label)));
        let after = self
            .meant
            .explained_to(daemon, marked, self.askers, None)
            .await?;
        let mut opened = self.opened();
        let other = opened.find(|(at, _)| {
            let said = after.get(*at).map(|answer| &answer.said);
            said.is_none_or(|said| said.credential != label)
        });
        match other {
            Some((_, then)) => Err(self.wider(then)),
            None => Ok(()),
        }
    }

    fn wider(&self, then: &Answer) -> Failure {
        let line = self.line_before(then.said.line);
        Failure::new(
            Exit::Failed,
            format!(
                "line {line} of {} would then allow it without these terms",
                self.file.path.display()
            ),
        )
        .because(format!(
            "{}: it would decide on {} once the deny rule is gone. Nothing was changed.",
            then.said.excerpt, then.action
        ))
        .fix("axis policy edit")
    }

    /// What is allowed already keeps its terms, where no others are asked for.
    pub(super) async fn refuse_lost(&self, daemon: &mut Daemon, new: &str) -> Result<(), Failure> {
        for (then, params) in [(&self.then, None), (&self.then_asked, Some(self.asked))] {
            let policy = self.file.named(new);
            let after = self
                .meant
                .explained_to(daemon, policy, self.askers, params)
                .await?;
            for (then, after) in then.iter().zip(&after) {
                if let Some(lost) = self.lost(&then.said, &after.said) {
                    let (line, excerpt) = (then.said.line, &then.said.excerpt);
                    return Err(self.loses(self.line_before(line), excerpt, &then.action, lost));
                }
            }
        }
        Ok(())
    }

    fn lost(&self, then: &PolicyExplanation, after: &PolicyExplanation) -> Option<&'static str> {
        if !then.allowed || !after.allowed {
            return None;
        }
        let is_weaker = after.ask.is_empty() || after.ask != "owner";
        let is_gone = |asked: Option<u32>, then: Option<u32>, after: Option<u32>| {
            asked.is_none() && then.is_some() && then != after
        };
        if !then.ask.is_empty() && then.ask != after.ask && is_weaker {
            Some("approval")
        } else if is_gone(self.allow.ttl, then.ttl_s, after.ttl_s) {
            Some("ttl")
        } else if is_gone(
            self.allow.per_minute,
            then.rule_requests_per_minute,
            after.rule_requests_per_minute,
        ) {
            Some("limit")
        } else if self.allow.credential.is_none()
            && !then.credential.is_empty()
            && then.credential != after.credential
        {
            Some("credential")
        } else {
            None
        }
    }

    /// The same for the rules behind the new one that look at params: what they
    /// decide depends on the call, so it is told from what they say.
    pub(super) fn refuse_passed_by(
        &self,
        root: &Node,
        place: Option<usize>,
        calls: &Calls,
    ) -> Result<(), Failure> {
        let any = Calls {
            identity: "*".into(),
            ..calls.clone()
        };
        let rules_of = |calls: &Calls, from: usize| {
            let rules = calls.entry(root).and_then(|entry| entry.value("allow"));
            let rules = rules.map(Node::items).unwrap_or_default();
            rules.get(from..).unwrap_or_default()
        };
        let own = rules_of(calls, place.unwrap_or(usize::MAX));
        let of_any: &[Node] = if calls.identity == "*" {
            &[]
        } else {
            rules_of(&any, 0)
        };
        for rule in own.iter().chain(of_any) {
            let is_for_it = calls.is_for_service(rule) || rule.text("service") == Some("*");
            let actions = rule.value("actions").map(Node::items).unwrap_or_default();
            let actions = actions.iter().filter_map(Node::scalar);
            let called = actions.clone().find_map(|action| {
                let mut ruled = calls.actions.iter().filter(|called| {
                    let mut patterns = calls.patterns.iter();
                    patterns.any(|pattern| covers(pattern, &called.name))
                });
                ruled.find(|called| covers(action, &called.name))
            });
            let (true, Some(_), Some(called)) = (is_for_it, rule.value("params"), called) else {
                continue;
            };
            let lost = if rule
                .text("ask")
                .is_some_and(|ask| !ask.eq_ignore_ascii_case("false"))
                && !self.allow.ask
            {
                "approval"
            } else if rule.value("ttl").is_some() && self.allow.ttl.is_none() {
                "ttl"
            } else if rule.value("rateLimit").is_some() && self.allow.per_minute.is_none() {
                "limit"
            } else if rule.value("credential").is_some() && self.allow.credential.is_none() {
                "credential"
            } else {
                continue;
            };
            let line = rule.value("service").map_or(rule.line, |it| it.line);
            let said = self.text.lines().nth(line.saturating_sub(1));
            let excerpt = said.unwrap_or_default().trim();
            let line = line_before(&self.file.text, self.text, line);
            return Err(self.loses(line, excerpt, &called.name, lost));
        }
        Ok(())
    }

    fn loses(&self, line: usize, excerpt: &str, action: &str, lost: &str) -> Failure {
        Failure::new(
            Exit::Failed,
            format!(
                "line {line} of {} allows {action} with its own {lost}, which would be lost",
                self.file.path.display()
            ),
        )
        .because(format!(
            "{excerpt}: the new rule would decide in its place. Nothing was changed."
        ))
        .fix("axis policy edit")
    }

    fn line_before(&self, line: Option<u32>) -> usize {
        let line = line.and_then(|line| usize::try_from(line).ok());
        line.map_or(0, |line| line_before(&self.file.text, self.text, line))
    }
}

/// Where anyone is allowed something, names whom a deny rule of their own keeps
/// from it.
pub(super) async fn tell_exceptions(
    output: Output,
    daemon: &mut Daemon,
    calls: &Calls,
    askers: &[String],
    policy: PolicyText,
) -> Result<Exit, Failure> {
    if calls.identity != "*" {
        return Ok(Exit::Done);
    }
    let answers = calls.explained_to(daemon, policy, askers, None).await?;
    let mut told = Vec::new();
    for answer in answers {
        let said = &answer.said;
        if let Some(line) = said.line.filter(|_| is_denied_by_rule(said)) {
            let text = format!("but not {}: line {line}: {}", answer.identity, said.excerpt);
            if !told.contains(&text) {
                output.line(format_args!("  {}", printable(&text)))?;
                told.push(text);
            }
        }
    }
    Ok(Exit::Done)
}

fn is_denied_by_rule(said: &PolicyExplanation) -> bool {
    !said.allowed && said.reason.contains("(deny rule ")
}

/// The text without those deny rules that are for exactly these actions.
pub(super) fn without_exact_denies(calls: &Calls, file: &PolicyFile) -> Result<String, Failure> {
    let mut text = file.text.clone();
    loop {
        let root = read(file, &text)?;
        let Some(entry) = calls.entry(&root) else {
            return Ok(text);
        };
        let Some((key, rules)) = entry.field("deny") else {
            return Ok(text);
        };
        let is_plain = |rule: &Node| {
            ["effects", "params", "until"]
                .iter()
                .all(|f| rule.value(f).is_none())
        };
        let found = rules.items().iter().enumerate().find_map(|(at, rule)| {
            if !calls.is_for_service(rule) || !is_plain(rule) {
                return None;
            }
            let (actions_key, actions) = rule.field("actions")?;
            let exact = actions.items().iter().position(|action| {
                let action = action.scalar().unwrap_or_default();
                calls
                    .patterns
                    .iter()
                    .any(|it| it.eq_ignore_ascii_case(action))
            })?;
            Some((at, actions_key, actions, exact))
        });
        let Some((at, actions_key, actions, exact)) = found else {
            return Ok(text);
        };
        let layout = Layout::of(&text);
        let next = if actions.items().len() == 1 {
            layout.without_item(key, rules, at)
        } else {
            layout.without_item(actions_key, actions, exact)
        };
        text = next.ok_or_else(|| by_hand(file))?;
    }
}

/// What a deny rule for more than these actions still denies isn't allowed by
/// a rule.
pub(super) fn refuse_denied(
    file: &PolicyFile,
    text: &str,
    wanted: &[usize],
    explained: &[PolicyExplanation],
) -> Result<(), Failure> {
    let denied = wanted
        .iter()
        .filter_map(|at| explained.get(*at))
        .find(|said| is_denied_by_rule(said));
    let Some(said) = denied else { return Ok(()) };
    let new_line = said.line.and_then(|line| usize::try_from(line).ok());
    let line = new_line.map_or(0, |line| line_before(&file.text, text, line));
    Err(Failure::new(
        Exit::Failed,
        format!("line {line} of {} still denies it", file.path.display()),
    )
    .because(format!(
        "{}: a deny rule beats all that allows.",
        said.excerpt
    ))
    .fix("axis policy edit"))
}

/// The line of `before` that became line `line` of `after`, which lost some.
fn line_before(before: &str, after: &str, line: usize) -> usize {
    let mut old = before.lines().enumerate();
    for new in after.lines().take(line.saturating_sub(1)) {
        let mut ahead = old.clone();
        if ahead.any(|(_, text)| text == new) {
            old = ahead;
        } else {
            old.next();
        }
    }
    let wanted = after
        .lines()
        .nth(line.saturating_sub(1))
        .unwrap_or_default();
    old.find(|(_, text)| *text == wanted)
        .map_or(line, |(at, _)| at + 1)
}
