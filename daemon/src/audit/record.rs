//! What the audit is told: calls and how they ended, and the owner's acts.

use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// Longest name (identity, service, action, request id, credential), in characters.
pub(super) const MAX_NAME: usize = 128;
/// Longest justification, in characters.
pub(super) const MAX_JUSTIFICATION: usize = 2000;
/// Longest reason of a denial, in characters.
pub(super) const MAX_REASON: usize = 1000;
/// Longest detail of an owner's act, and longest path of a peer, in characters.
pub(super) const MAX_DETAIL: usize = 1000;

/// Who is at the other end of the socket, as the kernel says. Recorded, not trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// The user.
    pub uid: u32,
    /// The process, where the system tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The program's path, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "cut_path")]
    pub exe: Option<Arc<str>>,
}

/// What the audit keeps of a call: who, what and why, never a param.
#[derive(Clone, Copy, Debug)]
pub struct CallRecord<'a> {
    /// Ties `started` and `finished` together; unique.
    pub request_id: &'a str,
    /// Under which name.
    pub identity: &'a str,
    /// As the agent wrote it, where it is no known one.
    pub service: &'a str,
    /// As the agent wrote it, where it is no known one.
    pub action: &'a str,
    /// The agent's own words.
    pub justification: &'a str,
    /// Which of the service's credentials, where the policy named one.
    pub credential: Option<&'a str>,
    /// The approval that it goes out under, where it needed one.
    pub approval: Option<&'a str>,
    /// Whether it came over the identity's own socket, so that the name is no
    /// mere claim.
    pub own_socket: bool,
    /// Who asked.
    pub peer: Option<&'a Peer>,
}

/// How a started call ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct End {
    /// The error's code; unset when the call succeeded.
    pub error: Option<&'static str>,
    /// The upstream's HTTP status, where there was one.
    pub status: Option<u16>,
    /// From the request's arrival to its outcome.
    pub latency: Duration,
    /// How often the leak guard removed a form of the secret.
    pub redacted: u64,
}

/// Why a call ended before it was started.
#[derive(Clone, Copy, Debug)]
pub enum Refusal<'a> {
    /// Policy, limit or owner said no.
    Deny {
        /// The denial's words, which are Axis's own.
        reason: &'a str,
    },
    /// The owner was asked and has not answered; the call is to be repeated.
    Pending {
        /// The approval's id.
        approval: &'a str,
    },
    /// It couldn't be done.
    Error {
        /// The error's code.
        code: &'static str,
    },
}

/// How far an approval is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The owner was asked.
    Asked,
    /// Yes.
    Approved,
    /// No; or a grant was ended before its time.
    Rejected,
    /// Nobody answered in time, or nobody used the answer.
    Expired,
    /// Whoever asked doesn't wait any more.
    Withdrawn,
}

impl Stage {
    /// The word in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// What happened to an approval.
#[derive(Clone, Copy, Debug)]
pub struct ApprovalRecord<'a> {
    /// Its id.
    pub approval: &'a str,
    /// How far it is.
    pub stage: Stage,
    /// The call that asked first; its peer is whoever did what this records.
    pub call: CallRecord<'a>,
    /// Who answered: `owner` or `host`.
    pub by: Option<&'static str>,
    /// How long the approval lasts, where it is for more than one call.
    pub lasts: Option<Duration>,
    /// Why not, in the owner's words.
    pub reason: Option<&'a str>,
}

/// Makes [`Act`] of its table: each act, its word, and whether its record always
/// has a MAC (`proven`), since whoever writes it does so only while the vault is
/// unlocked, or may be without (`open`).
macro_rules! acts {
    (@proven proven) => { true };
    (@proven open) => { false };
    ($($(#[$doc:meta])* $act:ident = $word:literal, $proof:ident;)*) => {
        /// What the owner, or axisd on its own, did.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Act {
            $($(#[$doc])* $act,)*
        }

        impl Act {
            /// All of them.
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$act,)*];

            /// The word in the record.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$act => $word,)*
                }
            }

            /// The act of that word, where this version knows it.
            pub(super) fn of(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$act),)*
                    _ => None,
                }
            }

            /// Whether a record of it has a MAC, or is forged.
            pub(super) fn is_proven(self) -> bool {
                match self {
                    $(Self::$act => acts!(@proven $proof),)*
                }
            }
        }
    };
}

acts! {
    /// A keystore was made: the audit key is new from here on.
    Init = "init", proven;
    /// The vault was unlocked.
    Unlock = "unlock", proven;
    /// The vault was locked.
    Lock = "lock", proven;
    /// A master password was wrong.
    WrongPassword = "wrong_password", open;
    /// A credential was stored.
    Add = "add", open;
    /// A credential was removed.
    Revoke = "revoke", open;
    /// The keystore was written; carries its generation.
    Keystore = "keystore", open;
    /// The owner accepted a keystore that is older than the record says; its
    /// generation is the one to expect from here on.
    KeystoreAccepted = "keystore_accepted", proven;
    /// A policy came into force.
    PolicyLoaded = "policy_loaded", open;
    /// A policy file was refused; the last good one stays.
    PolicyRefused = "policy_refused", open;
    /// A service of the owner's own came into force.
    ServiceLoaded = "service_loaded", open;
    /// A service file was refused; its last good version stays.
    ServiceRefused = "service_refused", open;
    /// A service of the owner's own is gone with its file.
    ServiceGone = "service_gone", open;
    /// The policy, the services and the settings were sealed.
    PolicySealed = "policy_sealed", proven;
    /// They follow their files again.
    PolicyUnsealed = "policy_unsealed", proven;
    /// A file differs from what is sealed, which stays in force.
    SealDiffers = "seal_differs", open;
    /// axisd began.
    DaemonStarted = "daemon_started", open;
    /// axisd ended in good order.
    DaemonStopped = "daemon_stopped", open;
    /// The log was not there at start, though the keystore says there was one.
    LogMissing = "log_missing", proven;
    /// The log was gone while axisd ran; the chain goes on in a new file.
    LogVanished = "log_vanished", open;
    /// A log with a broken chain, or with someone else's content, was set aside.
    ChainSetAside = "chain_set_aside", open;
    /// A torn last line was set aside; the chain goes on.
    TornLine = "torn_line", open;
    /// Refusals that happened while the log was not writable, and were too many to keep.
    RecordsDropped = "records_dropped", open;
    /// A new segment of the log begins.
    LogRotated = "log_rotated", proven;
    /// The oldest segments of the log are deleted.
    SegmentsPruned = "segments_pruned", proven;
    /// An identity got a socket of its own.
    IdentityAdded = "identity_add", open;
    /// An identity's own socket was removed.
    IdentityRemoved = "identity_remove", open;
    /// The OS keychain keeps the master password from here on.
    KeychainSet = "keychain_set", open;
    /// The OS keychain's copy of the master password was removed.
    KeychainDeleted = "keychain_delete", open;
    /// The vault got a new master password and a new key.
    Rotate = "rotate", open;
    /// A credential that had been replaced was brought back.
    Undo = "undo", open;
    /// Upstreams were asked whether they accept the credentials.
    CredentialsChecked = "credentials_checked", proven;
    /// A token was made with which a dashboard can be read.
    DashboardToken = "dashboard_token", open;
    /// Something happened that needs a proof, and the vault was locked before it
    /// was written: what, in its detail.
    Unproven = "unproven", open;
}

impl Act {
    /// Whether lines before this one may be missing or false.
    pub(super) fn is_gap(act: &str) -> bool {
        [Self::LogMissing, Self::LogVanished, Self::ChainSetAside]
            .iter()
            .any(|gap| gap.as_str() == act)
    }
}

/// One act of the owner, or of axisd on its own.
#[derive(Clone, Copy, Debug)]
pub struct AdminAct<'a> {
    /// What was done.
    pub act: Act,
    /// To what, in a few of Axis's own words; never a secret.
    pub detail: Option<&'a str>,
    /// The keystore's generation after it, where it changed or was read.
    pub generation: Option<u64>,
    /// Who asked, where someone did.
    pub peer: Option<&'a Peer>,
}

impl From<Act> for AdminAct<'_> {
    fn from(act: Act) -> Self {
        Self {
            act,
            detail: None,
            generation: None,
            peer: None,
        }
    }
}

/// A [`CallRecord`] that outlives the request it was made from.
#[derive(Clone, Debug)]
pub(super) struct OwnedCall {
    request_id: String,
    identity: String,
    service: String,
    action: String,
    justification: String,
    credential: Option<String>,
    approval: Option<String>,
    own_socket: bool,
    peer: Option<Peer>,
}

impl From<&CallRecord<'_>> for OwnedCall {
    fn from(call: &CallRecord<'_>) -> Self {
        Self {
            request_id: cut(call.request_id, MAX_NAME).to_owned(),
            identity: cut(call.identity, MAX_NAME).to_owned(),
            service: cut(call.service, MAX_NAME).to_owned(),
            action: cut(call.action, MAX_NAME).to_owned(),
            justification: cut(call.justification, MAX_JUSTIFICATION).to_owned(),
            credential: call.credential.map(|name| cut(name, MAX_NAME).to_owned()),
            approval: call.approval.map(|id| cut(id, MAX_NAME).to_owned()),
            own_socket: call.own_socket,
            peer: call.peer.cloned(),
        }
    }
}

impl OwnedCall {
    pub(super) fn borrow(&self) -> CallRecord<'_> {
        CallRecord {
            request_id: &self.request_id,
            identity: &self.identity,
            service: &self.service,
            action: &self.action,
            justification: &self.justification,
            credential: self.credential.as_deref(),
            approval: self.approval.as_deref(),
            own_socket: self.own_socket,
            peer: self.peer.as_ref(),
        }
    }
}

/// `text`, or its first `max` characters.
pub(super) fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    match text.char_indices().nth(max) {
        Some((end, _)) => text.get(..end).unwrap_or_default(),
        None => text,
    }
}

#[expect(clippy::ref_option, reason = "serde hands over the field as it is")]
fn cut_path<S: Serializer>(path: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(cut(path.as_deref().unwrap_or_default(), MAX_DETAIL))
}
