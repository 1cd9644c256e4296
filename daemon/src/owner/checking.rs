//! Whether an upstream accepts a credential: asked when one is stored, and by
//! `axis doctor --online`.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use jiff::fmt::strtime;
use jiff::{Timestamp, Zoned};

use super::{Owner, OwnerError};
use crate::audit::{Act, Peer};
use crate::auth::{AuthError, Authorised};
use crate::catalogue::{Check, Service};
use crate::host::BaseUrl;
use crate::names::CredentialName;
use crate::upstream::request::BoundRequest;
use crate::upstream::{Errand, UpstreamError};
use crate::vault::Credential;

/// How long the upstream may take to say whether it accepts a credential.
const CHECK_TIMEOUT: Duration = Duration::from_secs(15);

/// How long an answer is good, before the upstreams are asked again.
const AGAIN: Duration = Duration::from_secs(10);

/// How many credentials are tried at the same time.
const AT_ONCE: usize = 8;

/// What the upstreams say to the credentials.
pub type Verdicts = Vec<(CredentialName, Verdict)>;

/// The last time that they were asked, and what they said.
pub(super) type Checked = tokio::sync::Mutex<Option<(Duration, Verdicts)>>;

/// What an upstream says to a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It takes it.
    Accepted {
        /// In words.
        said: String,
        /// From when on it no longer will, where it tells.
        expires: Option<Timestamp>,
    },
    /// It doesn't.
    Refused {
        /// In words.
        said: String,
    },
    /// It isn't known.
    Unknown {
        /// Why, in words.
        why: String,
    },
}

impl Owner {
    /// Asks each stored credential's upstream, and says what it answered. While
    /// the vault is locked there is nothing to ask with. Anyone of this user may
    /// ask for it, so the upstreams are not bothered again and again.
    ///
    /// # Errors
    /// It can't be put on record.
    pub async fn check_credentials(&self, by: &Peer) -> Result<Verdicts, OwnerError> {
        use futures_util::StreamExt;
        let mut last = self.checked.lock().await;
        let now = self.broker.clock.monotonic();
        if let Some((at, verdicts)) = &*last
            && now.saturating_sub(*at) < AGAIN
        {
            return Ok(verdicts.clone());
        }
        self.recordable()?;
        let names = self.broker.vault.names();
        let asked = names.into_iter().map(|name| async move {
            let verdict = self.check_stored(&name, by).await;
            (name, verdict)
        });
        let verdicts: Verdicts = futures_util::stream::iter(asked)
            .buffered(AT_ONCE)
            .collect()
            .await;
        *last = Some((now, verdicts.clone()));
        Ok(verdicts)
    }

    async fn check_stored(&self, name: &CredentialName, by: &Peer) -> Verdict {
        let unknown = |why: String| Verdict::Unknown { why };
        let credential = match self.broker.stored(name).await {
            Ok(credential) => credential,
            Err(error) => return unknown(error.to_string()),
        };
        if self.broker.is_withheld() {
            return unknown("the settings are sealed, and the vault is locked".into());
        }
        let catalogue = self.broker.services.catalogue();
        let Some(service) = catalogue.service(name.service.as_str()) else {
            return unknown(format!("there is no service {} any more", name.service));
        };
        let check = service.credential().check();
        let method = check.map(|check| check.request.method.as_str());
        let is_anyones =
            !self.broker.services.is_builtin(&name.service) && !self.sealing.standing().is_sealed;
        if is_anyones && method.is_some_and(|method| !matches!(method, "GET" | "HEAD")) {
            // whoever writes that file would choose what is posted there
            return unknown(
                "its own file, which isn't sealed, has it checked by a request that could change something".into(),
            );
        }
        let target = credential
            .base_url()
            .cloned()
            .unwrap_or_else(|| service.base_url().clone());
        let asked = match check {
            Some(check) => format!(
                "{name}: {} {}{}",
                check.request.method,
                check.base_url.as_ref().unwrap_or(&target).host(),
                check.request.path_and_query
            ),
            None => format!("{name}: its token endpoint"),
        };
        self.record(Act::CredentialsChecked, Some(&asked), Some(by));
        self.check(service, &credential, &target).await
    }

    /// Asks the upstream at `target` whether it accepts the credential, by the
    /// call that the service's definition names for that.
    pub(super) async fn check(
        &self,
        service: &Service,
        credential: &Arc<Credential>,
        target: &BaseUrl,
    ) -> Verdict {
        let Some(Check {
            request,
            base_url,
            auth,
            expires,
        }) = service.credential().check()
        else {
            return self.check_token(service, credential, target).await;
        };
        let target = base_url.as_ref().unwrap_or(target);
        let host = target.host();
        let bound = match BoundRequest::bind(request.clone(), target, credential.hosts()) {
            Ok(bound) => bound,
            Err(error) => {
                return Verdict::Unknown {
                    why: error.to_string(),
                };
            }
        };
        let authorised = self
            .broker
            .authoriser
            .authorise_for_owner(
                auth.as_ref().unwrap_or(service.auth()),
                target,
                credential,
                bound,
            )
            .await;
        let Authorised {
            request: authorised,
            guard,
            ..
        } = match authorised {
            Ok(authorised) => authorised,
            Err(error) => return no_token(&error),
        };
        let kept: Vec<HeaderName> = expires.iter().cloned().collect();
        let errand = Errand {
            timeout: Some(CHECK_TIMEOUT),
            repeatable: true,
            keep: &kept,
        };
        let answer = self.broker.upstream.send(authorised, &guard, &errand).await;
        match answer {
            Ok(answer)
                if answer.status.is_success() && service.credential().is_accepted(&answer.body) =>
            {
                let header = answer.headers.first();
                Verdict::Accepted {
                    said: format!("{host} accepts it ({})", answer.status.as_u16()),
                    expires: header.and_then(|(_, text)| moment(text)),
                }
            }
            Ok(answer)
                if answer.status.is_success() || matches!(answer.status.as_u16(), 401 | 403) =>
            {
                Verdict::Refused {
                    said: format!("{host} refuses it ({})", answer.status),
                }
            }
            Ok(answer) => Verdict::Unknown {
                why: format!("{host} answered {} to the check", answer.status),
            },
            Err(UpstreamError::Unreachable { host, reason }) => Verdict::Unknown {
                why: format!("could not connect to {host}: {reason}"),
            },
            Err(error) => Verdict::Unknown {
                why: error.to_string(),
            },
        }
    }

    /// Without a call that only checks: asks whether the credential is good for
    /// a token, where its scheme needs one.
    async fn check_token(
        &self,
        service: &Service,
        credential: &Arc<Credential>,
        target: &BaseUrl,
    ) -> Verdict {
        let scheme = service.auth();
        let asked = self
            .broker
            .authoriser
            .try_token(scheme, target, credential)
            .await;
        match asked {
            Some(Ok(())) => Verdict::Accepted {
                said: "it is good for an access token".into(),
                expires: None,
            },
            Some(Err(error)) => no_token(&error),
            None => Verdict::Unknown {
                why: format!(
                    "{} has no call that only checks a credential",
                    service.title()
                ),
            },
        }
    }
}

fn no_token(error: &AuthError) -> Verdict {
    let said = error.to_string();
    match error {
        AuthError::Refused { .. } => Verdict::Refused { said },
        _ => Verdict::Unknown { why: said },
    }
}

/// The moment that an upstream names: RFC 3339, or `2026-12-01 07:00:00 UTC` and
/// `… -0800`, as GitHub writes them.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    let utc = text.strip_suffix("UTC").map(|text| format!("{text}+0000"));
    let parsed = strtime::parse("%Y-%m-%d %H:%M:%S %z", utc.as_deref().unwrap_or(text)).ok()?;
    parsed.to_zoned().ok().as_ref().map(Zoned::timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_token_is_read_in_the_vendors_forms() {
        let known: Timestamp = "2026-12-01T07:00:00Z".parse().unwrap();
        for text in [
            "2026-12-01T07:00:00Z",
            "2026-12-01 07:00:00 UTC",
            " 2026-11-30 23:00:00 -0800 ",
        ] {
            assert_eq!(moment(text), Some(known), "{text}");
        }
        for text in ["", "soon", "2026-13-01 07:00:00 UTC", "UTC", "1764572400"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
