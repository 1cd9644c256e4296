//! Credentials that don't stand in the vault: read by the owner's own password
//! manager when the vault is opened, and again when they are used and were read
//! too long ago. What was read is in memory alone.
//!
//! - [`Proposal`] is what a reference means on this machine, for the owner to
//!   say yes to.
//! - [`Sources`] reads, one run a credential for all who wait for it.

mod error;
mod launcher;
mod looking;
mod program;
mod reference;
mod run;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

pub use self::error::SourceError;
use self::looking::Looks;
use self::reference::Reference;
pub use self::reference::ReferenceError;
use self::run::Complaint;
use crate::clock::Clock;
use crate::vault::{Credential, Secret, Source, Sourced};

/// For how long a value that was read is used, where the owner doesn't say.
pub const DEFAULT_TTL_S: u64 = 15 * 60;
/// The longest that the owner may say.
pub const MAX_TTL_S: u64 = 24 * 60 * 60;

/// So many programs run at once …
const AT_ONCE: usize = 4;
/// … and who waits for one waits so long.
const PATIENCE: Duration = Duration::from_secs(30);
/// So many references are looked at at once for whoever asks what they mean.
const PROPOSALS_AT_ONCE: usize = 2;
/// After a failure nobody is asked again for so long: an agent that tries and
/// tries must not make a window pop up each time.
const REST: Duration = Duration::from_secs(10);
/// So many values that were read are known, for answers that hold them.
const KNOWN: usize = 4;
/// A value that an upstream refuses is read again, if it was read longer ago.
const YOUNG: Duration = Duration::from_secs(30);

/// What a reference means on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// What would be sealed.
    pub source: Source,
    /// What would be run, as words of a command line.
    pub command: String,
    /// The program and the files that its arguments name.
    pub read_by: String,
    /// What the owner should know.
    pub warnings: Vec<String>,
    /// Whether the program takes something that lets it in.
    pub takes_token: bool,
}

/// Why a credential could not be read, with what the program complained of:
/// for the owner who asked, and for no record.
#[derive(Debug, thiserror::Error)]
#[error("{error}{}", said(.words.as_deref()))]
pub struct Unread {
    /// Why.
    pub error: SourceError,
    /// The program's own words.
    pub words: Option<String>,
}

/// Reads credentials where the owner keeps them.
pub struct Sources {
    clock: Arc<dyn Clock>,
    places: Arc<Semaphore>,
    /// Reads outlive the calls that wait for them.
    underway: TaskTracker,
    /// What is looked at before the owner said yes to it.
    looks: Looks,
}

/// What is kept with a credential while the vault is open.
#[derive(Default)]
struct Kept {
    /// Held by the read that is underway.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// One at a time for each credential, so that one whose files hang keeps no
    /// other from being read.
    looks: Looks,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    /// The credential, and when it was read on the monotonic clock.
    read: Option<(Arc<Credential>, Duration)>,
    failed: Option<(SourceError, Duration)>,
    /// The last values, the newest first: answers may hold them.
    known: Vec<Arc<Credential>>,
}

/// What `parsed`, which `reference` says, means here. Blocking.
fn propose(
    reference: &str,
    parsed: &Reference,
    program: Option<&str>,
    ttl_s: u64,
) -> Result<Proposal, SourceError> {
    let path = program::find(program.unwrap_or_else(|| parsed.program()))?;
    let arguments = parsed.arguments();
    let looked = program::check(&path, arguments.iter().copied())?;
    let program = path.display().to_string();
    let mut warnings: Vec<_> = looked.own.iter().map(|file| {
        format!(
            "{file} is not root's alone: an agent that runs as you can put another program in its place, which then reads the secret"
        )
    }).collect();
    if let Some(word) = launcher::unlooked(&program, &arguments) {
        warnings.push(format!(
            "{program} runs what {word:?} means, which isn't looked at: write what is run as an absolute path, to have others kept from replacing it"
        ));
    }
    if let Some(advice) = parsed.token_advice() {
        warnings.push(format!(
            "while it runs, other programs of your user can read the token in its environment (--stdin): {advice}"
        ));
    }
    let words = [program.as_str()].into_iter().chain(arguments);
    Ok(Proposal {
        command: command_line(words),
        read_by: command_line(looked.files.iter().map(String::as_str)),
        takes_token: parsed.token_variable().is_some(),
        source: Source {
            reference: reference.to_owned(),
            program,
            ttl_s: ttl_s.min(MAX_TTL_S),
        },
        warnings,
    })
}

fn command_line<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.map(axis_proto::shell::word).collect();
    words.join(" ")
}

fn said(words: Option<&str>) -> String {
    words.map_or_else(String::new, |words| format!(": {words}"))
}

async fn read_once(looks: &Looks, source: &Source, token: &str) -> Result<SecretString, Complaint> {
    let reference = Reference::parse(&source.reference).map_err(SourceError::from)?;
    let program = source.program.clone();
    let arguments = reference.arguments();
    let token = reference
        .token_variable()
        .filter(|_| !token.is_empty())
        .map(|variable| (variable, token));
    let command = run::command(&program, &arguments, token);
    let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    let started = looks.look(&source.program, move || {
        let arguments = arguments.iter().map(String::as_str);
        program::check(&PathBuf::from(&program), arguments)?;
        run::start(&program, command)
    });
    let said = run::finish(&source.program, started.await?).await?;
    let secret = reference.secret_in(&said.output).map_err(|problem| {
        let program = source.program.clone();
        SourceError::Unusable { program, problem }
    })?;
    Ok(SecretString::from(secret.as_str()))
}

impl Sources {
    /// One reader for all.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            underway: TaskTracker::new(),
            looks: Looks::at_once(PROPOSALS_AT_ONCE),
        }
    }

    /// What `reference` means here; `program` is the owner's own word for where
    /// the program is.
    ///
    /// # Errors
    /// It means nothing, or its program isn't here or could be someone else's.
    pub async fn propose(
        &self,
        reference: &str,
        program: Option<&str>,
        ttl_s: u64,
    ) -> Result<Proposal, SourceError> {
        let parsed = Reference::parse(reference)?;
        let named = program.unwrap_or_else(|| parsed.program()).to_owned();
        let (reference, program) = (reference.to_owned(), program.map(str::to_owned));
        self.looks
            .look(&named, move || {
                propose(&reference, &parsed, program.as_deref(), ttl_s)
            })
            .await
    }

    /// Reads a secret once, and keeps nothing; `token` lets the program in.
    ///
    /// # Errors
    /// It could not be read.
    pub async fn read(&self, source: &Source, token: &str) -> Result<SecretString, Unread> {
        let read = read_once(&self.looks, source, token).await;
        read.map_err(|Complaint { error, words }| Unread { error, words })
    }

    /// The credential as it was read last, or as it is read now: a value that
    /// was read too long ago is not used, even where no newer one can be had.
    ///
    /// A read that was begun goes on without its caller: else who hangs up and
    /// calls again could have the program started as often as they like.
    ///
    /// # Errors
    /// It can't be read.
    pub async fn current(
        self: &Arc<Self>,
        sourced: &Arc<Sourced>,
    ) -> Result<Arc<Credential>, SourceError> {
        let kept = sourced.kept::<Kept>();
        if let Some(found) = self.found(sourced, &kept) {
            return found;
        }
        let waited = timeout(PATIENCE, async {
            let turn = Arc::clone(&kept.turn).lock_owned().await;
            if let Some(found) = self.found(sourced, &kept) {
                return found;
            }
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                return Err(SourceError::Busy(PATIENCE));
            };
            let (reader, entry) = (Arc::clone(self), Arc::clone(sourced));
            let program = entry.source().program.clone();
            let reading = self.underway.spawn(async move {
                let _held = (turn, place);
                let kept = entry.kept::<Kept>();
                let token = entry.token().expose();
                let read = read_once(&kept.looks, entry.source(), token).await;
                reader.keep(&entry, &kept, read.map_err(|complaint| complaint.error))
            });
            let read = reading.await;
            read.unwrap_or_else(|_| Err(SourceError::stopping(&program)))
        });
        waited.await.unwrap_or(Err(SourceError::Busy(PATIENCE)))
    }

    /// Reads what the vault that was just opened names, so that the first call
    /// needn't wait.
    pub fn read_ahead(self: &Arc<Self>, all: Vec<Arc<Sourced>>) {
        for sourced in all {
            let sources = Arc::clone(self);
            self.underway.spawn(async move {
                // what came of it is kept, and said
                let _ = sources.current(&sourced).await;
            });
        }
    }

    /// What was read last, the newest first, however long ago, without reading
    /// it now.
    pub fn known(sourced: &Sourced) -> Vec<Arc<Credential>> {
        let kept = sourced.kept::<Kept>();
        let last = kept.last();
        last.known.clone()
    }

    /// Told that an upstream refused a credential that was read: the owner may
    /// have changed it, so that the next call reads it anew.
    pub fn rejected(&self, sourced: &Sourced, credential: &Arc<Credential>) {
        let now = self.clock.monotonic();
        let kept = sourced.kept::<Kept>();
        kept.last()
            .read
            .take_if(|(read, at)| Arc::ptr_eq(read, credential) && now.saturating_sub(*at) > YOUNG);
    }

    /// Why a credential could not be read when that was tried last.
    pub fn trouble(&self, sourced: &Sourced) -> Option<SourceError> {
        let kept = sourced.kept::<Kept>();
        kept.last().failed.as_ref().map(|(error, _)| error.clone())
    }

    fn found(
        &self,
        sourced: &Sourced,
        kept: &Kept,
    ) -> Option<Result<Arc<Credential>, SourceError>> {
        let now = self.clock.monotonic();
        let last = kept.last();
        if let Some((credential, at)) = &last.read
            && now.saturating_sub(*at) < Duration::from_secs(sourced.source().ttl_s)
        {
            return Some(Ok(Arc::clone(credential)));
        }
        match &last.failed {
            Some((error, at)) if now.saturating_sub(*at) < REST => Some(Err(error.clone())),
            _ => None,
        }
    }

    fn keep(
        &self,
        sourced: &Sourced,
        kept: &Kept,
        read: Result<SecretString, SourceError>,
    ) -> Result<Arc<Credential>, SourceError> {
        use secrecy::ExposeSecret;
        let now = self.clock.monotonic();
        let name = sourced.name();
        let mut last = kept.last();
        match read {
            Ok(secret) => {
                // the same again goes on with all that was made of it
                let is_same = |it: &Arc<Credential>| it.secret().expose() == secret.expose_secret();
                let at = last.known.iter().position(is_same);
                let same = at.map(|at| last.known.remove(at));
                let credential = same.unwrap_or_else(|| {
                    Arc::new(Credential::new(
                        name.clone(),
                        Secret::from_string(secret),
                        sourced.hosts().to_vec(),
                        sourced.base_url().cloned(),
                    ))
                });
                last.known.insert(0, Arc::clone(&credential));
                last.known.truncate(KNOWN);
                last.read = Some((Arc::clone(&credential), now));
                last.failed = None;
                info!(credential = %name, "read it where the owner keeps it");
                Ok(credential)
            }
            Err(error) => {
                warn!(credential = %name, %error, "it can't be read where the owner keeps it");
                last.read = None;
                last.failed = Some((error.clone(), now));
                Err(error)
            }
        }
    }
}

impl Kept {
    fn last(&self) -> MutexGuard<'_, Last> {
        // every change is a few assignments that can't panic
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
