//! The OS keychain, as messages of admin.proto.

use axis_proto::v1;
use tonic::Code;

use crate::keychain::{KeychainError, KeychainStatus};
use crate::owner::Owner;

/// The answer to KeychainStatus.
pub async fn status(owner: &Owner) -> v1::KeychainStatusResponse {
    let KeychainStatus {
        available,
        stored,
        detail,
        fix,
    } = owner.keychain_status().await;
    v1::KeychainStatusResponse {
        available,
        stored,
        detail,
        fix,
        account: owner.keychain.account().to_owned(),
    }
}

/// The kind of error as gRPC has it.
pub fn code_of(error: &KeychainError) -> Code {
    match error {
        KeychainError::Unreachable(_) | KeychainError::Silent { .. } => Code::Unavailable,
        KeychainError::Locked(_)
        | KeychainError::Ambiguous(_)
        | KeychainError::Unreadable
        | KeychainError::NotKept
        | KeychainError::TurnedOff
        | KeychainError::Failed(_) => Code::FailedPrecondition,
    }
}
