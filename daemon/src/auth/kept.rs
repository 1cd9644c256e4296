//! What is made of a credential once and kept with it in memory: the guard
//! that knows its secrets, and the tokens that it was exchanged for. It dies
//! with the credential, so a lock forgets all of it.

use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::scheme::AuthScheme;
use super::token::TokenCell;
use super::{aws_sigv4, basic, github_app, google_service_account, oauth2};
use crate::upstream::LeakGuard;
use crate::vault::Credential;

/// What is kept with one credential.
pub(super) struct Kept {
    /// The scheme that it was used with first, and what that guards; nearly
    /// always the only one.
    first: (&'static str, Arc<LeakGuard>),
    /// What other schemes guard.
    others: Mutex<Vec<(&'static str, Arc<LeakGuard>)>>,
    cells: Mutex<Vec<(AuthScheme, Arc<TokenCell>)>>,
}

impl Kept {
    /// What is kept with `credential`.
    pub(super) fn with(credential: &Credential, scheme: &AuthScheme) -> Arc<Self> {
        credential.derived(|secret| Self {
            first: (scheme.word(), new_guard(scheme, secret.expose())),
            others: Mutex::default(),
            cells: Mutex::default(),
        })
    }

    /// Knows what of the credential is secret, as `scheme` reads it.
    pub(super) fn guard(&self, scheme: &AuthScheme, secret: &str) -> Arc<LeakGuard> {
        let (word, guard) = &self.first;
        if *word == scheme.word() {
            return Arc::clone(guard);
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, guard)) = others.iter().find(|(word, _)| *word == scheme.word()) {
            return Arc::clone(guard);
        }
        let guard = new_guard(scheme, secret);
        others.push((scheme.word(), Arc::clone(&guard)));
        guard
    }

    /// Where the token of `scheme`, with these very options, is kept.
    pub(super) fn cell(&self, scheme: &AuthScheme) -> Arc<TokenCell> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cell)) = cells.iter().find(|(known, _)| known == scheme) {
            return Arc::clone(cell);
        }
        let cell = Arc::<TokenCell>::default();
        cells.push((scheme.clone(), Arc::clone(&cell)));
        cell
    }
}

/// What of `secret` no answer may hold, as `scheme` reads it.
pub(super) fn guarded(scheme: &AuthScheme, secret: &str) -> Vec<Zeroizing<String>> {
    let parts = match scheme {
        AuthScheme::Bearer | AuthScheme::Header { .. } | AuthScheme::Query { .. } => None,
        AuthScheme::Basic => Some(
            basic::guarded(secret)
                .into_iter()
                .map(|part| Zeroizing::new(part.to_owned()))
                .collect(),
        ),
        AuthScheme::AwsSigV4 { .. } => aws_sigv4::Keys::parse(secret)
            .ok()
            .map(aws_sigv4::Keys::guarded),
        AuthScheme::GoogleServiceAccount { .. } => {
            google_service_account::ServiceAccount::parse(secret)
                .ok()
                .map(google_service_account::ServiceAccount::guarded)
        }
        AuthScheme::OAuth2(_) => oauth2::Registration::parse(secret)
            .ok()
            .map(oauth2::Registration::guarded),
        AuthScheme::GithubApp => github_app::AppKey::parse(secret)
            .ok()
            .map(github_app::AppKey::guarded),
    };
    // what can't be read apart is secret as a whole
    parts.unwrap_or_else(|| vec![Zeroizing::new(secret.to_owned())])
}

/// A guard for what `scheme` reads as secret in `secret`, and for `more`.
pub(super) fn guard_with(scheme: &AuthScheme, secret: &str, more: &[&str]) -> Arc<LeakGuard> {
    let parts = guarded(scheme, secret);
    let all: Vec<&str> = parts
        .iter()
        .map(|part| part.as_str())
        .chain(more.iter().copied())
        .collect();
    Arc::new(LeakGuard::new(&all))
}

fn new_guard(scheme: &AuthScheme, secret: &str) -> Arc<LeakGuard> {
    guard_with(scheme, secret, &[])
}
