//! When each credential was used last, as the log tells it, read back from its
//! end and no further than it must be.

use std::collections::{BTreeSet, HashMap};
use std::io;

use jiff::Timestamp;
use serde::Deserialize;

use super::Audit;
use super::chain::Link;
use super::reader::Backwards;

/// How many lines are read between two looks at whether to go on.
const STRIDE: u64 = 4096;

/// The last use of credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastUses {
    /// By the credential's name.
    pub at: HashMap<String, Timestamp>,
    /// Whether one that isn't there was not used in the time that was asked for.
    pub complete: bool,
}

#[derive(Deserialize)]
struct Started<'a> {
    event: &'a str,
    timestamp: &'a str,
    service: &'a str,
    credential: Option<&'a str>,
}

impl Audit {
    /// When those of `names` were used last, since `since` and within the last
    /// `most` lines. `wanted` is asked now and then whether to go on. Blocking.
    ///
    /// # Errors
    /// Some of the log can't be read.
    pub fn last_uses(
        &self,
        names: BTreeSet<String>,
        since: Timestamp,
        most: u64,
        wanted: &dyn Fn() -> bool,
    ) -> io::Result<LastUses> {
        read(Backwards::through(self.log()?), names, since, most, wanted)
    }
}

fn read(
    mut lines: Backwards,
    mut names: BTreeSet<String>,
    since: Timestamp,
    most: u64,
    wanted: &dyn Fn() -> bool,
) -> io::Result<LastUses> {
    let mut uses = LastUses::default();
    let mut read = 0;
    while !names.is_empty() {
        let Some(line) = lines.next()? else {
            break;
        };
        read += 1;
        if read > most || (read % STRIDE == 0 && !wanted()) {
            return Ok(uses);
        }
        // most lines needn't be read as JSON
        if memchr::memmem::find(line, br#""event":"started""#).is_none() {
            continue;
        }
        // a call's line has a MAC; whoever lacks the key ends no search
        if !Link::has_mac(line) {
            continue;
        }
        let Ok(started) = serde_json::from_slice::<Started<'_>>(line) else {
            continue;
        };
        let Ok(at) = started.timestamp.parse::<Timestamp>() else {
            continue;
        };
        if at < since {
            break;
        }
        let name = started.credential.unwrap_or(started.service);
        let name = name.to_ascii_lowercase();
        if started.event == "started" && names.remove(&name) {
            uses.at.insert(name, at);
        }
    }
    uses.complete = true;
    Ok(uses)
}
