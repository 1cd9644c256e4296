//! What a line says when it is read back, and whether it may say so without a MAC.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::line::{Begins, Recorded};
use super::record::Act;

/// The highest number that is believed: others still have to come after it.
pub(super) const MOST_SEQ: u64 = u64::MAX / 2;

/// What reading a line back needs; unknown fields are for later versions.
#[derive(Debug, Deserialize)]
pub(super) struct Parsed<'a> {
    pub(super) seq: u64,
    pub(super) event: &'a str,
    pub(super) timestamp: &'a str,
    #[serde(default)]
    pub(super) act: Option<&'a str>,
    #[serde(default)]
    pub(super) decision: Option<&'a str>,
    #[serde(default)]
    status: Option<IgnoredAny>,
    #[serde(default)]
    latency_ms: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) generation: Option<u64>,
    #[serde(default)]
    pub(super) doubtful: bool,
    #[serde(default, borrow)]
    pub(super) begins: Option<Begins<'a>>,
}

impl<'a> Parsed<'a> {
    /// `None` where `line` is no record, or has a number that no log comes to.
    pub(super) fn of(line: &'a [u8]) -> Option<Self> {
        let parsed: Self = serde_json::from_slice(line).ok()?;
        (parsed.seq <= MOST_SEQ).then_some(parsed)
    }

    pub(super) fn recorded(&self) -> Option<Recorded> {
        match Recorded::of(self.act?, self.generation)? {
            Recorded::Was(generation) if self.doubtful => Some(Recorded::Legible(generation)),
            recorded => Some(recorded),
        }
    }

    /// Whether this version writes records of this event, decision and act. What
    /// a later one writes beside them has its MAC.
    pub(super) fn is_known(&self) -> bool {
        match (self.event, self.decision, self.act) {
            ("started" | "approval", None, None)
            | ("finished", Some("allow" | "deny" | "ask" | "error"), None) => true,
            ("admin", None, Some(act)) => Act::of(act).is_some(),
            _ => false,
        }
    }

    /// Whether it is of a call that went out.
    pub(super) fn went_out(&self) -> bool {
        self.status.is_some() || self.latency_ms.is_some()
    }

    /// Only what may happen while the vault, and with it the audit key, isn't
    /// there can be without: a refusal, and some acts. No call has gone out then.
    pub(super) fn needs_mac(&self) -> bool {
        match (self.event, self.decision, self.act) {
            ("finished", Some("deny" | "ask" | "error"), None) => self.went_out(),
            ("admin", None, Some(act)) => Act::of(act).is_none_or(Act::is_proven),
            _ => true,
        }
    }
}
