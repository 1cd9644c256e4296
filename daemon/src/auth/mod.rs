//! How a credential gets into a request: one file a scheme, joined by [`apply`].
//!
//! - [`AuthScheme`] is what a service's definition says under `auth`: a bare
//!   word (`auth: bearer`), or a map where the scheme has options
//!   (`auth: { scheme: header, name: x-api-key }`).
//! - [`Carrier`] is what of a request carries the credential, and so is set by
//!   nothing else.

mod basic;
mod bearer;
mod error;
mod header;
mod query;
mod scheme;
#[cfg(test)]
mod tests;

pub use self::error::AuthError;
pub use self::scheme::{AuthScheme, Carrier};
use crate::upstream::request::{AuthorisedRequest, BoundRequest};

/// Puts `secret` where `scheme` says, in place of whatever stood there.
///
/// # Errors
/// [`AuthError`] when the secret is empty, isn't written as the scheme needs,
/// or can't stand there.
pub fn apply(
    scheme: &AuthScheme,
    secret: &str,
    mut request: BoundRequest,
) -> Result<AuthorisedRequest, AuthError> {
    match scheme {
        AuthScheme::Bearer => bearer::apply(secret, &mut request.headers)?,
        AuthScheme::Header { name, prefix } => {
            header::apply(name, prefix, secret, &mut request.headers)?;
        }
        AuthScheme::Basic => basic::apply(secret, &mut request.headers)?,
        AuthScheme::Query { name } => query::apply(name, secret, &mut request.url)?,
    }
    Ok(AuthorisedRequest(request))
}

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

/// What of `secret` no answer may hold.
pub fn guarded<'s>(scheme: &AuthScheme, secret: &'s str) -> Vec<&'s str> {
    match scheme {
        AuthScheme::Basic => basic::guarded(secret),
        AuthScheme::Bearer | AuthScheme::Header { .. } | AuthScheme::Query { .. } => vec![secret],
    }
}
