//! How a call ended.

use bytes::Bytes;
use uuid::Uuid;

/// A call's end, as the agent gets it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The request's id.
    pub request_id: Uuid,
    /// How it ended.
    pub end: End,
}

/// The ends of a call.
#[derive(Debug, Clone)]
pub enum End {
    /// The upstream's answer.
    Success(Success),
    /// Policy or a limit said no; nothing was sent.
    Denied(Denied),
    /// The owner was asked and has not answered yet; nothing was sent.
    Pending(Pending),
    /// It couldn't be done.
    Failed(Failure),
}

/// The upstream's answer, and what stands beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Success {
    /// One JSON value, after the leak guard.
    pub result: Bytes,
    /// Where the vendor's next page is: one JSON value, after the leak guard.
    pub next: Option<Bytes>,
    /// How many there are in all, where the vendor says it.
    pub total: Option<u64>,
    /// What would have served better.
    pub hint: Option<String>,
}

/// What policy or a limit said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Which check failed, in a sentence.
    pub reason: String,
    /// What would be needed.
    pub hint: Option<String>,
    /// Seconds until the same call may pass.
    pub retry_after_s: Option<u64>,
}

/// What the agent is told of a call that waits for the owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The approval's id.
    pub approval: String,
    /// What it waits for, and what to do.
    pub reason: String,
}

/// Why a call couldn't be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For programs.
    pub code: Code,
    /// For people and agents: what was wrong and what to do.
    pub message: String,
    /// What to do, where the message doesn't say.
    pub hint: Option<String>,
    /// The upstream's HTTP status, where it answered.
    pub status: Option<u16>,
    /// Seconds the upstream asked to wait.
    pub retry_after_s: Option<u64>,
}

impl Failure {
    /// A failure without hint and status.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
            status: None,
            retry_after_s: None,
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The error codes of the MCP interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// A param, or the request around it, is wrong.
    InvalidParams,
    /// No such service.
    UnknownService,
    /// No such action.
    UnknownAction,
    /// The service has no credential.
    NoCredential,
    /// The vault is locked or not made yet.
    VaultLocked,
    /// The upstream answered with an error.
    UpstreamError,
    /// The upstream took too long.
    UpstreamTimeout,
    /// No connection, or one that broke.
    UpstreamUnreachable,
    /// The answer is over the cap.
    ResponseTooLarge,
    /// The request is over the cap.
    RequestTooLarge,
    /// The audit log can't be written, so nothing is sent.
    AuditUnavailable,
    /// The daemon and the client don't fit, or it is ending.
    DaemonUnavailable,
    /// The client gave up.
    Cancelled,
    /// A fault of axisd's own.
    InternalError,
}

impl Code {
    /// The code as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidParams => "invalid_params",
            Self::UnknownService => "unknown_service",
            Self::UnknownAction => "unknown_action",
            Self::NoCredential => "no_credential",
            Self::VaultLocked => "vault_locked",
            Self::UpstreamError => "upstream_error",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::UpstreamUnreachable => "upstream_unreachable",
            Self::ResponseTooLarge => "response_too_large",
            Self::RequestTooLarge => "request_too_large",
            Self::AuditUnavailable => "audit_unavailable",
            Self::DaemonUnavailable => "daemon_unavailable",
            Self::Cancelled => "cancelled",
            Self::InternalError => "internal_error",
        }
    }
}
