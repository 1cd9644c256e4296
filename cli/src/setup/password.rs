//! The master password during a setup: typed twice or made up, and asked for
//! only when a step needs it.

use axis_proto::v1::VerifyPasswordRequest;
use secrecy::{ExposeSecret, SecretString};
use tonic::Code;

use super::Setup;
use crate::client::within_time;
use crate::failure::{Exit, Failure};
use crate::menu::{self, Choice};
use crate::output::warn;
use crate::prompt;

/// How often a password may be typed wrong.
const ATTEMPTS: usize = 3;

/// The letters of a password that is made up: none that looks like another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Groups of letters in it, and letters in a group: 5 bits each, 125 in all.
const GROUPS: usize = 5;
const GROUP: usize = 5;

/// How a new password comes about.
#[derive(Clone, Copy)]
enum Origin {
    Typed,
    Generated,
}

impl Setup {
    /// The master password, known to be right.
    pub(super) async fn password(&mut self) -> Result<SecretString, Failure> {
        if let Some(password) = &self.password {
            return Ok(password.clone());
        }
        let given = prompt::password_from_environment()?;
        let can_ask_again = given.is_none() && self.plan.asks;
        for attempt in 1..=ATTEMPTS {
            let password = match &given {
                Some(password) => password.clone(),
                None => self.ask_password().await?,
            };
            let request = VerifyPasswordRequest {
                master_password: password.expose_secret().to_owned(),
            };
            match within_time(self.daemon.admin.verify_password(request)).await? {
                Ok(_) => {
                    self.password = Some(password.clone());
                    return Ok(password);
                }
                Err(status)
                    if status.code() == Code::PermissionDenied
                        && can_ask_again
                        && attempt < ATTEMPTS =>
                {
                    warn(status.message());
                }
                Err(status) => return Err(status.into()),
            }
        }
        Err(Failure::cancelled())
    }

    pub(super) async fn ask_password(&self) -> Result<SecretString, Failure> {
        if !self.plan.asks {
            return Err(no_password());
        }
        let help = "The one that this vault was made with; Esc ends the setup";
        let typed = menu::masked("Master password:", help).await?;
        typed.ok_or_else(Failure::cancelled)
    }

    /// A new master password.
    pub(super) async fn new_password(&mut self) -> Result<SecretString, Failure> {
        if let Some(password) = prompt::password_from_environment()? {
            prompt::check_length(&password)?;
            self.note("The master password is the one in AXIS_MASTER_PASSWORD.")?;
            warn_if_weak(&password);
            return Ok(password);
        }
        if !self.plan.asks && !self.plan.generates_password {
            return Err(no_password());
        }
        let origin = if self.plan.generates_password {
            Origin::Generated
        } else {
            menu::select(
                "How do you want to set the master password?",
                "Arrows and Enter; nobody can recover a forgotten one",
                vec![
                    Choice::new(
                        Origin::Typed,
                        "type one (you are asked for it again when it counts)",
                    ),
                    Choice::new(Origin::Generated, "make one up, and show it once"),
                ],
            )
            .await?
            .ok_or_else(Failure::cancelled)?
        };
        match origin {
            Origin::Typed => self.type_new_password().await,
            Origin::Generated => self.make_password_up().await,
        }
    }

    async fn type_new_password(&self) -> Result<SecretString, Failure> {
        for attempt in 1..=ATTEMPTS {
            let help = "At least 8 characters; a few random words are best";
            let typed = menu::masked("New master password:", help).await?;
            let password = typed.ok_or_else(Failure::cancelled)?;
            let mut fault = prompt::check_length(&password).err();
            if fault.is_none() {
                if let Some(reason) = prompt::weakness(&password) {
                    warn(&format!("this master password is weak: {reason}"));
                    if !menu::confirm("Take it all the same?", "", false).await? {
                        continue;
                    }
                } else {
                    self.done("a strong one")?;
                }
                let again = menu::masked("The same again:", "").await?;
                let again = again.ok_or_else(Failure::cancelled)?;
                if again.expose_secret() == password.expose_secret() {
                    return Ok(password);
                }
                fault = Some(Failure::new(Exit::Usage, "the two passwords differ"));
            }
            if let Some(fault) = fault {
                if attempt == ATTEMPTS {
                    return Err(fault);
                }
                warn(&fault.sentence().0);
            }
        }
        Err(Failure::cancelled())
    }

    async fn make_password_up(&self) -> Result<SecretString, Failure> {
        let password = generated()?;
        if self.plan.asks {
            let lines = format!(
                "The master password of your vault:\n\n    {}\n\nKeep it in your password manager; nobody can recover it.\n\n",
                password.expose_secret()
            );
            menu::on_another_screen(&lines, "Is it kept?").await?;
        } else {
            // a script has nowhere else to get it from
            self.output.line(format_args!(
                "  master password  {}",
                password.expose_secret()
            ))?;
            self.note("It isn't shown again, and nobody can recover it.")?;
        }
        Ok(password)
    }
}

fn warn_if_weak(password: &SecretString) {
    if let Some(reason) = prompt::weakness(password) {
        warn(&format!("this master password is weak: {reason}"));
    }
}

fn no_password() -> Failure {
    Failure::new(Exit::Usage, "there is no master password")
        .fix("set AXIS_MASTER_PASSWORD, or run the setup in a terminal without --yes")
}

/// A password of 125 random bits.
fn generated() -> Result<SecretString, Failure> {
    let mut random = zeroize::Zeroizing::new([0_u8; GROUPS * GROUP]);
    getrandom::fill(random.as_mut_slice()).map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("the system gives no random numbers: {error}"),
        )
    })?;
    let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
    let groups: Vec<String> = random
        .chunks(GROUP)
        .map(|group| group.iter().map(letter).collect())
        .collect();
    Ok(SecretString::from(groups.join("-")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_password_that_is_made_up_is_strong_and_never_the_same() {
        let mut seen = BTreeSet::new();
        for _ in 0..50 {
            let password = generated().unwrap();
            assert!(prompt::weakness(&password).is_none());
            let text = password.expose_secret().to_owned();
            assert_eq!(text.len(), GROUPS * GROUP + GROUPS - 1);
            let is_known = |byte| byte == b'-' || LETTERS.contains(&byte);
            assert!(text.bytes().all(is_known), "{text}");
            assert!(seen.insert(text));
        }
    }
}
