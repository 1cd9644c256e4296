//! What the policy would say to a call, and by which rule: the same question
//! and answer as `axis policy explain`.

use std::collections::BTreeSet;

use axis_proto::v1::{
    ExplainPolicyRequest, ListServicesRequest, PolicyExplanation, PolicyQuestion, Service,
    ShowServiceRequest,
};
use maud::{Markup, html};
use serde_json::Value;

use super::super::app::answer;
use super::super::page::Visit;
use super::super::words::{Tone, count, effect, said, span, state, text};
use super::line_link;
use crate::commands::call::DEFAULT_IDENTITY;
use crate::commands::param;
use crate::failure::Failure;

/// What is asked, as it stands in the page's address.
#[derive(Debug, Default)]
pub struct Question {
    identity: String,
    service: String,
    action: String,
    params: String,
    /// `own`, `general` or nothing.
    socket: String,
    /// Whether anything was asked at all.
    is_asked: bool,
}

/// What came of it, and what the form offers.
#[derive(Default)]
pub struct Asked {
    services: Vec<Service>,
    answer: Option<Result<PolicyExplanation, (Field, String)>>,
}

/// A part of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Service,
    Action,
    Params,
}

impl Question {
    /// The question in a query.
    pub fn read(query: &str) -> Self {
        let mut question = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let field = match &*name {
                "identity" => &mut question.identity,
                "service" => &mut question.service,
                "action" => &mut question.action,
                "params" => &mut question.params,
                "socket" => &mut question.socket,
                _ => continue,
            };
            *field = value.into_owned();
            question.is_asked = true;
        }
        question
    }

    fn identity(&self) -> &str {
        match self.identity.trim() {
            "" => DEFAULT_IDENTITY,
            identity => identity,
        }
    }

    /// The params: a JSON object, or a line `key=value` for each.
    fn params(&self, schema: &Value) -> Result<Vec<u8>, String> {
        let written = self.params.trim();
        let told = |failure: Failure| failure.sentence().0;
        let params = if written.starts_with(['{', '[']) {
            serde_json::from_str::<param::Params>(written)
                .map_err(|error| format!("The params must be a JSON object: {error}"))?
        } else {
            let lines = written.lines().map(str::trim);
            let lines: Vec<_> = lines.filter(|l| !l.is_empty()).map(str::to_owned).collect();
            param::params(None, &lines, schema).map_err(told)?
        };
        serde_json::to_vec(&params).map_err(|error| error.to_string())
    }
}

/// Asks axisd. What it can't say is told in the form; the rest of the page
/// stands all the same.
pub async fn ask(visit: &Visit, question: &Question) -> Asked {
    let mut admin = visit.app.admin();
    let services = answer(admin.list_services(ListServicesRequest {})).await;
    let answer = if question.is_asked {
        Some(explained(visit, question).await)
    } else {
        None
    };
    Asked {
        services: services.unwrap_or_default().services,
        answer,
    }
}

async fn explained(
    visit: &Visit,
    question: &Question,
) -> Result<PolicyExplanation, (Field, String)> {
    let mut admin = visit.app.admin();
    let (service, action) = (question.service.trim(), question.action.trim());
    for (field, typed, what) in [
        (Field::Service, service, "Name the service, such as github."),
        (Field::Action, action, "Name the action, such as repos.get."),
    ] {
        if typed.is_empty() {
            return Err((field, what.to_owned()));
        }
    }
    let told = |field: Field| {
        move |failure: Failure| match failure.sentence() {
            (sentence, Some(fix)) => (field, format!("{sentence} ({fix})")),
            (sentence, None) => (field, sentence),
        }
    };
    let request = ShowServiceRequest {
        service: service.to_owned(),
    };
    let known = answer(admin.show_service(request)).await;
    let known = known.map_err(told(Field::Service))?;
    let actions = known.service.unwrap_or_default().actions;
    let mut actions = actions.iter();
    let found = actions.find(|known| known.action.eq_ignore_ascii_case(action));
    let schema = found.and_then(|found| serde_json::from_slice(&found.params_schema).ok());
    let params = question
        .params(&schema.unwrap_or_default())
        .map_err(|problem| (Field::Params, problem))?;
    let asked = PolicyQuestion {
        identity: question.identity().to_owned(),
        service: service.to_owned(),
        action: action.to_owned(),
        params: Some(params.into()),
        own_socket: match question.socket.as_str() {
            "own" => Some(true),
            "general" => Some(false),
            _ => None,
        },
    };
    let request = ExplainPolicyRequest {
        policy: None,
        questions: vec![asked],
    };
    let answered = answer(admin.explain_policy(request)).await;
    let answered = answered.map_err(told(Field::Action))?;
    let explanation = answered.explanations.into_iter().next().unwrap_or_default();
    match &explanation.error {
        Some(error) => Err((Field::Action, error.clone())),
        None => Ok(explanation),
    }
}

/// The form, and the answer below it.
pub fn show(question: &Question, asked: &Asked, identities: &[String]) -> Markup {
    let problem = match &asked.answer {
        Some(Err(problem)) => Some(problem),
        _ => None,
    };
    let said_of = |field: Field| {
        let found = problem.filter(|(of, _)| *of == field);
        html! { @if let Some((_, problem)) = found {
            span.field-problem id=(problem_id(field)) role="alert" { span aria-hidden="true" { "✗ " } (said(problem)) }
        } }
    };
    let wrong = |field: Field| problem.is_some_and(|(of, _)| *of == field);
    let described = |field: Field| wrong(field).then(|| problem_id(field));
    html! {
        section #what-if aria-labelledby="asks" {
            h2 #asks { "What if …" }
            form.what-if method="get" action="/policy#what-if" {
                span.field {
                    label for="if-identity" { "Identity" }
                    input #if-identity name="identity" value=(question.identity) placeholder=(DEFAULT_IDENTITY) list="if-identities" autocomplete="off" spellcheck="false";
                }
                span.field {
                    label for="if-service" { "Service" }
                    input #if-service name="service" value=(question.service) list="if-services" autocomplete="off" spellcheck="false" aria-invalid=[wrong(Field::Service).then_some("true")] aria-describedby=[described(Field::Service)];
                    (said_of(Field::Service))
                }
                span.field {
                    label for="if-action" { "Action" }
                    input #if-action name="action" value=(question.action) list="if-actions" autocomplete="off" spellcheck="false" aria-invalid=[wrong(Field::Action).then_some("true")] aria-describedby=[described(Field::Action)];
                    (said_of(Field::Action))
                }
                span.field.if-params {
                    label for="if-params" { "Params: JSON, or key=value a line" }
                    textarea #if-params name="params" rows="2" spellcheck="false" aria-invalid=[wrong(Field::Params).then_some("true")] aria-describedby=[described(Field::Params)] { (question.params) }
                    (said_of(Field::Params))
                }
                span.field {
                    label for="if-socket" { "Socket" }
                    select #if-socket name="socket" {
                        @for (value, words) in [("", "as its entry says"), ("general", "the general one"), ("own", "its own")] {
                            option value=(value) selected[value == question.socket] { (words) }
                        }
                    }
                }
                button.main type="submit" { "Explain" }
            }
            (choices(asked, question, identities))
            @if let Some(Ok(explanation)) = &asked.answer { (verdict(question, explanation)) }
        }
    }
}

fn problem_id(field: Field) -> &'static str {
    match field {
        Field::Service => "if-service-problem",
        Field::Action => "if-action-problem",
        Field::Params => "if-params-problem",
    }
}

/// What the fields offer.
fn choices(asked: &Asked, question: &Question, identities: &[String]) -> Markup {
    let chosen = question.service.trim();
    let of_chosen =
        |service: &&Service| chosen.is_empty() || service.service.eq_ignore_ascii_case(chosen);
    let services = asked.services.iter().filter(of_chosen);
    let actions: BTreeSet<&str> = services
        .flat_map(|service| &service.actions)
        .map(|action| action.action.as_str())
        .collect();
    html! {
        datalist #if-identities { @for name in identities.iter().filter(|name| *name != "*") { option value=(text(name)) {} } }
        datalist #if-services { @for service in &asked.services { option value=(text(&service.service)) {} } }
        datalist #if-actions { @for action in actions { option value=(text(action)) {} } }
    }
}

/// The answer: yes, no or after an approval; by which line; on which terms.
fn verdict(question: &Question, explanation: &PolicyExplanation) -> Markup {
    let (tone, word) = match (explanation.allowed, explanation.ask.as_str()) {
        (false, _) => (Tone::Bad, "denied"),
        (true, "") => (Tone::Good, "allowed"),
        (true, "host") => (
            Tone::Waits,
            "allowed once the agent's host, or you, approve it",
        ),
        (true, _) => (Tone::Waits, "allowed once you approve it"),
    };
    let limits = [
        (
            "over all of the identity's calls",
            explanation.requests_per_minute,
        ),
        ("by this rule", explanation.rule_requests_per_minute),
    ];
    html! {
        div.verdict role="status" {
            p.lead {
                (state(tone, word)) " "
                (said(question.identity())) ": " (said(question.service.trim())) " " (said(question.action.trim())) " "
                (effect(&explanation.effect))
                @if explanation.own_socket { span.faint { " on its own socket" } }
            }
            @if !explanation.reason.is_empty() { p { (said(&explanation.reason)) } }
            @if let Some(line) = explanation.line {
                p { (line_link(line)) ": " code { (said(&explanation.excerpt)) } }
            }
            @for (what, limit) in limits {
                @if let Some(limit) = limit { p { "At most " (count(limit.into())) " calls in any 60 s, " (what) "." } }
            }
            @if let Some(ttl) = explanation.ttl_s { p { "After a success denied for " (span(ttl.into())) "." } }
            @if !explanation.credential.is_empty() { p { "With the credential labelled " (said(&explanation.credential)) "." } }
            @if let Some(hint) = &explanation.hint { p { (said(hint)) } }
            p.faint { "No call was made. Limits and cooldowns are named, not looked at." }
        }
    }
}
