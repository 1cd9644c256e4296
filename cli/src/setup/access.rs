//! Step 3: what agents may do with the services that have a key.

use axis_proto::v1::{ListActionsRequest, ServiceActions};

use super::{Access, Setup};
use crate::client::ask;
use crate::commands::allow::{Allow, Effect};
use crate::commands::calls::Calls;
use crate::failure::Failure;
use crate::menu::{self, Choice};
use crate::output::warn;

/// How many actions there are of each kind, and how many are allowed.
#[derive(Default)]
struct Counts {
    reads: usize,
    reads_allowed: usize,
    writes: usize,
    writes_allowed: usize,
    deletes_allowed: usize,
}

impl Counts {
    fn of(actions: &ServiceActions, calls: &Calls) -> Self {
        let mut counts = Self::default();
        // those that send whatever the agent says are no part of "reading"
        let meant = actions.actions.iter().filter(|action| {
            calls
                .actions
                .iter()
                .any(|known| known.name == action.action)
        });
        for action in meant {
            let (all, allowed) = match action.effect.as_str() {
                "read" => (&mut counts.reads, &mut counts.reads_allowed),
                "write" => (&mut counts.writes, &mut counts.writes_allowed),
                _ => (&mut 0, &mut counts.deletes_allowed),
            };
            *all += 1;
            *allowed += usize::from(action.allowed);
        }
        counts
    }

    /// Whether someone has decided on it already.
    fn is_decided(&self) -> bool {
        (self.reads > 0 && self.reads_allowed == self.reads)
            || self.writes_allowed > 0
            || self.deletes_allowed > 0
    }

    fn words(&self) -> String {
        let mut words = Vec::new();
        for (count, what) in [
            (self.reads_allowed, "read"),
            (self.writes_allowed, "write"),
            (self.deletes_allowed, "delete"),
        ] {
            if count > 0 {
                words.push(format!("{count} that {what}"));
            }
        }
        if words.is_empty() {
            "nothing".to_owned()
        } else {
            words.join(", ")
        }
    }
}

impl Setup {
    /// Asks for each service with a key, unless it is decided already.
    pub(super) async fn access(&mut self) -> Result<(), Failure> {
        let listed = ask(self.daemon.broker.list_actions(ListActionsRequest {
            identity: self.plan.identity.clone(),
            service: None,
            action: None,
        }))
        .await?;
        let usable: Vec<ServiceActions> = listed
            .services
            .into_iter()
            .filter(|service| service.has_credential)
            .collect();
        if usable.is_empty() {
            return self.note("Nothing to allow yet: no service has a key.");
        }
        for service in usable {
            self.access_to(&service).await?;
        }
        Ok(())
    }

    async fn access_to(&mut self, service: &ServiceActions) -> Result<(), Failure> {
        let identity = self.plan.identity.clone();
        let calls = Calls::find(&mut self.daemon, &identity, &service.service, &[], false).await?;
        let counts = Counts::of(service, &calls);
        let title = &service.title;
        if counts.is_decided() && self.plan.answers.access.is_none() {
            return self.done(&format!("{identity} may use {title}: {}", counts.words()));
        }
        let access = match self.plan.answers.access {
            Some(access) => access,
            None if !self.plan.asks => Access::Read,
            None => menu::select(
                &format!("What may {identity} do with {title}?"),
                "Deleting is never among it; axis allow says it more exactly",
                choices(&counts),
            )
            .await?
            .unwrap_or(Access::Nothing),
        };
        self.grant(service, access, &counts).await
    }

    async fn grant(
        &mut self,
        service: &ServiceActions,
        access: Access,
        counts: &Counts,
    ) -> Result<(), Failure> {
        let identity = self.plan.identity.clone();
        let rules: &[(&[Effect], bool)] = match access {
            Access::Nothing => &[],
            Access::Read => &[(&[Effect::Read], false)],
            Access::Write => &[(&[Effect::Read, Effect::Write], false)],
            Access::Ask => &[(&[Effect::Read], false), (&[Effect::Write], true)],
        };
        if rules.is_empty() {
            let (title, name) = (&service.title, &service.service);
            self.note(&format!(
                "{identity} may use {title} as before: {}",
                counts.words()
            ))?;
            self.advise(format!(
                "Allow more of {title} with: axis allow {name} ACTION"
            ));
            return Ok(());
        }
        for (effects, asks) in rules {
            let there = effects.iter().any(|effect| match effect {
                Effect::Read => counts.reads > 0,
                Effect::Write => counts.writes > 0,
                Effect::Delete => false,
            });
            if !there {
                continue;
            }
            // a sealed policy is changed with the password, and it is asked for here
            let password = if self.is_sealed().await? {
                Some(self.password().await?)
            } else {
                None
            };
            let allow = Allow::preset(&service.service, &identity, effects, *asks, password);
            if let Err(failure) = allow.run().await {
                let (what, fix) = failure.sentence();
                warn(&what);
                if self.plan.answers.access.is_some() {
                    self.fall_short(&format!("{} is not allowed", service.title));
                }
                let fix = fix.unwrap_or_else(|| "axis policy edit".into());
                self.advise(format!("{} is not allowed yet: {fix}", service.title));
            }
        }
        Ok(())
    }

    async fn is_sealed(&mut self) -> Result<bool, Failure> {
        let shown = ask(self
            .daemon
            .admin
            .show_seal(axis_proto::v1::ShowSealRequest::default()))
        .await?;
        Ok(shown.sealed)
    }
}

fn choices(counts: &Counts) -> Vec<Choice<Access>> {
    let mut choices = vec![Choice::new(
        Access::Read,
        &format!("read ({} actions)", counts.reads),
    )];
    if counts.writes > 0 {
        choices.push(Choice::new(
            Access::Ask,
            &format!(
                "read, and write once you have approved each call ({} more)",
                counts.writes
            ),
        ));
        choices.push(Choice::new(
            Access::Write,
            &format!("read and write ({} actions)", counts.reads + counts.writes),
        ));
    }
    choices.push(Choice::new(
        Access::Nothing,
        &format!("leave it as it is: {}", counts.words()),
    ));
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_decided_on_once_more_than_a_sample_is_allowed() {
        let counts = |reads_allowed, writes_allowed, deletes_allowed| Counts {
            reads: 10,
            reads_allowed,
            writes: 5,
            writes_allowed,
            deletes_allowed,
        };
        assert!(!counts(0, 0, 0).is_decided());
        assert!(!counts(2, 0, 0).is_decided());
        assert!(counts(10, 0, 0).is_decided());
        assert!(counts(0, 1, 0).is_decided());
        assert!(counts(0, 0, 1).is_decided());
        assert_eq!(counts(2, 0, 1).words(), "2 that read, 1 that delete");
        assert_eq!(counts(0, 0, 0).words(), "nothing");
    }
}
