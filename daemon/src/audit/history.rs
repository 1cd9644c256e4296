//! What the log says of calls already made, read back from its end, so that
//! limits and cooldowns outlive a restart.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::chain::{AuditKey, Head, Link};
use super::parsed::Parsed;
use super::reader::Backwards;
use super::record::Act;

/// No call takes longer: an hour is the most that a transfer, or a service's own
/// timeout, may take. A `finished` line may stand this far after the `started` it
/// belongs to, and the wall clock may have been set back by less.
const LONGEST_CALL: SignedDuration = SignedDuration::from_mins(75);

/// So many lines from before the stretch of time without one of it between them,
/// and the stretch is over. Fewer may have been written while the wall clock was
/// wrong, as a machine's is that hasn't asked for the time since its start. Only
/// lines with a MAC count: others may be anyone's, and say what they like.
const STRAY_LINES: usize = 1000;

/// So many, where a call that ended in it is still without its beginning: the
/// wall clock was wrong when it was made. After that it counts as missing.
const MOST_STRAY_LINES: usize = 100_000;

/// A call that was started, as the log tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastCall {
    /// Under which name.
    pub identity: String,
    /// Of which service.
    pub service: String,
    /// Which action.
    pub action: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended; where axisd ended first, when that began again. Unset where
    /// neither is on record.
    pub ended_at: Option<Timestamp>,
    /// False only when its end is on record as a failure.
    pub succeeded: bool,
}

/// The calls of a stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Calls that were started or ended in it, oldest first.
    pub calls: Vec<PastCall>,
    /// False when calls may be missing: then every limit and cooldown has to
    /// count as just used.
    pub intact: bool,
}

/// What the last MAC of a log says about all that stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The last MAC is the key's, and so is the whole chain up to it.
    Proven,
    /// No line has a MAC. Where the keystore isn't brand-new, the log was
    /// replaced.
    Nothing,
    /// The last MAC is another key's, or a call stands after it without one.
    Foreign,
    /// The log can't be read.
    Unreadable,
}

#[derive(Deserialize)]
struct Call {
    request_id: String,
    identity: String,
    service: String,
    action: String,
}

#[derive(Clone, Copy)]
struct Ending {
    at: Timestamp,
    succeeded: bool,
}

/// The lines in a row that say that they are from before.
#[derive(Default)]
struct Strays {
    /// Those that axisd wrote.
    lines: usize,
    calls: Vec<PastCall>,
    gap: bool,
}

impl Strays {
    /// They stand after a line of `at`, so what they tell was no earlier.
    fn join(self, history: &mut History, at: Timestamp) {
        history.intact &= !self.gap;
        history
            .calls
            .extend(self.calls.into_iter().map(|call| PastCall {
                started_at: call.started_at.max(at),
                ended_at: call.ended_at.map(|ended| ended.max(at)),
                ..call
            }));
    }
}

/// When axisd began again after the lines that come next, going backwards.
#[derive(Default)]
struct Restart {
    at: Option<Timestamp>,
    /// A line with a MAC stands between: the next start is an earlier one.
    is_over: bool,
}

impl Restart {
    /// Takes the line before. A start is on record before the vault is unlocked,
    /// so without a MAC; where others have added one to it, the latest counts.
    fn see(&mut self, parsed: &Parsed<'_>, at: Timestamp, is_fitting: bool) {
        if parsed.act == Some(Act::DaemonStarted.as_str()) {
            let later = self.at.filter(|_| !self.is_over);
            self.at = Some(later.map_or(at, |later| later.max(at)));
            self.is_over = false;
        }
        self.is_over |= is_fitting;
    }
}

/// Reads the calls since `since` from the end of `lines`, the last of which
/// must be `head`, and no further back than that takes. Of lines that stand
/// after one of that time, but say that they are older, the clock was wrong.
/// Whoever lacks the key hides no call: lines without a MAC neither end the
/// search nor a call, and where a MAC is wrong calls may be missing.
pub(super) fn read(
    mut lines: Backwards,
    head: &Head,
    key: Option<&dyn AuditKey>,
    since: Timestamp,
) -> io::Result<History> {
    let horizon = since.checked_sub(LONGEST_CALL).unwrap_or(Timestamp::MIN);
    let mut expected = head.hash;
    let mut proof = Proof::Nothing;
    let mut endings: HashMap<String, Ending> = HashMap::new();
    let mut history = History {
        calls: Vec::new(),
        intact: true,
    };
    let mut strays = Strays::default();
    let mut restart = Restart::default();
    // before the key began, MACs are another one's
    let mut is_before_key = false;
    while let Some(line) = lines.next()? {
        // what is no record may go on for ever, and once calls may be missing
        // all limits count as used: the earlier calls change nothing any more
        let (Some(link), Some(parsed)) = (Link::split(line), Parsed::of(line)) else {
            history.intact = false;
            break;
        };
        let Ok(at) = parsed.timestamp.parse::<Timestamp>() else {
            history.intact = false;
            break;
        };
        history.intact &= *link.hash == expected && link.hash_fits();
        expected = *link.prev;
        if let (Some(key), Proof::Nothing) = (key, proof) {
            proof = prove(&link, &parsed, key);
            history.intact &= proof != Proof::Foreign;
        }
        let is_fitting = match (link.mac, key) {
            (Some(mac), Some(key)) => link.mac_fits(mac, key),
            (mac, _) => mac.is_some(),
        };
        history.intact &= is_fitting || link.mac.is_none() || is_before_key;
        is_before_key |= is_fitting && parsed.act == Some(Act::Init.as_str());
        if at < horizon {
            strays.lines += usize::from(is_fitting);
            let is_sought = || endings.values().any(|ending| ending.at >= since);
            if strays.lines >= STRAY_LINES && !(history.intact && is_sought()) {
                break;
            }
            if strays.lines >= MOST_STRAY_LINES {
                history.intact = false;
                break;
            }
        } else {
            std::mem::take(&mut strays).join(&mut history, at);
        }
        restart.see(&parsed, at, is_fitting);
        if parsed.act.is_some_and(Act::is_gap) {
            if at < horizon {
                strays.gap = true;
            } else {
                history.intact = false;
            }
        }
        match (parsed.event, parsed.decision) {
            // the end of a call that went out has a MAC as its beginning does
            ("finished", Some(decision @ ("allow" | "error")))
                if link.mac.is_some() && parsed.went_out() =>
            {
                if let Ok(call) = serde_json::from_slice::<Call>(line) {
                    let succeeded = decision == "allow";
                    endings.insert(call.request_id, Ending { at, succeeded });
                }
            }
            ("started", _) => {
                let Ok(call) = serde_json::from_slice::<Call>(line) else {
                    history.intact = false;
                    continue;
                };
                let ending = endings.remove(&call.request_id);
                let ended_at = match ending {
                    Some(ending) => Some(ending.at),
                    None => restart.at.map(|restart| restart.max(at)),
                };
                // one whose end isn't known is looked at a little further back
                let is_recent =
                    at >= since || ended_at.map_or(at >= horizon, |ended| ended >= since);
                if is_recent || at < horizon {
                    let calls = if is_recent {
                        &mut history.calls
                    } else {
                        &mut strays.calls
                    };
                    calls.push(PastCall {
                        identity: call.identity,
                        service: call.service,
                        action: call.action,
                        started_at: at,
                        ended_at,
                        succeeded: ending.is_none_or(|ending| ending.succeeded),
                    });
                }
            }
            _ => {}
        }
    }
    // a log that begins later, since it was pruned or its files were removed,
    // doesn't know all calls
    history.intact &= strays.lines > 0 || expected == Head::GENESIS.hash;
    history.calls.reverse();
    Ok(history)
}

/// What the last MAC in the first `size` bytes says. A segment's first line
/// has one, so there is no need to look at the segments before.
pub(super) fn proof(file: Arc<File>, size: u64, key: &dyn AuditKey) -> io::Result<Proof> {
    let mut lines = Backwards::over(file, size);
    while let Some(line) = lines.next()? {
        let (Some(link), Some(parsed)) = (Link::split(line), Parsed::of(line)) else {
            return Ok(Proof::Foreign);
        };
        match prove(&link, &parsed, key) {
            Proof::Nothing => {}
            said => return Ok(said),
        }
    }
    Ok(Proof::Nothing)
}

fn prove(link: &Link<'_>, parsed: &Parsed<'_>, key: &dyn AuditKey) -> Proof {
    match link.mac {
        Some(mac) if link.hash_fits() && link.mac_fits(mac, key) => Proof::Proven,
        Some(_) => Proof::Foreign,
        None if parsed.needs_mac() => Proof::Foreign,
        None => Proof::Nothing,
    }
}
