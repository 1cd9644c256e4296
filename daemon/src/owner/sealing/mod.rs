//! Sealing: the owner's password puts policy, services and settings into the
//! vault as they stand, and from then on their files only propose.

mod acts;
mod difference;
mod meaning;
mod proposal;
mod services;
mod settings;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tracing::warn;

pub use self::difference::Difference;
pub use self::meaning::Meaning;
use self::proposal::{Parsed, Proposal};
use crate::broker::Broker;
use crate::paths::Paths;
use crate::policy;
use crate::seal::{FileName, Files, SealError};
use crate::services as own_services;
use crate::vault::Reserved;

/// How long policy.yaml may still say what was sealed before, after another
/// text was: who seals it writes it into the file next.
const TIME_TO_WRITE: Duration = Duration::from_secs(1);

/// What the owner wants sealed.
pub enum WhatToSeal {
    /// All files, as they were shown: the digest of that.
    Shown(String),
    /// This text as policy.yaml; the other files stay as they are sealed.
    Policy(String),
}

/// Why nothing was sealed or unsealed.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// The files are others than those that were shown.
    #[error(
        "the files have changed since they were shown, so nothing was sealed: look at them again"
    )]
    Changed,
    /// A file has a mistake.
    #[error("nothing was sealed, since {name} has a mistake in it: {problem}")]
    Broken {
        /// Which.
        name: FileName,
        /// What is wrong, with its place.
        problem: String,
    },
    /// Only a policy was given, but nothing is sealed.
    #[error("nothing is sealed yet, so a policy alone can't be; seal all files first")]
    NotSealed,
    /// The files can't be kept in the vault, or what is there can't be read.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// What was sealed.
#[derive(Debug, Clone)]
pub struct SealedNow {
    /// Of all files.
    pub digest: String,
    /// Rules in the policy.
    pub rules: usize,
    /// Files.
    pub files: usize,
}

/// What is sealed, and how the files differ from it.
#[derive(Debug, Default)]
pub struct Shown {
    /// Whether anything is sealed.
    pub is_sealed: bool,
    /// Sealed in a vault that was not opened yet: what is sealed isn't known.
    pub is_withheld: bool,
    /// What keeps what is sealed from being in force.
    pub fault: Option<String>,
    /// The files that differ, or that can't be sealed as they stand.
    pub differences: Vec<Difference>,
    /// What sealing them would change in what agents may do.
    pub meaning: Meaning,
    /// Over the files as they were read for this.
    pub digest: String,
    /// Those files with their sizes in bytes.
    pub files: Vec<(FileName, usize)>,
    /// Rules in the policy that a seal would put in force.
    pub rules: usize,
    /// A seal would make upstreams believed by other certificates.
    pub has_new_certificates: bool,
}

/// How the files stand to what is sealed, as it was last looked at.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Whether anything is sealed.
    pub is_sealed: bool,
    /// What keeps what is sealed from being in force.
    pub fault: Option<String>,
    /// The files that differ.
    pub differences: Vec<Difference>,
}

/// Keeps what is sealed, and looks at the files beside it.
pub struct Sealing {
    broker: Arc<Broker>,
    paths: Paths,
    /// Held by whoever seals, unseals or takes up what the vault holds.
    turn: Mutex<()>,
    /// Held by whoever looks at the files, so that an older look doesn't come
    /// after a newer one.
    looking: Mutex<()>,
    /// Showing takes a while, and needs no password: one at a time.
    showing: Semaphore,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// What is in force; none where nothing is sealed.
    sealed: Option<Arc<Files>>,
    fault: Option<String>,
    differences: Vec<Difference>,
    /// The text of each file that differs, in the form of its digest, so that
    /// each change is told once.
    told: BTreeMap<FileName, String>,
    /// What policy.yaml said when a policy was sealed by its text: it is about
    /// to be written, and until then is no difference to tell.
    outdated: Option<Arc<str>>,
}

/// What happened that is to be told.
pub(super) enum News {
    /// A file differs from what is sealed, in another way than before.
    Differs(FileName, PathBuf),
    /// What the file brings, now that it counts again.
    Policy(policy::Change),
    /// What the files bring, now that they count again.
    Service(own_services::Change),
    /// What is sealed in the vault is in force; so many rules.
    InForce(usize),
    /// What is sealed in the vault can't be put in force.
    Fault(String),
}

impl Sealing {
    pub(super) fn new(broker: Arc<Broker>, paths: Paths) -> Self {
        Self {
            broker,
            paths,
            turn: Mutex::new(()),
            looking: Mutex::new(()),
            showing: Semaphore::new(1),
            seen: Mutex::default(),
        }
    }

    /// How the files stand to what is sealed, as it was last looked at.
    pub fn standing(&self) -> Standing {
        let seen = self.seen();
        Standing {
            is_sealed: seen.sealed.is_some() || self.broker.is_withheld() || seen.fault.is_some(),
            fault: seen.fault.clone(),
            differences: seen.differences.clone(),
        }
    }

    /// Reads the files and holds them against what is sealed; with `policy`,
    /// that text instead, as it would be sealed alone. Blocking.
    fn show(&self, policy: Option<String>) -> Shown {
        let (sealed, fault) = {
            let seen = self.seen();
            (seen.sealed.clone(), seen.fault.clone())
        };
        let proposal = match (policy, &sealed) {
            (Some(text), Some(sealed)) => Proposal::of_policy(text, sealed),
            _ => Proposal::read(&self.broker, &self.paths),
        };
        let parsed = Parsed::of(&self.broker, &self.paths, &proposal.files);
        let faults = proposal.faults_with(&parsed);
        let is_withheld = self.broker.is_withheld();
        let mut shown = Shown {
            is_sealed: sealed.is_some() || is_withheld || fault.is_some(),
            is_withheld,
            fault,
            digest: proposal.files.digest(),
            files: proposal
                .files
                .each()
                .map(|(name, text)| (name, text.len()))
                .collect(),
            rules: parsed.rules(),
            ..Shown::default()
        };
        if is_withheld {
            shown.differences = faults
                .into_iter()
                .map(|(name, problem)| Difference::broken(self.path_of(&name), name, problem))
                .collect();
            return shown;
        }
        let is_first = sealed.is_none();
        // what nobody sealed yet is new with the first seal, whatever is in
        // force of it; only the policy decides as it stands
        let sealed = sealed.unwrap_or_else(|| {
            let policy = proposal.files.policy.clone();
            Arc::new(Files {
                policy,
                ..Files::default()
            })
        });
        shown.has_new_certificates = proposal.files.ca.is_some() && proposal.files.ca != sealed.ca;
        shown.differences = difference::all(self, &sealed, &proposal.files, &faults, &parsed);
        if !is_first && !shown.differences.is_empty() {
            shown.meaning = self.meaning(&parsed);
        }
        shown
    }

    fn meaning(&self, parsed: &Parsed) -> Meaning {
        let in_force = self.broker.policy.current();
        let before = meaning::View {
            policy: in_force.policy.as_deref(),
            catalogue: &self.broker.services.catalogue(),
        };
        let after = meaning::View {
            policy: parsed.policy_or(in_force.policy.as_deref()),
            catalogue: &parsed.services.catalogue,
        };
        Meaning::between(&before, &after, self.broker.clock.wall())
    }

    /// Looks at the files again; which of them differ in a new way. Blocking.
    pub(super) fn look(&self) -> Vec<News> {
        let _looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sealed) = self.seen().sealed.clone() else {
            return Vec::new();
        };
        let proposal = Proposal::read(&self.broker, &self.paths);
        let mut differences = difference::in_text(self, &sealed, &proposal);
        if let Some(outdated) = self.seen().outdated.as_deref()
            && proposal.files.policy.as_deref() == Some(outdated)
        {
            differences.retain(|it| it.name != FileName::Policy);
        }
        let mut told = BTreeMap::new();
        for difference in &differences {
            let text = proposal.files.text(&difference.name).map(str::to_owned);
            let version = text.or_else(|| difference.error.clone());
            let version = Files {
                policy: version,
                ..Files::default()
            };
            told.insert(difference.name.clone(), version.digest());
        }
        let mut seen = self.seen();
        if !seen
            .sealed
            .as_ref()
            .is_some_and(|now| Arc::ptr_eq(now, &sealed))
        {
            // sealed anew meanwhile; whoever did that looks again
            return Vec::new();
        }
        let new = differences
            .iter()
            .filter(|it| seen.told.get(&it.name) != told.get(&it.name))
            .map(|it| News::Differs(it.name.clone(), it.path.clone()))
            .collect();
        seen.told = told;
        seen.differences = differences;
        new
    }

    /// Puts in force what the vault holds, where it is open and holds something
    /// else than is in force. Blocking.
    pub(super) fn take_up(&self) -> Vec<News> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(held) = self.broker.vault.reserved(Reserved::Seal) else {
            return Vec::new();
        };
        let in_force = self.broker.seal_in_force();
        match (held, in_force) {
            (None, None) => {
                self.broker.nothing_is_sealed();
                self.forget();
                Vec::new()
            }
            (None, Some(_)) => self.release(),
            (Some(held), Some(in_force)) if Arc::ptr_eq(&held, &in_force) => Vec::new(),
            (Some(held), _) => {
                let taken = Files::unpack(&held)
                    .map_err(|error| error.to_string())
                    .and_then(|files| self.enforce(files, held));
                match taken {
                    Ok(rules) => vec![News::InForce(rules)],
                    Err(fault) => {
                        self.seen().fault = Some(fault.clone());
                        vec![News::Fault(fault)]
                    }
                }
            }
        }
    }

    /// Puts the sealed `files`, which `text` in the vault holds, in force. How
    /// many rules they have.
    fn enforce(&self, files: Files, text: Arc<str>) -> Result<usize, String> {
        let parsed = Parsed::of(&self.broker, &self.paths, &files);
        let rules = parsed.rules();
        let sealed = parsed.into_sealed(&self.broker, &files)?;
        self.broker.put_in_force(sealed, text);
        let mut seen = self.seen();
        seen.sealed = Some(Arc::new(files));
        seen.fault = None;
        Ok(rules)
    }

    fn release(&self) -> Vec<News> {
        let settings = proposal::settings_on_disk(&self.broker, &self.paths);
        let settings = settings
            .inspect_err(|error| warn!("the settings stay as they were sealed: {error}"))
            .ok();
        let (policy, services) = self.broker.release(settings);
        self.forget();
        let services = services.into_iter().map(News::Service);
        policy
            .into_iter()
            .map(News::Policy)
            .chain(services)
            .collect()
    }

    fn forget(&self) {
        *self.seen() = Seen::default();
    }

    /// Begins to wait until policy.yaml says something else than is sealed: a
    /// policy is about to be sealed by its text, and to be written then.
    fn await_file(&self) -> Option<Arc<str>> {
        let mut seen = self.seen();
        let outdated = seen.sealed.as_ref()?.policy.as_deref().map(Arc::from);
        seen.outdated.clone_from(&outdated);
        outdated
    }

    /// Ends the waiting that gave `outdated`, unless another one has begun.
    fn await_no_more(&self, outdated: &Arc<str>) {
        let mut seen = self.seen();
        if seen
            .outdated
            .as_ref()
            .is_some_and(|it| Arc::ptr_eq(it, outdated))
        {
            seen.outdated = None;
        }
    }

    /// What is to be sealed, and that it can be. Blocking.
    fn to_be_sealed(&self, what: WhatToSeal) -> Result<(Files, usize), SealingError> {
        let (files, faults) = match what {
            WhatToSeal::Shown(digest) => {
                let proposal = Proposal::read(&self.broker, &self.paths);
                if proposal.files.digest() != digest {
                    return Err(SealingError::Changed);
                }
                (proposal.files, proposal.faults)
            }
            WhatToSeal::Policy(text) => {
                let sealed = self.seen().sealed.clone();
                let files = Files {
                    policy: Some(text),
                    ..(*sealed.ok_or(SealingError::NotSealed)?).clone()
                };
                (files, BTreeMap::new())
            }
        };
        let parsed = Parsed::of(&self.broker, &self.paths, &files);
        let faults = faults.into_iter().chain(parsed.faults()).next();
        if let Some((name, problem)) = faults {
            return Err(SealingError::Broken { name, problem });
        }
        Ok((files, parsed.rules()))
    }

    /// Where a file is.
    fn path_of(&self, name: &FileName) -> PathBuf {
        match name {
            FileName::Policy => self.paths.policy.clone(),
            FileName::Service(name) => self.paths.services.join(name),
            FileName::Daemon | FileName::Ca => self.paths.daemon_yaml.clone(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
