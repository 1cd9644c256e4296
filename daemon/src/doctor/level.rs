//! The isolation level of docs/security.md that this axisd is at, and what the
//! next one takes.

use axis_proto::shell;
use axis_proto::system::{self, own_user};

use super::{Check, State, account, ok, warn};
use crate::keychain::KeychainStatus;
use crate::owner::{OpenedBy, Owner};
use crate::supervision::StartedBy;

/// How far an agent is kept from Axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Same user, and a program of that user can get at the master password or
    /// at what counts.
    SameUser,
    /// Same user; the password is typed, axisd is started by the service manager
    /// and the policy is sealed.
    TypedPassword,
    /// Each identity with rights is served on its own socket alone, so that its
    /// agent can be in a sandbox that sees no more than that.
    Sandboxed,
    /// The system starts axisd as a user of its own, as whom no agent runs.
    OwnUser,
}

impl Level {
    /// Its number, 1 to 4.
    pub fn number(self) -> u32 {
        match self {
            Self::SameUser => 1,
            Self::TypedPassword => 2,
            Self::Sandboxed => 3,
            Self::OwnUser => 4,
        }
    }
}

/// What the level follows from.
pub struct Footing {
    /// Nobody logs in as the user that axisd runs as.
    is_service_account: bool,
    is_sealed: bool,
    opened_by: Option<OpenedBy>,
    started_by: StartedBy,
    keychain: KeychainStatus,
    /// An identity with rights that anyone can claim on the general socket.
    claimable: Option<String>,
    /// How many identities have a socket of their own.
    own_sockets: usize,
    /// How many of those are for another user than axisd's.
    for_others: usize,
}

impl Footing {
    /// Looks, and asks the keychain.
    pub async fn of(owner: &Owner) -> Self {
        let standing = owner.own_sockets.standing();
        Self {
            is_service_account: system::TELLS_RIGHTS && account::is_of_a_service(own_user()),
            is_sealed: owner.sealing.standing().is_sealed,
            opened_by: owner.opened_by(),
            started_by: owner.started_by,
            keychain: owner.keychain_status().await,
            claimable: owner
                .broker
                .policy
                .current()
                .policy
                .as_ref()
                .and_then(|policy| policy.claimable().map(ToString::to_string)),
            own_sockets: if standing.is_sealed {
                standing.sockets.len()
            } else {
                0
            },
            for_others: (standing.sockets.iter())
                .filter(|served| served.socket.uid.is_some())
                .count(),
        }
    }

    /// The level.
    pub fn level(&self) -> Level {
        if self.is_service_account && self.started_by == StartedBy::System {
            Level::OwnUser
        } else if self.is_sealed && self.own_sockets > 0 && self.claimable.is_none() {
            Level::Sandboxed
        } else if self.missing_for_typed().is_empty() {
            Level::TypedPassword
        } else {
            Level::SameUser
        }
    }

    /// The level as a check, with what the next one takes.
    pub fn check(&self) -> Check {
        match self.level() {
            Level::SameUser => {
                let missing = self.missing_for_typed();
                let (why, fix): (Vec<_>, Vec<_>) = missing.into_iter().unzip();
                warn(
                    "level",
                    format!(
                        "1 of 4: it stops leaks and accidents, not a hostile program of this user: {}",
                        why.join("; ")
                    ),
                    fix.join("\n"),
                )
            }
            Level::TypedPassword => {
                let (why, fix) = match self.claimable.as_deref() {
                    Some("*") => (
                        "the policy allows something to any program of this user".to_owned(),
                        "`socket: required` in the policy's entry for \"*\", and an own socket for each agent: axis identity add NAME".to_owned(),
                    ),
                    Some(identity) => (
                        format!("any program of this user can still act as {identity}"),
                        format!(
                            "axis identity add {}, `socket: required` in its entry of the policy, and only that directory in the agent's sandbox",
                            shell::word(identity)
                        ),
                    ),
                    None => (
                        "no identity has a socket of its own".to_owned(),
                        "axis identity add NAME".to_owned(),
                    ),
                };
                Check {
                    fix,
                    ..ok(
                        "level",
                        format!("2 of 4: the password is typed, and the policy sealed; {why}"),
                    )
                }
            }
            Level::Sandboxed => ok(
                "level",
                "3 of 4, where each agent's sandbox has its own socket's directory and nothing else of Axis: what policy allows is all that it can do",
            ),
            Level::OwnUser if self.for_others == 0 => Check {
                fix: "axis identity add NAME --uid UID, with the uid that the agent runs as"
                    .to_owned(),
                ..ok(
                    "level",
                    "4 of 4: axisd is a user of its own; no agent can connect before its identity has a socket for its user",
                )
            },
            Level::OwnUser => ok(
                "level",
                "4 of 4: axisd is a user of its own: what policy allows is all that agents can do, unless they may become that user or root",
            ),
        }
    }

    fn is_started_by_manager(&self) -> bool {
        matches!(
            self.started_by,
            StartedBy::Systemd | StartedBy::System | StartedBy::Launchd
        )
    }

    /// The checks of what it follows from.
    pub fn checks(&self) -> Vec<Check> {
        vec![self.service(), self.keychain(), self.password()]
    }

    fn service(&self) -> Check {
        match self.started_by {
            StartedBy::Systemd | StartedBy::Launchd => ok(
                "service",
                format!("axisd was started by {}", self.started_by.as_str()),
            ),
            StartedBy::System => ok("service", "axisd was started by the system's systemd"),
            StartedBy::Client => warn(
                "service",
                "axisd was started by a client, in that one's session and with its rights",
                "axis daemon install",
            ),
            StartedBy::Hand => warn(
                "service",
                "axisd was started by hand: after a restart of the machine the first call starts it",
                "axis daemon install",
            ),
        }
    }

    fn keychain(&self) -> Check {
        let keychain = &self.keychain;
        if keychain.stored {
            let state = if keychain.fix.is_empty() {
                State::Ok
            } else {
                State::Warn
            };
            return Check {
                state,
                fix: keychain.fix.clone(),
                ..ok("keychain", keychain.detail.clone())
            };
        }
        ok(
            "keychain",
            format!("it doesn't keep the master password: {}", keychain.detail),
        )
    }

    fn password(&self) -> Check {
        match self.opened_by {
            None => ok(
                "password",
                "nobody has opened the vault since axisd's start",
            ),
            Some(OpenedBy::Owner) => ok("password", "the vault was opened by its owner's command"),
            Some(OpenedBy::Keychain) => ok("password", "the vault was opened from the OS keychain"),
            Some(OpenedBy::Start) if self.level() == Level::OwnUser => ok(
                "password",
                "the vault was opened by a password that stood ready at the start, for axisd's own user and root alone",
            ),
            Some(OpenedBy::Start) => warn(
                "password",
                "the vault was opened by a password that stood ready at the start: where an agent of this user can read that place, it can read the password",
                "take it out of that environment, and type it: axis unlock",
            ),
            Some(OpenedBy::Shim) => warn(
                "password",
                "the vault was opened by an MCP shim: AXIS_MASTER_PASSWORD stands in its host's configuration, where an agent of this user can read it",
                "axis hosts list names the file; then axis lock and axis unlock",
            ),
        }
    }

    /// What keeps this from level 2, each with the command that mends it.
    fn missing_for_typed(&self) -> Vec<(&'static str, &'static str)> {
        let mut missing = Vec::new();
        if !self.is_sealed {
            missing.push(("the policy is not sealed", "axis policy seal"));
        }
        if self.keychain.stored {
            missing.push((
                "the keychain gives the password to any program of this user",
                "axis keychain delete",
            ));
        }
        if matches!(self.opened_by, Some(OpenedBy::Start | OpenedBy::Shim)) {
            missing.push((
                "the password stood where a program can read it",
                "axis lock, then axis unlock",
            ));
        }
        if !self.is_started_by_manager() {
            missing.push(("no service manager starts axisd", "axis daemon install"));
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footing() -> Footing {
        Footing {
            is_service_account: false,
            is_sealed: true,
            opened_by: Some(OpenedBy::Owner),
            started_by: StartedBy::Systemd,
            keychain: KeychainStatus {
                available: true,
                stored: false,
                detail: "it is empty".into(),
                fix: String::new(),
            },
            claimable: Some("local-dev".into()),
            own_sockets: 0,
            for_others: 0,
        }
    }

    #[test]
    fn a_typed_password_a_sealed_policy_and_a_service_make_level_2() {
        assert_eq!(footing().level(), Level::TypedPassword);
        let check = footing().check();
        assert_eq!(check.state, State::Ok);
        assert!(
            check.fix.contains("axis identity add local-dev"),
            "{check:?}"
        );
    }

    #[test]
    fn each_thing_that_a_program_of_the_user_can_use_makes_it_level_1_and_is_named() {
        type Spoil = fn(&mut Footing);
        let cases: [(Spoil, &str); 5] = [
            (|it| it.is_sealed = false, "axis policy seal"),
            (|it| it.keychain.stored = true, "axis keychain delete"),
            (|it| it.opened_by = Some(OpenedBy::Start), "axis unlock"),
            (|it| it.opened_by = Some(OpenedBy::Shim), "axis unlock"),
            (
                |it| it.started_by = StartedBy::Client,
                "axis daemon install",
            ),
        ];
        for (spoil, fix) in cases {
            let mut footing = footing();
            spoil(&mut footing);
            assert_eq!(footing.level(), Level::SameUser, "{fix}");
            let check = footing.check();
            assert_eq!(check.state, State::Warn);
            assert!(check.fix.contains(fix), "{check:?}");
        }
    }

    #[test]
    fn own_sockets_for_all_make_level_3() {
        let mut sandboxed = Footing {
            claimable: None,
            own_sockets: 1,
            ..footing()
        };
        assert_eq!(sandboxed.level(), Level::Sandboxed);
        sandboxed.is_sealed = false;
        assert_eq!(sandboxed.level(), Level::SameUser);
    }

    #[test]
    fn a_service_account_that_the_system_starts_makes_level_4_and_no_agents_one_does() {
        let mut own_user = Footing {
            is_service_account: true,
            started_by: StartedBy::System,
            is_sealed: false,
            opened_by: Some(OpenedBy::Start),
            ..footing()
        };
        assert_eq!(own_user.level(), Level::OwnUser);
        let check = own_user.check();
        assert!(check.fix.contains("--uid"), "{check:?}");
        assert_eq!(own_user.password().state, State::Ok);
        own_user.for_others = 1;
        assert_eq!(own_user.check().fix, "");
        // an agent that runs as www-data starts axisd as itself, or has it started
        for by in [StartedBy::Client, StartedBy::Systemd, StartedBy::Hand] {
            own_user.started_by = by;
            assert_eq!(own_user.level(), Level::SameUser, "{by:?}");
        }
    }
}
