//! Identities and their own sockets, as messages of admin.proto.

use std::collections::BTreeMap;

use axis_proto::v1;
use tonic::{Code, Status};

use crate::identities::{IdentityError, Served};
use crate::names::Identity;
use crate::owner::Owner;

/// A name that was sent.
///
/// # Errors
/// It can't be one.
pub fn identity(text: &str) -> Result<Identity, Status> {
    Identity::parse(text).map_err(|error| Status::invalid_argument(error.to_string()))
}

/// The answer to ListIdentities.
pub fn list(owner: &Owner) -> v1::ListIdentitiesResponse {
    let standing = owner.own_sockets.standing();
    let mut identities = BTreeMap::new();
    let named = |identity: &Identity| v1::Identity {
        identity: identity.to_string(),
        ..v1::Identity::default()
    };
    let current = owner.broker.policy.current();
    if let Some(policy) = &current.policy {
        for identity in policy.identities() {
            let listed = v1::Identity {
                in_policy: true,
                own_socket_required: policy.requires_own_socket(identity),
                ..named(identity)
            };
            identities.insert(identity.clone(), listed);
        }
    }
    for served in standing.sockets {
        let identity = served.socket.identity.clone();
        let listed = identities
            .entry(identity)
            .or_insert_with_key(|identity| named(identity));
        listed.socket = Some(own_socket(served));
    }
    v1::ListIdentitiesResponse {
        identities: identities.into_values().collect(),
        sealed: standing.is_sealed,
        broker_socket: owner.paths.sockets.broker().display().to_string(),
    }
}

/// One identity's own socket.
pub fn own_socket(served: Served) -> v1::OwnSocket {
    let created_at = served.socket.created_at;
    v1::OwnSocket {
        directory: served.directory.display().to_string(),
        path: served.path.display().to_string(),
        uid: served.socket.uid,
        created_at: created_at.map(|at| format!("{at:.3}")).unwrap_or_default(),
        problem: served.problem.unwrap_or_default(),
    }
}

/// The kind of error as gRPC has it.
pub fn code_of(error: &IdentityError) -> Code {
    match error {
        IdentityError::Exists { .. } => Code::AlreadyExists,
        IdentityError::Unknown { .. } | IdentityError::OwnUid { .. } => Code::InvalidArgument,
        IdentityError::TooMany
        | IdentityError::Socket(_)
        | IdentityError::Unreadable(_)
        | IdentityError::Unwritable(_) => Code::FailedPrecondition,
    }
}
