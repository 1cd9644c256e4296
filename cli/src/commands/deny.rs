//! `axis deny`: takes rules out of the policy file, and where something still
//! allows it writes one that denies.

use std::collections::HashSet;

use clap::Args;

use super::allow::{by_hand, invalid, lines_of, read};
use super::calls::{Calls, covers, without_passing_denies};
use crate::client::Daemon;
use crate::commands::call::DEFAULT_IDENTITY;
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable};
use crate::policy_file::{Layout, PolicyFile, RuleText, list, scalar};
use crate::prompt;

/// Deny an identity some actions of a service
///
/// Takes them out of the rules that allow them, and where another rule still
/// does, such as one for "*", adds a deny rule, which beats it. A deny rule that
/// has an end doesn't count as one. All else in policy.yaml stays as it stands. Where the policy is sealed, the master
/// password is asked for, and the change is sealed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    axis deny github repos.delete\n  \
    axis deny stripe --identity ci-runner")]
pub struct Deny {
    /// The service, such as github
    service: String,
    /// The actions: names, prefixes such as 'issues.*'; all where none is given
    actions: Vec<String>,
    /// Who may not do it; "*" for anyone
    #[arg(long, value_name = "NAME", default_value = DEFAULT_IDENTITY)]
    identity: String,
}

impl Deny {
    /// Does it, and waits until it is in force.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let daemon = &mut daemon;
        let whole = self.actions.is_empty();
        let calls =
            Calls::find(daemon, &self.identity, &self.service, &self.actions, whole).await?;
        let file = PolicyFile::load(daemon, None).await?;
        let askers = calls.askers(&read(&file, &file.text)?, &file.text);
        let before = allowed(daemon, &calls, &askers, &file, &file.text).await?;
        if before.is_empty() {
            output.line(format_args!(
                "Denied already: {}",
                printable(&calls.words())
            ))?;
            return Ok(Exit::Done);
        }
        let text = without_allows(&calls, whole, &file)?;
        let then = allowed(daemon, &calls, &askers, &file, &text).await?;
        let mut still: Vec<String> = Vec::new();
        for called in &calls.actions {
            // "*" doesn't include the raw actions: they are named
            let is_raw = called.name.to_ascii_lowercase().starts_with("http.");
            let pattern = if called.pattern == "*" && is_raw {
                &called.name
            } else {
                &called.pattern
            };
            if then.contains(&called.name) && !still.contains(pattern) {
                still.push(pattern.clone());
            }
        }
        let new = if still.is_empty() {
            text
        } else {
            let mut rule = RuleText::default();
            rule.field("service", scalar(&calls.service));
            rule.field("actions", list(still.iter().map(String::as_str)));
            let root = read(&file, &text)?;
            let layout = Layout::of(&text);
            match calls.entry(&root) {
                Some(entry) => layout.with_rule(entry, "deny", &rule, None),
                None => layout.with_entry(&root, &calls.identity, "deny", &rule),
            }
        };
        let checked = file.check(daemon, &new).await?;
        if let Some(error) = checked.error {
            return Err(invalid(&error));
        }
        let after = allowed(daemon, &calls, &askers, &file, &new).await?;
        if !after.is_empty() {
            return Err(by_hand(&file));
        }
        let after = calls.explained(daemon, file.named(&new), None).await?;
        file.save(daemon, &new).await?;
        file.in_force(daemon, &new).await?;
        output.line(output.paint(
            Tone::Good,
            &format!("Denied, and in force: {}", printable(&calls.words())),
        ))?;
        for line in lines_of(&after) {
            output.line(format_args!("  {}", printable(&line)))?;
        }
        Ok(Exit::Done)
    }
}

/// The actions that one of `askers` may do, or may once a deny rule is over that
/// has an end.
async fn allowed(
    daemon: &mut Daemon,
    calls: &Calls,
    askers: &[String],
    file: &PolicyFile,
    text: &str,
) -> Result<HashSet<String>, Failure> {
    let lasting = without_passing_denies(&read(file, text)?, text);
    let answers = calls
        .explained_to(daemon, file.named(&lasting), askers, None)
        .await?;
    let allowed = answers.into_iter().filter(|answer| answer.said.allowed);
    Ok(allowed.map(|answer| answer.action).collect())
}

/// The text without what allows these actions, of this service by its name, in
/// the identity's own entry.
fn without_allows(calls: &Calls, whole: bool, file: &PolicyFile) -> Result<String, Failure> {
    let mut text = file.text.clone();
    loop {
        let root = read(file, &text)?;
        let allow = calls.entry(&root).and_then(|entry| entry.field("allow"));
        let Some((key, rules)) = allow else {
            return Ok(text);
        };
        let found = rules.items().iter().enumerate().find_map(|(at, rule)| {
            if !calls.is_for_service(rule) {
                return None;
            }
            let (actions_key, actions) = rule.field("actions")?;
            let covered = actions.items().iter().position(|action| {
                let action = action.scalar().unwrap_or_default();
                whole || calls.patterns.iter().any(|pattern| covers(pattern, action))
            })?;
            Some((at, actions_key, actions, covered))
        });
        let Some((at, actions_key, actions, covered)) = found else {
            return Ok(text);
        };
        let layout = Layout::of(&text);
        let next = if whole || actions.items().len() == 1 {
            layout.without_item(key, rules, at)
        } else {
            layout.without_item(actions_key, actions, covered)
        };
        text = next.ok_or_else(|| by_hand(file))?;
    }
}
