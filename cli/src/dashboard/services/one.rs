//! One service: its actions, or one of them whole.

use axis_proto::v1::{
    ListCredentialsRequest, ListCredentialsResponse, Service, ServiceAction, ShowServiceRequest,
    ShowServiceResponse,
};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use maud::{Markup, html};

use super::rights::{self, Rights};
use super::{action, credentials, effects, param, path_of, path_of_action, vault_of};
use crate::dashboard::app::answer;
use crate::dashboard::page::{Tab, Visit};
use crate::dashboard::words::{command, counted, effect, said};
use crate::failure::{Exit, Failure};

/// So many actions are shown; axisd answers ten thousand questions at once.
const MOST: usize = 1_000;

/// The page of one service, or of the action that the URL names.
pub async fn show_one(visit: Visit, Path(name): Path<String>) -> Response {
    let (mut of_services, mut of_vault) = (visit.app.admin(), visit.app.admin());
    let (standing, shown, stored) = tokio::join!(
        visit.app.standing(),
        answer(of_services.show_service(ShowServiceRequest {
            service: name.clone(),
        })),
        answer(of_vault.list_credentials(ListCredentialsRequest {})),
    );
    let shown = match shown {
        Err(failure) if failure.exit() == Exit::Usage => {
            // axisd names the nearest
            let page = visit.framed(Tab::Services, &standing, Err(failure));
            return (StatusCode::NOT_FOUND, page).into_response();
        }
        shown => shown,
    };
    let body = async {
        let (shown, mut stored) = (shown?, stored?);
        let service = shown.service.clone().unwrap_or_default();
        stored
            .credentials
            .retain(|credential| credential.service == service.service);
        let asked = param(&visit, "action");
        if !asked.is_empty() {
            return action::page(&visit.app, &service, &asked).await;
        }
        let asked = param(&visit, "q").to_lowercase();
        let actions = service.actions.iter().filter(|action| {
            action.action.to_lowercase().contains(&asked)
                || action.route.to_lowercase().contains(&asked)
                || action.effect == asked
        });
        let actions: Vec<&ServiceAction> = actions.take(MOST).collect();
        let rights = Rights::ask(&visit.app, &service.service, &actions).await?;
        let vault = vault_of(standing.status.as_ref());
        Ok(html! {
            (head(&shown, &service))
            section aria-labelledby="sv-credentials" {
                h3 #sv-credentials { "Its credentials" }
                @if stored.credentials.is_empty() { (no_credential(&stored, &service)) }
                @else { (credentials::table(&stored, std::slice::from_ref(&service), &vault, Timestamp::now())) }
            }
            (table(&service, &actions, &rights, &Asked {
                text: param(&visit, "q"),
                only_allowed: !param(&visit, "allowed").is_empty(),
            }))
        })
    };
    let body: Result<Markup, Failure> = body.await;
    let is_missing = matches!(&body, Err(failure) if failure.exit() == Exit::Usage);
    let page = visit.framed(Tab::Services, &standing, body);
    if is_missing {
        return (StatusCode::NOT_FOUND, page).into_response();
    }
    page
}

fn no_credential(stored: &ListCredentialsResponse, service: &Service) -> Markup {
    let add = format!("axis add {}", axis_proto::shell::word(&service.service));
    html! {
        p {
            "None is stored, so nothing can be called yet. " (command(&add))
            @if !stored.unlocked { " The vault is locked; that asks for its password." }
        }
    }
}

fn head(shown: &ShowServiceResponse, service: &Service) -> Markup {
    html! {
        p.sv-back { a href="/services" { "All services" } }
        h2 { (said(&service.title)) " " code { (said(&service.service)) } }
        dl.sv-facts {
            div { dt { "Base URL" } dd { (said(&service.base_url)) } }
            div { dt { "Auth" } dd { (said(&service.auth)) } }
            div { dt { "Credential" } dd { (said(&shown.credential_prompt)) } }
            div { dt { "Defined in" } dd { @match service.file.as_str() { "" => "built in", file => (said(file)) } } }
            div { dt { "Actions" } dd { (effects(service)) } }
        }
    }
}

/// Which actions are looked for.
struct Asked {
    text: String,
    /// Only what policy allows to somebody.
    only_allowed: bool,
}

/// The actions, with what policy makes of each for each identity.
fn table(service: &Service, actions: &[&ServiceAction], rights: &Rights, asked: &Asked) -> Markup {
    let left_out = service.actions.len().saturating_sub(MOST);
    let shown: Vec<(usize, &&ServiceAction)> = actions
        .iter()
        .enumerate()
        .filter(|(at, _)| !asked.only_allowed || rights.any_allowed(*at))
        .collect();
    let is_filtered = !asked.text.is_empty() || asked.only_allowed;
    html! {
        section aria-labelledby="sv-actions" {
            h3 #sv-actions { "Actions, and what policy says to each" }
            form.sv-search method="get" action=(path_of(&service.service)) role="search" {
                label for="sv-q" { "Find an action" }
                input #sv-q type="search" name="q" value=(asked.text) placeholder="a name, a path, or read, write, delete" autocomplete="off" spellcheck="false";
                label.sv-tick { input type="checkbox" name="allowed" value="1" checked[asked.only_allowed]; " only what policy allows to somebody" }
                button type="submit" { "Find" }
                @if is_filtered { a href=(path_of(&service.service)) { "show all" } }
                span.faint role="status" { (counted(shown.len() as u64, "action", "actions")) }
            }
            @if shown.is_empty() {
                p.faint {
                    @if asked.only_allowed { "Policy allows none of them to anybody." }
                    @else { "None holds " (said(&asked.text)) "." }
                }
            } @else {
                div.scroll tabindex="0" role="region" aria-label="Actions" {
                    table.sv-actions {
                        thead { tr {
                            th scope="col" { "Action" } th scope="col" { "Effect" } th.sv-route scope="col" { "Request" }
                            @for (at, identity) in rights.identities.iter().enumerate() {
                                th scope="col" { (rights::name(identity)) div.faint.sv-other { (rights.allowed(at)) " of " (actions.len()) } }
                            }
                        } }
                        tbody { @for (at, action) in shown { tr {
                            th scope="row" { a href=(path_of_action(&service.service, &action.action)) { (said(&action.action)) } }
                            td { (effect(&action.effect)) }
                            td.sv-route { (said(&action.route)) }
                            @for (_, explained) in rights.of(at) { td { (rights::mark(explained)) } }
                        } } }
                    }
                }
            }
            @if rights.left_out > 0 { p.faint { (counted(rights.left_out as u64, "more identity", "more identities")) " in the policy." } }
            @if left_out > 0 && !is_filtered { p.faint { "The first " (MOST) " are shown; find the others by name." } }
        }
    }
}
