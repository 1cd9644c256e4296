//! The stored credentials, and the services that they are for: what each can do
//! and what policy makes of it. Never a secret, nor a part of one.

mod action;
mod credentials;
mod one;
mod rights;

use axis_proto::v1::{
    ListCredentialsRequest, ListCredentialsResponse, ListServicesRequest, ListServicesResponse,
    Service, StatusResponse, VaultStatus,
};
use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

pub use self::one::show_one;
use super::app::answer;
use super::page::{Tab, Visit};
use super::words::{Tone, command, count, counted, said, state, text};
use crate::commands::services::list::words;
use crate::failure::Failure;

/// So many actions are named of a service that was found by them.
const FOUND_ACTIONS: usize = 6;

/// The page.
pub async fn show(visit: Visit) -> Response {
    let asked = param(&visit, "q");
    let (mut of_vault, mut of_services) = (visit.app.admin(), visit.app.admin());
    let (standing, stored, listed) = tokio::join!(
        visit.app.standing(),
        answer(of_vault.list_credentials(ListCredentialsRequest {})),
        answer(of_services.list_services(ListServicesRequest {})),
    );
    let vault = vault_of(standing.status.as_ref());
    let body = stored.and_then(|stored| Ok(page(&stored, &listed?, &vault, &asked)));
    visit.framed(Tab::Services, &standing, body)
}

/// How the vault is, as far as axisd said.
fn vault_of(status: Result<&StatusResponse, &Failure>) -> VaultStatus {
    let vault = status.ok().and_then(|status| status.vault.clone());
    vault.unwrap_or_default()
}

/// The first value under `name` in the URL.
fn param(visit: &Visit, name: &str) -> String {
    let query = visit.uri.query().unwrap_or_default().as_bytes();
    let mut params = url::form_urlencoded::parse(query);
    let found = params.find(|(key, _)| key == name);
    found.map_or_else(String::new, |(_, value)| value.trim().to_owned())
}

/// Where a service's page is.
fn path_of(service: &str) -> String {
    format!(
        "/services/{}",
        utf8_percent_encode(service, NON_ALPHANUMERIC)
    )
}

/// Where an action of it is shown.
fn path_of_action(service: &str, action: &str) -> String {
    format!(
        "{}?action={}",
        path_of(service),
        utf8_percent_encode(action, NON_ALPHANUMERIC)
    )
}

fn page(
    stored: &ListCredentialsResponse,
    listed: &ListServicesResponse,
    vault: &VaultStatus,
    asked: &str,
) -> Markup {
    html! {
        section aria-labelledby="sv-credentials" {
            h2 #sv-credentials { "Stored credentials" }
            div #credentials data-refresh="/services" {
                (credentials::table(stored, &listed.services, vault, Timestamp::now()))
            }
        }
        (own_files(listed))
        (catalogue(stored, listed, asked))
    }
}

/// What is wrong with the owner's own service files.
fn own_files(listed: &ListServicesResponse) -> Markup {
    html! {
        @if !listed.faults.is_empty() || !listed.differing.is_empty() {
            section aria-labelledby="sv-files" {
                h2 #sv-files { "Your service files" }
                @for fault in &listed.faults {
                    div.problem.sv-fault {
                        p { (state(Tone::Bad, "not in force")) " " (said(&fault.path)) }
                        pre tabindex="0" { @for line in words(fault).lines() { (text(line)) "\n" } }
                    }
                }
                @for path in &listed.differing {
                    p { (state(Tone::Warn, "differs from what is sealed, which stays in force")) " " (said(path)) " " (command("axis policy seal")) }
                }
            }
        }
    }
}

/// A service that was looked for, with those of its actions that were.
struct Found<'a> {
    service: &'a Service,
    /// Empty where the service itself was found.
    actions: Vec<&'a str>,
}

fn found<'a>(services: &'a [Service], asked: &str) -> Vec<Found<'a>> {
    let asked = asked.to_lowercase();
    let holds = |text: &str| text.to_lowercase().contains(&asked);
    let look = |service: &'a Service| {
        if [&service.service, &service.title, &service.base_url]
            .iter()
            .any(|text| holds(text))
        {
            return Some(Found {
                service,
                actions: Vec::new(),
            });
        }
        let actions = service.actions.iter().map(|action| action.action.as_str());
        let actions: Vec<&str> = actions.filter(|action| holds(action)).collect();
        (!actions.is_empty()).then_some(Found { service, actions })
    };
    services.iter().filter_map(look).collect()
}

fn catalogue(
    stored: &ListCredentialsResponse,
    listed: &ListServicesResponse,
    asked: &str,
) -> Markup {
    let found = found(&listed.services, asked);
    let has_credential = |service: &Service| {
        let mut stored = stored.credentials.iter();
        stored.any(|credential| credential.service == service.service)
    };
    html! {
        section aria-labelledby="sv-catalogue" {
            h2 #sv-catalogue { "Services" }
            form.sv-search method="get" action="/services" role="search" {
                label for="sv-q" { "Find a service or an action" }
                input #sv-q type="search" name="q" value=(asked) placeholder="such as github or issues" autocomplete="off" spellcheck="false";
                button type="submit" { "Find" }
                @if !asked.is_empty() { a href="/services" { "show all" } }
                span.faint role="status" { (counted(found.len() as u64, "service", "services")) }
            }
            @if found.is_empty() {
                p.faint { "None holds " (said(asked)) ". Your own are files: " (command("axis services path")) }
            } @else {
                table.sv-blocks {
                    thead { tr {
                        th scope="col" { "Service" } th scope="col" { "Title" } th scope="col" { "Actions" }
                        th scope="col" { "Credential" } th scope="col" { "Base URL" } th scope="col" { "Defined in" }
                    } }
                    tbody { @for Found { service, actions } in &found { tr {
                        th scope="row" { a href=(path_of(&service.service)) { (said(&service.service)) } }
                        td { (said(&service.title)) }
                        td data-label="Actions" {
                            @if actions.is_empty() { (effects(service)) }
                            @else {
                                @for action in actions.iter().take(FOUND_ACTIONS) {
                                    a.sv-found href=(path_of_action(&service.service, action)) { (said(action)) } " "
                                }
                                @if actions.len() > FOUND_ACTIONS { span.faint { "and " (actions.len() - FOUND_ACTIONS) " more" } }
                            }
                        }
                        td data-label="Credential" { @if has_credential(service) { (state(Tone::Good, "stored")) } @else { span.faint { "none" } } }
                        td data-label="At" { (said(&service.base_url)) }
                        td data-label="Defined in" { @match service.file.as_str() { "" => { span.faint { "built in" } }, file => (said(file)) } }
                    } } }
                }
            }
        }
    }
}

/// How many actions there are, and how many of them do what.
fn effects(service: &Service) -> Markup {
    let of = |effect: &str| {
        let actions = service.actions.iter();
        actions.filter(|action| action.effect == effect).count() as u64
    };
    let parts: Vec<String> = ["read", "write", "delete"]
        .iter()
        .map(|effect| (of(effect), *effect))
        .filter(|(number, _)| *number > 0)
        .map(|(number, effect)| format!("{} {effect}", count(number)))
        .collect();
    html! { (count(service.actions.len() as u64)) " " span.faint { "(" (parts.join(", ")) ")" } }
}

#[cfg(test)]
mod tests {
    use axis_proto::v1::{ServiceAction, ServiceFault};

    use super::*;

    fn service(name: &str, actions: &[&str]) -> Service {
        Service {
            service: name.into(),
            title: format!("The {name}"),
            actions: actions
                .iter()
                .map(|action| ServiceAction {
                    action: (*action).into(),
                    effect: "read".into(),
                    ..ServiceAction::default()
                })
                .collect(),
            ..Service::default()
        }
    }

    #[test]
    fn a_service_is_found_by_its_name_or_by_its_actions() {
        let services = [
            service("github", &["issues.create", "issues.list", "repos.get"]),
            service("stripe", &["balance.get"]),
        ];
        let names = |asked: &str| -> Vec<(String, usize)> {
            let found = found(&services, asked).into_iter();
            found
                .map(|found| (found.service.service.clone(), found.actions.len()))
                .collect()
        };
        assert_eq!(names("").len(), 2);
        assert_eq!(names("GitHub"), [("github".to_owned(), 0)]);
        assert_eq!(names("ISSUES"), [("github".to_owned(), 2)]);
        assert!(names("nothing").is_empty());
    }

    #[test]
    fn what_a_file_says_is_shown_and_not_obeyed() {
        let listed = ListServicesResponse {
            services: vec![Service {
                title: "<img src=x>\u{202e}".into(),
                file: "/x/<b>.yaml".into(),
                ..service("own", &["a.b"])
            }],
            faults: vec![ServiceFault {
                path: "/x/<i>.yaml".into(),
                error: "line 3: <script>\n  ^ here".into(),
                kept: String::new(),
            }],
            ..ListServicesResponse::default()
        };
        let shown = page(
            &ListCredentialsResponse::default(),
            &listed,
            &VaultStatus::default(),
            "\"><script>",
        )
        .into_string();
        for markup in ["<img", "<b>", "<i>", "<script>", "\u{202e}"] {
            assert!(!shown.contains(markup), "{markup} in {shown}");
        }
        let all = page(
            &ListCredentialsResponse::default(),
            &listed,
            &VaultStatus::default(),
            "",
        )
        .into_string();
        assert!(all.contains("&lt;img src=x&gt;\\u{202e}"), "{all}");
        assert!(all.contains("line 3"), "{all}");
    }

    #[test]
    fn a_path_holds_a_name_as_one_part() {
        assert_eq!(path_of("github"), "/services/github");
        assert_eq!(
            path_of_action("a/b", "c&d=e"),
            "/services/a%2Fb?action=c%26d%3De"
        );
    }
}
