//! The two tools as a host lists them: plain schemas that every known host
//! takes, and a description that says what this identity may do now.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use axis_proto::MAX_JUSTIFICATION_CHARS;
use axis_proto::v1::{ActionSummary, ListActionsResponse, ServiceActions};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

use crate::files::Reach;

/// The tool that calls a service.
pub const EXECUTE_ACTION: &str = "execute_action";
/// The tool that tells what may be called.
pub const LIST_ACTIONS: &str = "list_actions";

/// How long the list of actions in a description may get, in characters:
/// about 1,000 tokens, so that both tools have at most 1,500.
const MAX_LIST_CHARS: usize = 3600;

/// What is known when the tools are listed.
pub enum Knowledge {
    /// axisd's answer, and whether the vault is locked.
    Actions {
        /// Who asks, and what that one may do.
        actions: ListActionsResponse,
        /// Whether every call will fail until the owner unlocks the vault.
        vault_locked: bool,
    },
    /// Nothing yet: axisd is being started.
    Nothing,
    /// What keeps the shim from asking, in words.
    Problem(String),
}

/// Both tools, for an agent whose files may lie in `files`.
pub fn tools(knowledge: &Knowledge, files: &Reach) -> Vec<Tool> {
    vec![execute_action(knowledge, files), list_actions()]
}

fn execute_action(knowledge: &Knowledge, files: &Reach) -> Tool {
    let description = format!(
        "Calls one action of a service (an API such as GitHub's) with a credential that stays in the owner's vault. \
         Answers {{\"ok\":true,\"result\":…}}; {{\"denied\":true,\"reason\":…}} is the owner's policy speaking, not the service: don't retry it unchanged. \
         list_actions with service and action shows an action's params and an example.\n{}",
        known(knowledge)
    );
    let mut properties = json!({
        "service": {"type": "string", "description": "The service's name, for example github"},
        "action": {"type": "string", "description": "The action's name, for example repos.get"},
        "justification": {"type": "string", "description": format!("Why this call is needed, in 1 to {MAX_JUSTIFICATION_CHARS} characters; the owner reads it in the audit log")},
        "params": {"type": "object", "description": "The action's params; {} for none"},
        "select": {"type": "string", "description": "A jq expression over the result, such as .[0] | {id, title}: only its output comes back (several outputs as an array)"},
    });
    if !files.is_nowhere() {
        let file = match files.directory() {
            Some(directory) => format!(
                "Path of a file in {} (no name in it begins with a dot)",
                directory.display()
            ),
            None => "Path of a file".to_owned(),
        };
        properties["save_to"] = json!({"type": "string", "description": format!("{file} that the answer's body is written to, of any size; one that is there is replaced. The result is {{path, size, sha256}}")});
        properties["body_file"] = json!({"type": "string", "description": format!("{file} that is sent as the body, for actions that upload")});
    }
    Tool::new(
        EXECUTE_ACTION,
        description,
        schema(json!({
            "type": "object",
            "properties": properties,
            "required": ["service", "action", "justification", "params"],
        })),
    )
    .annotate(ToolAnnotations::from_raw(
        Some("Call a service through Axis".to_owned()),
        Some(false),
        Some(true),
        Some(false),
        Some(true),
    ))
}

fn list_actions() -> Tool {
    Tool::new(
        LIST_ACTIONS,
        "Lists the services and actions of execute_action: with neither argument all of them and whether policy allows them, \
         with service only that one's, with service and action the params (a JSON Schema) and an example.",
        schema(json!({
            "type": "object",
            "properties": {
                "service": {"type": "string", "description": "Only this service"},
                "action": {"type": "string", "description": "Only this action of the service, with its params"},
            },
            "required": [],
        })),
    )
    .annotate(ToolAnnotations::from_raw(
        Some("List what Axis can call".to_owned()),
        Some(true),
        Some(false),
        Some(true),
        Some(false),
    ))
}

fn schema(value: Value) -> Arc<JsonObject> {
    match value {
        Value::Object(object) => Arc::new(object),
        _ => Arc::default(),
    }
}

fn known(knowledge: &Knowledge) -> String {
    match knowledge {
        Knowledge::Nothing => {
            "Call list_actions to see what policy allows: the vault's daemon is not running yet."
                .to_owned()
        }
        Knowledge::Problem(problem) => format!("Calls fail for now: {problem}"),
        Knowledge::Actions {
            actions,
            vault_locked,
        } => {
            let mut text = allowed_now(&actions.identity, &actions.services);
            if *vault_locked {
                text.push_str(
                    "\nThe vault is locked: every call fails until the owner runs `axis unlock`.",
                );
            }
            text
        }
    }
}

fn allowed_now(identity: &str, services: &[ServiceActions]) -> String {
    let allowed: Vec<(&ServiceActions, Vec<Cow<'_, str>>)> = services
        .iter()
        .map(|service| {
            let actions = service.actions.iter().filter(|action| action.allowed);
            (service, actions.map(marked).collect())
        })
        .filter(|(_, actions): &(_, Vec<_>)| !actions.is_empty())
        .collect();
    let asks = services
        .iter()
        .flat_map(|service| &service.actions)
        .any(|action| action.allowed && action.ask);
    if allowed.is_empty() {
        return format!(
            "Policy allows {identity:?} nothing at the moment; the owner decides that in policy.yaml."
        );
    }
    let mut text = format!("Policy allows {identity:?} now:");
    if asks {
        text = format!(
            "Policy allows {identity:?} now (with *: once the owner approves the call; after {{\"pending\":true}} make the identical call again):"
        );
    }
    let start = text.len();
    for (service, actions) in &allowed {
        let _ = write!(
            text,
            "\n- {}: {}{}",
            service.service,
            actions.join(", "),
            missing(service)
        );
    }
    if text.len() - start <= MAX_LIST_CHARS {
        return text;
    }
    // Too many to name: how many each service has, and list_actions for the rest.
    text.truncate(start);
    for (place, (service, actions)) in allowed.iter().enumerate() {
        let line = format!(
            "\n- {}: {} actions{}",
            service.service,
            actions.len(),
            missing(service)
        );
        if text.len() - start + line.len() > MAX_LIST_CHARS {
            let _ = write!(text, "\n- and {} more services", allowed.len() - place);
            break;
        }
        text.push_str(&line);
    }
    text.push_str("\nCall list_actions with a service for the names of its actions.");
    text
}

/// An action's name, with a star where the owner is asked.
fn marked(action: &ActionSummary) -> Cow<'_, str> {
    if action.ask {
        Cow::Owned(format!("{}*", action.action))
    } else {
        Cow::Borrowed(&action.action)
    }
}

fn missing(service: &ServiceActions) -> String {
    if service.has_credential {
        String::new()
    } else {
        format!(
            " (no credential yet: the owner runs `axis add {}`)",
            service.service
        )
    }
}

#[cfg(test)]
#[path = "tools_tests.rs"]
mod tests;
