//! Who may do what: the rules in force in words ([`rules`]) and as they are
//! written ([`text`]), how the files differ from what is sealed ([`seal`]), what
//! was denied ([`denied`]), and what would be decided ([`what_if`]).

mod denied;
mod rules;
mod seal;
mod text;
mod what_if;

use axis_proto::v1::{
    CheckPolicyRequest, CheckPolicyResponse, PolicyText, ShowPolicyRequest, ShowPolicyResponse,
    ShowSealRequest, ShowSealResponse,
};
use axum::response::Response;
use maud::{Markup, html};

use super::app::answer;
use super::page::{Tab, Visit, partly};
use super::words::{Tone, command, counted, said, state};
use crate::failure::Failure;
use crate::output::printable_lines;

/// The page.
pub async fn show(visit: Visit) -> Response {
    let body = body(&visit).await;
    visit.page(Tab::Policy, body).await
}

async fn body(visit: &Visit) -> Result<Markup, Failure> {
    let (mut policies, mut seals) = (visit.app.admin(), visit.app.admin());
    let (shown, seal) = tokio::join!(
        answer(policies.show_policy(ShowPolicyRequest {})),
        answer(seals.show_seal(ShowSealRequest::default()))
    );
    let (shown, seal) = (shown?, seal?);
    let checked = check(visit, &shown).await?;
    let question = what_if::Question::read(visit.uri.query().unwrap_or_default());
    let (asked, denials) = tokio::join!(
        what_if::ask(visit, &question),
        denied::read(visit, shown.text.is_some())
    );
    let entries = shown.text.as_deref().map(rules::identities);
    Ok(html! {
        (standing(&shown, &seal, &checked))
        (seal::show(&seal))
        section aria-labelledby="rules" {
            h2 #rules { "Who may do what" }
            @match &shown.text {
                Some(policy) => { (rules::show(policy)) }
                None => { (nothing(&shown)) }
            }
        }
        (what_if::show(&question, &asked, &entries.unwrap_or_default()))
        section aria-labelledby="denied" {
            h2 #denied { "What was denied in the last 7 days" }
            @match &denials {
                Ok(denials) => { (denied::show(denials)) }
                Err(failure) => { (partly(failure)) }
            }
        }
        @if let Some(policy) = &shown.text {
            section aria-labelledby="text" {
                h2 #text { "The text in force" }
                (text::show(policy, &checked))
            }
        }
    })
}

/// What axisd thinks of the text in force.
async fn check(visit: &Visit, shown: &ShowPolicyResponse) -> Result<CheckPolicyResponse, Failure> {
    let Some(text) = &shown.text else {
        return Ok(CheckPolicyResponse::default());
    };
    let policy = Some(PolicyText {
        text: text.clone(),
        origin: shown.path.clone(),
    });
    answer(
        visit
            .app
            .admin()
            .check_policy(CheckPolicyRequest { policy }),
    )
    .await
}

/// Where it is, whether it is in force, and what is wrong with the file.
fn standing(
    shown: &ShowPolicyResponse,
    seal: &ShowSealResponse,
    checked: &CheckPolicyResponse,
) -> Markup {
    html! {
        p.lead.policy-standing {
            @if shown.withheld { (state(Tone::Warn, "sealed in the locked vault")) }
            @else if shown.text.is_none() { (state(Tone::Bad, "no policy in force: everything is denied")) }
            @else {
                (state(Tone::Good, "in force"))
                span { (counted(checked.rules.into(), "rule", "rules")) }
                @if shown.error.is_some() { (state(Tone::Bad, "the file has a mistake")) }
            }
            @if seal.sealed { (state(if shown.differs { Tone::Warn } else { Tone::Good }, if shown.differs { "sealed; the file says something else" } else { "sealed" })) }
            @else if !shown.withheld { span.faint { "not sealed" } }
            @if !checked.warnings.is_empty() {
                a href="#text" { (state(Tone::Warn, &counted(checked.warnings.len() as u64, "warning", "warnings"))) }
            }
            code { (said(&shown.path)) }
        }
        @if let Some(error) = &shown.error {
            section.problem aria-labelledby="mistake" {
                h2 #mistake { (state(Tone::Bad, "The file as it stands is not in force")) }
                pre.mistake tabindex="0" role="region" aria-label="The mistake in the file" {
                    @for line in printable_lines(error) { bdi { (line) } "\n" }
                }
                p {
                    @if shown.text.is_some() { "The last good version counts until then. " }
                    @else { "Everything is denied until then. " }
                    "Mend it with " (command("axis policy edit"))
                }
            }
        }
    }
}

/// What to do where nothing is in force.
fn nothing(shown: &ShowPolicyResponse) -> Markup {
    html! {
        @if shown.withheld {
            p { "The policy is sealed in the vault, which is locked. Nothing is known of it, and no call goes out, until "
                (command("axis unlock")) }
        } @else if shown.error.is_some() {
            p { "Nothing counts while the file has that mistake." }
        } @else {
            p { "There is no policy, so every call is denied. To write a first one: " (command("axis init"))
                " or allow something at once: " (command("axis allow github repos.get")) }
        }
    }
}

/// The line that a sentence of axisd's begins with: `line 12: …`.
fn line_of(sentence: &str) -> Option<u32> {
    let rest = sentence.strip_prefix("line ")?;
    rest.split_once(':')?.0.parse().ok()
}

/// A link to a line of the text in force.
fn line_link(line: impl std::fmt::Display) -> Markup {
    html! { a.line-link href=(format!("#L{line}")) { "line " (line) } }
}

/// A name as it is typed in a shell: nothing in it that a shell obeys.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && !name.starts_with('-')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests;
