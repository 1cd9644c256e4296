//! Domain values as messages of admin.proto.

use axis_proto::v1;
use tonic::Code;

use crate::audit::Peer;
use crate::broker::USES_DAYS;
use crate::doctor::{self, State};
use crate::owner::checking::Verdict;
use crate::owner::{Added, Owner};
use crate::vault::{VaultError, VaultState, WhyLocked};

/// The answer to Status.
pub fn of(owner: &Owner) -> v1::StatusResponse {
    let broker = &owner.broker;
    let policy = broker.policy.current();
    let catalogue = broker.services.catalogue();
    let audit = broker.audit.status();
    v1::StatusResponse {
        version: axis_proto::VERSION.into(),
        pid: std::process::id(),
        uptime_s: owner.uptime().as_secs(),
        vault: Some(vault(owner)),
        policy: Some(v1::PolicyStatus {
            path: owner.paths.policy.display().to_string(),
            loaded: policy.policy.is_some() && !broker.is_withheld(),
            rules: policy
                .policy
                .as_ref()
                .map_or(0, |policy| count(policy.rule_count())),
            error: policy.error.as_ref().map(ToString::to_string),
        }),
        audit: Some(v1::AuditStatus {
            path: audit.path.display().to_string(),
            writable: audit.writable,
            next_seq: audit.next_seq,
            warnings: audit.warnings,
        }),
        socket_dir: owner.paths.sockets.path().display().to_string(),
        calls_in_flight: u32::try_from(broker.in_flight()).unwrap_or(u32::MAX),
        approvals_waiting: count(broker.approvals.open().len()),
        seal: Some(super::seal::status(owner)),
        started_by: owner.started_by.as_str().into(),
        services: count(catalogue.services().count()),
        actions: count(
            catalogue
                .services()
                .map(|service| service.actions().count())
                .sum(),
        ),
    }
}

fn vault(owner: &Owner) -> v1::VaultStatus {
    use v1::vault_status::State as Wire;
    let vault = &owner.broker.vault;
    let (state, generation, detail) = match vault.state() {
        VaultState::Absent => (
            Wire::Absent,
            None,
            "there is no keystore yet: axis init".to_owned(),
        ),
        VaultState::Locked(WhyLocked::NeverUnlocked) => (
            Wire::Locked,
            None,
            owner
                .keychain_trouble()
                .unwrap_or_else(|| WhyLocked::NeverUnlocked.to_string()),
        ),
        VaultState::Locked(why) => (Wire::Locked, None, why.to_string()),
        VaultState::Unlocked { generation, .. } => {
            (Wire::Unlocked, Some(generation), String::new())
        }
    };
    v1::VaultStatus {
        state: state.into(),
        path: owner.paths.keystore.display().to_string(),
        credentials: count(vault.names().len()),
        generation,
        detail,
    }
}

/// The answer to ListCredentials.
pub fn credentials(owner: &Owner) -> v1::ListCredentialsResponse {
    let vault = &owner.broker.vault;
    let uses = &owner.broker.uses;
    v1::ListCredentialsResponse {
        unused_days: uses
            .are_complete()
            .then(|| u32::try_from(USES_DAYS).unwrap_or(u32::MAX)),
        unlocked: matches!(vault.state(), VaultState::Unlocked { .. }),
        credentials: vault
            .list()
            .into_iter()
            .map(|summary| v1::Credential {
                service: summary.name.service.to_string(),
                label: summary
                    .name
                    .label
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                name: summary.name.to_string(),
                hosts: summary.hosts.iter().map(ToString::to_string).collect(),
                created_at: summary.created_at.to_string(),
                updated_at: summary.updated_at.to_string(),
                source: summary.source.unwrap_or_default(),
                base_url: summary
                    .base_url
                    .map(|it| it.to_string())
                    .unwrap_or_default(),
                last_used_at: uses.of(&summary.name).map(|at| at.to_string()),
                previous_until: summary.previous_until.map(|until| until.to_string()),
            })
            .collect(),
    }
}

/// The answer to AddCredential.
pub fn added(added: Added) -> v1::AddCredentialResponse {
    let service = &added.name.service;
    let mut warnings = added.warnings;
    let mut checked = None;
    let verdict = match added.verdict {
        None => v1::Verdict::Unspecified,
        Some(Verdict::Accepted { said, .. }) => {
            checked = Some(said);
            v1::Verdict::Accepted
        }
        Some(Verdict::Refused { said }) => {
            warnings.push(format!(
                "{said}: it was stored; put the right one in its place with: axis add {service} --replace"
            ));
            v1::Verdict::Refused
        }
        Some(Verdict::Unknown { why }) => {
            warnings.push(format!("it was stored unchecked: {why}"));
            v1::Verdict::Unknown
        }
    };
    v1::AddCredentialResponse {
        name: added.name.to_string(),
        hosts: added.hosts.iter().map(ToString::to_string).collect(),
        replaced: added.replaced,
        warnings,
        checked,
        verdict: verdict.into(),
    }
}

/// The answer to Doctor.
pub async fn doctor(owner: &Owner, online: bool, by: &Peer) -> v1::DoctorResponse {
    use v1::check::State as Wire;
    let report = doctor::examine(owner, doctor::Questions { online, by }).await;
    v1::DoctorResponse {
        level: report.level.number(),
        checks: report
            .checks
            .into_iter()
            .map(|check| v1::Check {
                name: check.name.into(),
                state: match check.state {
                    State::Ok => Wire::Ok,
                    State::Warn => Wire::Warn,
                    State::Fail => Wire::Fail,
                }
                .into(),
                message: check.message,
                fix: check.fix,
                close: check
                    .close
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect(),
            })
            .collect(),
    }
}

/// The gRPC status code that admin.proto gives a fault of the vault.
pub fn code_of(error: &VaultError) -> Code {
    match error {
        VaultError::WrongPassword => Code::PermissionDenied,
        VaultError::Rotated => Code::Aborted,
        VaultError::NoCredential { .. }
        | VaultError::NothingToUndo { .. }
        | VaultError::UndoExpired { .. } => Code::NotFound,
        VaultError::KeystoreExists { .. } | VaultError::CredentialExists { .. } => {
            Code::AlreadyExists
        }
        VaultError::PasswordTooShort { .. }
        | VaultError::PasswordTooLong
        | VaultError::SamePassword
        | VaultError::EmptySecret { .. }
        | VaultError::SecretTooLong { .. }
        | VaultError::NoHost { .. } => Code::InvalidArgument,
        VaultError::TooManyAttempts => Code::ResourceExhausted,
        _ => Code::FailedPrecondition,
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
