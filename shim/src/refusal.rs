//! What a question to axisd that got no answer means: whether anything was
//! sent, and what can be said of it.

use std::error::Error as _;
use std::io;

use axis_proto::v1::Outcome;
use axis_proto::v1::outcome::End;
use tonic::{Code, Status};

use crate::answer::Failure;

/// Why a question has no answer.
pub enum Refusal {
    /// It could not be asked.
    Launch(Failure),
    /// axisd, or the way to it, said no.
    Status(Status),
}

/// Whether the vault must be unlocked first.
pub fn is_vault_locked(outcome: &Result<Outcome, Failure>) -> bool {
    matches!(
        outcome,
        Ok(Outcome { end: Some(End::Failed(failed)), .. }) if failed.code == "vault_locked"
    )
}

/// Where the socket should be is not known, or no place for one.
pub fn no_socket(problem: String) -> Failure {
    Failure::new("daemon_unavailable", problem)
}

/// Nobody on this side can tell whether it was sent.
pub fn lost() -> Failure {
    Failure::new(
        "daemon_unavailable",
        "the connection to axisd broke off in mid-call: the call may or may not have reached the upstream",
    )
    .with_hint("`axis logs` knows whether it was sent; look before you repeat it.")
}

/// Whether no connection could be made: then nothing was sent either.
pub fn not_connected(status: &Status) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
    status.code() == Code::Unavailable
        && io_error(status)
            .is_some_and(|kind| matches!(kind, NotFound | ConnectionRefused | PermissionDenied))
}

/// Whether there is a socket that this user may not open.
pub fn is_forbidden(status: &Status) -> bool {
    io_error(status) == Some(io::ErrorKind::PermissionDenied)
}

fn io_error(status: &Status) -> Option<io::ErrorKind> {
    let mut cause = status.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}
