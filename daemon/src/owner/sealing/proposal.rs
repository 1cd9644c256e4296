//! The files as they stand: what they would be if they were sealed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::broker::{Broker, Sealed, SealedPolicy, upstream_settings};
use crate::config::{Config, ConfigError};
use crate::paths::Paths;
use crate::policy::Policy;
use crate::seal::{FileName, Files, MAX_BYTES};
use crate::services;
use crate::upstream::{Prepared, count_certificates};

/// The files as they were read at one moment.
pub(super) struct Proposal {
    /// Those that could be read.
    pub files: Files,
    /// Those that couldn't be, and why.
    pub faults: BTreeMap<FileName, String>,
}

/// What the texts of files say.
pub(super) struct Parsed {
    /// None where there is no text.
    policy: Option<SealedPolicy>,
    pub services: services::Loaded,
    pub config: Result<Config, String>,
    ca: Option<String>,
}

impl Proposal {
    /// Reads all files.
    pub fn read(broker: &Broker, paths: &Paths) -> Self {
        let mut files = Files::default();
        let mut faults = BTreeMap::new();
        match broker.policy.on_disk() {
            Ok(Some(text)) => files.policy = Some(text),
            Ok(None) => {
                let missing = format!(
                    "there is no {}; `axis init` makes one",
                    paths.policy.display()
                );
                faults.insert(FileName::Policy, missing);
            }
            Err(error) => {
                faults.insert(FileName::Policy, error.to_string());
            }
        }
        for (name, text) in broker.services.on_disk(MAX_BYTES) {
            match text {
                Ok(text) => {
                    files.services.insert(name, text);
                }
                Err(error) => {
                    faults.insert(FileName::Service(name), error.to_string());
                }
            }
        }
        match Config::text(&paths.daemon_yaml) {
            Ok(text) => files.daemon = text,
            Err(error) => {
                faults.insert(FileName::Daemon, error.to_string());
            }
        }
        let config = config_of(&files, paths);
        match config.map(|config| config.ca_text()) {
            Ok(Ok(text)) => files.ca = text,
            Ok(Err(error)) => {
                faults.insert(FileName::Ca, error.to_string());
            }
            // said of daemon.yaml itself
            Err(_) => {}
        }
        Self { files, faults }
    }

    /// What is `sealed`, with another policy.
    pub fn of_policy(text: String, sealed: &Files) -> Self {
        Self {
            files: Files {
                policy: Some(text),
                ..sealed.clone()
            },
            faults: BTreeMap::new(),
        }
    }

    /// What can't be sealed, and why.
    pub fn faults_with(&self, parsed: &Parsed) -> BTreeMap<FileName, String> {
        let mut faults: BTreeMap<_, _> = parsed.faults().collect();
        faults.extend(self.faults.clone());
        faults
    }
}

impl Parsed {
    /// Reads the texts.
    pub fn of(broker: &Broker, paths: &Paths, files: &Files) -> Self {
        Self {
            policy: files
                .policy
                .as_ref()
                .map(|text| match Policy::parse(text, &paths.policy) {
                    Ok(policy) => Ok((Arc::new(policy), text.clone())),
                    Err(error) => Err(Arc::new(error)),
                }),
            services: broker.services.prepare(&files.services),
            config: config_of(files, paths).map_err(|error| error.to_string()),
            ca: files.ca.clone(),
        }
    }

    /// What is wrong in which file.
    pub fn faults(&self) -> impl Iterator<Item = (FileName, String)> {
        let policy = match &self.policy {
            Some(Err(error)) => Some((FileName::Policy, error.to_string())),
            Some(Ok(_)) | None => None,
        };
        let services = self.services.files.iter().filter_map(|file| {
            let name = file.path.file_name()?.to_string_lossy().into_owned();
            let error = file.error.as_ref()?;
            Some((FileName::Service(name), error.to_string()))
        });
        let config = self.config.as_ref().err();
        let config = config.map(|error| (FileName::Daemon, error.clone()));
        let ca = self.ca.as_deref().map(count_certificates);
        let ca = ca.and_then(|count| Some((FileName::Ca, count.err()?)));
        policy.into_iter().chain(services).chain(config).chain(ca)
    }

    /// How many rules the policy has.
    pub fn rules(&self) -> usize {
        self.policy_or(None).map_or(0, Policy::rule_count)
    }

    /// The policy, or `other` where it can't be read.
    pub fn policy_or<'a>(&'a self, other: Option<&'a Policy>) -> Option<&'a Policy> {
        match &self.policy {
            Some(Ok((policy, _))) => Some(policy),
            Some(Err(_)) | None => other,
        }
    }

    /// All of it, ready to be put in force.
    ///
    /// # Errors
    /// Without a policy or settings nothing can be.
    pub fn into_sealed(self, broker: &Broker, files: &Files) -> Result<Sealed, String> {
        let config = self.config?;
        let settings = upstream_settings(&config, files.ca.clone());
        let upstream = broker.upstream.prepare(&settings);
        Ok(Sealed {
            policy: self.policy.ok_or("it has no policy in it")?,
            services: self.services,
            upstream: upstream.map_err(|error| error.to_string())?,
            config,
        })
    }
}

/// The settings as they stand in their files.
pub(super) fn settings_on_disk(
    broker: &Broker,
    paths: &Paths,
) -> Result<(Config, Prepared), String> {
    let config = Config::load(&paths.daemon_yaml).map_err(|error| error.to_string())?;
    // certificates count only where they are sealed
    let upstream = broker.upstream.prepare(&upstream_settings(&config, None));
    Ok((config, upstream.map_err(|error| error.to_string())?))
}

fn config_of(files: &Files, paths: &Paths) -> Result<Config, ConfigError> {
    match &files.daemon {
        Some(text) => Config::parse(text, &paths.daemon_yaml),
        None => Ok(Config::default()),
    }
}
