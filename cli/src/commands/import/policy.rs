//! axis-asv's policy beside the owner's: what that allowed is added where no
//! rule says anything to it yet; where one does, the owner's own stands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use axis_proto::v1::{PolicyExplanation, Service};
use secrecy::SecretString;

use crate::client::Daemon;
use crate::commands::allow::{by_hand, invalid};
use crate::commands::calls::Calls;
use crate::failure::{Exit, Failure};
use crate::import::asv_policy::{self, AsvIdentity, AsvRule};
use crate::output::{Output, Tone, printable, tell, warn};
use crate::policy_file::{Layout, Node, PolicyFile, RuleText, list, scalar};
use crate::prompt;

/// Where axis-asv looks for its policy, from wherever it is started.
const DEFAULT_PLACE: &str = "config/policy.yaml";

/// What the flags say.
pub struct Wish<'a> {
    /// Where it is, where that is said.
    pub path: Option<&'a str>,
    /// Without asking.
    pub yes: bool,
    /// Show it, and change nothing.
    pub dry_run: bool,
}

/// A policy that grows, and what is to be said of it.
struct Merge<'a> {
    file: &'a PolicyFile,
    text: String,
    added: Vec<String>,
    kept: Vec<String>,
}

/// Adds to the owner's policy what axis-asv's allowed. `password` is the one
/// that was typed already.
pub async fn merge(
    output: Output,
    daemon: &mut Daemon,
    services: &[Service],
    wish: &Wish<'_>,
    password: Option<SecretString>,
) -> Result<(), Failure> {
    let Some(path) = place(wish) else {
        return Ok(());
    };
    let theirs = asv_policy::read(&path)?;
    let shown = path.display().to_string();
    output.line(format_args!("\nThe policy {}:", printable(&shown)))?;
    for remark in &theirs.remarks {
        warn(&format!("{shown}, {remark}"));
    }
    let mut file = PolicyFile::read(daemon).await?;
    let checked = file.check(daemon, &file.text).await?;
    if let Some(error) = checked.error {
        let what = format!("{} has a mistake in it already", file.path.display());
        return Err(Failure::new(Exit::Failed, what)
            .because(error)
            .fix("axis policy edit, then the same import again"));
    }
    let mut merge = Merge {
        file: &file,
        text: file.text.clone(),
        added: Vec::new(),
        kept: Vec::new(),
    };
    for identity in &theirs.identities {
        merge.identity(daemon, services, identity).await?;
    }
    let Merge {
        text, added, kept, ..
    } = merge;
    for line in &kept {
        output.line(format_args!(
            "  {} {}",
            output.paint(Tone::Warn, "kept"),
            printable(line)
        ))?;
    }
    for line in &added {
        output.line(format_args!(
            "  {} {}",
            output.paint(Tone::Good, "add"),
            printable(line)
        ))?;
    }
    if added.is_empty() {
        output.line("Your policy says something to all of it already; it stays as it is.")?;
        return Ok(());
    }
    let checked = file.check(daemon, &text).await?;
    if let Some(error) = checked.error {
        return Err(invalid(&error));
    }
    if wish.dry_run {
        return Ok(());
    }
    let question = format!(
        "Add this to {}?",
        printable(&file.path.display().to_string())
    );
    if !wish.yes && !prompt::confirms(&question, "--yes, or --no-policy").await? {
        tell("The policy stays as it is.");
        return Ok(());
    }
    file.allow_with(password).await?;
    file.save(daemon, &text).await?;
    file.in_force(daemon, &text).await?;
    output.line(output.paint(Tone::Good, "The policy is in force."))?;
    if !file.is_sealed() {
        tell("Sealed, it can't be changed without the master password: axis policy seal");
    }
    Ok(())
}

/// A file that merely lies where the command is run isn't trusted unseen.
fn place(wish: &Wish<'_>) -> Option<PathBuf> {
    if let Some(path) = wish.path {
        return Some(path.into());
    }
    let path = Path::new(DEFAULT_PLACE);
    if !path.is_file() {
        tell("axis-asv's policy was not found here; name it with --policy FILE to bring it along.");
        return None;
    }
    if wish.yes && !wish.dry_run {
        tell(format_args!(
            "{DEFAULT_PLACE} was left alone: with --yes a policy is taken only where --policy names it."
        ));
        return None;
    }
    Some(path.to_owned())
}

impl Merge<'_> {
    async fn identity(
        &mut self,
        daemon: &mut Daemon,
        services: &[Service],
        theirs: &AsvIdentity,
    ) -> Result<(), Failure> {
        let entry_was_there = self.has_entry(&theirs.identity)?;
        for rule in &theirs.rules {
            self.rule(daemon, services, &theirs.identity, rule).await?;
        }
        let Some(most) = theirs.per_minute else {
            return Ok(());
        };
        let (name, limit) = (&theirs.identity, format!("{{ requestsPerMinute: {most} }}"));
        let root = self.root()?;
        let Some(entry) = entry_of(&root, name) else {
            return Ok(());
        };
        if entry_was_there {
            let own = entry
                .value("rateLimit")
                .and_then(|limit| limit.text("requestsPerMinute"));
            let own = match own {
                Some(own) if own == most.to_string() => return Ok(()),
                Some(own) => format!("yours is {own}"),
                None => "your entry for it has none".to_owned(),
            };
            let line = format!("{name}: the limit there was {most} calls a minute; {own}");
            self.kept.push(line);
            return Ok(());
        }
        let layout = Layout::of(&self.text);
        let text = layout
            .with_field_after(entry, "identity", "rateLimit", &limit)
            .ok_or_else(|| by_hand(self.file))?;
        self.text = text;
        self.added
            .push(format!("{name}: at most {most} calls a minute"));
        Ok(())
    }

    async fn rule(
        &mut self,
        daemon: &mut Daemon,
        services: &[Service],
        identity: &str,
        rule: &AsvRule,
    ) -> Result<(), Failure> {
        let known = services.iter().find(|it| it.service == rule.service);
        let is_known = |name: &&str| {
            let actions = known.map(|it| it.actions.as_slice()).unwrap_or_default();
            actions.iter().any(|action| action.action == *name)
        };
        let (here, gone): (Vec<&str>, Vec<&str>) =
            rule.actions.iter().partition(|name| is_known(name));
        for action in gone {
            let line = format!("{identity}: there is no {} {action} here", rule.service);
            self.kept.push(line);
        }
        if here.is_empty() {
            return Ok(());
        }
        let patterns: Vec<String> = here.iter().map(ToString::to_string).collect();
        let calls = Calls::find(daemon, identity, rule.service, &patterns, false).await?;
        // against the owner's own text: what was added just now is theirs
        let policy = self.file.named(&self.text);
        let said = calls.explained(daemon, policy, None).await?;
        let mut lacking = Vec::new();
        // the same words of several actions in one line
        let mut kept: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (called, said) in calls.actions.iter().zip(&said) {
            match stands(said, rule.ttl) {
                Stands::Nothing => lacking.push(called.name.as_str()),
                Stands::Same => {}
                Stands::Other(words) => kept.entry(words).or_default().push(&called.name),
            }
        }
        for (words, actions) in kept {
            let actions = actions.join(", ");
            self.kept
                .push(format!("{identity}: {} {actions}: {words}", rule.service));
        }
        if lacking.is_empty() {
            return Ok(());
        }
        let mut text = RuleText::default();
        text.field("service", scalar(rule.service));
        text.field("actions", list(lacking.iter().copied()));
        if let Some(ttl) = rule.ttl {
            text.field("ttl", ttl.to_string());
        }
        let root = self.root()?;
        let layout = Layout::of(&self.text);
        let new = match entry_of(&root, identity) {
            Some(entry) => layout.with_rule(entry, "allow", &text, None),
            None => layout.with_entry(&root, identity, "allow", &text),
        };
        let checked = self.file.check(daemon, &new).await?;
        if checked.error.is_some() {
            return Err(by_hand(self.file));
        }
        self.text = new;
        let ttl = rule.ttl.map(|ttl| format!(" (ttl {ttl})"));
        self.added.push(format!(
            "{identity}: {} {}{}",
            rule.service,
            lacking.join(", "),
            ttl.unwrap_or_default()
        ));
        Ok(())
    }

    fn has_entry(&self, identity: &str) -> Result<bool, Failure> {
        Ok(entry_of(&self.root()?, identity).is_some())
    }

    fn root(&self) -> Result<Node, Failure> {
        Node::read(&self.text).ok_or_else(|| by_hand(self.file))
    }
}

/// What the owner's policy says to one action.
enum Stands {
    Nothing,
    Same,
    Other(String),
}

fn stands(said: &PolicyExplanation, ttl: Option<u32>) -> Stands {
    let line = said.line.map(|line| format!("line {line} of yours"));
    match (said.allowed, line) {
        (true, _) if said.ttl_s == ttl => Stands::Same,
        (true, line) => {
            let seconds = |ttl: Option<u32>| ttl.map_or("none".into(), |ttl| format!("{ttl} s"));
            let line = line.unwrap_or_default();
            Stands::Other(format!(
                "ttl there {}, in {line} {}",
                seconds(ttl),
                seconds(said.ttl_s)
            ))
        }
        (false, Some(line)) => Stands::Other(format!("allowed there, denied by {line}")),
        (false, None) => Stands::Nothing,
    }
}

fn entry_of<'n>(root: &'n Node, identity: &str) -> Option<&'n Node> {
    let mut entries = root.value("policies")?.items().iter();
    entries.find(|entry| {
        let name = entry.text("identity");
        name.is_some_and(|name| name.eq_ignore_ascii_case(identity))
    })
}
