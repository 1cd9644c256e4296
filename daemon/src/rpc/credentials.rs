//! What the owner does with credentials and with the password that seals them.

use axis_proto::v1;
use secrecy::SecretString;
use tonic::Status;

use super::status;
use crate::audit::Peer;
use crate::names::CredentialName;
use crate::owner::{Addition, Elsewhere, Owner};

/// The answer to AddCredential.
pub async fn add(
    owner: &Owner,
    request: v1::AddCredentialRequest,
    by: &Peer,
) -> Result<v1::AddCredentialResponse, Status> {
    let password = SecretString::from(request.master_password);
    let secret = SecretString::from(request.secret);
    let name = name(&request.service, &request.label)?;
    let addition = Addition {
        name,
        secret,
        base_url: (!request.base_url.is_empty()).then_some(request.base_url),
        replace: request.replace,
        check: request.check,
        confirmed_host: request.confirmed_host,
        elsewhere: elsewhere(
            request.source,
            request.program,
            request.ttl_s,
            request.confirmed_command,
        ),
    };
    let added = owner.add(password, addition, by).await?;
    Ok(status::added(added))
}

/// The answer to ResolveSource.
pub async fn resolve_source(
    owner: &Owner,
    request: v1::ResolveSourceRequest,
) -> Result<v1::ResolveSourceResponse, Status> {
    let v1::ResolveSourceRequest {
        source,
        program,
        ttl_s,
    } = request;
    let elsewhere = Elsewhere {
        reference: source,
        program: (!program.is_empty()).then_some(program),
        ttl_s,
        confirmed_command: String::new(),
    };
    let proposal = owner.resolve_source(&elsewhere).await?;
    Ok(v1::ResolveSourceResponse {
        command: proposal.command,
        ttl_s: proposal.source.ttl_s,
        warnings: proposal.warnings,
        takes_token: proposal.takes_token,
    })
}

fn elsewhere(
    source: String,
    program: String,
    ttl_s: Option<u64>,
    confirmed_command: String,
) -> Option<Elsewhere> {
    (!source.is_empty()).then(|| Elsewhere {
        reference: source,
        program: (!program.is_empty()).then_some(program),
        ttl_s,
        confirmed_command,
    })
}

/// The answer to RevokeCredential.
pub async fn revoke(
    owner: &Owner,
    request: v1::RevokeCredentialRequest,
    by: &Peer,
) -> Result<v1::RevokeCredentialResponse, Status> {
    let password = SecretString::from(request.master_password);
    let name = name(&request.service, &request.label)?;
    owner.revoke(password, &name, by).await?;
    Ok(v1::RevokeCredentialResponse {
        name: name.to_string(),
    })
}

/// The answer to UndoCredential.
pub async fn undo(
    owner: &Owner,
    request: v1::UndoCredentialRequest,
    by: &Peer,
) -> Result<v1::UndoCredentialResponse, Status> {
    let password = SecretString::from(request.master_password);
    let name = name(&request.service, &request.label)?;
    let undone = owner.undo(password, &name, by).await?;
    let time = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    Ok(v1::UndoCredentialResponse {
        name: name.to_string(),
        hosts: undone.hosts.iter().map(ToString::to_string).collect(),
        stored_at: time(undone.stored_at),
        previous_until: time(undone.previous_until),
    })
}

/// The answer to RotatePassword.
pub async fn rotate(
    owner: &Owner,
    request: v1::RotatePasswordRequest,
    by: &Peer,
) -> Result<v1::RotatePasswordResponse, Status> {
    let old = SecretString::from(request.master_password);
    let new = SecretString::from(request.new_password);
    let rotated = owner.rotate(old, new, by).await?;
    Ok(v1::RotatePasswordResponse {
        credentials: u32::try_from(rotated.credentials).unwrap_or(u32::MAX),
        warnings: rotated.warnings,
    })
}

fn name(service: &str, label: &str) -> Result<CredentialName, Status> {
    CredentialName::parse(service, label)
        .map_err(|error| Status::invalid_argument(error.to_string()))
}
