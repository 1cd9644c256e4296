//! The one who puts credentials into requests. Schemes that only write are
//! done at once; those with a token endpoint wait for it, all calls together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

use secrecy::SecretString;
use tokio::task::spawn_blocking;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::exchange::{Exchange, Keeper, Seal};
use super::kept::{self, Kept};
use super::scheme::{AuthScheme, GrantType, OAuth2};
use super::token::{AccessToken, Fetched, Fetching, Found, TokenCell};
use super::{AuthError, aws_sigv4, basic, bearer, google_service_account, header, oauth2, query};
use crate::clock::Clock;
use crate::host::BaseUrl;
use crate::names::CredentialName;
use crate::upstream::request::{AuthorisedRequest, BoundRequest};
use crate::upstream::{LeakGuard, Upstream};
use crate::vault::{Credential, Secret};

/// Puts credentials into requests.
pub struct Authoriser {
    shared: Arc<Shared>,
    /// Fetches of tokens. They go on when the call that began them is
    /// cancelled: a refresh token that was used up must be replaced.
    fetches: TaskTracker,
}

struct Shared {
    upstream: Upstream,
    clock: Arc<dyn Clock>,
    keeper: Arc<dyn Keeper>,
    /// Credentials whose new refresh token is in memory alone.
    unsealed: Mutex<BTreeMap<CredentialName, Unsealed>>,
}

/// A new refresh token that could not be sealed.
struct Unsealed {
    /// What it belongs to. Where the owner has replaced or removed that since,
    /// or has locked the vault, it is gone.
    credential: Weak<Credential>,
    reason: String,
}

/// A request with its credential, and what its answer may not hold.
pub struct Authorised {
    /// The request, to be sent as it is.
    pub request: AuthorisedRequest,
    /// Knows the credential, all that was made of it for this request, and the
    /// others that were sent to the same hosts.
    pub guard: Arc<LeakGuard>,
    /// The token in it, where it isn't the credential itself.
    pub token: Option<UsedToken>,
    /// What of the guard is the others'.
    pub others: Vec<Arc<LeakGuard>>,
}

/// An access token that a request went out with.
pub struct UsedToken {
    cell: Arc<TokenCell>,
    token: Arc<AccessToken>,
}

impl UsedToken {
    /// Told that the upstream didn't accept it: the next call gets another.
    pub fn rejected(self) {
        self.cell.forget(&self.token);
    }
}

impl Authoriser {
    /// `upstream` is what token endpoints are asked through.
    pub fn new(upstream: Upstream, clock: Arc<dyn Clock>, keeper: Arc<dyn Keeper>) -> Self {
        Self {
            shared: Arc::new(Shared {
                upstream,
                clock,
                keeper,
                unsealed: Mutex::default(),
            }),
            fetches: TaskTracker::new(),
        }
    }

    /// Puts `credential` where `scheme` says, in place of whatever stood there.
    /// Only a scheme with a token endpoint ever waits.
    ///
    /// # Errors
    /// [`AuthError`]: the credential isn't what the scheme needs, its token
    /// endpoint gave no token, or the vault is locked.
    pub async fn authorise(
        &self,
        scheme: &AuthScheme,
        base_url: &BaseUrl,
        credential: &Arc<Credential>,
        request: BoundRequest,
    ) -> Result<Authorised, AuthError> {
        // before anything is waited for: a lock meanwhile would forget them
        let others = self.shared.keeper.guards_beside(credential)?;
        self.put(scheme, base_url, credential, request, others)
            .await
    }

    /// The same for a request of the owner, whose answer no agent sees: also for
    /// a credential that is added while the vault is locked.
    ///
    /// # Errors
    /// As for [`Self::authorise`], but for the locked vault.
    pub async fn authorise_for_owner(
        &self,
        scheme: &AuthScheme,
        base_url: &BaseUrl,
        credential: &Arc<Credential>,
        request: BoundRequest,
    ) -> Result<Authorised, AuthError> {
        let others = self.shared.keeper.guards_beside(credential);
        let others = others.unwrap_or_default();
        self.put(scheme, base_url, credential, request, others)
            .await
    }

    async fn put(
        &self,
        scheme: &AuthScheme,
        base_url: &BaseUrl,
        credential: &Arc<Credential>,
        mut request: BoundRequest,
        others: Vec<Arc<LeakGuard>>,
    ) -> Result<Authorised, AuthError> {
        let secret = credential.secret().expose();
        let authorised = |request, guard: Arc<LeakGuard>, token| Authorised {
            request: AuthorisedRequest(request),
            guard: beside(guard, &others),
            token,
            others: others.clone(),
        };
        match scheme {
            AuthScheme::Bearer => bearer::apply(secret, &mut request.headers)?,
            AuthScheme::Header { name, prefix } => {
                header::apply(name, prefix, secret, &mut request.headers)?;
            }
            AuthScheme::Basic => basic::apply(secret, &mut request.headers)?,
            AuthScheme::Query { name } => query::apply(name, secret, &mut request.url)?,
            AuthScheme::AwsSigV4 { service, region } => {
                let region = request.region.as_deref().or(region.as_deref());
                let region = region.unwrap_or(aws_sigv4::DEFAULT_REGION).to_owned();
                let at = SystemTime::from(self.shared.clock.wall());
                let signature = aws_sigv4::apply(secret, service, &region, at, &mut request)?;
                let guard = Kept::with(credential, scheme).guard(scheme, secret);
                return Ok(authorised(
                    request,
                    Arc::new(guard.and(&[&signature])),
                    None,
                ));
            }
            AuthScheme::GoogleServiceAccount { .. }
                if google_service_account::is_access_token(secret) =>
            {
                bearer::apply(secret.trim(), &mut request.headers)?;
            }
            AuthScheme::GoogleServiceAccount { .. }
            | AuthScheme::OAuth2(_)
            | AuthScheme::GithubApp => {
                let used = self.token(scheme, base_url, credential, others.clone());
                let used = used.await?;
                bearer::apply(used.token.secret.expose(), &mut request.headers)?;
                let guard = Arc::clone(&used.token.guard);
                return Ok(authorised(request, guard, Some(used)));
            }
        }
        let guard = Kept::with(credential, scheme).guard(scheme, secret);
        Ok(authorised(request, guard, None))
    }

    /// What knows the credentials that came to the same hosts since the request
    /// was authorised.
    pub fn come_since(
        &self,
        credential: &Credential,
        others: &[Arc<LeakGuard>],
    ) -> Vec<Arc<LeakGuard>> {
        // what was locked meanwhile goes out no more
        let now = self.shared.keeper.guards_beside(credential);
        let mut now = now.unwrap_or_default();
        now.retain(|guard| !others.iter().any(|known| Arc::ptr_eq(known, guard)));
        now
    }

    /// Fetches a token for the owner, or finds one; `None` where the scheme needs
    /// none.
    pub async fn try_token(
        &self,
        scheme: &AuthScheme,
        base_url: &BaseUrl,
        credential: &Arc<Credential>,
    ) -> Option<Result<(), AuthError>> {
        let needs_one = match scheme {
            AuthScheme::GoogleServiceAccount { .. } => {
                !google_service_account::is_access_token(credential.secret().expose())
            }
            AuthScheme::OAuth2(_) | AuthScheme::GithubApp => true,
            _ => false,
        };
        if !needs_one {
            return None;
        }
        let others = self.shared.keeper.guards_beside(credential);
        let others = others.unwrap_or_default();
        let token = self.token(scheme, base_url, credential, others).await;
        Some(token.map(drop))
    }

    /// Credentials whose new refresh token could not be sealed yet, and why:
    /// it is lost when axisd ends or the vault is locked.
    pub fn unsealed(&self) -> BTreeMap<CredentialName, String> {
        let mut unsealed = self.shared.unsealed();
        unsealed.retain(|name, it| {
            let current = self.shared.keeper.current(name);
            // one that the owner replaced is still known, for an undo
            let is_it =
                |now: Arc<Credential>| std::ptr::eq(it.credential.as_ptr(), &raw const *now);
            current.is_ok_and(is_it)
        });
        let tell = |(name, it): (&CredentialName, &Unsealed)| (name.clone(), it.reason.clone());
        unsealed.iter().map(tell).collect()
    }

    /// Waits until no fetch is underway; none begins after that.
    pub async fn settled(&self) {
        self.fetches.close();
        self.fetches.wait().await;
    }

    async fn token(
        &self,
        scheme: &AuthScheme,
        base_url: &BaseUrl,
        credential: &Arc<Credential>,
        others: Vec<Arc<LeakGuard>>,
    ) -> Result<UsedToken, AuthError> {
        // a refresh token may have been replaced since the call looked it up
        let credential = if replaces_its_secret(scheme) {
            let current = self.shared.keeper.current(credential.name())?;
            if current.hosts() != credential.hosts() || current.base_url() != credential.base_url()
            {
                return Err(AuthError::Rebound);
            }
            current
        } else {
            Arc::clone(credential)
        };
        let cell = Kept::with(&credential, scheme).cell(scheme);
        let waiting = match cell.find(self.shared.clock.monotonic()) {
            Found::Token(token) => return Ok(UsedToken { cell, token }),
            Found::Underway(waiting) => waiting,
            Found::Nothing(fetching, waiting) => {
                let fetch = Fetch {
                    scheme: scheme.clone(),
                    base_url: base_url.clone(),
                    credential,
                    cell: Arc::clone(&cell),
                    others,
                };
                let shared = Arc::clone(&self.shared);
                self.fetches.spawn(fetch.run(shared, fetching));
                waiting
            }
        };
        let token = waiting.fetched().await?;
        Ok(UsedToken { cell, token })
    }
}

/// `guard`, and what knows the other credentials of the same hosts.
fn beside(guard: Arc<LeakGuard>, others: &[Arc<LeakGuard>]) -> Arc<LeakGuard> {
    if others.is_empty() {
        return guard;
    }
    Arc::new(guard.beside(others))
}

/// Whether using the credential may replace it.
#[must_use]
pub fn replaces_its_secret(scheme: &AuthScheme) -> bool {
    let AuthScheme::OAuth2(OAuth2 { grant, .. }) = scheme else {
        return false;
    };
    *grant == GrantType::RefreshToken
}

/// One exchange of a credential for a token, on behalf of all who wait for it.
struct Fetch {
    scheme: AuthScheme,
    base_url: BaseUrl,
    credential: Arc<Credential>,
    cell: Arc<TokenCell>,
    others: Vec<Arc<LeakGuard>>,
}

impl Fetch {
    async fn run(self, shared: Arc<Shared>, fetching: Fetching) {
        let fetched = self.fetch(&shared).await;
        match &fetched {
            Ok(_) => info!(credential = %self.credential.name(), "got an access token"),
            Err(error) => warn!(credential = %self.credential.name(), %error),
        }
        fetching.end(&self.cell, fetched);
    }

    async fn fetch(&self, shared: &Shared) -> Fetched {
        let seal = if replaces_its_secret(&self.scheme) {
            Some(shared.keeper.seal(&self.credential)?)
        } else {
            None
        };
        let unsealed = self.cell.unsealed();
        let exchange = Exchange {
            credential: &self.credential,
            base_url: &self.base_url,
            upstream: &shared.upstream,
            now: shared.clock.wall(),
            others: &self.others,
        };
        let now = shared.clock.monotonic();
        let unused = unsealed.as_deref().map(Secret::expose);
        let grant = exchange.fetch(&self.scheme, unused).await?;
        let again = unused.map(|token| Zeroizing::new(token.to_owned()));
        let new = grant.refresh_token.or(again);
        let mut more = vec![grant.token.as_str()];
        more.extend(new.as_ref().map(|token| token.as_str()));
        let secret = self.credential.secret().expose();
        let token = Arc::new(AccessToken::new(
            Secret::from_string(grant.token.as_str().into()),
            kept::guard_with(&self.scheme, secret, &more),
            now,
            grant.lifetime,
        ));
        if let (Some(seal), Some(new)) = (seal, new) {
            self.keep(shared, seal, &new, &token).await;
        }
        Ok(token)
    }

    /// Seals the refresh token that stands for the stored one from now on, and
    /// lets the credential that holds it begin with `token`. Where that fails
    /// it is kept in memory, and the call goes on.
    async fn keep(&self, shared: &Shared, seal: Seal, new: &str, token: &Arc<AccessToken>) {
        let name = self.credential.name().clone();
        let secret = oauth2::succeeded(self.credential.secret().expose(), new);
        let sealed = match secret {
            Some(secret) => {
                let secret = SecretString::from(secret.as_str());
                let sealed = spawn_blocking(move || seal(secret)).await;
                sealed.unwrap_or_else(|_| Err("axisd failed at it; its log says more".into()))
            }
            None => Err("the stored credential is no JSON object".into()),
        };
        match sealed {
            Ok(successor) => {
                let cell = Kept::with(&successor, &self.scheme).cell(&self.scheme);
                cell.keep(token);
                self.cell.set_unsealed(None);
                shared.unsealed().remove(&name);
                info!(credential = %name, "sealed its new refresh token");
            }
            Err(reason) => {
                let new = Arc::new(Secret::from_string(new.into()));
                self.cell.set_unsealed(Some(new));
                warn!(credential = %name, reason, "its new refresh token is in memory alone");
                let credential = Arc::downgrade(&self.credential);
                shared
                    .unsealed()
                    .insert(name, Unsealed { credential, reason });
            }
        }
    }
}

impl Shared {
    fn unsealed(&self) -> MutexGuard<'_, BTreeMap<CredentialName, Unsealed>> {
        self.unsealed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
