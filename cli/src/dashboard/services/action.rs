//! One action: what it takes, an example, and what policy says to it.

use axis_proto::v1::{PolicyExplanation, Service};
use maud::{Markup, html};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::path_of;
use super::rights::{self, Rights};
use crate::commands::services::show::action::{Shown, about, kind};
use crate::dashboard::app::App;
use crate::dashboard::words::{command, counted, effect, said, text};
use crate::failure::{Exit, Failure};
use crate::output::pretty;

/// The page of `service`'s action `name`.
///
/// # Errors
/// That there is none, as a wrong use.
pub async fn page(app: &App, service: &Service, name: &str) -> Result<Markup, Failure> {
    let mut actions = service.actions.iter();
    let found = actions.find(|action| action.action.eq_ignore_ascii_case(name));
    let Some(action) = found else {
        let what = format!("{} has no action {name:?}", service.service);
        return Err(
            Failure::new(Exit::Usage, what).fix(format!("axis services show {}", service.service))
        );
    };
    let rights = Rights::ask(app, &service.service, &[action]).await?;
    let shown = |identity, said| Shown {
        service,
        action,
        identity,
        said,
    };
    let nothing = PolicyExplanation::default();
    let example = shown(crate::commands::call::DEFAULT_IDENTITY, &nothing);
    Ok(html! {
        p.sv-back { a href=(path_of(&service.service)) { "All of " (said(&service.title)) } }
        h2 { (said(&service.service)) " " (said(&action.action)) " " (effect(&action.effect)) }
        p { code { (said(&action.route)) } }
        section aria-labelledby="sv-params" {
            h3 #sv-params { "Params" }
            (params(&example.schema()))
            details #sv-schema {
                summary { "Their JSON Schema" }
                pre.sv-json tabindex="0" { (json(&example.schema())) }
            }
        }
        section aria-labelledby="sv-example" {
            h3 #sv-example { "Example" }
            p { (command(&example.command())) }
            p.faint { "An agent's params:" }
            pre.sv-json tabindex="0" { (json(&Value::Object(example.example()))) }
        }
        section aria-labelledby="sv-rights" {
            h3 #sv-rights { "What policy says" }
            table.sv-blocks {
                thead { tr {
                    th scope="col" { "Identity" } th scope="col" { "Decision" } th scope="col" { "Why" } th scope="col" { "Change it" }
                } }
                tbody { @for (identity, explained) in rights.of(0) { tr {
                    th scope="row" { (rights::name(identity)) }
                    td { (rights::mark(explained)) }
                    td { (why(explained)) }
                    td {
                        @if !explained.allowed && explained.error.is_none() { (command(&allow(service, &action.action, identity))) " " }
                        a href=(what_if(identity, &service.service, &action.action)) { "What if" }
                    }
                } } }
            }
            @if rights.left_out > 0 { p.faint { (counted(rights.left_out as u64, "more identity", "more identities")) " in the policy." } }
            @if rights.of(0).any(|(_, explained)| !explained.allowed) {
                p.faint { "Or in policy.yaml, under the identity's " code { "allow:" } }
                pre.sv-json tabindex="0" { (text_lines(&example.rule())) }
            }
        }
    })
}

/// The command that allows it.
fn allow(service: &Service, action: &str, identity: &str) -> String {
    use axis_proto::shell::word;
    let command = format!("axis allow {} {}", word(&service.service), word(action));
    if identity == crate::commands::call::DEFAULT_IDENTITY {
        return command;
    }
    format!("{command} --identity {}", word(identity))
}

/// Where the policy is asked about a call of it.
fn what_if(identity: &str, service: &str, action: &str) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs([
        ("identity", identity),
        ("service", service),
        ("action", action),
    ]);
    format!("/policy?{}", query.finish())
}

/// The rule's line, or the reason; and the limits.
fn why(explained: &PolicyExplanation) -> Markup {
    let mut limits = Vec::new();
    match explained.ask.as_str() {
        "" => {}
        "host" => limits.push("once the MCP host's user, or you, approve it".to_owned()),
        _ => limits.push("once you approve it".to_owned()),
    }
    if let Some(limit) = explained.requests_per_minute {
        limits.push(format!(
            "at most {limit} calls in 60 s over all of its calls"
        ));
    }
    if let Some(limit) = explained.rule_requests_per_minute {
        limits.push(format!("at most {limit} in 60 s by this rule"));
    }
    if let Some(ttl) = explained.ttl_s {
        limits.push(format!("after a success denied for {ttl} s"));
    }
    if !explained.credential.is_empty() {
        limits.push(format!(
            "with the credential labelled {}",
            explained.credential
        ));
    }
    if explained.own_socket {
        limits.push("on its own socket".to_owned());
    }
    html! {
        @if let Some(error) = &explained.error { (said(error)) }
        @else if !explained.allowed { p { (said(&explained.reason)) } }
        @if let Some(line) = explained.line {
            p { a href={ "/policy#L" (line) } { "line " (line) } ": " code { (said(explained.excerpt.trim())) } }
        }
        @for limit in &limits { p { (said(limit)) } }
        @if let Some(hint) = &explained.hint { p.faint { (said(hint)) } }
    }
}

/// The required ones first.
fn params(schema: &Value) -> Markup {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let is_required = |name: &str| required.contains(&name);
    let all = schema["properties"].as_object().into_iter().flatten();
    let (first, rest): (Vec<_>, Vec<_>) = all.partition(|(name, _)| is_required(name));
    html! {
        @if first.is_empty() && rest.is_empty() {
            p.faint { "It takes none." }
        } @else {
            table.sv-blocks {
                thead { tr {
                    th scope="col" { "Param" } th scope="col" { "Type" } th scope="col" { "Required" } th scope="col" { "What" }
                } }
                tbody { @for (name, param) in first.into_iter().chain(rest) { tr {
                    th scope="row" { code { (said(name)) } }
                    td data-label="Type" { (said(&kind(param))) }
                    td { @if is_required(name) { "required" } @else { span.faint { "optional" } } }
                    td { (said(&about(param))) }
                } } }
            }
        }
    }
}

fn json(value: &Value) -> Markup {
    text_lines(&pretty(&value.to_string()))
}

/// Lines of a text, each shown and none obeyed.
fn text_lines(lines: &str) -> Markup {
    html! { @for line in lines.lines() { (text(line)) "\n" } }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn params_are_a_table_with_the_required_ones_first() {
        let schema = json!({
            "properties": {
                "page": {"type": "integer", "maximum": 100},
                "owner": {"type": "string", "description": "<b>whose\u{202e}"},
            },
            "required": ["owner"],
        });
        let shown = params(&schema).into_string();
        assert!(shown.find("owner").unwrap() < shown.find("page").unwrap());
        assert!(shown.contains("&lt;b&gt;whose\\u{202e}"), "{shown}");
        assert!(shown.contains("to 100"), "{shown}");
        assert!(params(&json!({})).into_string().contains("takes none"));
    }

    #[test]
    fn the_ways_to_change_a_decision_name_their_identity() {
        let github = Service {
            service: "github".into(),
            ..Service::default()
        };
        assert_eq!(
            allow(&github, "issues.create", "local-dev"),
            "axis allow github issues.create"
        );
        assert_eq!(
            allow(&github, "issues.create", "ci"),
            "axis allow github issues.create --identity ci"
        );
        assert_eq!(
            what_if("a b", "github", "x&y"),
            "/policy?identity=a+b&service=github&action=x%26y"
        );
    }
}
