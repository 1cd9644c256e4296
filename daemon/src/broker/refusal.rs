//! The one place where a room's "no" becomes the call's end: every error of
//! [`Broker::admit`](super::Broker) passes through here, to its audit record
//! and its answer.

use super::outcome::{Code, Denied, End, Failure, Pending};
use super::request::{ActionRequest, Socket};
use crate::approvals::TooMany;
use crate::audit::{self, Audit, AuditUnavailable, CallRecord};
use crate::auth::AuthError;
use crate::catalogue::{Action, NoHost, ParamsError, ResolveError, Service, VendorError};
use crate::names::CredentialName;
use crate::policy::{Denial, LimitDenial};
use crate::selection::SelectError;
use crate::upstream::UpstreamError;
use crate::upstream::request::BindError;
use crate::vault::{Vault, VaultError, VaultState};

/// A call's end before anything was sent.
pub(super) enum Refusal {
    /// Policy or a limit said no.
    Denied(Denied),
    /// The owner has to be asked first, and has not answered.
    Pending(Pending),
    /// It can't be done.
    Failed(Failure),
}

impl Refusal {
    /// Puts the refusal on record, folded where there are many.
    pub fn record(&self, audit: &Audit, request: &ActionRequest) {
        let id = request.id.to_string();
        let refusal = match self {
            Self::Denied(denied) => audit::Refusal::Deny {
                reason: &denied.reason,
            },
            Self::Pending(pending) => audit::Refusal::Pending {
                approval: &pending.approval,
            },
            Self::Failed(failure) => audit::Refusal::Error {
                code: failure.code.as_str(),
            },
        };
        audit.refused(request.connection, &call_record(request, &id), &refusal);
    }

    /// The refusal as the agent gets it.
    pub fn into_end(self) -> End {
        match self {
            Self::Denied(denied) => End::Denied(denied),
            Self::Pending(pending) => End::Pending(pending),
            Self::Failed(failure) => End::Failed(failure),
        }
    }
}

/// What the audit keeps of a request: never a param.
pub(super) fn call_record<'a>(request: &'a ActionRequest, id: &'a str) -> CallRecord<'a> {
    CallRecord {
        request_id: id,
        identity: &request.identity,
        service: &request.service,
        action: &request.action,
        justification: &request.justification,
        credential: None,
        approval: None,
        own_socket: request.socket == Socket::Own,
        peer: Some(&request.peer),
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Pending> for Refusal {
    fn from(pending: Pending) -> Self {
        Self::Pending(pending)
    }
}

impl From<TooMany> for Refusal {
    fn from(error: TooMany) -> Self {
        let retry_after_s = match error {
            TooMany::Asked { retry_after_s } => Some(retry_after_s),
            TooMany::Waiting { .. } | TooMany::Bytes => None,
        };
        Self::Denied(Denied {
            reason: format!("Policy denied: this call needs the owner's approval, but {error}"),
            hint: Some("ask the user to look at `axis approvals`".to_owned()),
            retry_after_s,
        })
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self::Denied(Denied {
            reason: denial.reason,
            hint: denial.hint,
            retry_after_s: None,
        })
    }
}

impl From<LimitDenial> for Refusal {
    fn from(denial: LimitDenial) -> Self {
        Self::Denied(Denied {
            reason: denial.reason,
            hint: None,
            retry_after_s: Some(denial.retry_after_s),
        })
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        let message = error.to_string();
        match error {
            // In the hint, since the owner, who has no such tool, reads the message, too.
            ResolveError::UnknownService { .. } => Self::new(Code::UnknownService, message)
                .hint("list_actions shows what each service can do"),
            ResolveError::UnknownAction { service, .. } => Self::new(Code::UnknownAction, message)
                .hint(format!(
                    "list_actions with service {service} shows what it can do"
                )),
        }
    }
}

impl From<ResolveError> for Refusal {
    fn from(error: ResolveError) -> Self {
        Failure::from(error).into()
    }
}

impl From<ParamsError> for Refusal {
    fn from(error: ParamsError) -> Self {
        let code = match error {
            ParamsError::TooLarge { .. } => Code::RequestTooLarge,
            ParamsError::TooLongForUrl { .. }
            | ParamsError::Unreadable { .. }
            | ParamsError::Wrong { .. } => Code::InvalidParams,
        };
        Failure::new(code, error.to_string()).into()
    }
}

impl From<NoHost> for Refusal {
    fn from(error: NoHost) -> Self {
        Failure::new(Code::InvalidParams, error.to_string()).into()
    }
}

impl From<BindError> for Refusal {
    fn from(error: BindError) -> Self {
        Failure::new(Code::InvalidParams, error.to_string()).into()
    }
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        let code = match error {
            AuthError::NoAnswer {
                timed_out: true, ..
            } => Code::UpstreamTimeout,
            AuthError::NoAnswer { .. } => Code::UpstreamUnreachable,
            AuthError::Refused { .. } => Code::UpstreamError,
            AuthError::Unkept(_) => Code::VaultLocked,
            AuthError::Unsignable => Code::InvalidParams,
            AuthError::Crashed => Code::InternalError,
            AuthError::Empty
            | AuthError::Unsendable
            | AuthError::Malformed { .. }
            | AuthError::ForeignEndpoint { .. }
            | AuthError::Rebound => Code::NoCredential,
        };
        let failure = Self::new(code, error.to_string());
        match error {
            AuthError::Refused { status, .. } => Self {
                status: Some(status),
                hint: Some("if the credential was withdrawn, the owner puts in another with `axis add SERVICE --replace`".into()),
                ..failure
            },
            _ => failure,
        }
    }
}

impl From<SelectError> for Failure {
    fn from(error: SelectError) -> Self {
        let code = match &error {
            SelectError::Busy => Code::DaemonUnavailable,
            SelectError::Broken(_) => Code::InternalError,
            _ => Code::InvalidParams,
        };
        Self::new(code, error.to_string())
    }
}

impl From<SelectError> for Refusal {
    fn from(error: SelectError) -> Self {
        Failure::from(error).into()
    }
}

impl From<AuditUnavailable> for Refusal {
    fn from(error: AuditUnavailable) -> Self {
        if let AuditUnavailable::Locked = error {
            // between the credential and the record the owner locked the vault
            return Failure::new(Code::VaultLocked, error.to_string()).into();
        }
        Failure::new(
            Code::AuditUnavailable,
            format!("nothing was sent, since the call can't be put on record: {error}"),
        )
        .hint("the owner runs: axis doctor")
        .into()
    }
}

/// An answer that can't be handed on unread.
pub(super) fn not_to_be_saved(service: &Service, action: &Action) -> Failure {
    Failure::new(
        Code::InvalidParams,
        format!(
            "save_to can't be used with {} {}: only its answer's JSON says whether the call succeeded",
            service.name(),
            action.name()
        ),
    )
    .hint("call without save_to; select makes the answer shorter")
}

/// A body that the owner could not look at.
pub(super) fn not_to_be_shown(service: &Service, action: &Action) -> Failure {
    Failure::new(
        Code::InvalidParams,
        format!(
            "body_file can't be used with {} {} here: the policy asks the owner about each call, and what stands in a file could not be shown",
            service.name(),
            action.name()
        ),
    )
    .hint("put the body into params")
}

/// A vault that doesn't tell what is sealed in it.
pub(super) fn withheld(vault: &Vault) -> Failure {
    let why = match vault.state() {
        VaultState::Locked(why) => why.to_string(),
        // unlocked at this very moment
        VaultState::Absent | VaultState::Unlocked { .. } => "try again".into(),
    };
    Failure::new(Code::VaultLocked, format!("the vault is locked: {why}"))
        .hint("the owner opens it with: axis unlock")
}

/// A vault that can't give the credential `name`.
pub(super) fn no_credential(error: &VaultError, name: &CredentialName) -> Failure {
    match error {
        VaultError::NoCredential { .. } => Failure::new(
            Code::NoCredential,
            format!("the vault holds no credential for {name}"),
        )
        .hint(format!("the owner stores one with: axis add {name}")),
        VaultError::Absent { .. } => Failure::new(Code::VaultLocked, "there is no vault yet")
            .hint("the owner makes one with: axis init"),
        VaultError::Locked(why) => {
            Failure::new(Code::VaultLocked, format!("the vault is locked: {why}"))
                .hint("the owner opens it with: axis unlock")
        }
        other => Failure::new(Code::VaultLocked, other.to_string()),
    }
}

impl From<VendorError> for Failure {
    fn from(error: VendorError) -> Self {
        Self {
            code: Code::UpstreamError,
            message: error.message,
            hint: error.hint,
            status: Some(error.status),
            retry_after_s: None,
        }
    }
}

impl From<UpstreamError> for Failure {
    fn from(error: UpstreamError) -> Self {
        let code = match &error {
            UpstreamError::Timeout { .. }
            | UpstreamError::Stalled { .. }
            | UpstreamError::Unread { .. } => Code::UpstreamTimeout,
            UpstreamError::NotTaken { .. } | UpstreamError::Upload { .. } => Code::Cancelled,
            UpstreamError::TooLarge { .. } => Code::ResponseTooLarge,
            UpstreamError::Unreachable { .. } => Code::UpstreamUnreachable,
            _ => Code::UpstreamError,
        };
        Self::new(code, error.to_string())
    }
}
