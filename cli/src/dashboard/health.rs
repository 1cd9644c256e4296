//! What is right and what isn't, with the command that mends it; and the lock.

use axis_proto::v1::check::State;
use axis_proto::v1::{Check, DoctorRequest, ListServicesRequest, LockRequest};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::app::{App, answer};
use super::form::Form;
use super::page::{Tab, Visit};
use super::session::Notice;
use super::words::{Tone, counted, mending, state, text};
use crate::doctor;
use crate::failure::Failure;

/// The checks, and how far agents are kept from Axis.
pub struct Report {
    /// The isolation level, 1 to 4.
    pub level: u32,
    /// As `axis doctor` has them.
    pub checks: Vec<Check>,
}

/// Asks for the checks of both sides. They are those of `axis doctor`.
pub async fn examine(app: &App) -> Result<Report, Failure> {
    let mut admin = app.admin();
    let asked = answer(admin.doctor(DoctorRequest { online: false })).await?;
    let services = answer(admin.list_services(ListServicesRequest {})).await?;
    let mut checks = asked.checks;
    checks.extend(doctor::checks(&services.services));
    Ok(Report {
        level: asked.level,
        checks,
    })
}

/// The page.
pub async fn show(visit: Visit) -> Response {
    let body = examine(&visit.app).await.map(|report| body(&report));
    visit.page(Tab::Health, body).await
}

/// Locks the vault, and leads back.
pub async fn lock(visit: Visit, form: Form) -> Response {
    if let Err(failure) = answer(visit.app.admin().lock(LockRequest {})).await {
        let (sentence, _) = failure.sentence();
        let notice = Notice::NotDone(format!("Not locked: {sentence}"));
        visit.app.sessions().leave(&visit.session, notice);
    }
    see(form.text("back"))
}

/// Leads the browser to a page of ours, after a form.
pub fn see(path: &str) -> Response {
    let is_own = path.starts_with('/')
        && !path.starts_with("//")
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let path = if is_own { path } else { "/" };
    (StatusCode::SEE_OTHER, [(LOCATION, path)]).into_response()
}

/// How many checks have that state.
pub fn number_of(checks: &[Check], state: State) -> usize {
    checks.iter().filter(|check| check.state() == state).count()
}

fn body(report: &Report) -> Markup {
    let (failed, warned) = (
        number_of(&report.checks, State::Fail),
        number_of(&report.checks, State::Warn),
    );
    let mut checks: Vec<&Check> = report.checks.iter().collect();
    checks.sort_by_key(|check| match check.state() {
        State::Fail | State::Unspecified => 0,
        State::Warn => 1,
        State::Ok => 2,
    });
    let number = |number: usize, one, many| counted(number as u64, one, many);
    html! {
        div #checks data-refresh="/health" {
            p.lead {
                @if failed > 0 { (state(Tone::Bad, &number(failed, "check fails", "checks fail"))) " " }
                @if warned > 0 { (state(Tone::Warn, &number(warned, "warning", "warnings"))) " " }
                @if failed + warned == 0 { (state(Tone::Good, "everything is as it should be")) " " }
                "Isolation level " (report.level) " of 4."
            }
            table.checks {
                thead { tr { th { "State" } th { "Check" } th { "What was found, and what mends it" } } }
                tbody {
                    @for check in checks {
                        tr {
                            td { @match check.state() {
                                State::Ok => (state(Tone::Good, "ok")),
                                State::Warn => (state(Tone::Warn, "warning")),
                                State::Fail | State::Unspecified => (state(Tone::Bad, "fails")),
                            } }
                            th scope="row" { (text(&check.name)) }
                            td {
                                @for line in check.message.lines() { p { (text(line)) } }
                                @for line in check.fix.lines() { p { (mending(line)) } }
                            }
                        }
                    }
                }
            }
            p.faint {
                "These are the checks of " code { "axis doctor" } ". "
                code { "axis doctor --online" } " also asks the vendors whether they accept the credentials."
            }
        }
    }
}
