//! Calls that wait for the owner, as messages of admin.proto.

use axis_proto::v1;
use secrecy::SecretString;

use crate::approvals::{ApprovalId, Grant, Open, Question};
use crate::audit::Peer;
use crate::broker::Broker;
use crate::owner::{Owner, OwnerError};

/// What waits now, and which grants are in force.
pub fn now(broker: &Broker) -> v1::WatchApprovalsResponse {
    let waiting = broker.approvals.open().into_iter().map(|open| {
        let Open {
            id,
            question,
            asked_at,
            expires_at,
        } = open;
        v1::Approval {
            id: id.to_string(),
            asked_at: format!("{asked_at:.3}"),
            expires_at: format!("{expires_at:.3}"),
            ..approval(&question)
        }
    });
    let grants = broker.approvals.grants().into_iter().map(|grant| {
        let Grant {
            id,
            question,
            until,
            ..
        } = grant;
        v1::Grant {
            id: id.to_string(),
            identity: question.identity.to_string(),
            service: question.service.to_string(),
            action: question.action.clone(),
            credential: question.credential.to_string(),
            until: format!("{until:.0}"),
        }
    });
    v1::WatchApprovalsResponse {
        waiting: waiting.collect(),
        grants: grants.collect(),
    }
}

/// The answer to Approve.
pub async fn approve(
    owner: &Owner,
    request: v1::ApproveRequest,
    by: &Peer,
) -> Result<v1::ApproveResponse, OwnerError> {
    let password = SecretString::from(request.master_password);
    let ids = ids(&request.ids);
    let approved = owner.approve(password, &ids, request.lasts_s, by).await?;
    let approved = ids
        .iter()
        .zip(&approved)
        .map(|(id, question)| v1::Approval {
            id: id.to_string(),
            ..approval(question)
        });
    Ok(v1::ApproveResponse {
        approved: approved.collect(),
    })
}

/// The answer to Reject.
pub fn reject(
    owner: &Owner,
    request: &v1::RejectRequest,
    by: &Peer,
) -> Result<v1::RejectResponse, OwnerError> {
    let rejected = owner.reject(&ids(&request.ids), &request.reason, by)?;
    Ok(v1::RejectResponse {
        rejected: u32::try_from(rejected).unwrap_or(u32::MAX),
    })
}

/// Each once: an id that is written twice is meant once.
fn ids(texts: &[String]) -> Vec<ApprovalId> {
    let mut ids: Vec<ApprovalId> = Vec::with_capacity(texts.len());
    for text in texts {
        let id = ApprovalId::typed(text);
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

fn approval(question: &Question) -> v1::Approval {
    v1::Approval {
        identity: question.identity.to_string(),
        own_socket: question.own_socket,
        service: question.service.to_string(),
        action: question.action.clone(),
        effect: question.effect.to_owned(),
        justification: question.justification.clone(),
        params: question.params.clone(),
        credential: question.credential.to_string(),
        method: question.method.clone(),
        host: question.host.clone(),
        target: question.target.clone(),
        peer_uid: question.peer.uid,
        peer_pid: question.peer.pid,
        peer_exe: question.peer.exe.as_deref().unwrap_or_default().to_owned(),
        ..v1::Approval::default()
    }
}
