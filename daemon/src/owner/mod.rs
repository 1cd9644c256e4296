//! What only the owner may do: vault, records and the daemon itself. Each act
//! that changes something is on record, with the process that asked for it.

mod addition;
mod approvals;
pub mod checking;
mod dashboard_tokens;
mod elsewhere;
mod error;
mod identities;
mod keychain;
mod log_reading;
mod rotation;
pub mod sealing;
mod services;
mod undo;
mod unlock;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use secrecy::SecretString;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use self::addition::{Added, Addition};
use self::checking::Checked;
use self::dashboard_tokens::DashboardTokens;
pub use self::elsewhere::Elsewhere;
pub use self::error::OwnerError;
use self::log_reading::LogReading;
pub use self::rotation::Rotated;
use self::sealing::Sealing;
pub use self::undo::Undone;
pub use self::unlock::{OpenedBy, Unlock};
use crate::audit::{self, Act, AdminAct, AuditKey, Peer};
use crate::broker::Broker;
use crate::identities::OwnSockets;
use crate::keychain::Keychain;
use crate::names::CredentialName;
use crate::paths::{Paths, PathsError, parent};
use crate::policy::{Change, DEFAULT_POLICY};
use crate::supervision::StartedBy;
use crate::vault::{Key, KnownGeneration, Vault, VaultError, VaultState};
use crate::watch::{Follow, Watch};

/// The owner's side of the daemon.
pub struct Owner {
    /// What calls pass through.
    pub broker: Arc<Broker>,
    /// Where the files are.
    pub paths: Paths,
    /// What is sealed, and how the files stand to it.
    pub sealing: Arc<Sealing>,
    /// The identities' own sockets.
    pub own_sockets: OwnSockets,
    /// Where the master password may be kept.
    pub keychain: Keychain,
    /// Why what it keeps didn't open the vault at the start.
    keychain_trouble: Mutex<Option<String>>,
    checked: Checked,
    dashboard_tokens: DashboardTokens,
    opened_by: Mutex<Option<OpenedBy>>,
    log_reading: LogReading,
    stopping: CancellationToken,
    started: Duration,
    /// Who started this axisd.
    pub started_by: StartedBy,
}

impl AuditKey for Key {
    fn bytes(&self) -> &[u8; 32] {
        self.expose()
    }
}

impl Owner {
    /// `stopping` ends the daemon.
    pub fn new(
        broker: Arc<Broker>,
        paths: Paths,
        own_sockets: OwnSockets,
        stopping: CancellationToken,
        started_by: StartedBy,
    ) -> Self {
        let started = broker.clock.monotonic();
        let keychain = Keychain::new(keychain::account(&paths));
        keychain.set_wanted(broker.settings.load().keychain);
        Self {
            keychain,
            keychain_trouble: Mutex::default(),
            sealing: Arc::new(Sealing::new(broker.clone(), paths.clone())),
            broker,
            paths,
            own_sockets,
            checked: Checked::default(),
            dashboard_tokens: DashboardTokens::default(),
            opened_by: Mutex::default(),
            log_reading: LogReading::new(),
            stopping,
            started,
            started_by,
        }
    }

    /// Puts the daemon's start on record, and holds the keystore against what
    /// the record says of it.
    pub fn record_start(&self) {
        if let Ok(known) = self.known_generation() {
            self.broker.vault.compare_with_log(known);
        }
        self.record(Act::DaemonStarted, Some(axis_proto::VERSION), None);
        if self.broker.is_withheld() {
            info!("policy, services and settings are sealed: the unlock puts them in force");
            return;
        }
        let current = self.broker.policy.current();
        match (&current.policy, &current.error) {
            (_, Some(error)) => self.policy_refused(&error.headline(), &error.to_string()),
            (Some(policy), None) => self.policy_loaded(policy.rule_count()),
            (None, None) => {
                warn!(path = %self.paths.policy.display(), "there is no policy: every call is denied");
            }
        }
        self.record_services();
    }

    /// Puts the daemon's end on record.
    pub fn record_end(&self) {
        self.record(Act::DaemonStopped, None, None);
        self.broker.audit.close();
    }

    /// Follows policy.yaml: each change is on record and in the daemon's log.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn watch_policy(self: &Arc<Self>) -> io::Result<Watch> {
        let owner = self.clone();
        let how = self.how_to_follow(&self.paths.policy);
        self.broker
            .policy
            .watch(how, move |change| owner.policy_changed(change))
    }

    /// Follows `services/`: each change is on record and in the daemon's log.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn watch_services(self: &Arc<Self>) -> io::Result<Watch> {
        let owner = self.clone();
        let how = self.how_to_follow(&self.paths.services);
        self.broker.services.watch(how, move |changes| {
            for change in &changes {
                // while it is withheld what counts, none of it does
                if !owner.broker.is_withheld() {
                    owner.service_changed(change);
                }
            }
            owner.look_at_files();
            owner.broker.changed();
        })
    }

    /// With `AXIS_HOME` the audit log is written beside `path`, at every call.
    fn how_to_follow(&self, path: &Path) -> Follow {
        if parent(path) == parent(&self.paths.audit) {
            Follow::Looking
        } else {
            Follow::Notices
        }
    }

    fn policy_changed(&self, change: Change) {
        // it doesn't count: the unlock tells what does
        if self.broker.is_withheld() {
            return;
        }
        match change {
            Change::InForce(policy) => {
                self.policy_loaded(policy.rule_count());
                self.broker.remember_further();
            }
            Change::Refused(error) => {
                self.policy_refused(&error.headline(), &error.to_string());
            }
            Change::Removed => self.policy_refused(
                "policy.yaml is gone",
                "the policy file is gone: every call is denied",
            ),
            Change::Proposed => self.look_at_files(),
        }
        self.broker.changed();
    }

    /// How long the daemon runs.
    pub fn uptime(&self) -> Duration {
        self.broker.clock.monotonic().saturating_sub(self.started)
    }

    /// Makes the vault, and policy.yaml where there is none. Where only that is
    /// missing, the vault's password makes it anew.
    pub async fn init(&self, password: SecretString, by: &Peer) -> Result<u64, OwnerError> {
        self.paths.create()?;
        self.recordable()?;
        let has_vault = !matches!(self.broker.vault.state(), VaultState::Absent);
        if has_vault && !self.paths.policy.exists() {
            self.verify_password(password, by).await?;
            self.write_default_policy()?;
            return Ok(generation(&self.broker.vault).unwrap_or_default());
        }
        let generation = self.broker.vault.init(password).await?;
        self.broker.audit.set_key(audit_key(&self.broker.vault));
        self.broker.audit.note(&AdminAct {
            generation: Some(generation),
            peer: Some(by),
            ..Act::Init.into()
        });
        self.serve_sealed_sockets();
        self.take_up_seal().await?;
        self.remember_calls().await?;
        self.remember_uses();
        self.write_default_policy()?;
        self.broker.changed();
        self.note_opened(OpenedBy::Owner);
        info!(generation, "the vault was made");
        self.say_what_may_be_swapped();
        Ok(generation)
    }

    /// Whether this is the master password.
    pub async fn verify_password(
        &self,
        password: SecretString,
        by: &Peer,
    ) -> Result<(), OwnerError> {
        let verified = self.broker.vault.verify_password(password).await;
        self.audited(verified, Some(by))
    }

    /// Locks. Whether it was unlocked.
    pub fn lock(&self, by: &Peer) -> bool {
        let was_unlocked = self.broker.vault.lock();
        let (asked, grants) = self.broker.approvals.clear();
        if was_unlocked {
            let forgotten = (asked + grants > 0)
                .then(|| format!("approvals forgotten: {asked}, grants: {grants}"));
            self.record(Act::Lock, forgotten.as_deref(), Some(by));
            info!("the vault is locked");
        }
        self.broker.audit.set_key(None);
        if let Err(error) = self.broker.upstream.forget_connections() {
            warn!(%error, "idle connections may keep what they sent last");
        }
        self.broker.changed();
        was_unlocked
    }

    /// Removes a credential.
    pub async fn revoke(
        &self,
        password: SecretString,
        name: &CredentialName,
        by: &Peer,
    ) -> Result<(), OwnerError> {
        self.recordable()?;
        let written = self.broker.vault.revoke(password, name).await;
        let written = self.audited(written, Some(by))?;
        self.record_change(Act::Revoke, name, written.generation, by);
        Ok(())
    }

    /// Ends the daemon once calls in flight have finished.
    pub fn stop(&self, by: &Peer) {
        info!(pid = by.pid, "told to stop");
        self.stopping.cancel();
    }

    async fn remember_calls(&self) -> Result<(), OwnerError> {
        let broker = self.broker.clone();
        tokio::task::spawn_blocking(move || broker.remember_calls())
            .await
            .map_err(|_| OwnerError::Crashed)
    }

    fn known_generation(&self) -> Result<KnownGeneration, OwnerError> {
        use audit::KnownGeneration as Logged;
        match self.broker.audit.known_generation() {
            Logged::NoLog => Ok(KnownGeneration::NoLog),
            Logged::Doubtful(at_least) => Ok(KnownGeneration::At(at_least)),
            Logged::Recorded(generation) => Ok(KnownGeneration::At(generation)),
            Logged::Unavailable => Err(OwnerError::LogUnreadable),
        }
    }

    /// Puts a wrong password on record, wherever it was tried.
    fn audited<T>(
        &self,
        result: Result<T, VaultError>,
        by: Option<&Peer>,
    ) -> Result<T, OwnerError> {
        if result.as_ref().is_err_and(VaultError::is_wrong_password) {
            self.record(Act::WrongPassword, None, by);
            warn!(
                pid = by.and_then(|peer| peer.pid),
                "a wrong master password was tried"
            );
        }
        Ok(result?)
    }

    /// Whether an act could be put on record now; one that can't is not done.
    fn recordable(&self) -> Result<(), OwnerError> {
        let status = self.broker.audit.status();
        if status.writable {
            return Ok(());
        }
        let reason = status.warnings.into_iter().next();
        Err(OwnerError::Unrecordable(reason.unwrap_or_default()))
    }

    /// Records a change of the keystore: what was done, and the new generation.
    fn record_change(&self, act: Act, name: &CredentialName, generation: u64, by: &Peer) {
        self.record_written(act, &name.to_string(), generation, by);
    }

    /// The same of what isn't a credential.
    fn record_written(&self, act: Act, detail: &str, generation: u64, by: &Peer) {
        self.record(act, Some(detail), Some(by));
        self.note(Act::Keystore, None, Some(generation), Some(by));
        self.broker.changed();
    }

    fn record(&self, act: Act, detail: Option<&str>, by: Option<&Peer>) {
        self.note(act, detail, None, by);
    }

    /// Records what has happened already: it can't be refused any more.
    fn note(&self, act: Act, detail: Option<&str>, generation: Option<u64>, by: Option<&Peer>) {
        self.broker.audit.note(&AdminAct {
            detail,
            generation,
            peer: by,
            ..act.into()
        });
    }

    fn policy_loaded(&self, rules: usize) {
        let path = self.paths.policy.display().to_string();
        info!(rules, path, "the policy is in force");
        self.record(Act::PolicyLoaded, Some(&format!("rules: {rules}")), None);
    }

    fn policy_refused(&self, headline: &str, whole: &str) {
        warn!("{whole}");
        self.record(Act::PolicyRefused, Some(headline), None);
    }

    fn write_default_policy(&self) -> Result<(), OwnerError> {
        use axis_proto::system::ForOwnerAlone;
        use std::io::Write;
        let path = &self.paths.policy;
        let written = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .for_owner_alone()
            .open(path)
            .and_then(|mut file| file.write_all(DEFAULT_POLICY.as_bytes()));
        match written {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(OwnerError::Files(PathsError::Io {
                    path: path.clone(),
                    source: error,
                }))
            }
            _ => {
                // The watcher would take a moment, and `init` promises a policy.
                if let Some(change) = self.broker.policy.refresh(Instant::now()) {
                    self.policy_changed(change);
                }
                Ok(())
            }
        }
    }
}

fn generation(vault: &Vault) -> Option<u64> {
    match vault.state() {
        VaultState::Unlocked { generation, .. } => Some(generation),
        VaultState::Absent | VaultState::Locked(_) => None,
    }
}

fn audit_key(vault: &Vault) -> Option<Arc<dyn AuditKey>> {
    let key: Arc<dyn AuditKey> = vault.audit_key()?;
    Some(key)
}
