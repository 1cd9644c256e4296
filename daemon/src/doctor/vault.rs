//! Of the vault: whether it is open, how old its credentials are, and what keeps
//! them from being used.

use jiff::SignedDuration;

use super::{Check, fail, ok, warn};
use crate::owner::Owner;
use crate::vault::{VaultState, WhyLocked};

/// From how many days on a credential should be replaced.
const OLD_DAYS: i64 = 90;

/// How many of them are named.
const NAMED: usize = 3;

pub(super) fn vault(owner: &Owner) -> Check {
    let path = owner.paths.keystore.display();
    match owner.broker.vault.state() {
        VaultState::Absent => fail("vault", format!("there is no {path} yet"), "axis init"),
        VaultState::Unlocked { generation, .. } => ok(
            "vault",
            format!("unlocked; {path} is at generation {generation}"),
        ),
        VaultState::Locked(why) => {
            let fix = match &why {
                WhyLocked::NeverUnlocked | WhyLocked::ByOwner => "axis unlock",
                WhyLocked::Older { .. } | WhyLocked::LogGone | WhyLocked::LogReplaced => {
                    "axis unlock --accept-older"
                }
                WhyLocked::Damaged(_) => "",
            };
            fail("vault", format!("locked: {why}"), fix)
        }
    }
}

pub(super) fn credentials(owner: &Owner) -> Check {
    match owner.broker.vault.names().len() {
        0 if matches!(
            owner.broker.vault.state(),
            VaultState::Absent | VaultState::Locked(WhyLocked::Damaged(_))
        ) =>
        {
            warn("credentials", "there is no vault to look into", "")
        }
        0 => warn(
            "credentials",
            "the vault holds no credential",
            "axis add github",
        ),
        count => ok("credentials", format!("{count} stored")),
    }
}

pub(super) fn secret_pages(owner: &Owner) -> Check {
    match owner.broker.vault.unlocked_pages() {
        0 => ok(
            "memory",
            "credentials lie in locked memory that is left out of dumps",
        ),
        count => warn(
            "memory",
            format!("{count} secrets lie in memory that may be swapped out"),
            "ulimit -l unlimited",
        ),
    }
}

/// Signatures and tokens are refused where the clocks don't agree.
pub(super) fn clock(owner: &Owner) -> Vec<Check> {
    let skewed = owner.broker.upstream.clock_skew();
    let say = |(host, ahead): (&String, &SignedDuration)| {
        let minutes = ahead.as_mins();
        let how = if minutes > 0 { "ahead of" } else { "behind" };
        warn(
            "clock",
            format!(
                "this machine's clock is {} minutes {how} that of {host}: signed requests and tokens are refused there",
                minutes.abs()
            ),
            "timedatectl set-ntp true",
        )
    };
    if skewed.is_empty() {
        return vec![ok("clock", "it agrees with those of the upstreams so far")];
    }
    skewed.iter().map(say).collect()
}

/// Refresh tokens that would be lost with this process.
pub(super) fn unsealed(owner: &Owner) -> Vec<Check> {
    let unsealed = owner.broker.authoriser.unsealed();
    let say = |(name, reason)| {
        fail(
            "refresh tokens",
            format!(
                "the new refresh token of {name} is in memory alone, since it can't be sealed: {reason}"
            ),
            "axis status",
        )
    };
    unsealed.iter().map(say).collect()
}

/// Credentials that nobody has replaced for long.
pub(super) fn ages(owner: &Owner) -> Vec<Check> {
    let now = owner.broker.clock.wall();
    let all = owner.broker.vault.list();
    let mut old: Vec<(i64, String)> = all
        .iter()
        .map(|credential| {
            (
                days(now, credential.updated_at),
                credential.name.to_string(),
            )
        })
        .filter(|(days, _)| *days > OLD_DAYS)
        .collect();
    if all.is_empty() {
        return Vec::new();
    }
    if old.is_empty() {
        return vec![ok(
            "age",
            format!("no credential is older than {OLD_DAYS} days"),
        )];
    }
    old.sort_by(|a, b| b.cmp(a));
    let oldest: Vec<String> = old
        .iter()
        .take(NAMED)
        .map(|(days, name)| format!("{name} ({days} days)"))
        .collect();
    let more = match old.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let first = old.first().map_or("", |(_, name)| name.as_str());
    vec![warn(
        "age",
        format!("older than {OLD_DAYS} days: {}{more}", oldest.join(", ")),
        super::replace_command(first),
    )]
}

fn days(now: jiff::Timestamp, then: jiff::Timestamp) -> i64 {
    now.duration_since(then).as_hours() / 24
}

/// What is read where the owner keeps it, and couldn't be. Why it couldn't is
/// said without a word of the program's.
pub(super) fn sources(owner: &Owner) -> Vec<Check> {
    let broker = &owner.broker;
    let sourced = broker.vault.sourced();
    if sourced.is_empty() {
        return Vec::new();
    }
    let unread = sourced.iter().filter_map(|sourced| {
        let error = broker.sources.trouble(sourced)?;
        let name = sourced.name();
        Some(fail(
            "source",
            format!("{name} can't be read where it is kept: {error}"),
            "unlock the password manager, or store it anew: axis add SERVICE --replace --source …",
        ))
    });
    let unread: Vec<Check> = unread.collect();
    if unread.is_empty() {
        let count = sourced.len();
        return vec![ok("source", format!("{count} read where they are kept"))];
    }
    unread
}
