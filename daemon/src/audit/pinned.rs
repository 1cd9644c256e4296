//! A line whose number and hash the owner keeps elsewhere: it shows what no
//! chain can, that the end of the log was cut off or written anew.

use std::fmt;
use std::str::FromStr;

use super::chain::{First, Head, Hex, Link, text};
use super::parsed::Parsed;

/// A line that the log had at some time: `41:9f86d081…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pinned(Head);

/// Why a text names no line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a head is written as SEQ:HASH, the record's number and the 64 lowercase hex digits of its hash, as `axis logs head` prints it"
)]
pub struct PinnedError;

impl FromStr for Pinned {
    type Err = PinnedError;

    fn from_str(text: &str) -> Result<Self, PinnedError> {
        let (seq, hash) = text.trim().split_once(':').ok_or(PinnedError)?;
        let is_number = !seq.is_empty() && seq.bytes().all(|byte| byte.is_ascii_digit());
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let hash: Hex = hash.as_bytes().try_into().map_err(|_| PinnedError)?;
        if !is_number || !hash.iter().copied().all(is_hex) {
            return Err(PinnedError);
        }
        let seq = seq.parse().map_err(|_| PinnedError)?;
        Ok(Self(Head { seq, hash }))
    }
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.seq, text(&self.0.hash))
    }
}

/// The last line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogHead {
    /// Its number and hash, to be kept elsewhere.
    pub pinned: Pinned,
    /// Its MAC, where it has one.
    pub mac: Option<String>,
    /// When it was written.
    pub timestamp: Option<String>,
}

impl LogHead {
    /// That of an empty log.
    pub(super) fn of_nothing() -> Self {
        Self {
            pinned: Pinned(Head::GENESIS),
            mac: None,
            timestamp: None,
        }
    }

    pub(super) fn of(line: &[u8]) -> Option<Self> {
        let parts = Link::split(line)?;
        Some(Self {
            pinned: Pinned(Head::of_line(line)?),
            mac: parts.mac.map(|mac| text(mac).to_owned()),
            timestamp: Parsed::of(line).map(|parsed| parsed.timestamp.to_owned()),
        })
    }
}

impl Pinned {
    /// The record's number; 0 for an empty log.
    pub fn seq(&self) -> u64 {
        self.0.seq
    }

    /// Its hash, in hex.
    pub fn hash(&self) -> &str {
        text(&self.0.hash)
    }
}

/// What became of a pinned line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedReport {
    /// The line is where it was.
    pub stands: bool,
    /// What was found, in words.
    pub finding: String,
}

/// Looks for a pinned line among those that are checked.
pub(super) struct Search {
    pinned: Head,
    found: Option<String>,
    /// A line of that number with another hash, by its file and line.
    other: Option<String>,
    /// Where it stands in a file that was set aside: no part of the log, and
    /// anyone may have put it there.
    aside: Option<String>,
}

impl Search {
    pub(super) fn new(pinned: Pinned) -> Self {
        Self {
            pinned: pinned.0,
            found: None,
            other: None,
            aside: None,
        }
    }

    /// Looks at line `number` of `file`.
    pub(super) fn see(&mut self, file: &str, number: u64, seq: u64, hash: &Hex) {
        if seq != self.pinned.seq {
            return;
        }
        let place = || format!("{file}, line {number}");
        if *hash == self.pinned.hash {
            self.found.get_or_insert_with(place);
        } else {
            self.other.get_or_insert_with(place);
        }
    }

    /// Looks at line `number` of `file`, which was set aside.
    pub(super) fn see_aside(&mut self, file: &str, number: u64, seq: u64, hash: &Hex) {
        if (Head { seq, hash: *hash }) == self.pinned {
            self.aside
                .get_or_insert_with(|| format!("{file}, line {number}"));
        }
    }

    /// The finding, once all files were seen. `first` and `last` are those of
    /// the log; `pruned` says that what stood before `first` was pruned.
    pub(super) fn report(self, first: Option<First>, last: &Head, pruned: bool) -> PinnedReport {
        let seq = self.pinned.seq;
        let is_before = |first: &First| seq < first.seq;
        let continued = |first: &First| first.continues(&self.pinned);
        let is_beginning = self.pinned == Head::GENESIS;
        let (stands, mut finding) = match (self.found, self.other, first) {
            _ if is_beginning => (true, "the pinned head is that of an empty log".into()),
            (_, Some(place), _) => (
                false,
                format!(
                    "record {seq} is not the pinned one ({place}): the log was written anew from there or before"
                ),
            ),
            (Some(place), None, _) => {
                let after = last.seq.saturating_sub(seq);
                (
                    true,
                    format!("record {seq} stands as pinned ({place}); {after} records follow it"),
                )
            }
            (None, None, Some(first)) if pruned && continued(&first) => (
                true,
                format!("record {seq} was pruned, and the log goes on from it as pinned"),
            ),
            (None, None, Some(first)) if pruned && is_before(&first) => (
                false,
                format!(
                    "record {seq} was pruned with its segment, the log begins with record {}: pin a newer head",
                    first.seq
                ),
            ),
            _ if last.seq < seq => (
                false,
                format!(
                    "the log ends with record {}: record {seq} and what followed it was cut off",
                    last.seq
                ),
            ),
            _ => (
                false,
                format!(
                    "record {seq} is not in an intact part of the log: it was removed or edited"
                ),
            ),
        };
        if let (false, Some(place)) = (stands, self.aside) {
            let words = "; the pinned record is only in a file that was set aside";
            finding = format!("{finding}{words} ({place}), which is no part of the log");
        }
        PinnedReport { stands, finding }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_head_prints_is_a_head() {
        let hash = "0123456789abcdef".repeat(4);
        let pinned: Pinned = format!("41:{hash}").parse().unwrap();
        assert_eq!(pinned.to_string(), format!("41:{hash}"));
        for wrong in [
            String::new(),
            "41".into(),
            hash.clone(),
            format!(":{hash}"),
            format!("-1:{hash}"),
            format!("+1:{hash}"),
            format!("99999999999999999999:{hash}"),
            format!("41:{}", &hash[1..]),
            format!("41:{}", hash.to_uppercase()),
            format!("41:{hash}0"),
        ] {
            assert_eq!(wrong.parse::<Pinned>(), Err(PinnedError), "{wrong}");
        }
    }
}
