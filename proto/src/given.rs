//! Passwords that a process is given in its environment. They are taken out of
//! it at the very start, value and name, and lie in secret pages from then on:
//! neither `/proc/PID/environ` nor a child of the process shows them any more.
//!
//! Unsetting a variable would leave its text where the kernel put it; only who
//! writes over that text takes it away. Linux lets a process do so through
//! `/proc/self/mem`; on other systems the variables stay, and so they do in a
//! process of a program that its user may not read, which is closed from its
//! start. [`keep_from`] keeps them from children all the same.

#[cfg(unix)]
mod overwriting;

use std::env;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

#[cfg(unix)]
pub(crate) use self::overwriting::{memory, take_out};
use crate::pages::SecretPages;

/// The variables that may hold a password.
pub const VARIABLES: [&str; 3] = [
    "AXIS_MASTER_PASSWORD",
    "AXIS_NEW_MASTER_PASSWORD",
    "AXIS_IMPORT_PASSWORD",
];

static TAKEN: Mutex<Vec<(&'static str, SecretPages)>> = Mutex::new(Vec::new());

/// What the variable held when this process was started, which may be anything;
/// none where it was not set.
#[must_use]
pub fn password(variable: &str) -> Option<Zeroizing<Vec<u8>>> {
    let taken = taken();
    if let Some((_, value)) = taken.iter().find(|(name, _)| *name == variable) {
        return Some(Zeroizing::new(value.bytes().to_vec()));
    }
    drop(taken);
    let value = env::var_os(variable)?;
    Some(Zeroizing::new(value.into_encoded_bytes()))
}

/// The same, for who keeps it from now on.
#[must_use]
pub fn take(variable: &str) -> Option<SecretPages> {
    let mut taken = taken();
    if let Some(at) = taken.iter().position(|(name, _)| *name == variable) {
        return Some(taken.swap_remove(at).1);
    }
    drop(taken);
    let value = Zeroizing::new(env::var_os(variable)?.into_encoded_bytes());
    Some(SecretPages::copy_of(&value))
}

/// Whether the variable was set when this process was started.
#[must_use]
pub fn is_set(variable: &str) -> bool {
    taken().iter().any(|(name, _)| *name == variable) || env::var_os(variable).is_some()
}

/// Keeps the variables from a program that this process is about to start. They
/// are still in its own environment where they couldn't be taken out of it: on
/// systems that don't let it do so, and where the program is one that its user
/// may not read, whose processes are closed to themselves as well.
pub fn keep_from(command: &mut Command) -> &mut Command {
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// Forgets all of them: they have served.
pub fn forget() {
    taken().clear();
}

fn taken() -> MutexGuard<'static, Vec<(&'static str, SecretPages)>> {
    // every change is one step, so a panic leaves nothing half done
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}
