//! How a credential gets into a request: one file a scheme, joined by
//! [`Authoriser`].
//!
//! - [`AuthScheme`] is what a service's definition says under `auth`: a bare
//!   word (`auth: bearer`), or a map where the scheme has options
//!   (`auth: { scheme: header, name: x-api-key }`).
//! - [`Carrier`] is what of a request carries the credential, and so is set by
//!   nothing else.
//! - [`Authoriser`] puts a credential into a request. `bearer`, `header`,
//!   `basic`, `query` and `aws_sigv4` are pure; the others exchange it at a
//!   token `endpoint` for a `token` that is kept in memory with the credential.
//! - [`Keeper`] is whom a refresh token that its use replaced is given to.

mod authoriser;
mod aws_sigv4;
mod basic;
mod bearer;
mod endpoint;
mod error;
mod exchange;
mod github_app;
mod google_service_account;
mod header;
mod jwt;
mod kept;
mod oauth2;
mod query;
mod scheme;
#[cfg(test)]
mod tests;
mod token;

pub use self::authoriser::{Authorised, Authoriser, UsedToken, replaces_its_secret};
pub use self::error::AuthError;
pub use self::exchange::{Keeper, Seal};
pub use self::kept::guards_of;
pub use self::scheme::{AuthScheme, Carrier, ClientAuth, GrantType, OAuth2};
use crate::host::{BaseUrl, Host};

/// The part of a credential that is no secret and says whose it is: the user
/// name before a basic password, such as Twilio's account SID. The default of
/// a param may be it.
pub fn account<'s>(scheme: &AuthScheme, secret: &'s str) -> Option<&'s str> {
    let AuthScheme::Basic = scheme else {
        return None;
    };
    let (user, _) = basic::split(secret)?;
    let is_guarded = basic::guarded(secret).contains(&user);
    (!user.is_empty() && !is_guarded).then_some(user)
}

/// The hosts that `scheme` takes the credential to beside the service's own:
/// they are sealed with it. Of a service account that the owner binds to a
/// place of its own (`elsewhere`), the one that its key names; else Google's.
///
/// # Errors
/// The credential isn't what the scheme needs.
pub fn token_hosts(
    scheme: &AuthScheme,
    secret: &str,
    elsewhere: bool,
) -> Result<Vec<Host>, AuthError> {
    let url: BaseUrl = match scheme {
        AuthScheme::GoogleServiceAccount { .. } => {
            if elsewhere && !google_service_account::is_access_token(secret) {
                google_service_account::ServiceAccount::parse(secret)?.token_url()?
            } else {
                google_service_account::default_token_url()?
            }
        }
        AuthScheme::OAuth2(options) => {
            let client = oauth2::Registration::parse(secret)?;
            client.token_url(&options.token_url).clone()
        }
        AuthScheme::Bearer
        | AuthScheme::Header { .. }
        | AuthScheme::Basic
        | AuthScheme::Query { .. }
        | AuthScheme::AwsSigV4 { .. }
        | AuthScheme::GithubApp => return Ok(Vec::new()),
    };
    Ok(vec![url.host().clone()])
}
