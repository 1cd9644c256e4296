//! The stored credentials: everything of them but the secret.

use axis_proto::shell;
use axis_proto::v1::vault_status::State;
use axis_proto::v1::{Credential, ListCredentialsResponse, Service, VaultStatus};
use jiff::Timestamp;
use maud::{Markup, html};

use super::path_of;
use crate::commands::list;
use crate::dashboard::words::{Tone, command, moment, said, state, text};

/// A row each; what to do where there is none.
pub fn table(
    stored: &ListCredentialsResponse,
    services: &[Service],
    vault: &VaultStatus,
    now: Timestamp,
) -> Markup {
    let none = stored.credentials.is_empty();
    html! {
        @match vault.state() {
            State::Absent => p { "There is no vault yet. Make it with " (command("axis init")) },
            State::Locked => p {
                (state(Tone::Warn, "locked")) ": " (text(&vault.detail))
                ". Where the secrets may go is sealed with them, so it isn't known now. " (command("axis unlock"))
            },
            State::Unlocked | State::Unspecified => @if none {
                p { "None yet. Agents can call a service once its key is here; they never see it. Next: " (command("axis add github")) }
            },
        }
        @if !none { (rows(stored, services, now)) }
    }
}

fn rows(stored: &ListCredentialsResponse, services: &[Service], now: Timestamp) -> Markup {
    html! {
        table.sv-blocks.sv-credentials {
            thead { tr {
                th scope="col" { "Credential" } th scope="col" { "May go to" } th scope="col" { "Kept in" }
                th scope="col" { "Age" } th scope="col" { "Last used" } th scope="col" { "Undo" }
            } }
            tbody { @for credential in &stored.credentials { tr id={ "credential-" (text(&credential.name)) } {
                th scope="row" {
                    a href=(path_of(&credential.service)) { (said(&credential.name)) }
                    @if !services.iter().any(|service| service.service == credential.service) {
                        " " (state(Tone::Warn, "there is no such service"))
                    }
                }
                td data-label="May go to" {
                    @if stored.unlocked {
                        @for host in &credential.hosts { div { (said(host)) } }
                        @if !credential.base_url.is_empty() { div.faint { "as " (said(&credential.base_url)) } }
                    } @else { span.faint { "not known" } }
                }
                td data-label="Kept in" { (kept_in(credential, stored.unlocked)) }
                td data-label="Age" {
                    @let age = list::age(credential, now);
                    @if list::is_stale(credential, now) { (state(Tone::Warn, age.text())) } @else { (age.text()) }
                    div.faint.sv-small { "since " (moment(&credential.updated_at)) }
                }
                td data-label="Last used" {
                    @let last = list::last_use(credential, stored.unused_days, now);
                    @if list::is_unused(credential, stored.unused_days, now) {
                        (state(Tone::Warn, last.text()))
                    } @else { (last.text()) }
                    @if let Some(at) = &credential.last_used_at { div.faint.sv-small { (moment(at)) } }
                }
                td data-label="Undo" { @if let Some(until) = &credential.previous_until {
                    (command(&undo(credential)))
                    div.faint.sv-small { "until " (moment(until)) }
                } @else { span.faint { "–" } } }
            } } }
        }
    }
}

/// Where the secret is, in the words of `axis list`.
fn kept_in(credential: &Credential, unlocked: bool) -> Markup {
    match credential.source.as_str() {
        "" if unlocked => html! { "vault" },
        "" => html! { span.faint { "not known" } },
        source => said(source),
    }
}

/// What brings back the one before.
fn undo(credential: &Credential) -> String {
    let service = shell::word(&credential.service);
    match credential.label.as_str() {
        "" => format!("axis undo {service}"),
        label => format!("axis undo {service} --label {}", shell::word(label)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(unlocked: bool, state: State) -> String {
        let stored = ListCredentialsResponse {
            credentials: vec![Credential {
                name: "github/work".into(),
                service: "github".into(),
                label: "work".into(),
                hosts: vec!["api.github.com".into()],
                created_at: "2020-01-01T00:00:00Z".into(),
                updated_at: "2020-01-01T00:00:00Z".into(),
                previous_until: Some("2026-06-02T00:00:00Z".into()),
                ..Credential::default()
            }],
            unlocked,
            unused_days: Some(90),
        };
        let vault = VaultStatus {
            state: state.into(),
            ..VaultStatus::default()
        };
        let now = "2026-06-01T12:00:00Z".parse().unwrap();
        table(&stored, &[], &vault, now).into_string()
    }

    #[test]
    fn a_row_says_where_it_may_go_how_old_it_is_and_what_undoes_it() {
        let open = shown(true, State::Unlocked);
        for words in [
            "api.github.com",
            "2343 days: change it",
            "not in 90 days",
            "axis undo github --label work",
            "there is no such service",
        ] {
            assert!(open.contains(words), "{words}: {open}");
        }
        let locked = shown(false, State::Locked);
        assert!(!locked.contains("api.github.com"), "{locked}");
        assert!(locked.contains("axis unlock"), "{locked}");
    }
}
