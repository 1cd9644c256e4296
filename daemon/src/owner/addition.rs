//! `axis add`: a credential is looked at, sealed, and tried.

use std::collections::HashMap;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;

use super::checking::Verdict;
use super::{Elsewhere, Owner, OwnerError};
use crate::audit::{Act, Peer};
use crate::auth;
use crate::catalogue::{Catalogue, Service};
use crate::host::{BaseUrl, Host};
use crate::names::CredentialName;
use crate::vault::{Credential, NewCredential, Secret};

/// A credential to be stored.
pub struct Addition {
    /// Its service and label.
    pub name: CredentialName,
    /// The secret itself; of one that is kept elsewhere, what lets the program
    /// in that reads it, or nothing.
    pub secret: SecretString,
    /// Where it is kept, if not in the vault.
    pub elsewhere: Option<Elsewhere>,
    /// Sealed with it as its only host; unset: that of the one that it replaces,
    /// else the service's own.
    pub base_url: Option<String>,
    /// Whether it may take the place of one that is there.
    pub replace: bool,
    /// Whether the upstream is asked if it accepts it.
    pub check: bool,
    /// The host that the owner said yes to; empty where they weren't asked.
    pub confirmed_host: String,
}

/// A credential that was stored.
pub struct Added {
    /// Its service and label.
    pub name: CredentialName,
    /// Where it may be sent.
    pub hosts: Vec<Host>,
    /// Whether another one was there before.
    pub replaced: bool,
    /// What the owner should know.
    pub warnings: Vec<String>,
    /// What the upstream said, where it was asked.
    pub verdict: Option<Verdict>,
}

impl Owner {
    /// Seals a credential into the keystore. One that looks odd, or that the
    /// upstream refuses, is stored all the same, with a warning.
    pub async fn add(
        &self,
        password: SecretString,
        addition: Addition,
        by: &Peer,
    ) -> Result<Added, OwnerError> {
        let Addition {
            name,
            secret,
            elsewhere,
            base_url,
            replace,
            check,
            confirmed_host,
        } = addition;
        let catalogue = self.broker.services.catalogue();
        let service = self.known_service(&catalogue, &name)?;
        let mut warnings = Vec::new();
        let source = match &elsewhere {
            Some(elsewhere) => Some(self.confirmed_source(elsewhere, service, &secret).await?),
            None => None,
        };
        let (value, unread) = match &source {
            None => (secret.clone(), false),
            Some(source) => {
                let read = self
                    .read_source(&password, source, &secret, check, by)
                    .await?;
                let why = read.as_ref().err();
                warnings.extend(why.map(|why| format!("it was stored unread: {why}")));
                let is_unread = why.is_some();
                (read.unwrap_or_default(), is_unread)
            }
        };
        if !unread {
            look_at(&value, service, &mut warnings)?;
        }
        let named = base_url.as_deref().map(BaseUrl::parse).transpose()?;
        let kept = match (&named, replace) {
            (None, true) => self.kept_base_url(&password, &name, by).await?,
            _ => None,
        };
        let is_kept = kept.is_some();
        let base_url = named.or(kept);
        let target = base_url
            .clone()
            .unwrap_or_else(|| service.base_url().clone());
        let mut hosts = match &base_url {
            Some(own) => vec![own.host().clone()],
            None => service.hosts().to_vec(),
        };
        match auth::token_hosts(service.auth(), value.expose_secret(), base_url.is_some()) {
            Ok(mut more) => {
                more.dedup();
                more.retain(|host| !hosts.contains(host));
                hosts.extend(more);
            }
            Err(error) => warnings.push(error.to_string()),
        }
        if !self.broker.services.is_builtin(&name.service) {
            // a base URL is the owner's own word, a token_url still the file's
            let named = match &base_url {
                None => service.destinations(),
                Some(_) => service.token_destination(),
            };
            // who said yes to all hosts in the file said yes to the token_url's
            if !(is_kept && confirmed_host == service.destinations()) {
                confirmed(service, named, &confirmed_host)?;
            }
        }

        self.recordable()?;
        if let Some(kept) = base_url.as_ref().filter(|_| is_kept) {
            warnings.push(format!(
                "it goes to {kept}, as the one that it replaces did; --base-url names another server"
            ));
        }
        let read_by = source.as_ref().map(|proposal| proposal.read_by.as_str());
        let detail = detail(&name, &hosts, read_by);
        let sealed = NewCredential {
            name: name.clone(),
            secret,
            hosts: hosts.clone(),
            base_url: base_url.clone(),
            source: source.map(|proposal| proposal.source),
        };
        let written = self.broker.vault.add(password, sealed, replace).await;
        let written = self.audited(written, Some(by))?;
        self.record_written(Act::Add, &detail, written.generation, by);

        let verdict = if check && self.broker.is_withheld() {
            // the way to the upstream is what the owner sealed, not what the file says
            Some(Verdict::Unknown {
                why: "the settings are sealed, and the vault is locked".into(),
            })
        } else if check && !unread {
            let stored = self.stored(&name, value, &hosts, base_url);
            Some(self.check(service, &stored, &target).await)
        } else {
            None
        };
        Ok(Added {
            name,
            hosts,
            replaced: written.replaced,
            warnings,
            verdict,
        })
    }

    fn known_service<'c>(
        &self,
        catalogue: &'c Catalogue,
        name: &CredentialName,
    ) -> Result<&'c Service, OwnerError> {
        let name = name.service.as_str();
        catalogue.service(name).ok_or_else(|| {
            let error = catalogue.unknown_service(name);
            OwnerError::UnknownService(format!("{error}{}", self.unsealed_services()))
        })
    }

    /// What was just stored; while the vault is locked there is none in it to be
    /// used.
    fn stored(
        &self,
        name: &CredentialName,
        secret: SecretString,
        hosts: &[Host],
        base_url: Option<BaseUrl>,
    ) -> Arc<Credential> {
        let stored = self.broker.vault.credential(name);
        stored.unwrap_or_else(|_| {
            let secret = Secret::from_string(secret);
            Arc::new(Credential::new(
                name.clone(),
                secret,
                hosts.to_vec(),
                base_url,
            ))
        })
    }

    /// The server that a credential was stored for, where it isn't the service's
    /// own: a new key of another server is not for the service's host.
    async fn kept_base_url(
        &self,
        password: &SecretString,
        name: &CredentialName,
        by: &Peer,
    ) -> Result<Option<BaseUrl>, OwnerError> {
        let kept = self.broker.vault.base_url(password, name).await;
        self.audited(kept, Some(by))
    }
}

/// What the record says of it: not the reference, which an agent needn't know.
fn detail(name: &CredentialName, hosts: &[Host], read_by: Option<&str>) -> String {
    let hosts: Vec<&str> = hosts.iter().map(Host::as_str).collect();
    let mut detail = format!("{name}, hosts: {}", short(&hosts.join(", ")));
    if let Some(read_by) = read_by {
        detail.push_str(", read by: ");
        detail.push_str(&short(read_by));
    }
    detail
}

/// Of two such texts neither keeps the other out of the record.
fn short(text: &str) -> String {
    const MOST: usize = 300;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Whoever writes a service file says where its key goes, so the owner has to
/// have seen that, and it must still be so.
fn confirmed(service: &Service, host: String, confirmed_host: &str) -> Result<(), OwnerError> {
    if confirmed_host == host {
        return Ok(());
    }
    let service = service.name().clone();
    Err(if confirmed_host.is_empty() {
        OwnerError::Unconfirmed { service, host }
    } else {
        OwnerError::OtherHost {
            service,
            host,
            confirmed: confirmed_host.chars().take(300).collect(),
        }
    })
}

fn look_at(
    secret: &SecretString,
    service: &Service,
    warnings: &mut Vec<String>,
) -> Result<(), OwnerError> {
    let text = secret.expose_secret();
    if text.is_empty() {
        return Err(OwnerError::Secret {
            problem: "is empty",
        });
    }
    // a key file is JSON, whose lines may stay as they are
    let is_json = serde_json::from_str::<HashMap<String, &RawValue>>(text).is_ok();
    if !is_json && text.chars().any(char::is_control) {
        return Err(OwnerError::Secret {
            problem: "holds a line break or another control character: paste it as one line",
        });
    }
    if text.starts_with("${") {
        return Err(OwnerError::Secret {
            problem: "is a variable that nobody expanded, not a credential",
        });
    }
    if !service.credential().looks_right(text) {
        warnings.push(format!(
            "this doesn't look like a {}",
            service.credential().prompt()
        ));
    }
    Ok(())
}
