//! A change of one host's file: worked out on its text, proved to touch
//! nothing but our entry, shown, and made.

use std::path::{Path, PathBuf};

use super::change::{After, Allowed, Effect, added, is_all_ours, origin, removed};
use super::diff;
use super::entry::{Entry, Standing};
use super::error::HostsError;
use super::file::Snapshot;
use super::host::{Host, Place};
use super::text::Text;

/// How often a file that others change meanwhile is read anew.
const TRIES: usize = 5;

/// A change that is worked out and not made yet.
#[derive(Debug)]
pub struct Edit {
    host: &'static Host,
    what: What,
    allowed: Allowed,
    before: Snapshot,
    after: After,
    /// What it does.
    pub effect: Effect,
}

#[derive(Debug, Clone)]
enum What {
    Add(Entry),
    Remove,
}

/// A change that was made.
#[derive(Debug)]
pub struct Applied {
    /// The host's file.
    pub file: PathBuf,
    /// Where the file as it was before lies now.
    pub backup: Option<PathBuf>,
    /// What was done.
    pub effect: Effect,
    /// The file itself is gone.
    pub deleted: bool,
}

/// Works out how `entry` gets into the file at `place`; changes nothing.
pub fn plan(
    host: &'static Host,
    place: &Place,
    entry: Entry,
    allowed: Allowed,
) -> Result<Edit, HostsError> {
    Edit::of(host, &place.file, What::Add(entry), allowed)
}

/// Works out how our entry gets out of the file at `place`; changes nothing.
pub fn plan_removal(
    host: &'static Host,
    place: &Place,
    allowed: Allowed,
) -> Result<Edit, HostsError> {
    Edit::of(host, &place.file, What::Remove, allowed)
}

/// What stands under our name in the file at `place`.
pub fn standing(host: &Host, place: &Place) -> Result<Option<Standing>, HostsError> {
    let file = Snapshot::read(&place.file)?;
    let text = Text::of(host, &place.file, file.text()?)?;
    match text.entry()? {
        None => Ok(None),
        Some(node) => match Standing::read(&host.entry, node) {
            Some(standing) => Ok(Some(standing)),
            None => Err(text.not_ours()),
        },
    }
}

impl Edit {
    fn of(
        host: &'static Host,
        file: &Path,
        what: What,
        allowed: Allowed,
    ) -> Result<Self, HostsError> {
        let before = Snapshot::read(file)?;
        let (after, effect) = match &what {
            What::Add(entry) => {
                let (text, effect) = added(host, file, before.text()?, entry, allowed)?;
                (After::Text(text), effect)
            }
            What::Remove => removed(host, &before, allowed)?,
        };
        if !matches!(effect, Effect::Unchanged | Effect::Absent) {
            before.check_writable(allowed.making_directory)?;
        }
        Ok(Self {
            host,
            what,
            allowed,
            before,
            after,
            effect,
        })
    }

    /// The file, as the host knows it.
    pub fn file(&self) -> &Path {
        &self.before.named
    }

    /// Whether anything is to be written.
    pub fn is_change(&self) -> bool {
        !matches!(self.effect, Effect::Unchanged | Effect::Absent)
    }

    /// How the file's lines change; secrets in it are masked.
    pub fn diff(&self) -> Vec<String> {
        let before = self.before.text().unwrap_or_default();
        let after = match &self.after {
            After::Text(text) => text,
            After::Gone => "",
        };
        diff::lines(self.host, before, after)
    }

    /// Makes it. Where another program changed the file meanwhile, the change
    /// is worked out on what that program wrote.
    pub fn apply(mut self) -> Result<Applied, HostsError> {
        if !self.is_change() {
            return Ok(self.applied(None));
        }
        let _lock = self.before.lock(self.allowed.making_directory)?;
        for _ in 0..TRIES {
            if !self.before.is_current()? {
                let file = self.before.named.clone();
                self = Self::of(self.host, &file, self.what.clone(), self.allowed)?;
                if !self.is_change() {
                    return Ok(self.applied(None));
                }
            }
            let backup = self.back_up()?;
            let done = match &self.after {
                After::Text(text) => self.before.replace(text)?,
                After::Gone => self.before.delete()?,
            };
            if done {
                if self.restores_backup() {
                    self.before.drop_backup()?;
                    return Ok(self.applied(None));
                }
                return Ok(self.applied(backup));
            }
        }
        Err(HostsError::Changing {
            file: self.before.named.clone(),
        })
    }

    /// Keeps the file as it is now; a backup from before our entry came in that
    /// still differs from it by nothing else is the better one, and stays.
    fn back_up(&self) -> Result<Option<PathBuf>, HostsError> {
        if self.after == After::Gone && is_all_ours(self.host, &self.before) {
            return Ok(None);
        }
        if self.restores_backup() || origin(self.host, &self.before).is_some() {
            let path = self.before.backup_path();
            return Ok(path.exists().then_some(path));
        }
        self.before.back_up()
    }

    /// Whether the file becomes what its backup is.
    fn restores_backup(&self) -> bool {
        let (What::Remove, After::Text(text)) = (&self.what, &self.after) else {
            return false;
        };
        (self.before.backup()).is_some_and(|backup| backup.text().ok() == Some(text))
    }

    fn applied(&self, backup: Option<PathBuf>) -> Applied {
        Applied {
            file: self.before.named.clone(),
            backup,
            effect: self.effect.clone(),
            deleted: self.is_change() && self.after == After::Gone,
        }
    }
}
