//! What becomes of the text of a host's file when our entry comes in or goes:
//! pure, and proved to touch nothing else before it is given out.

use std::path::Path;

use serde_json::Value;

use super::entry::{Entry, NAME, Standing};
use super::error::HostsError;
use super::file::Snapshot;
use super::host::Host;
use super::text::Text;
use super::tree::{Node, spliced};

/// More steps than an entry has keys mean that one of them did nothing.
const STEPS: usize = 32;

/// What the owner allowed beyond the usual.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allowed {
    /// Another program's entry under our name goes.
    pub replacing: bool,
    /// The directory of a new file is made.
    pub making_directory: bool,
}

/// What becomes of our entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// It stood there just like that.
    Unchanged,
    /// It is new.
    Added,
    /// It stood there otherwise: what changes.
    Updated(Vec<String>),
    /// Somebody else's went for it.
    Replaced,
    /// It is gone.
    Removed,
    /// There was none.
    Absent,
}

/// What becomes of the file.
#[derive(Debug, PartialEq, Eq)]
pub enum After {
    /// It has this text.
    Text(String),
    /// It goes: nothing but our entry was in it.
    Gone,
}

/// `text` with `entry` in it.
pub fn added(
    host: &Host,
    file: &Path,
    text: &str,
    entry: &Entry,
    allowed: Allowed,
) -> Result<(String, Effect), HostsError> {
    let before = Text::of(host, file, text)?;
    let way = before.way();
    let Some(node) = before.entry()? else {
        let text = before.set(&way, &entry.value(&host.entry))?;
        let text = proved(host, file, &before, text, entry)?;
        return Ok((text, Effect::Added));
    };
    let is_ours = Standing::read(&host.entry, node).is_some_and(|it| it.is_ours());
    if !is_ours {
        if !allowed.replacing {
            return Err(before.not_ours());
        }
        let without = spliced(text, before.cut(&way));
        let (text, _) = added(host, file, &without, entry, allowed)?;
        return Ok((text, Effect::Replaced));
    }
    let mut words = Vec::new();
    let mut changed = text.to_owned();
    for _ in 0..STEPS {
        let now = Text::of(host, file, &changed)?;
        let Some(node) = now.entry()? else { break };
        let Some(step) = entry.steps_from(&host.entry, node).into_iter().next() else {
            break;
        };
        let mut way = way.clone();
        way.extend(step.way);
        changed = match &step.value {
            Some(value) => now.set(&way, value)?,
            None => spliced(&changed, now.cut(&way)),
        };
        words.push(step.words);
    }
    if words.is_empty() {
        return Ok((changed, Effect::Unchanged));
    }
    let changed = proved(host, file, &before, changed, entry)?;
    Ok((changed, Effect::Updated(words)))
}

/// The text without our entry: what the file was before it came in, where that
/// is known and nothing else has changed; else as it is but for the entry.
pub fn removed(
    host: &Host,
    before: &Snapshot,
    allowed: Allowed,
) -> Result<(After, Effect), HostsError> {
    let file = &before.named;
    let text = Text::of(host, file, before.text()?)?;
    let Some(node) = text.entry()? else {
        return Ok((After::Text(text.content.to_owned()), Effect::Absent));
    };
    let standing = Standing::read(&host.entry, node);
    if !standing.is_some_and(|it| it.is_ours()) && !allowed.replacing {
        return Err(text.not_ours());
    }
    if let Some(origin) = origin(host, before) {
        return Ok((After::Text(origin), Effect::Removed));
    }
    let mut without = spliced(text.content, text.cut(&text.way()));
    // Whether the table of servers was there before us only the backup knows.
    let backup = before.backup();
    let had_table = backup.as_ref().is_some_and(|backup| {
        let text = backup
            .text()
            .ok()
            .and_then(|text| Text::of(host, file, text).ok());
        text.is_some_and(|text| text.servers().is_some())
    });
    let now = Text::of(host, file, &without)?;
    if !had_table
        && let Some(table) = now.servers().and_then(Node::table)
        && table.members.is_empty()
        && now.content[table.span.clone()]
            .trim_matches(['{', '}'])
            .trim()
            .is_empty()
    {
        without = spliced(&without, now.cut(&host.servers));
    }
    let now = Text::of(host, file, &without)?;
    let same = same_but_for_entry(host, &text, &now);
    if !same || now.entry()?.is_some() {
        return Err(HostsError::NoPlace {
            file: file.clone(),
            why: "the entry is woven into others",
        });
    }
    let left = without.trim();
    if backup.is_none() && (left.is_empty() || left == "{}") {
        return Ok((After::Gone, Effect::Removed));
    }
    Ok((After::Text(without), Effect::Removed))
}

/// What the file was before our entry came in: its backup, where putting the
/// entry that stands there into that gives what the file is now.
pub fn origin(host: &Host, now: &Snapshot) -> Option<String> {
    let text = Text::of(host, &now.named, now.text().ok()?).ok()?;
    let standing = Standing::read(&host.entry, text.entry().ok()??)?;
    let backup = now.backup()?;
    let before = backup.text().ok()?;
    let (again, effect) = added(
        host,
        &now.named,
        before,
        &standing.as_entry(),
        Allowed::default(),
    )
    .ok()?;
    (effect == Effect::Added && again == text.content).then(|| before.to_owned())
}

/// Whether the file is what comes of putting our entry into nothing.
pub fn is_all_ours(host: &Host, now: &Snapshot) -> bool {
    let all_ours = || {
        let text = Text::of(host, &now.named, now.text().ok()?).ok()?;
        let entry = Standing::read(&host.entry, text.entry().ok()??)?.as_entry();
        let (again, _) = added(host, &now.named, "", &entry, Allowed::default()).ok()?;
        Some(again == text.content)
    };
    all_ours().unwrap_or(false)
}

/// `changed`, where it has our entry in it and all else as it was.
fn proved(
    host: &Host,
    file: &Path,
    before: &Text<'_>,
    changed: String,
    entry: &Entry,
) -> Result<String, HostsError> {
    let no_place = HostsError::NoPlace {
        file: file.to_owned(),
        why: "its servers are written in an unusual form",
    };
    let Ok(after) = Text::of(host, file, &changed) else {
        return Err(no_place);
    };
    let is_there = after
        .entry()?
        .is_some_and(|node| entry.steps_from(&host.entry, node).is_empty());
    if is_there && same_but_for_entry(host, before, &after) {
        Ok(changed)
    } else {
        Err(no_place)
    }
}

fn same_but_for_entry(host: &Host, one: &Text<'_>, other: &Text<'_>) -> bool {
    let rest = |text: &Text<'_>| {
        let mut value = text.root.as_ref().map_or(Value::Null, Node::value);
        take(&mut value, &host.servers);
        match value {
            Value::Object(members) if members.is_empty() => Value::Null,
            value => value,
        }
    };
    rest(one) == rest(other)
}

/// Takes our entry out of the table that `servers` leads to, and tables that
/// are empty then.
fn take(value: &mut Value, servers: &[String]) {
    let Some(members) = value.as_object_mut() else {
        return;
    };
    let Some((key, rest)) = servers.split_first() else {
        members.shift_remove(NAME);
        return;
    };
    if let Some(inner) = members.get_mut(key) {
        take(inner, rest);
        if inner.as_object().is_some_and(serde_json::Map::is_empty) {
            members.shift_remove(key);
        }
    }
}
