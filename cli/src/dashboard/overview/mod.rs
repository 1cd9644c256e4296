//! What there is to see first: is all well, what do the agents do, is anything
//! odd. Every number leads to the lines behind it.

mod chart;
mod first;
mod latency;
mod latest;
mod link;
mod matrix;
mod range;

use axis_proto::v1::check::State;
use axis_proto::v1::{
    Credential, Denial, ListCredentialsRequest, ListCredentialsResponse, LogsStatsRequest,
    LogsStatsResponse,
};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use maud::{Markup, html};

use self::range::{RANGES, Range};
use super::app::{App, answer};
use super::health::{self, Report, number_of};
use super::page::{self, Tab, Visit, problem};
use super::record;
use super::words::{Tone, ago, count, counted, said, state, text};
use crate::commands::list;
use crate::failure::{Exit, Failure};

/// So many denials and credentials are shown.
const MOST: usize = 8;

/// The page.
pub async fn show(visit: Visit) -> Response {
    let range = match Range::of(&visit.uri) {
        Ok(range) => range,
        Err(failure) => return visit.page(Tab::Overview, Err(failure)).await,
    };
    let now = Timestamp::now();
    let (standing, look) = tokio::join!(visit.app.standing(), look(&visit.app, range, now));
    let body = look.map(|look| {
        let vault = standing.status.as_ref().ok();
        let vault = vault.and_then(|status| status.vault.clone());
        let first = look.report.as_ref().ok().map(|report| {
            first::steps(&first::done(
                &vault.unwrap_or_default(),
                &look.stored,
                &report.checks,
                look.any_call,
            ))
        });
        body(&look, first, range, now)
    });
    visit.framed(Tab::Overview, &standing, body)
}

/// What isn't there.
pub async fn not_found() -> Response {
    let body = html! {
        h1 { "There is no such page" }
        p { a href="/" { "To the overview" } }
    };
    (StatusCode::NOT_FOUND, page::bare("Not found", &body)).into_response()
}

/// What axisd said; one part may be missing without the others.
struct Look {
    report: Result<Report, Failure>,
    stats: Result<LogsStatsResponse, Failure>,
    latest: Result<record::Lines, Failure>,
    stored: ListCredentialsResponse,
    any_call: bool,
}

async fn look(app: &App, range: Range, now: Timestamp) -> Result<Look, Failure> {
    let (mut of_log, mut of_vault) = (app.admin(), app.admin());
    let request = LogsStatsRequest {
        since_ms: Some(range.since_ms(now)),
        stretch_ms: range.step_ms.unsigned_abs(),
        ..LogsStatsRequest::default()
    };
    let (report, stats, latest, stored) = tokio::join!(
        health::examine(app),
        answer(of_log.logs_stats(request)),
        latest::read(app),
        answer(of_vault.list_credentials(ListCredentialsRequest {})),
    );
    let stored = stored?;
    // without axisd there is nothing to show but that
    let stats = match stats {
        Err(failure) if failure.exit() == Exit::Unavailable => return Err(failure),
        stats => stats,
    };
    let in_range = stats.as_ref().map_or(0, |stats| total(stats).calls);
    let any_call = in_range > 0 || latest::any_call(app).await.unwrap_or(true);
    Ok(Look {
        report,
        stats,
        latest,
        stored,
        any_call,
    })
}

fn total(stats: &LogsStatsResponse) -> axis_proto::v1::CallStats {
    stats.total.clone().unwrap_or_default()
}

fn body(look: &Look, first: Option<Markup>, range: Range, now: Timestamp) -> Markup {
    html! {
        div #overview data-refresh={ "/?range=" (range.word) } {
            p.lead.ov-lead {
                @match &look.report {
                    Ok(report) => (condition(report)),
                    Err(failure) => (state(Tone::Bad, &failure.sentence().0)),
                }
            }
            @if let Some(first) = first { (first) }
            @match &look.stats {
                // before the first call there is nothing to draw
                Ok(_) if !look.any_call => {},
                Ok(stats) => (calls(stats, &look.stored, range, now)),
                Err(failure) => (problem(failure)),
            }
            section aria-labelledby="ov-latest" {
                h2 #ov-latest { "Latest " a.ov-all href="/activity" { "all activity" } }
                @match &look.latest {
                    Ok(lines) => (latest::latest(lines, now)),
                    Err(failure) => (problem(failure)),
                }
            }
        }
    }
}

/// Whether all is well, and the first things that aren't.
fn condition(report: &Report) -> Markup {
    let (failed, warned) = (
        number_of(&report.checks, State::Fail),
        number_of(&report.checks, State::Warn),
    );
    let of = |state| {
        let checks = report.checks.iter();
        checks.filter(move |check| check.state() == state)
    };
    let named: Vec<&str> = of(State::Fail)
        .chain(of(State::Warn))
        .map(|check| check.name.as_str())
        .take(2)
        .collect();
    let more = (failed + warned).saturating_sub(named.len());
    html! {
        @if failed > 0 { (state(Tone::Bad, &counted(failed as u64, "check fails", "checks fail"))) " " }
        @if warned > 0 { (state(Tone::Warn, &counted(warned as u64, "warning", "warnings"))) " " }
        @if failed + warned == 0 { (state(Tone::Good, "All is well.")) " " }
        @else {
            "(" (text(&named.join(", ")))
            @if more > 0 { " and " (more) " more" }
            ") "
        }
        span.nowrap { "Isolation level " (report.level) " of 4." } " "
        a href="/health" { "Health" }
    }
}

/// The calls of the range: how many, when, how long, whose, and what was denied.
fn calls(
    stats: &LogsStatsResponse,
    stored: &ListCredentialsResponse,
    range: Range,
    now: Timestamp,
) -> Markup {
    let since_ms = range.since_ms(now);
    let since = Timestamp::from_millisecond(since_ms).unwrap_or_default();
    let since = since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let total = total(stats);
    let link = |decision: &str| link::calls(&[("decision", decision), ("from", &since)]);
    let ms = |ms: Option<u64>| ms.map_or_else(|| "–".to_owned(), latency::ms);
    html! {
        section aria-labelledby="ov-calls" {
            div.ov-head {
                h2 #ov-calls { "Calls over the last " (range.name) }
                nav.ov-ranges aria-label="How far back" {
                    @for choice in RANGES {
                        a href={ "/?range=" (choice.word) } aria-current=[(choice == range).then_some("true")] { (choice.word) }
                    }
                }
            }
            dl.ov-totals {
                div { dt { "Calls" } dd { a href=(link("")) title="Denials in a flood are one line, which says of how many" { (count(total.calls)) } } }
                div { dt { "Denied" } dd { a.ov-no[total.denied > 0] href=(link("deny")) { (count(total.denied)) } } }
                div { dt { "Errors" } dd { a.ov-odd[total.errors > 0] href=(link("error")) { (count(total.errors)) } } }
                @if total.asked > 0 {
                    div { dt { "Waited for you" } dd { a href=(link("ask")) { (count(total.asked)) } } }
                }
                div { dt { "Half within" } dd { (ms(total.p50_ms)) } }
                div { dt { "99 % within" } dd { (ms(total.p99_ms)) } }
            }
            (chart::chart(range, since_ms, &stats.times))
        }
        div.ov-pair {
            section aria-labelledby="ov-matrix" {
                h2 #ov-matrix { "Who uses what" }
                (matrix::matrix(&stats.rows, &since))
            }
            section aria-labelledby="ov-latency" {
                h2 #ov-latency { "How long calls take" }
                (latency::latency(&stats.services, &since))
            }
        }
        div.ov-pair.ov-wide {
            section aria-labelledby="ov-denials" {
                h2 #ov-denials { "Denied most" }
                (denials(&stats.denials, &since, now))
            }
            section aria-labelledby="ov-credentials" {
                h2 #ov-credentials { "Credentials to look at " a.ov-all href="/services" { "all credentials" } }
                (credentials(stored, now))
            }
        }
    }
}

fn denials(denials: &[Denial], since: &str, now: Timestamp) -> Markup {
    let more = denials.len().saturating_sub(MOST);
    html! {
        @if denials.is_empty() {
            p.faint { "Nothing was denied in that time." }
        } @else {
            table.ov-denials.ov-blocks {
                thead { tr {
                    th.number scope="col" { "Times" } th scope="col" { "Who" } th scope="col" { "What" }
                    th scope="col" { "Reason" } th scope="col" { "Last" }
                } }
                tbody { @for denial in denials.iter().take(MOST) { tr {
                    td.number data-label="Times" { (count(denial.times)) }
                    td data-label="By" { (said(&denial.identity)) }
                    th scope="row" {
                        a href=(link::calls(&[
                            ("decision", "deny"), ("identity", &denial.identity), ("service", &denial.service),
                            ("action", &denial.action), ("from", since),
                        ])) { (said(&denial.service)) " " (said(&denial.action)) }
                    }
                    td { (said(&denial.reason)) }
                    td.nowrap data-label="Last" { (ago(&denial.last_at, now)) }
                } } }
            }
            @if more > 0 {
                p.faint { a href=(link::calls(&[("decision", "deny"), ("from", since)])) { (counted(more as u64, "more kind", "more kinds")) } " of denials." }
            }
        }
    }
}

/// Credentials that are old, or that nobody uses.
fn credentials(stored: &ListCredentialsResponse, now: Timestamp) -> Markup {
    let is_unused = |credential: &Credential| list::is_unused(credential, stored.unused_days, now);
    let odd: Vec<&Credential> = stored
        .credentials
        .iter()
        .filter(|credential| is_unused(credential) || list::is_stale(credential, now))
        .collect();
    let all = stored.credentials.len();
    html! {
        @if all == 0 {
            p.faint { "None is stored yet." }
        } @else if odd.is_empty() {
            p { (state(Tone::Good, &counted(all as u64, "credential", "credentials"))) " stored, none of them old or unused." }
        } @else {
            table.ov-blocks {
                thead { tr {
                    th scope="col" { "Credential" } th scope="col" { "Age" } th scope="col" { "Last used" }
                } }
                tbody { @for credential in odd.iter().take(MOST) { tr {
                    th scope="row" { a href={ "/services#credential-" (text(&credential.name)) } { (said(&credential.name)) } }
                    td data-label="Age" {
                        @let age = list::age(credential, now);
                        @if list::is_stale(credential, now) { (state(Tone::Warn, age.text())) } @else { (age.text()) }
                    }
                    td data-label="Last used" {
                        @let last = list::last_use(credential, stored.unused_days, now);
                        @if is_unused(credential) { (state(Tone::Warn, last.text())) } @else { (last.text()) }
                    }
                } } }
            }
            @if odd.len() > MOST { p.faint { (counted((odd.len() - MOST) as u64, "more", "more")) "." } }
        }
    }
}
