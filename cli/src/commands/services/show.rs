//! `axis services show`: one service with its actions.

use axis_proto::v1::{Service, ServiceAction, ShowServiceRequest, ShowServiceResponse};
use clap::Args;
use serde_json::{Value, json};

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Cell, Output, Table, Tone, printable};
use crate::prompt;

/// Show a service with its actions and their params
///
/// Required params are marked with a star; --json has their whole schemas.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  axis services show github\n  axis services show github --json"
)]
pub struct Show {
    /// The service, such as github
    service: String,
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
            service: self.service,
        }))
        .await?;
        let service = shown.service.clone().unwrap_or_default();
        if self.json {
            output.json(&document(&shown, &service))?;
        } else {
            show(output, &shown, &service)?;
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
