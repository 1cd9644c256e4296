//! Access tokens in memory, and one refresh for all the calls that wait for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::AuthError;
use crate::upstream::LeakGuard;
use crate::vault::Secret;

/// How long before its end a token counts as ended.
const MARGIN: Duration = Duration::from_mins(1);

/// A token that a credential was exchanged for. It lies in pages of its own
/// and is never written to disk.
pub(super) struct AccessToken {
    pub(super) secret: Secret,
    /// Knows the token and what of the credential is secret.
    pub(super) guard: Arc<LeakGuard>,
    /// On the monotonic clock.
    good_until: Duration,
}

impl AccessToken {
    /// A token got at `now` that its issuer accepts for `lifetime`.
    pub(super) fn new(
        secret: Secret,
        guard: Arc<LeakGuard>,
        now: Duration,
        lifetime: Duration,
    ) -> Self {
        let margin = MARGIN.min(lifetime / 2);
        Self {
            secret,
            guard,
            good_until: now + lifetime.saturating_sub(margin),
        }
    }
}

pub(super) type Fetched = Result<Arc<AccessToken>, AuthError>;

/// Where the token of one credential and one scheme is kept.
#[derive(Default)]
pub(super) struct TokenCell(Mutex<State>);

#[derive(Default)]
struct State {
    token: Option<Arc<AccessToken>>,
    underway: Option<watch::Receiver<Option<Fetched>>>,
    /// What knows the one before, which its issuer may still accept.
    before: Option<Arc<LeakGuard>>,
    /// A refresh token in the place of the stored one, which was used up and
    /// whose successor couldn't be sealed.
    unsealed: Option<Arc<Secret>>,
}

/// What a cell has for a call.
pub(super) enum Found {
    /// A token.
    Token(Arc<AccessToken>),
    /// Someone fetches one.
    Underway(Waiting),
    /// Nothing: whoever is told so fetches one.
    Nothing(Fetching, Waiting),
}

/// The duty to fetch a token. Dropped, it lets the waiting calls fail.
pub(super) struct Fetching(watch::Sender<Option<Fetched>>);

/// A call that waits for a token.
pub(super) struct Waiting(watch::Receiver<Option<Fetched>>);

impl TokenCell {
    pub(super) fn find(&self, now: Duration) -> Found {
        let mut state = self.state();
        if let Some(token) = &state.token
            && now < token.good_until
        {
            return Found::Token(Arc::clone(token));
        }
        if let Some(underway) = &state.underway
            // else whoever fetched it has failed without a word
            && underway.has_changed().is_ok()
        {
            return Found::Underway(Waiting(underway.clone()));
        }
        let (sender, receiver) = watch::channel(None);
        state.underway = Some(receiver.clone());
        Found::Nothing(Fetching(sender), Waiting(receiver))
    }

    /// What no answer may hold of the token and the one before.
    pub(super) fn guards(&self) -> Vec<Arc<LeakGuard>> {
        let state = self.state();
        let token = state.token.as_ref().map(|token| &token.guard);
        token.into_iter().chain(&state.before).cloned().collect()
    }

    /// Keeps a token that was fetched for this cell or for its predecessor.
    pub(super) fn keep(&self, token: &Arc<AccessToken>) {
        self.state().put(Some(Arc::clone(token)));
    }

    /// Forgets `token`, which its issuer no longer accepts.
    pub(super) fn forget(&self, token: &Arc<AccessToken>) {
        let mut state = self.state();
        if state
            .token
            .as_ref()
            .is_some_and(|it| Arc::ptr_eq(it, token))
        {
            state.put(None);
        }
    }

    pub(super) fn unsealed(&self) -> Option<Arc<Secret>> {
        self.state().unsealed.clone()
    }

    pub(super) fn set_unsealed(&self, refresh_token: Option<Arc<Secret>>) {
        self.state().unsealed = refresh_token;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // every change is one assignment, so a panic leaves nothing half done
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, token: Option<Arc<AccessToken>>) {
        if let Some(before) = std::mem::replace(&mut self.token, token) {
            self.before = Some(Arc::clone(&before.guard));
        }
    }
}

impl Fetching {
    /// Ends the fetch for `cell`: later calls see its token, those that wait
    /// get `fetched`.
    pub(super) fn end(self, cell: &TokenCell, fetched: Fetched) {
        {
            let mut state = cell.state();
            state.underway = None;
            if let Ok(token) = &fetched {
                state.put(Some(Arc::clone(token)));
            }
        }
        self.0.send_replace(Some(fetched));
    }
}

impl Waiting {
    pub(super) async fn fetched(mut self) -> Fetched {
        match self.0.wait_for(Option::is_some).await {
            Ok(fetched) => fetched.clone().unwrap_or(Err(AuthError::Crashed)),
            Err(_) => Err(AuthError::Crashed),
        }
    }
}
