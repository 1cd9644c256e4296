//! How a record is written: its fields in their fixed order, cut to sane lengths,
//! with nothing in it that could move a terminal's cursor.

use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use super::record::{
    Act, AdminAct, ApprovalRecord, CallRecord, End, MAX_DETAIL, MAX_JUSTIFICATION, MAX_NAME,
    MAX_REASON, Peer, Refusal, cut,
};
use super::verify::KnownGeneration;

/// The fields of a line after `seq`, in the order of the file.
#[derive(Serialize)]
struct Fields<'a> {
    event: &'static str,
    #[serde(serialize_with = "milliseconds")]
    timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lasts_s: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redacted: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folded: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    doubtful: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    begins: Option<Begins<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<&'a Peer>,
}

/// Where the log begins once older segments are gone: with which segment, the
/// number of its first record, and the hash that this one continues.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Begins<'a> {
    pub(super) segment: u64,
    pub(super) seq: u64,
    pub(super) prev: &'a str,
}

impl<'a> Fields<'a> {
    fn of(event: &'static str, timestamp: Timestamp) -> Self {
        Self {
            event,
            timestamp,
            request_id: None,
            identity: None,
            socket: None,
            service: None,
            action: None,
            decision: None,
            reason: None,
            error: None,
            justification: None,
            credential: None,
            approval: None,
            stage: None,
            by: None,
            lasts_s: None,
            latency_ms: None,
            status: None,
            redacted: None,
            folded: None,
            act: None,
            detail: None,
            generation: None,
            doubtful: false,
            begins: None,
            peer: None,
        }
    }

    fn of_call(event: &'static str, timestamp: Timestamp, call: &CallRecord<'a>) -> Self {
        let name = |text| Some(cut(text, MAX_NAME)).filter(|text| !text.is_empty());
        Self {
            request_id: name(call.request_id),
            identity: name(call.identity),
            socket: call.own_socket.then_some("own"),
            service: name(call.service),
            action: name(call.action),
            justification: Some(cut(call.justification, MAX_JUSTIFICATION))
                .filter(|text| !text.is_empty()),
            credential: call.credential.and_then(name),
            approval: call.approval.and_then(name),
            peer: call.peer,
            ..Self::of(event, timestamp)
        }
    }

    fn record(&self, generation: Option<Recorded>) -> Record {
        let mut bytes = Vec::with_capacity(512);
        self.serialize(&mut serde_json::Serializer::with_formatter(
            &mut bytes, Printable,
        ))
        .unwrap_or_else(|error| unreachable!("strings and numbers into memory: {error}"));
        Record {
            bytes,
            generation,
            stand_in: None,
        }
    }
}

/// A line still without its place in the chain: `{"event":…}`.
#[derive(Debug, Clone)]
pub(super) struct Record {
    bytes: Vec<u8>,
    /// What the line says of the keystore's generation.
    pub(super) generation: Option<Recorded>,
    /// What is written in its place where it needs a MAC, and the vault was
    /// locked just before it was written.
    stand_in: Option<Box<Record>>,
}

/// What a line says of the keystore's generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recorded {
    /// The keystore had this generation.
    Was(u64),
    /// The owner took this generation for the right one.
    Accepted(u64),
    /// The highest one legible in a log that can't be trusted.
    Legible(u64),
}

impl Recorded {
    pub(super) fn of(act: &str, generation: Option<u64>) -> Option<Self> {
        let generation = generation?;
        Some(if act == Act::KeystoreAccepted.as_str() {
            Self::Accepted(generation)
        } else if act == Act::ChainSetAside.as_str() {
            Self::Legible(generation)
        } else {
            Self::Was(generation)
        })
    }
}

impl Record {
    pub(super) fn started(call: &CallRecord<'_>, now: Timestamp) -> Self {
        Fields::of_call("started", now, call).record(None)
    }

    pub(super) fn finished(call: &CallRecord<'_>, end: &End, now: Timestamp) -> Self {
        Fields {
            decision: Some(if end.error.is_some() {
                "error"
            } else {
                "allow"
            }),
            error: end.error,
            latency_ms: Some(u64::try_from(end.latency.as_millis()).unwrap_or(u64::MAX)),
            status: end.status,
            redacted: Some(end.redacted).filter(|count| *count > 0),
            ..Fields::of_call("finished", now, call)
        }
        .record(None)
    }

    /// `folded`: for how many refusals this line stands, where for more than one.
    pub(super) fn refused(
        call: &CallRecord<'_>,
        refusal: &Refusal<'_>,
        folded: Option<u64>,
        now: Timestamp,
    ) -> Self {
        let fields = Fields::of_call("finished", now, call);
        let (decision, reason, error, approval) = match *refusal {
            Refusal::Deny { reason } => ("deny", Some(cut(reason, MAX_REASON)), None, None),
            Refusal::Pending { approval } => ("ask", None, None, Some(approval)),
            Refusal::Error { code } => ("error", None, Some(code), None),
        };
        Fields {
            decision: Some(decision),
            reason,
            error,
            approval: approval.or(fields.approval),
            folded,
            ..fields
        }
        .record(None)
    }

    pub(super) fn admin(admin: &AdminAct<'_>, now: Timestamp) -> Self {
        let act = admin.act.as_str();
        let record = Fields {
            act: Some(act),
            detail: admin.detail.map(|text| cut(text, MAX_DETAIL)),
            generation: admin.generation,
            peer: admin.peer,
            ..Fields::of("admin", now)
        }
        .record(Recorded::of(act, admin.generation));
        if !admin.act.is_proven() {
            return record;
        }
        let what = match admin.detail {
            Some(detail) => format!("{act}, {detail}"),
            None => act.to_owned(),
        };
        record.or_unproven(&what, admin.generation, admin.peer, now)
    }

    /// The record, with what says `what` happened where there is no key for it.
    fn or_unproven(
        self,
        what: &str,
        generation: Option<u64>,
        peer: Option<&Peer>,
        now: Timestamp,
    ) -> Self {
        let detail = format!("the vault was locked before this could be proven: {what}");
        let unproven = AdminAct {
            act: Act::Unproven,
            detail: Some(&detail),
            generation,
            peer,
        };
        Self {
            stand_in: Some(Box::new(Self::admin(&unproven, now))),
            ..self
        }
    }

    /// The record as it is written without a key: no line that needs a MAC is
    /// without.
    pub(super) fn without_key(&self) -> &Self {
        self.stand_in.as_deref().unwrap_or(self)
    }

    pub(super) fn approval(approval: &ApprovalRecord<'_>, now: Timestamp) -> Self {
        Fields {
            approval: Some(cut(approval.approval, MAX_NAME)),
            stage: Some(approval.stage.as_str()),
            by: approval.by,
            lasts_s: approval.lasts.map(|lasts| lasts.as_secs()),
            reason: approval.reason.map(|text| cut(text, MAX_REASON)),
            ..Fields::of_call("approval", now, &approval.call)
        }
        .record(None)
        .or_unproven(
            &format!(
                "approval {}, {}",
                approval.approval,
                approval.stage.as_str()
            ),
            None,
            approval.call.peer,
            now,
        )
    }

    /// The first line of a new segment: it says what has to be known of the
    /// segments before it.
    pub(super) fn rotated(detail: &str, known: KnownGeneration, now: Timestamp) -> Self {
        let doubtful = matches!(known, KnownGeneration::Doubtful(_));
        let generation = known.number();
        Fields {
            act: Some(Act::LogRotated.as_str()),
            detail: Some(cut(detail, MAX_DETAIL)),
            generation,
            doubtful: doubtful && generation.is_some(),
            ..Fields::of("admin", now)
        }
        .record(generation.map(|generation| {
            if doubtful {
                Recorded::Legible(generation)
            } else {
                Recorded::Was(generation)
            }
        }))
    }

    /// Older segments are about to be deleted.
    pub(super) fn pruned(detail: &str, begins: Begins<'_>, now: Timestamp) -> Self {
        Fields {
            act: Some(Act::SegmentsPruned.as_str()),
            detail: Some(cut(detail, MAX_DETAIL)),
            begins: Some(begins),
            ..Fields::of("admin", now)
        }
        .record(None)
    }

    /// Everything after the opening brace, the closing one included.
    pub(super) fn after_brace(&self) -> &[u8] {
        self.bytes.get(1..).unwrap_or_default()
    }
}

fn milliseconds<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.3}"))
}

/// `text` as it stands between the quotes of a record.
pub(super) fn escaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len() + 2);
    text.serialize(&mut serde_json::Serializer::with_formatter(
        &mut bytes, Printable,
    ))
    .unwrap_or_else(|error| unreachable!("a string into memory: {error}"));
    let quoted = String::from_utf8_lossy(&bytes);
    let inner = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

/// Writes characters that a terminal would act on, or not show, as `\uXXXX`.
struct Printable;

impl serde_json::ser::Formatter for Printable {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let mut plain = 0;
        if !fragment.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            for (at, character) in fragment.char_indices().filter(|(_, c)| is_unseen(*c)) {
                writer.write_all(fragment.as_bytes().get(plain..at).unwrap_or_default())?;
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
                plain = at + character.len_utf8();
            }
        }
        writer.write_all(fragment.as_bytes().get(plain..).unwrap_or_default())
    }
}

/// Controls, line and paragraph separators, marks that turn or hide text.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}
