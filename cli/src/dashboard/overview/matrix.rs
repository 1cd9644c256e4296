//! Who uses what: identities by services.

use std::collections::BTreeMap;

use axis_proto::v1::CallStats;
use maud::{Markup, html};

use super::link;
use crate::dashboard::words::{count, counted, said, text};

/// So many rows and columns; agents choose the names, and may choose many.
const IDENTITIES: usize = 20;
const SERVICES: usize = 12;

/// A cell for each pair that occurred, with a link to its lines.
pub fn matrix(rows: &[CallStats], since: &str) -> Markup {
    let identities = busiest(rows, |row| &row.identity);
    let services = busiest(rows, |row| &row.service);
    let cells: BTreeMap<(&str, &str), &CallStats> = rows
        .iter()
        .map(|row| ((row.identity.as_str(), row.service.as_str()), row))
        .collect();
    let most = rows.iter().map(|row| row.calls).max().unwrap_or_default();
    let more = |all: usize, shown: usize| all.saturating_sub(shown) as u64;
    let (more_identities, more_services) = (
        more(identities.len(), IDENTITIES),
        more(services.len(), SERVICES),
    );
    html! {
        @if rows.is_empty() {
            p.faint { "Nobody called anything in that time." }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Identities and services" {
                table.ov-matrix {
                    thead { tr {
                        th scope="col" { "Identity" }
                        @for (service, _) in services.iter().take(SERVICES) {
                            th.number scope="col" { a href=(link::calls(&[("service", service), ("from", since)])) { (said(service)) } }
                        }
                        th.number scope="col" { "All" }
                    } }
                    tbody { @for (identity, calls) in identities.iter().take(IDENTITIES) { tr {
                        th scope="row" { a href=(link::calls(&[("identity", identity), ("from", since)])) { (said(named(identity))) } }
                        @for (service, _) in services.iter().take(SERVICES) {
                            td.number { @if let Some(row) = cells.get(&(*identity, *service)) { (cell(row, most, since)) } }
                        }
                        td.number { (count(*calls)) }
                    } } }
                }
            }
            p.faint {
                "Calls, with " span.ov-no { "✗" } " denied and " span.ov-odd { "!" } " errors among them; the more colour, the more calls."
                @if more_identities > 0 { " Not shown: " (counted(more_identities, "identity", "identities")) " with no more calls." }
                @if more_services > 0 { " Not shown: " (counted(more_services, "service", "services")) " with no more calls." }
            }
        }
    }
}

fn cell(row: &CallStats, most: u64, since: &str) -> Markup {
    let filters = [
        ("identity", row.identity.as_str()),
        ("service", &row.service),
        ("from", since),
    ];
    let said = format!(
        "{} by {} to {}: {} denied, {}",
        counted(row.calls, "call", "calls"),
        text(named(&row.identity)),
        text(&row.service),
        count(row.denied),
        counted(row.errors, "error", "errors"),
    );
    html! {
        a.{ "ov-cell ov-heat" (heat(row.calls, most)) } href=(link::calls(&filters)) title=(said) {
            span.unseen { (said) }
            span aria-hidden="true" {
                (count(row.calls))
                @if row.denied > 0 { " " span.ov-no { "✗" (count(row.denied)) } }
                @if row.errors > 0 { " " span.ov-odd { "!" (count(row.errors)) } }
            }
        }
    }
}

/// What is shown for a name; some clients give none.
fn named(identity: &str) -> &str {
    match identity {
        "" => "(none)",
        identity => identity,
    }
}

/// How dark, from 1 to 4.
fn heat(calls: u64, most: u64) -> u32 {
    let log = |number: u64| number.max(1).ilog2();
    1 + 3 * log(calls) / log(most).max(1)
}

/// The names and their calls, those with most calls first.
fn busiest(rows: &[CallStats], name: fn(&CallStats) -> &String) -> Vec<(&str, u64)> {
    let mut calls: BTreeMap<&str, u64> = BTreeMap::new();
    for row in rows {
        let sum = calls.entry(name(row)).or_default();
        *sum = sum.saturating_add(row.calls);
    }
    let mut calls: Vec<_> = calls.into_iter().collect();
    calls.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(identity: &str, service: &str, calls: u64) -> CallStats {
        CallStats {
            identity: identity.into(),
            service: service.into(),
            calls,
            denied: 1,
            ..CallStats::default()
        }
    }

    #[test]
    fn the_busiest_come_first_and_what_is_left_out_is_counted() {
        let mut rows: Vec<CallStats> = (0..30)
            .map(|number| row(&format!("agent{number}"), "github", 2))
            .collect();
        rows.push(row("busy", "<b>\u{202e}", 900));
        let shown = matrix(&rows, "").into_string();
        let at = |name: &str| shown.find(name).unwrap();
        assert!(at(">busy<") < at(">agent0<"));
        assert!(
            shown.contains("11 identities with no more calls"),
            "{shown}"
        );
        assert!(!shown.contains("<b>") && !shown.contains('\u{202e}'));
        assert!(shown.contains("&lt;b&gt;\\u{202e}"));
    }

    #[test]
    fn heat_goes_from_one_to_four() {
        assert_eq!(heat(1, 1), 1);
        assert_eq!(heat(1, 1000), 1);
        assert_eq!(heat(1000, 1000), 4);
        assert_eq!(heat(u64::MAX, u64::MAX), 4);
    }
}
