//! `axis services show`: one service with its actions.

pub mod action;

use axis_proto::v1::{
    PolicyQuestion, Service, ServiceAction, ShowServiceRequest, ShowServiceResponse,
};
use clap::Args;
use serde_json::{Value, json};

use crate::client::{Daemon, ask};
use crate::commands::call::DEFAULT_IDENTITY;
use crate::commands::policy::explain::explain;
use crate::failure::{Exit, Failure};
use crate::output::{Cell, Output, Table, Tone, printable};
use crate::prompt;

/// Show a service with its actions, or one action with its params
///
/// Required params are marked with a star; --json has their whole schemas. With
/// an action it shows each param, an example call, what policy says to it now,
/// and the line that would allow it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  axis services show github\n  axis services show github issues.create\n  axis services show github --json"
)]
pub struct Show {
    /// The service, such as github
    service: String,
    /// One of its actions, such as issues.create
    action: Option<String>,
    /// Whose rights are shown with an action
    #[arg(long, value_name = "NAME", default_value = DEFAULT_IDENTITY)]
    identity: String,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

impl Show {
    /// Shows it.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let shown = ask(daemon.admin.show_service(ShowServiceRequest {
            service: self.service.clone(),
        }))
        .await?;
        let service = shown.service.clone().unwrap_or_default();
        if let Some(action) = &self.action {
            return self
                .show_action(output, &mut daemon, &service, action)
                .await;
        }
        if self.json {
            output.json(&document(&shown, &service))?;
        } else {
            show(output, &shown, &service)?;
        }
        Ok(Exit::Done)
    }
}

impl Show {
    async fn show_action(
        &self,
        output: Output,
        daemon: &mut Daemon,
        service: &Service,
        action: &str,
    ) -> Result<Exit, Failure> {
        let question = PolicyQuestion {
            identity: self.identity.clone(),
            service: service.service.clone(),
            action: action.to_owned(),
            params: None,
            own_socket: None,
        };
        let said = explain(daemon, None, vec![question]).await?;
        let said = said.into_iter().next().unwrap_or_default();
        let found = service
            .actions
            .iter()
            .find(|known| known.action.eq_ignore_ascii_case(action));
        let Some(found) = found else {
            // axisd names the nearest
            let unknown = format!("{} has no action {action:?}", service.service);
            return Err(Failure::new(Exit::Usage, said.error.unwrap_or(unknown))
                .fix(format!("axis services show {}", service.service)));
        };
        let shown = action::Shown {
            service,
            action: found,
            identity: &self.identity,
            said: &said,
        };
        if self.json {
            output.json(&shown.document())?;
        } else {
            shown.print(output)?;
        }
        Ok(Exit::Done)
    }
}

fn document(shown: &ShowServiceResponse, service: &Service) -> Value {
    let actions: Vec<Value> = service
        .actions
        .iter()
        .map(|action| {
            json!({
                "action": action.action,
                "effect": action.effect,
                "route": action.route,
                "params": schema(action),
            })
        })
        .collect();
    json!({
        "service": service.service,
        "title": service.title,
        "base_url": service.base_url,
        "auth": service.auth,
        "file": Some(&service.file).filter(|file| !file.is_empty()),
        "credential": shown.credential_prompt,
        "actions": actions,
    })
}

fn schema(action: &ServiceAction) -> Value {
    serde_json::from_slice(&action.params_schema).unwrap_or_default()
}

fn show(output: Output, shown: &ShowServiceResponse, service: &Service) -> Result<(), Failure> {
    let defined_in = match service.file.as_str() {
        "" => "built in",
        file => file,
    };
    output.line(output.paint(Tone::Strong, &printable(&service.title)))?;
    for (name, value) in [
        ("service", service.service.as_str()),
        ("base url", &service.base_url),
        ("auth", &service.auth),
        ("credential", &shown.credential_prompt),
        ("defined in", defined_in),
    ] {
        output.line(format_args!("  {name:<11} {}", printable(value)))?;
    }
    output.line("")?;
    let rows: Vec<Vec<Cell>> = service
        .actions
        .iter()
        .map(|action| {
            let tone = match action.effect.as_str() {
                "read" => Tone::Good,
                "delete" => Tone::Bad,
                _ => Tone::Warn,
            };
            vec![
                Cell::new(Tone::Strong, &action.action),
                Cell::new(tone, &action.effect),
                Cell::plain(&action.route),
                Cell::plain(&params(&schema(action))),
            ]
        })
        .collect();
    Table::new(&["ACTION", "EFFECT", "REQUEST", "PARAMS"]).print(output, &rows)
}

/// The names of the params, required ones first and with a star.
fn params(schema: &Value) -> String {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let all = schema["properties"].as_object().into_iter().flatten();
    let optional = all
        .map(|(name, _)| name.as_str())
        .filter(|name| !required.contains(name));
    let starred = required.iter().map(|name| format!("{name}*"));
    let names: Vec<String> = starred.chain(optional.map(str::to_owned)).collect();
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_params_come_first_and_have_a_star() {
        let schema = json!({"properties": {"a": {}, "b": {}, "c": {}}, "required": ["b"]});
        assert_eq!(params(&schema), "b* a c");
        assert_eq!(params(&json!({})), "");
    }
}
