//! A credential on its way to an access token: what the schemes with a token
//! endpoint need to know, and what becomes of what they get.

use std::sync::Arc;

use jiff::Timestamp;
use secrecy::SecretString;

use super::endpoint::Grant;
use super::scheme::AuthScheme;
use super::{AuthError, github_app, google_service_account, oauth2};
use crate::host::BaseUrl;
use crate::names::CredentialName;
use crate::upstream::{LeakGuard, Upstream};
use crate::vault::Credential;

/// What a scheme asks a token endpoint with.
pub(super) struct Exchange<'a> {
    pub(super) credential: &'a Credential,
    /// Where the service is.
    pub(super) base_url: &'a BaseUrl,
    pub(super) upstream: &'a Upstream,
    pub(super) now: Timestamp,
    /// Know the other credentials that the endpoint may have been sent.
    pub(super) others: &'a [Arc<LeakGuard>],
}

/// Seals a secret in the place of one that was used up, and gives the
/// credential that it is in from then on. It blocks.
pub type Seal = Box<dyn FnOnce(SecretString) -> Result<Arc<Credential>, String> + Send>;

/// Who keeps the credentials: a refresh token that its use replaced goes there.
pub trait Keeper: Send + Sync + 'static {
    /// The credential as it is stored now.
    ///
    /// # Errors
    /// [`AuthError::Unkept`]: it is gone, or the vault is locked.
    fn current(&self, name: &CredentialName) -> Result<Arc<Credential>, AuthError>;

    /// What will seal the successor of `credential`, also if the vault is
    /// locked in the meantime. Asked for before a refresh token is used, so
    /// that none is used up whose successor couldn't be kept.
    ///
    /// # Errors
    /// As for [`Self::current`].
    fn seal(&self, credential: &Arc<Credential>) -> Result<Seal, AuthError>;

    /// What knows the other credentials that were sent to a host of this one's,
    /// which may not come back to it.
    ///
    /// # Errors
    /// As for [`Self::current`].
    fn guards_beside(&self, credential: &Credential) -> Result<Vec<Arc<LeakGuard>>, AuthError>;
}

impl Exchange<'_> {
    /// What no answer of the endpoint may bring back: `secrets` of this
    /// credential, and the others.
    pub(super) fn guard(&self, secrets: &[&str]) -> LeakGuard {
        LeakGuard::new(secrets).beside(self.others)
    }

    /// Asks the scheme's token endpoint. `refresh_token` stands for the stored
    /// one, where that was used up.
    pub(super) async fn fetch(
        &self,
        scheme: &AuthScheme,
        refresh_token: Option<&str>,
    ) -> Result<Grant, AuthError> {
        match scheme {
            AuthScheme::GoogleServiceAccount { scopes } => {
                google_service_account::fetch(self, scopes).await
            }
            AuthScheme::GithubApp => github_app::fetch(self).await,
            AuthScheme::OAuth2(options) => oauth2::fetch(self, options, refresh_token).await,
            AuthScheme::Bearer
            | AuthScheme::Header { .. }
            | AuthScheme::Basic
            | AuthScheme::Query { .. }
            | AuthScheme::AwsSigV4 { .. } => Err(AuthError::Empty),
        }
    }
}
