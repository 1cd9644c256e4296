//! The policy file as the owner's commands change it: read once, changed as
//! text, checked by axisd, and put back whole, where nobody else changed it
//! meanwhile.

mod layout;
mod tree;

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axis_proto::system::Rights;
use axis_proto::v1::seal_policy_request::What;
use axis_proto::v1::{
    CheckPolicyRequest, CheckPolicyResponse, PolicyText, SealPolicyRequest, ShowPolicyRequest,
    ShowSealRequest,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};

pub use self::layout::{Layout, RuleText, list, quoted, scalar};
pub use self::tree::{Kind, Node};
use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{tell, warn};
use crate::prompt;

/// What `axis init` writes, for where there is no file yet.
const DEFAULT_POLICY: &str = include_str!("../../../config/policy.yaml");
/// How long axisd may take to put in force what was written.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long another command may take to write the file.
const TURN: Duration = Duration::from_secs(2);
/// How often it is asked whether it has.
const LOOK: Duration = Duration::from_millis(50);

/// The policy, about to be changed.
pub struct PolicyFile {
    /// Where it is, whatever links lead there.
    pub path: PathBuf,
    /// What it says now: the file, or where it is sealed what is sealed.
    pub text: String,
    /// What the file said when it was read; none where there was none.
    found: Option<String>,
    /// Whether only what is sealed counts.
    is_sealed: bool,
    /// Where it is sealed, once it was asked for.
    password: Option<SecretString>,
}

impl PolicyFile {
    /// Reads it. Where the policy is sealed, asks for the master password unless
    /// it is known.
    ///
    /// # Errors
    /// It has a mistake in it; or it differs from what is sealed, so that what
    /// somebody wrote there would be sealed along.
    pub async fn load(
        daemon: &mut Daemon,
        password: Option<SecretString>,
    ) -> Result<Self, Failure> {
        let mut file = Self::read(daemon).await?;
        match password {
            Some(password) if file.is_sealed => file.password = Some(password),
            _ => file.ask_password().await?,
        }
        let checked = file.check(daemon, &file.text).await?;
        match checked.error {
            None => Ok(file),
            Some(error) => Err(Failure::new(
                Exit::Failed,
                format!("{} has a mistake in it already", file.path.display()),
            )
            .because(error)
            .fix("axis policy edit")),
        }
    }

    /// The same of a file that may have a mistake in it; asks for nothing yet.
    pub async fn read(daemon: &mut Daemon) -> Result<Self, Failure> {
        let shown = ask(daemon.admin.show_policy(ShowPolicyRequest {})).await?;
        let seal = ask(daemon.admin.show_seal(ShowSealRequest::default())).await?;
        let path = PathBuf::from(&shown.path);
        let path = fs::canonicalize(&path).unwrap_or(path);
        let found = read_text(&path)?;
        let text = if seal.withheld {
            return Err(Failure::new(
                Exit::Unavailable,
                "the vault is locked, so what is sealed can't be told",
            )
            .fix("axis unlock"));
        } else if seal.sealed {
            if seal
                .differences
                .iter()
                .any(|file| file.name == "policy.yaml")
            {
                return Err(Failure::new(
                    Exit::Failed,
                    format!("{} differs from the policy that is sealed", path.display()),
                )
                .because("What somebody wrote there would be sealed along.")
                .fix("review it with: axis policy seal"));
            }
            shown.text.unwrap_or_default()
        } else {
            found.clone().unwrap_or_else(|| DEFAULT_POLICY.to_owned())
        };
        Ok(Self {
            path,
            text,
            found,
            is_sealed: seal.sealed,
            password: None,
        })
    }

    /// Asks for the master password where the policy is sealed: whoever saves
    /// has to have asked.
    pub async fn ask_password(&mut self) -> Result<(), Failure> {
        if self.is_sealed {
            self.password = Some(prompt::master_password().await?);
        }
        Ok(())
    }

    /// The same with a password that was typed already.
    pub async fn allow_with(&mut self, password: Option<SecretString>) -> Result<(), Failure> {
        match password {
            Some(password) if self.is_sealed => self.password = Some(password),
            _ => self.ask_password().await?,
        }
        Ok(())
    }

    /// Whether only what is sealed counts.
    pub fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// What axisd says of `text` in its place.
    pub async fn check(
        &self,
        daemon: &mut Daemon,
        text: &str,
    ) -> Result<CheckPolicyResponse, Failure> {
        let policy = Some(self.named(text));
        ask(daemon.admin.check_policy(CheckPolicyRequest { policy })).await
    }

    /// `text` as this file's.
    pub fn named(&self, text: &str) -> PolicyText {
        PolicyText {
            text: text.to_owned(),
            origin: self.path.display().to_string(),
        }
    }

    /// Puts `text` in its place, where it is still what was read, and waits
    /// until it is in force; a sealed policy is sealed anew. Once it is sealed, it
    /// is in force whatever becomes of the file: that is no failure, but told.
    pub async fn save(&self, daemon: &mut Daemon, text: &str) -> Result<(), Failure> {
        if text.len() > MAX_BYTES {
            return Err(self.failed("the policy would be larger than 1 MiB"));
        }
        self.check_unchanged()?;
        if self.is_sealed {
            let password = self
                .password
                .as_ref()
                .ok_or_else(|| self.failed("it is sealed, and nobody said yes to that"))?;
            let request = SealPolicyRequest {
                master_password: password.expose_secret().to_owned(),
                what: Some(What::PolicyText(text.to_owned())),
            };
            daemon
                .confide(async move |mut admin| admin.seal_policy(request).await)
                .await??;
            if let Err(failure) = self.replace(text).await {
                let (why, _) = failure.sentence();
                warn(&format!(
                    "The change is sealed and in force; only the file could not be brought \
                     in line: {why}"
                ));
                tell("  fix: see how it differs with: axis policy seal --dry-run");
            }
            return Ok(());
        }
        self.replace(text).await
    }

    async fn replace(&self, text: &str) -> Result<(), Failure> {
        // between the look and the write no other command of ours writes
        let _turn = self.turn().await;
        self.check_unchanged()?;
        self.write(text).map_err(|error| {
            let failure = self.failed(&format!("it can't be written: {error}"));
            let directory = self.path.parent().unwrap_or(&self.path).display();
            match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                    failure.fix(format!("make room: df -h {directory}"))
                }
                ErrorKind::ReadOnlyFilesystem => failure.fix(format!(
                    "make its file system writable: findmnt -T {directory}"
                )),
                _ => failure,
            }
        })
    }

    /// Waits until axisd has `text` in force.
    pub async fn in_force(&self, daemon: &mut Daemon, text: &str) -> Result<(), Failure> {
        let until = Instant::now() + PATIENCE;
        loop {
            let shown = ask(daemon.admin.show_policy(ShowPolicyRequest {})).await?;
            if shown.text.as_deref() == Some(text) {
                return Ok(());
            }
            if let Some(error) = shown.error {
                return Err(self
                    .failed("it is written, but not in force")
                    .because(error));
            }
            if Instant::now() > until {
                if read_text(&self.path)?.as_deref() != Some(text) {
                    return Err(self
                        .failed("it was written, and changed by somebody else before axisd read it")
                        .fix("axis policy show"));
                }
                return Err(self
                    .failed("it is written, but axisd doesn't have it in force")
                    .fix("axis status"));
            }
            sleep(LOOK).await;
        }
    }

    /// The directory, held against other commands that change the file. It is
    /// waited for a moment only: whoever keeps it on purpose stops nobody.
    async fn turn(&self) -> Option<File> {
        let directory = File::open(self.path.parent()?).ok()?;
        let until = Instant::now() + TURN;
        while directory.try_lock().is_err() {
            if Instant::now() > until {
                return None;
            }
            sleep(LOOK).await;
        }
        Some(directory)
    }

    fn check_unchanged(&self) -> Result<(), Failure> {
        if read_text(&self.path)? == self.found {
            return Ok(());
        }
        Err(self
            .failed("somebody else changed it meanwhile; it was left as it is")
            .fix("run the command again"))
    }

    /// The file is the old one or the new one, whatever happens.
    fn write(&self, text: &str) -> std::io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        let rights = match fs::metadata(&self.path) {
            Ok(metadata) => Rights::of(&metadata),
            Err(_) => Rights::OWNER_ALONE,
        };
        let mut new = tempfile::Builder::new()
            .prefix(".policy-")
            .suffix(".tmp")
            .tempfile_in(directory)?;
        new.write_all(text.as_bytes())?;
        rights.give(new.as_file())?;
        new.as_file().sync_all()?;
        new.persist(&self.path)?;
        Ok(())
    }

    fn failed(&self, what: &str) -> Failure {
        Failure::new(Exit::Failed, format!("{}: {what}", self.path.display()))
    }
}

/// The largest policy that axisd reads.
const MAX_BYTES: usize = 1 << 20;

fn read_text(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::new(
            Exit::Failed,
            format!("{} can't be read: {error}", path.display()),
        )),
    }
}
