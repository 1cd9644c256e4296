//! Tokens with which a dashboard's JSON can be read: for scripts, which have no
//! browser's session. Kept as hashes, in memory alone.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::{Owner, OwnerError};
use crate::audit::{Act, Peer};
use crate::vault::VaultError;

/// How long a token is good, where axisd runs for so long.
const LIFETIME: Duration = Duration::from_hours(24);
/// The most that are good at once; one more ends the oldest.
const MOST: usize = 64;
/// Random bytes of a token.
const BYTES: usize = 32;
/// How a token begins, so that people and scanners know what they found.
const PREFIX: &str = "axis_dash_";

/// The tokens that are good now, the oldest first.
#[derive(Default)]
pub(super) struct DashboardTokens(Mutex<Vec<Kept>>);

struct Kept {
    hash: [u8; 32],
    /// Monotonic.
    until: Duration,
}

impl DashboardTokens {
    fn keep(&self, token: &str, now: Duration) {
        let mut kept = self.good(now);
        if kept.len() >= MOST {
            kept.remove(0);
        }
        kept.push(Kept {
            hash: Sha256::digest(token).into(),
            until: now.saturating_add(LIFETIME),
        });
    }

    fn has(&self, token: &str, now: Duration) -> bool {
        // hashes are compared, so that the time it takes tells nothing
        let hash: [u8; 32] = Sha256::digest(token).into();
        self.good(now).iter().any(|kept| kept.hash == hash)
    }

    fn good(&self, now: Duration) -> MutexGuard<'_, Vec<Kept>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| now < kept.until);
        kept
    }
}

impl Owner {
    /// A new token, and until when it is good. On record.
    ///
    /// # Errors
    /// There is no randomness, or nothing can be put on record.
    pub fn mint_dashboard_token(&self, by: &Peer) -> Result<(String, Timestamp), OwnerError> {
        let mut random = [0; BYTES];
        getrandom::fill(&mut random).map_err(VaultError::from)?;
        let token = format!("{PREFIX}{}", hex::encode(random));
        self.recordable()?;
        self.record(Act::DashboardToken, None, Some(by));
        let clock = &self.broker.clock;
        self.dashboard_tokens.keep(&token, clock.monotonic());
        let lifetime = SignedDuration::try_from(LIFETIME).unwrap_or_default();
        let until = clock.wall().checked_add(lifetime);
        Ok((token, until.unwrap_or(Timestamp::MAX)))
    }

    /// Whether `token` is a good one.
    pub fn is_dashboard_token(&self, token: &str) -> bool {
        self.dashboard_tokens
            .has(token, self.broker.clock.monotonic())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_a_day_and_the_oldest_gives_way() {
        let tokens = DashboardTokens::default();
        tokens.keep("first", Duration::ZERO);
        let last = LIFETIME.saturating_sub(Duration::from_secs(1));
        assert!(tokens.has("first", last));
        assert!(!tokens.has("firs", Duration::ZERO));
        assert!(!tokens.has("", Duration::ZERO));
        assert!(!tokens.has("first", LIFETIME));
        for number in 0..=MOST {
            tokens.keep(&number.to_string(), Duration::ZERO);
        }
        assert!(!tokens.has("0", Duration::ZERO));
        assert!(tokens.has("1", Duration::ZERO));
        assert!(tokens.has(&MOST.to_string(), Duration::ZERO));
    }
}
