//! `axis allow`: writes a rule into the policy file, and takes back what denied
//! it.

mod terms;

use std::collections::BTreeMap;

use axis_proto::v1::PolicyExplanation;
use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp, Unit};
use secrecy::SecretString;
use serde_json::Value;

use self::terms::{Change, refuse_denied, tell_exceptions, without_exact_denies};
use super::approve::seconds;
use super::calls::Calls;
use crate::client::Daemon;
use crate::commands::call::DEFAULT_IDENTITY;
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable};
use crate::policy_file::{Layout, Node, PolicyFile, RuleText, list, quoted, scalar};
use crate::prompt;

/// Allow an identity some actions of a service
///
/// Writes a rule into policy.yaml and keeps all else that stands there: comments,
/// order, layout. A deny rule for exactly these actions is taken out; one for more
/// than these still wins, and is named. Where the policy is sealed, the master
/// password is asked for, and the change is sealed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    axis allow github repos.get issues.list\n  \
    axis allow github issues.create --param owner=acme --ttl 300\n  \
    axis allow github 'pulls.*' --identity ci-runner --for 2h")]
pub struct Allow {
    /// The service, such as github
    service: String,
    /// The actions: names, prefixes such as 'issues.*'; all but the raw ones
    /// where none is given
    actions: Vec<String>,
    /// Who may do it; "*" for anyone
    #[arg(long, value_name = "NAME", default_value = DEFAULT_IDENTITY)]
    identity: String,
    /// Only for so long, such as 2h
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    lasting: Option<u64>,
    /// Seconds between two successes
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<u32>,
    /// At most so many calls in any 60 s
    #[arg(long, value_name = "N")]
    per_minute: Option<u32>,
    /// The owner approves each call
    #[arg(long)]
    ask: bool,
    /// With the credential of that label
    #[arg(long, value_name = "LABEL")]
    credential: Option<String>,
    /// Only actions that do one of these
    #[arg(long, value_name = "EFFECT", value_delimiter = ',')]
    effect: Vec<Effect>,
    /// Only where a param is this; * and ? stand for any text. Given twice for
    /// one param, it may be either
    #[arg(long = "param", value_name = "KEY=VALUE")]
    params: Vec<String>,
    /// Where it is known already.
    #[arg(skip)]
    password: Option<SecretString>,
}

/// What an action does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Effect {
    Read,
    Write,
    Delete,
}

impl Effect {
    fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
        }
    }
}

impl Allow {
    /// All of a service's actions that do one of `effects`; each call approved
    /// first where it `asks`. A sealed policy is changed with `password`.
    pub fn preset(
        service: &str,
        identity: &str,
        effects: &[Effect],
        asks: bool,
        password: Option<SecretString>,
    ) -> Self {
        Self {
            service: service.to_owned(),
            actions: Vec::new(),
            identity: identity.to_owned(),
            lasting: None,
            ttl: None,
            per_minute: None,
            ask: asks,
            credential: None,
            effect: effects.to_vec(),
            params: Vec::new(),
            password,
        }
    }

    /// Does it, and waits until it is in force.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let params = params(&self.params)?;
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let daemon = &mut daemon;
        let mut calls =
            Calls::find(daemon, &self.identity, &self.service, &self.actions, false).await?;
        let file = PolicyFile::load(daemon, self.password.clone()).await?;
        let askers = calls.askers(&read(&file, &file.text)?, &file.text);
        let meant = calls.clone();
        let asked = sample(&params);
        let before = calls
            .explained(daemon, file.named(&file.text), Some(&asked))
            .await?;
        if !self.effect.is_empty() {
            self.keep_effects(&mut calls, &before)?;
        }
        let before = calls
            .explained(daemon, file.named(&file.text), Some(&asked))
            .await?;
        let root = read(&file, &file.text)?;
        let lacking: Vec<usize> = (0..calls.actions.len())
            .filter(|at| !before.get(*at).is_some_and(|it| self.is_met(it, &root)))
            .collect();
        if lacking.is_empty() {
            output.line(format_args!(
                "Allowed already: {}",
                printable(&calls.words())
            ))?;
            for line in lines_of(&before) {
                output.line(format_args!("  {}", printable(&line)))?;
            }
            return tell_exceptions(output, daemon, &calls, &askers, file.named(&file.text)).await;
        }
        calls.keep_patterns_of(&lacking);

        let text = without_exact_denies(&calls, &file)?;
        let change = Change::begin(daemon, &self, &file, &meant, &askers, &asked, &text).await?;
        change.refuse_opened(&calls)?;
        let then = calls
            .explained(daemon, file.named(&text), Some(&asked))
            .await?;
        refuse_denied(&file, &text, &lacking, &then)?;
        let root = read(&file, &text)?;
        // without the deny rule another one may allow it just so
        let mut unmet = lacking.clone();
        if !self.has_terms() {
            unmet.retain(|at| !then.get(*at).is_some_and(|it| self.is_met(it, &root)));
        }
        let mut rule_for = calls.clone();
        rule_for.keep_patterns_of(&unmet);
        let entry = calls.entry(&root);
        let deciding = unmet.iter().filter_map(|at| then.get(*at)?.line);
        let before_rule = entry.and_then(|entry| first_of(entry, deciding));
        let is_on_other_terms = unmet
            .iter()
            .any(|at| then.get(*at).is_some_and(|it| it.allowed));
        let place = before_rule.filter(|_| is_on_other_terms);
        let layout = Layout::of(&text);
        let with = |credential: Option<&str>| {
            if unmet.is_empty() {
                return text.clone();
            }
            let rule = self.rule(&rule_for, &params, credential);
            match entry {
                Some(entry) => layout.with_rule(entry, "allow", &rule, place),
                None => layout.with_entry(&root, &calls.identity, "allow", &rule),
            }
        };
        let new = with(self.credential.as_deref());
        let checked = file.check(daemon, &new).await?;
        if let Some(error) = checked.error {
            return Err(invalid(&error));
        }
        let after = calls
            .explained(daemon, file.named(&new), Some(&asked))
            .await?;
        let new_root = read(&file, &new)?;
        if !lacking
            .iter()
            .all(|at| after.get(*at).is_some_and(|it| self.is_met(it, &new_root)))
        {
            return Err(by_hand(&file));
        }
        if !unmet.is_empty() {
            change.refuse_passed_by(&root, place, &rule_for)?;
        }
        change.refuse_lost(daemon, &new).await?;
        change.refuse_others_first(daemon, with).await?;
        file.save(daemon, &new).await?;
        file.in_force(daemon, &new).await?;
        output.line(output.paint(
            Tone::Good,
            &format!("Allowed, and in force: {}", printable(&calls.words())),
        ))?;
        for line in lines_of(lacking.iter().filter_map(|at| after.get(*at))) {
            output.line(format_args!("  {}", printable(&line)))?;
        }
        tell_exceptions(output, daemon, &calls, &askers, file.named(&new)).await
    }

    fn keep_effects(
        &self,
        calls: &mut Calls,
        explained: &[PolicyExplanation],
    ) -> Result<(), Failure> {
        let is_meant = |effect: &str| self.effect.iter().any(|wanted| wanted.word() == effect);
        let mut effects = explained.iter().map(|it| is_meant(&it.effect));
        calls.actions.retain(|_| effects.next().unwrap_or(false));
        if calls.actions.is_empty() {
            let words: Vec<_> = self.effect.iter().map(|effect| effect.word()).collect();
            return Err(Failure::new(
                Exit::Failed,
                format!("none of these actions does {}", words.join(" or ")),
            )
            .fix(format!("axis services show {}", calls.service)));
        }
        Ok(())
    }

    /// Whether it is allowed as it is to be.
    fn is_met(&self, said: &PolicyExplanation, root: &Node) -> bool {
        let same_limit = |wanted: Option<u32>, is: Option<u32>| wanted.is_none() || wanted == is;
        let label = self.credential.as_deref();
        said.allowed
            && same_limit(self.ttl, said.ttl_s)
            && same_limit(self.per_minute, said.rule_requests_per_minute)
            && label.is_none_or(|label| label.eq_ignore_ascii_case(&said.credential))
            && (!self.ask || !said.ask.is_empty())
            && (self.lasting.is_some() || !ends(root, said.line))
    }

    /// Whether it is asked for on terms that hold for each call.
    fn has_terms(&self) -> bool {
        self.ask || self.ttl.is_some() || self.per_minute.is_some() || self.credential.is_some()
    }

    fn rule(
        &self,
        calls: &Calls,
        params: &BTreeMap<String, Vec<Value>>,
        credential: Option<&str>,
    ) -> RuleText {
        let mut rule = RuleText::default();
        rule.field("service", scalar(&calls.service));
        rule.field("actions", list(calls.patterns.iter().map(String::as_str)));
        if !self.effect.is_empty() {
            let words: Vec<_> = self.effect.iter().map(|effect| effect.word()).collect();
            rule.field("effects", format!("[{}]", words.join(", ")));
        }
        if !params.is_empty() {
            let params = params.iter().map(|(name, values)| {
                let values: Vec<_> = values.iter().map(Value::to_string).collect();
                match values.as_slice() {
                    [one] => format!("{}: {one}", quoted(name)),
                    several => format!("{}: [{}]", quoted(name), several.join(", ")),
                }
            });
            let params: Vec<_> = params.collect();
            rule.field("params", format!("{{ {} }}", params.join(", ")));
        }
        if let Some(lasting) = self.lasting {
            let lasting = SignedDuration::from_secs(i64::try_from(lasting).unwrap_or(i64::MAX));
            let until = Timestamp::now()
                .checked_add(lasting)
                .unwrap_or(Timestamp::MAX);
            let until = until.round(Unit::Second).unwrap_or(until);
            rule.field("until", until.to_string());
        }
        if let Some(ttl) = self.ttl {
            rule.field("ttl", ttl.to_string());
        }
        if self.ask {
            rule.field("ask", "true".into());
        }
        if let Some(most) = self.per_minute {
            rule.field("rateLimit", format!("{{ requestsPerMinute: {most} }}"));
        }
        if let Some(label) = credential {
            rule.field("credential", scalar(label));
        }
        rule
    }
}

/// The params by their names, each with what it may be.
fn params(words: &[String]) -> Result<BTreeMap<String, Vec<Value>>, Failure> {
    let mut params = BTreeMap::<String, Vec<Value>>::new();
    for word in words {
        let Some((name, text)) = word.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(Failure::new(
                Exit::Usage,
                format!("{word:?} is not of the form key=value"),
            )
            .fix("for example: --param owner=acme"));
        };
        let value = match serde_json::from_str(text) {
            Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
            _ => Value::from(text),
        };
        params.entry(name.to_owned()).or_default().push(value);
    }
    Ok(params)
}

/// Params that meet the conditions.
fn sample(params: &BTreeMap<String, Vec<Value>>) -> String {
    let object: serde_json::Map<_, _> = params
        .iter()
        .filter_map(|(name, values)| Some((name.clone(), values.first()?.clone())))
        .collect();
    Value::from(object).to_string()
}

/// The first allow rule of the entry that stands in one of these lines.
fn first_of(entry: &Node, lines: impl Iterator<Item = u32>) -> Option<usize> {
    let rules = entry.value("allow")?.items();
    let positions = lines.filter_map(|line| rules.iter().position(|rule| line_is(rule, line)));
    positions.min()
}

fn line_is(rule: &Node, line: u32) -> bool {
    let service = rule.value("service").map_or(rule.line, |it| it.line);
    usize::try_from(line).is_ok_and(|line| line == service)
}

/// Whether the rule in that line has an end.
fn ends(root: &Node, line: Option<u32>) -> bool {
    let (Some(policies), Some(line)) = (root.value("policies"), line) else {
        return false;
    };
    let rules = policies
        .items()
        .iter()
        .filter_map(|entry| entry.value("allow"));
    let mut rules = rules.flat_map(Node::items);
    rules.any(|rule| line_is(rule, line) && rule.value("until").is_some())
}

/// The lines that decide, each once.
pub(super) fn lines_of<'e>(
    explained: impl IntoIterator<Item = &'e PolicyExplanation>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for said in explained {
        if let Some(line) = said.line {
            let line = format!("line {line}: {}", said.excerpt);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines
}

/// The file's parts.
pub(super) fn read(file: &PolicyFile, text: &str) -> Result<Node, Failure> {
    Node::read(text).ok_or_else(|| by_hand(file))
}

/// What came of it would be no policy.
pub(super) fn invalid(error: &str) -> Failure {
    let what = "nothing was changed: with that the policy would not be valid";
    Failure::new(Exit::Failed, what).because(error)
}

/// A file that is written in a way that this command doesn't change.
pub(super) fn by_hand(file: &PolicyFile) -> Failure {
    Failure::new(
        Exit::Failed,
        format!(
            "{} is written in a way that this command can't change safely; it was left as it is",
            file.path.display()
        ),
    )
    .fix("axis policy edit")
}
