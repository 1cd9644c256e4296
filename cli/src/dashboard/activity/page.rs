//! How the page is put together: filters, what is set, the lines, and the ways
//! to others.

use std::collections::BTreeSet;

use axis_proto::v1::AuditStatus;
use maud::{Markup, html};

use super::selection::{Kind, Lately, PATH, Selection};
use super::{Found, rows};
use crate::commands::logs::selection::DECISIONS;
use crate::dashboard::words::{Tone, command, count, moment, said, state, text};

/// The names that a filter may be set to.
#[derive(Default)]
pub struct Known {
    /// Of identities.
    pub identities: BTreeSet<String>,
    /// Of services.
    pub services: BTreeSet<String>,
    /// Of actions.
    pub actions: BTreeSet<String>,
}

/// What stands in the frame.
pub fn body(selection: &Selection, found: &Found, audit: &AuditStatus, known: &Known) -> Markup {
    let newest = found.lines.iter().find_map(|line| rows::seq(line));
    let is_live = selection.is_live();
    let is_begin = !selection.is_filtered() && selection.before.is_none();
    html! {
        (filters(selection, known))
        (set(selection))
        @for warning in &audit.warnings { div.notice.warn { p { (state(Tone::Warn, warning)) } } }
        @if let Some(unread) = &found.unread {
            div.problem role="alert" {
                p { (state(Tone::Bad, "lines are missing")) " There may be more that can't be read: " (said(unread)) }
                p { (command("axis logs verify")) }
            }
        }
        section aria-labelledby="act-lines" {
            div.act-bar {
                h2 #act-lines { (heading(selection)) }
                @if is_live {
                    // what a script brings to life stands there from the start
                    span #act-live .faint role="status" {}
                    button #act-pause type="button" hidden { "Pause" }
                    button #act-new .main type="button" hidden {}
                } @else {
                    a.button href=(selection.newest().link(PATH)) { "Newest" }
                }
                span.act-ways {
                    a href="/activity/verify" { "Verify the chain" }
                    a href=(file(selection, "csv")) download { "Export CSV" }
                    a href=(file(selection, "jsonl")) download { "Export JSONL" }
                }
            }
            @if is_begin && !found.lines.iter().any(|line| rows::is_call(line)) { (nothing_yet()) }
            @if found.lines.is_empty() && !is_begin { (nothing_found(selection)) }
            div.act-head aria-hidden="true" {
                span { "Time" } span { "Identity" } span { "Action" } span { "Decision" }
                span { "Result" } span.number { "Took" } span { "Why" }
            }
            ol #act-log .act-log aria-labelledby="act-lines"
                data-live=[is_live.then(|| selection.link("/activity/live"))]
                data-after=[is_live.then(|| newest.unwrap_or(0))] {
                @for line in &found.lines { (rows::row(line)) }
            }
            (pages(selection, found))
        }
        script src="/assets/activity.js" defer {}
    }
}

fn heading(selection: &Selection) -> Markup {
    html! { @match selection.before {
        Some(before) => { "Lines before " (count(before)) },
        None if selection.is_filtered() => "Lines like this",
        None => "All that happened",
    } }
}

fn filters(selection: &Selection, known: &Known) -> Markup {
    let moment = |moment: Option<jiff::Timestamp>| {
        moment.map(|moment| moment.strftime("%Y-%m-%dT%H:%M:%S").to_string())
    };
    html! {
        form #act-filters .act-filters method="get" action=(PATH) role="search" aria-label="Filter the lines" {
            div.field.act-text {
                label for="act-q" { "Text anywhere in a line" }
                input #act-q type="search" name="q" value=(text(&selection.text)) autocomplete="off";
            }
            (named("identity", "Identity", &selection.identity, &known.identities))
            (named("service", "Service", &selection.service, &known.services))
            (named("action", "Action", &selection.action, &known.actions))
            div.field {
                label for="act-decision" { "Decision" }
                select #act-decision name="decision" {
                    option value="" { "any" }
                    @for decision in DECISIONS {
                        option value=(decision) selected[selection.decision == decision] { (decision) }
                    }
                }
            }
            div.field.act-wide {
                label for="act-events" { "Lines" }
                select #act-events name="events" {
                    @for (kind, word, name) in Kind::ALL {
                        option value=(word) selected[selection.kind == kind] { (name) }
                    }
                }
            }
            div.field.act-wide {
                label for="act-from" { "From " span.act-zone { "(UTC)" } }
                input #act-from type="datetime-local" step="1" name="from" value=[moment(selection.from)];
            }
            div.field.act-wide {
                label for="act-to" { "To " span.act-zone { "(UTC)" } }
                input #act-to type="datetime-local" step="1" name="to" value=[moment(selection.to)];
            }
            @if let Some(lately) = selection.lately { input type="hidden" name="range" value=(lately.word); }
            button.main type="submit" { "Filter" }
        }
    }
}

fn named(name: &str, label: &str, value: &str, known: &BTreeSet<String>) -> Markup {
    let (id, list) = (format!("act-{name}"), format!("act-{name}-known"));
    html! {
        div.field {
            label for=(id) { (label) }
            input id=(id) name=(name) value=(text(value)) list=(list) autocomplete="off" spellcheck="false";
            datalist id=(list) { @for name in known { option value=(text(name)) {} } }
        }
    }
}

/// The quick choices of time, and each filter that is set with the way without.
fn set(selection: &Selection) -> Markup {
    let newest = selection.newest();
    let spans = Lately::ALL.into_iter().map(Some).chain([None]);
    html! {
        div.act-set {
            span.act-spans {
                @for lately in spans {
                    @let is_set = newest.lately == lately && newest.from.is_none() && newest.to.is_none();
                    @let link = Selection { lately, from: None, to: None, ..newest.clone() }.link(PATH);
                    a href=(link) aria-current=[is_set.then_some("true")] {
                        (lately.map_or("any time", |lately| lately.name))
                    }
                }
            }
            @if selection.is_filtered() {
                span.act-chips {
                    @for (name, value, without) in chips(&newest) {
                        span.act-chip {
                            (name) " "
                            @if matches!(name, "from" | "to") { (moment(&value)) } @else { (said(&value)) }
                            " "
                            a href=(without.link(PATH)) aria-label={ "Without " (name) " " (text(&value)) } { "✗" }
                        }
                    }
                    a href=(PATH) { "Clear all" }
                }
            }
        }
    }
}

fn chips(set: &Selection) -> Vec<(&'static str, String, Selection)> {
    type Clear = fn(&mut Selection);
    let rfc_3339 = |moment: Option<jiff::Timestamp>| {
        moment.map_or_else(String::new, |moment| moment.to_string())
    };
    let kind = match set.kind {
        Kind::Usual => "",
        kind => kind.name(),
    };
    let lately = set.lately.map_or("", |lately| lately.name);
    let all: [(&'static str, String, Clear); 9] = [
        ("text", set.text.clone(), |of| of.text.clear()),
        ("identity", set.identity.clone(), |of| of.identity.clear()),
        ("service", set.service.clone(), |of| of.service.clear()),
        ("action", set.action.clone(), |of| of.action.clear()),
        ("decision", set.decision.clone(), |of| of.decision.clear()),
        ("lines", kind.to_owned(), |of| of.kind = Kind::Usual),
        ("time", lately.to_owned(), |of| of.lately = None),
        ("from", rfc_3339(set.from), |of| of.from = None),
        ("to", rfc_3339(set.to), |of| of.to = None),
    ];
    let all = all.into_iter().filter(|(_, value, _)| !value.is_empty());
    all.map(|(name, value, clear)| {
        let mut without = set.clone();
        clear(&mut without);
        (name, value, without)
    })
    .collect()
}

fn file(selection: &Selection, format: &str) -> String {
    let link = selection.newest().link("/activity/export");
    let and = if link.contains('?') { '&' } else { '?' };
    format!("{link}{and}format={format}")
}

fn nothing_yet() -> Markup {
    html! {
        div #act-empty .notice {
            p { "No agent has called anything yet. Each call stands here as soon as it is made." }
            p { "Connect your agents: " (command("axis setup")) }
            p { "Or see how it works without one: " (command("axis demo")) }
        }
    }
}

fn nothing_found(selection: &Selection) -> Markup {
    html! {
        div #act-empty .notice {
            @if selection.before.is_some() {
                p { "There are no older lines like this." }
            } @else {
                p { "No line is like this." }
                p { a href=(PATH) { "Show all lines" } }
            }
        }
    }
}

fn pages(selection: &Selection, found: &Found) -> Markup {
    let oldest = found.lines.iter().rev().find_map(|line| rows::seq(line));
    let older = oldest.filter(|_| found.has_older);
    // a script shows it once lines give way to new ones
    let link = selection.older(older.or(oldest).unwrap_or(0)).link(PATH);
    html! {
        nav.act-pages aria-label="Pages of lines" {
            @if selection.before.is_some() {
                a.button rel="prev" href=(selection.newer().link(PATH)) { "← Newer" }
            }
            a #act-older .button rel="next" href=(link) hidden[older.is_none()] { "Older →" }
            @if older.is_none() && found.has_older {
                p { "Older lines have no numbers to go by: " (command("axis logs export --format jsonl")) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn shown(query: &str, lines: &[&'static str], has_older: bool) -> String {
        let lines = lines.iter().map(|line| Bytes::from_static(line.as_bytes()));
        let found = Found {
            lines: lines.collect(),
            has_older,
            unread: None,
        };
        let selection = Selection::of(Some(query)).unwrap();
        body(
            &selection,
            &found,
            &AuditStatus::default(),
            &Known::default(),
        )
        .into_string()
    }

    #[test]
    fn a_filter_that_is_set_is_shown_with_the_way_without_it() {
        let page = shown("service=github&q=%3Cb%3E&range=1h", &[], false);
        assert!(
            page.contains("href=\"/activity?q=%3Cb%3E&amp;range=1h\""),
            "{page}"
        );
        assert!(page.contains("service <bdi>github</bdi>"), "{page}");
        assert!(page.contains("text <bdi>&lt;b&gt;</bdi>"), "{page}");
        assert!(!page.contains("<b>"), "{page}");
        assert!(page.contains("No line is like this"), "{page}");
        assert!(
            page.contains(
                "/activity/export?q=%3Cb%3E&amp;service=github&amp;range=1h&amp;format=csv"
            ),
            "{page}"
        );
        assert!(page.contains("data-live=\"/activity/live?q="), "{page}");
    }

    #[test]
    fn pages_lead_on_by_the_number_of_the_last_line() {
        let lines = [
            r#"{"seq":9,"event":"finished"}"#,
            r#"{"seq":7,"event":"finished"}"#,
        ];
        let page = shown("", &lines, true);
        assert!(page.contains("href=\"/activity?before=7\">Older"), "{page}");
        assert!(page.contains("data-after=\"9\""), "{page}");
        assert!(!page.contains("Newer"), "{page}");
        let page = shown("before=10&trail=60", &lines, false);
        assert!(
            page.contains("href=\"/activity?before=60\">← Newer"),
            "{page}"
        );
        assert!(
            page.contains("href=\"/activity?before=7&amp;trail=60.10\" hidden"),
            "{page}"
        );
        assert!(!page.contains("data-live"), "{page}");
    }

    #[test]
    fn who_has_no_calls_yet_learns_what_to_do() {
        let admin = r#"{"seq":1,"event":"admin","act":"init"}"#;
        assert!(shown("", &[admin], false).contains("axis setup"));
        let call = r#"{"seq":2,"event":"finished"}"#;
        assert!(!shown("", &[call, admin], false).contains("axis setup"));
        assert!(!shown("identity=x", &[admin], false).contains("axis setup"));
    }
}
