//! Step 6: a first call, by the way that an agent's calls take.

use axis_proto::v1::outcome::End;
use axis_proto::v1::{ListActionsRequest, ShowServiceRequest};
use serde_json::Value;
use tokio::time::Instant;

use super::Setup;
use crate::client::ask;
use crate::commands::call;
use crate::failure::Failure;
use crate::output::warn;

/// What the record says of the call.
const WHY: &str = "the first call of axis setup";

/// A call that needs no params and changes nothing.
struct Harmless {
    service: String,
    action: String,
}

impl Setup {
    /// Makes a call that policy allows, needs nothing and changes nothing.
    pub(super) async fn first_call(&mut self) -> Result<(), Failure> {
        let Some(Harmless { service, action }) = self.harmless().await? else {
            return self.note(
                "Nothing is allowed that could be tried without params; agents see what there is with list_actions.",
            );
        };
        let begun = Instant::now();
        let identity = &self.plan.identity;
        let outcome =
            call::execute_simply(&mut self.daemon.broker, identity, &service, &action, WHY).await?;
        let took = begun.elapsed().as_millis();
        match outcome.end {
            Some(End::Success(_)) => {
                self.done(&format!(
                    "{identity} called {service} {action}: answered in {took} ms"
                ))?;
                self.note("The key stayed with axisd; agents get the answer alone.")
            }
            Some(End::Denied(denied)) => {
                warn(&denied.reason);
                self.advise(format!(
                    "See why: axis policy explain {service} {action} --identity {}",
                    self.plan.identity
                ));
                Ok(())
            }
            Some(End::Failed(failed)) => {
                warn(&format!("{service} {action}: {}", failed.message));
                if let Some(hint) = failed.hint {
                    self.note(&hint)?;
                }
                self.advise(format!("Try it again with: axis call {service} {action}"));
                Ok(())
            }
            Some(End::Pending(_)) | None => Ok(()),
        }
    }

    /// The allowed read with the fewest params, of those that require none.
    async fn harmless(&mut self) -> Result<Option<Harmless>, Failure> {
        let listed = ask(self.daemon.broker.list_actions(ListActionsRequest {
            identity: self.plan.identity.clone(),
            service: None,
            action: None,
        }))
        .await?;
        let mut best: Option<(usize, Harmless)> = None;
        for service in listed.services.iter().filter(|it| it.has_credential) {
            let is_candidate = |action: &str| {
                service
                    .actions
                    .iter()
                    .any(|it| it.action == action && it.allowed && !it.ask && it.effect == "read")
            };
            let shown = ask(self.daemon.admin.show_service(ShowServiceRequest {
                service: service.service.clone(),
            }))
            .await?;
            for action in shown.service.unwrap_or_default().actions {
                let schema: Value =
                    serde_json::from_slice(&action.params_schema).unwrap_or_default();
                if !is_candidate(&action.action) || !needs_nothing(&schema) {
                    continue;
                }
                let params = schema["properties"]
                    .as_object()
                    .map_or(0, serde_json::Map::len);
                if best.as_ref().is_none_or(|(fewest, _)| params < *fewest) {
                    let found = Harmless {
                        service: service.service.clone(),
                        action: action.action,
                    };
                    best = Some((params, found));
                }
            }
        }
        Ok(best.map(|(_, found)| found))
    }
}

fn needs_nothing(schema: &Value) -> bool {
    schema["required"].as_array().is_none_or(Vec::is_empty)
}
