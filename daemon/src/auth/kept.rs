//! What is made of a credential once and kept with it in memory: the guard
//! that knows its secrets, and the tokens that it was exchanged for. It dies
//! with the credential, so a lock forgets all of it.

use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::scheme::AuthScheme;
use super::token::TokenCell;
use super::{aws_sigv4, basic, github_app, google_service_account, jwt, oauth2};
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

    /// All that is known of the credential by now: as each scheme reads it that
    /// it was used with, and its tokens.
    fn guards(&self) -> Vec<Arc<LeakGuard>> {
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let first = [&self.first];
        let schemes = first.into_iter().chain(others.iter());
        let schemes = schemes.map(|(_, guard)| Arc::clone(guard));
        let tokens = cells.iter().flat_map(|(_, cell)| cell.guards());
        schemes.chain(tokens).collect()
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

/// What no answer may hold of `credential`, which `scheme` is for, though it
/// isn't the one that the call went out with.
pub fn guards_of(credential: &Credential, scheme: &AuthScheme) -> Vec<Arc<LeakGuard>> {
    Kept::with(credential, scheme).guards()
}

/// What of `secret` no answer may hold. A service file may be edited to name
/// another scheme than the credential was made for, so beside what `scheme`
/// reads there are the secret members that any scheme would find in JSON.
pub(super) fn guarded(scheme: &AuthScheme, secret: &str) -> Vec<Zeroizing<String>> {
    let read = match scheme {
        AuthScheme::Bearer | AuthScheme::Header { .. } | AuthScheme::Query { .. } => None,
        AuthScheme::Basic => Some(
            basic::guarded(secret)
                .into_iter()
                .map(|part| Zeroizing::new(part.to_owned()))
                .collect(),
        ),
        AuthScheme::AwsSigV4 { .. } => aws_parts(secret),
        AuthScheme::GoogleServiceAccount { .. } => google_parts(secret),
        AuthScheme::OAuth2(_) => oauth2_parts(secret),
        AuthScheme::GithubApp => app_parts(secret),
    };
    // what can't be read apart is secret as a whole
    let mut parts = read.unwrap_or_else(|| vec![Zeroizing::new(secret.to_owned())]);
    if secret.trim_start().starts_with('{') {
        let readings = [aws_parts, google_parts, oauth2_parts, app_parts];
        for part in readings.iter().filter_map(|read| read(secret)).flatten() {
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
    }
    parts
}

fn aws_parts(secret: &str) -> Option<Vec<Zeroizing<String>>> {
    Some(aws_sigv4::Keys::parse(secret).ok()?.guarded())
}

fn google_parts(secret: &str) -> Option<Vec<Zeroizing<String>>> {
    let key = google_service_account::ServiceAccount::parse(secret).ok()?;
    Some(key.guarded())
}

fn oauth2_parts(secret: &str) -> Option<Vec<Zeroizing<String>>> {
    Some(oauth2::Registration::parse(secret).ok()?.guarded())
}

fn app_parts(secret: &str) -> Option<Vec<Zeroizing<String>>> {
    Some(github_app::AppKey::parse(secret).ok()?.guarded())
}

/// A guard for what `scheme` reads as secret in `secret`, and for `more`.
pub(super) fn guard_with(scheme: &AuthScheme, secret: &str, more: &[&str]) -> Arc<LeakGuard> {
    let parts = guarded(scheme, secret);
    let mut all: Vec<&str> = parts
        .iter()
        .map(|part| part.as_str())
        .chain(more.iter().copied())
        .collect();
    let signatures: Vec<&str> = all.iter().copied().filter_map(jwt::signature).collect();
    all.extend(signatures);
    Arc::new(LeakGuard::new(&all))
}

fn new_guard(scheme: &AuthScheme, secret: &str) -> Arc<LeakGuard> {
    guard_with(scheme, secret, &[])
}
