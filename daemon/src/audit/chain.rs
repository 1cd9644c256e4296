//! The chain: each line's `hash` covers its record and the hash before it, and
//! its `mac` is the audit key's word for that hash.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::line::Record;
use super::parsed::Parsed;
use super::record::Act;

/// The audit's MAC key, wherever its owner keeps it.
pub trait AuditKey: Send + Sync + 'static {
    /// The key.
    fn bytes(&self) -> &[u8; 32];
}

/// A SHA-256 value in lowercase hex, as it stands in the file.
pub(super) type Hex = [u8; 64];

const PREV: &[u8] = br#","prev":""#;
const HASH: &[u8] = br#"","hash":""#;
const MAC: &[u8] = br#","mac":""#;
/// Length of `,"mac":"<64>"`.
const MAC_PART: usize = MAC.len() + 64 + 1;
/// Length of `,"prev":"<64>","hash":"<64>"`.
const LINK_PART: usize = PREV.len() + 64 + HASH.len() + 64 + 1;

/// The chain's last line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// 0 before the first line.
    pub(super) seq: u64,
    pub(super) hash: Hex,
}

impl Head {
    /// Before the first line.
    pub(super) const GENESIS: Self = Self {
        seq: 0,
        hash: [b'0'; 64],
    };

    pub(super) fn hash_text(&self) -> &str {
        text(&self.hash)
    }

    /// What `line` says that it is; `None` when it is no record.
    pub(super) fn of_line(line: &[u8]) -> Option<Self> {
        Some(Self {
            seq: Parsed::of(line)?.seq,
            hash: *Link::split(line)?.hash,
        })
    }
}

pub(super) fn text(hex: &[u8]) -> &str {
    std::str::from_utf8(hex).unwrap_or_default()
}

/// Writes `record` as the line after `head` into `line`, newline included, and
/// returns the new head.
pub(super) fn seal(
    head: &Head,
    record: &Record,
    key: Option<&dyn AuditKey>,
    line: &mut Vec<u8>,
) -> Head {
    let seq = head.seq + 1;
    line.clear();
    line.extend_from_slice(br#"{"seq":"#);
    line.extend_from_slice(seq.to_string().as_bytes());
    line.push(b',');
    line.extend_from_slice(record.after_brace());
    let hash = hash(&head.hash, line, b"");
    line.pop();
    line.extend_from_slice(PREV);
    line.extend_from_slice(&head.hash);
    line.extend_from_slice(HASH);
    line.extend_from_slice(&hash);
    line.push(b'"');
    if let Some(key) = key {
        line.extend_from_slice(MAC);
        line.extend_from_slice(&hex(&keyed(key, &hash).finalize().into_bytes()));
        line.push(b'"');
    }
    line.extend_from_slice(b"}\n");
    Head { seq, hash }
}

/// A line taken apart at its fixed-length end.
pub(super) struct Link<'a> {
    /// The record without its closing brace.
    open_body: &'a [u8],
    pub(super) prev: &'a [u8; 64],
    pub(super) hash: &'a [u8; 64],
    pub(super) mac: Option<&'a [u8; 64]>,
}

impl<'a> Link<'a> {
    /// `None` when `line` (without newline) doesn't end as every line does.
    pub(super) fn split(line: &'a [u8]) -> Option<Self> {
        let open = line.strip_suffix(b"}")?;
        let (open, mac) = match open.split_at_checked(open.len().wrapping_sub(MAC_PART)) {
            Some((rest, part)) if part.starts_with(MAC) => {
                let mac = part.strip_prefix(MAC)?.strip_suffix(b"\"")?;
                (rest, Some(mac.try_into().ok()?))
            }
            _ => (open, None),
        };
        let (open_body, part) = open.split_at_checked(open.len().checked_sub(LINK_PART)?)?;
        let (prev, rest) = part.strip_prefix(PREV)?.split_first_chunk()?;
        let hash = rest.strip_prefix(HASH)?.strip_suffix(b"\"")?;
        Some(Self {
            open_body,
            prev,
            hash: hash.try_into().ok()?,
            mac,
        })
    }

    /// Whether `line` ends as one with a MAC does, be it a wrong one.
    pub(super) fn has_mac(line: &[u8]) -> bool {
        Link::split(line).is_some_and(|link| link.mac.is_some())
    }

    /// Whether the hash is that of the record and the hash before it.
    pub(super) fn hash_fits(&self) -> bool {
        hash(self.prev, self.open_body, b"}") == *self.hash
    }

    /// Whether `mac` is this key's for the hash.
    pub(super) fn mac_fits(&self, mac: &[u8; 64], key: &dyn AuditKey) -> bool {
        let mut raw = [0; 32];
        // hex in another case is not what axisd writes
        hex::decode_to_slice(mac, &mut raw).is_ok()
            && hex(&raw) == *mac
            && keyed(key, self.hash).verify_slice(&raw).is_ok()
    }
}

/// Why a line doesn't follow the one before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("it is not an audit record")]
    NotARecord,
    #[error("it is longer than any audit record")]
    TooLong,
    #[error("it has no newline at its end: it was cut off")]
    Torn,
    #[error("its hash is not the hash of what it says: the record was edited")]
    Edited,
    #[error(
        "the file begins with record {seq}, and doesn't say why: the records before it were removed"
    )]
    Headless { seq: u64 },
    #[error(
        "the file begins with record {seq}, but the one before it ends with record {last}: records or files were removed, replaced or reordered"
    )]
    Gap { last: u64, seq: u64 },
    #[error(
        "it goes on with record {seq} after a file that was lost, or left for a broken chain, and what that held isn't in the log any more"
    )]
    Left { seq: u64 },
    #[error("record {found} follows record {last}: records were removed, added or reordered")]
    OutOfOrder { last: u64, found: u64 },
    #[error(
        "it doesn't continue the hash of the line before it: records were removed, added or replaced"
    )]
    Unlinked,
    #[error("its MAC is not the audit key's: someone without the key wrote or changed it")]
    ForeignMac,
    #[error("it has no MAC, though such a thing happens only while the audit key is there")]
    NoMac,
    #[error(
        "its event, decision or act is none that this axisd writes, and it has no MAC: someone else wrote it"
    )]
    Unknown,
    #[error(
        "axisd has written on to record {written}, but the file ends here: its end was removed or replaced"
    )]
    CutShort { written: u64 },
    #[error("there is none, though a segment has records: they were removed")]
    Empty,
    #[error("it can't be read on: {0}")]
    Unreadable(String),
}

/// What a line has to continue.
#[derive(Clone, Copy)]
pub(super) enum Before<'a> {
    /// The line before it in its file.
    Line(&'a Head),
    /// It is its file's first: one of these, the end of the file before first.
    /// Or it says that it goes on with a chain that axisd had to leave.
    File(&'a [Head]),
    /// It is its file's first, and the end of the file before isn't known.
    Unknown,
}

impl Before<'_> {
    /// The line that is to be continued, as far as it is known.
    pub(super) fn head(&self) -> Head {
        match self {
            Self::Line(head) => **head,
            Self::File(heads) => heads.first().copied().unwrap_or(Head::GENESIS),
            Self::Unknown => Head::GENESIS,
        }
    }
}

/// Acts of records that go on with a chain whose file was lost or left.
fn goes_on(parsed: &Parsed<'_>) -> bool {
    matches!(parsed.act, Some("log_vanished" | "chain_set_aside"))
}

/// `line` taken apart, if it continues what stands before it.
pub(super) fn follow<'a>(
    before: Before<'_>,
    line: &'a [u8],
) -> Result<(Link<'a>, Parsed<'a>), Fault> {
    let parts = Link::split(line).ok_or(Fault::NotARecord)?;
    let parsed = Parsed::of(line).ok_or(Fault::NotARecord)?;
    if !parts.hash_fits() {
        return Err(Fault::Edited);
    }
    let seq = parsed.seq;
    let first = First::of(&parts, &parsed);
    match before {
        Before::Line(head) if seq.checked_sub(1) != Some(head.seq) => Err(Fault::OutOfOrder {
            last: head.seq,
            found: seq,
        }),
        Before::Line(head) if *parts.prev != head.hash => Err(Fault::Unlinked),
        Before::File(heads)
            if !first.goes_on && !heads.iter().any(|head| first.continues(head)) =>
        {
            Err(match before.head().seq {
                0 => Fault::Headless { seq },
                last => Fault::Gap { last, seq },
            })
        }
        Before::Line(_) | Before::File(_) | Before::Unknown => Ok((parts, parsed)),
    }
}

/// A file's first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct First {
    pub(super) seq: u64,
    pub(super) prev: Hex,
    /// It says itself why nothing stands before it.
    goes_on: bool,
    /// And that this was set aside.
    leaves: bool,
}

impl First {
    pub(super) fn of(link: &Link<'_>, parsed: &Parsed<'_>) -> Self {
        Self {
            seq: parsed.seq,
            prev: *link.prev,
            goes_on: goes_on(parsed),
            leaves: parsed.act == Some(Act::ChainSetAside.as_str()),
        }
    }

    /// Whether it follows that line.
    pub(super) fn continues(&self, head: &Head) -> bool {
        self.seq.checked_sub(1) == Some(head.seq) && self.prev == head.hash
    }

    /// What is missing before it, though it says so itself; `before` is the end
    /// of the file before, where that is known.
    pub(super) fn gap(&self, before: Option<&Head>) -> Option<Fault> {
        let is_whole = !self.leaves && before.is_some_and(|before| self.continues(before));
        (self.goes_on && !is_whole).then_some(Fault::Left { seq: self.seq })
    }

    /// Whether a log may begin so.
    pub(super) fn begins_a_log(&self) -> bool {
        self.goes_on || (self.seq == 1 && self.prev == Head::GENESIS.hash)
    }
}

fn hash(prev: &Hex, body: &[u8], end: &[u8]) -> Hex {
    let mut digest = Sha256::new();
    digest.update(prev);
    digest.update(body);
    digest.update(end);
    hex(&digest.finalize())
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn keyed(key: &dyn AuditKey, hash: &Hex) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.bytes()).expect("HMAC takes keys of any length");
    mac.update(hash);
    mac
}

fn hex(raw: &[u8]) -> Hex {
    let mut hex = [b'0'; 64];
    // both sides are of fixed, fitting length
    let _ = hex::encode_to_slice(raw, &mut hex);
    hex
}
