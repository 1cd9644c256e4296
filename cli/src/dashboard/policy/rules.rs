//! The rules in words. What has no words here is shown as it is written.

use maud::{Markup, html};

use super::super::words::{Tone, counted, moment, said, span, state};
use super::line_link;
use crate::policy_file::{Kind, Node};

/// More rules than that, and each identity's are folded.
const MANY_RULES: usize = 60;

/// The identities that the policy has entries for.
pub fn identities(policy: &str) -> Vec<String> {
    let root = Node::read(policy);
    let entries = root.as_ref().and_then(|root| root.value("policies"));
    let entries = entries.map(Node::items).unwrap_or_default();
    let names = entries.iter().filter_map(|entry| entry.text("identity"));
    names.map(str::to_owned).collect()
}

/// Every entry with its rules.
pub fn show(policy: &str) -> Markup {
    let root = Node::read(policy);
    let entries = root.as_ref().and_then(|root| root.value("policies"));
    let Some(entries) = entries else {
        return html! {
            p { "The policy repeats parts of itself by YAML's anchors, so its rules aren't put in words here. The text below is in force." }
        };
    };
    let rules = |entry: &Node| list(entry, "deny").len() + list(entry, "allow").len();
    let all: usize = entries.items().iter().map(rules).sum();
    html! {
        @if entries.items().is_empty() {
            p { "It has no entries: everything is denied. "
                (super::command("axis allow github repos.get")) " adds a first rule." }
        }
        @for entry in entries.items() {
            @let count = counted(rules(entry) as u64, "rule", "rules");
            details.identity open[all <= MANY_RULES] {
                summary { h3 { (who(entry)) } span.faint { (count) } }
                // not in the summary: what opens and what leads away are two things
                p.identity-line { (line_link(entry.line)) }
                (terms(entry, policy))
                (table(entry, policy))
            }
        }
        p.faint { "What no rule allows is denied. “Never” beats “may”, wherever it stands; of several “may”, the first that fits decides, the identity's own before those of every identity." }
    }
}

fn list<'n>(entry: &'n Node, name: &str) -> &'n [Node] {
    entry.value(name).map(Node::items).unwrap_or_default()
}

fn who(entry: &Node) -> Markup {
    match entry.text("identity") {
        Some("*") => html! { "Every identity" },
        Some(name) => said(name),
        None => html! { "?" },
    }
}

/// What counts for all of an entry's rules.
fn terms(entry: &Node, policy: &str) -> Markup {
    let mut facts = Vec::new();
    for (key, value) in fields(entry) {
        facts.push(match (key.scalar().unwrap_or_default(), value.scalar()) {
            ("identity", _) => continue,
            ("allow" | "deny", _) if matches!(value.kind, Kind::List { .. }) => continue,
            ("rateLimit", _) if limit(value).is_some() => html! {
                "At most " (counted_limit(value)) " in any 60 s over all its calls."
            },
            ("socket", Some("required")) => html! {
                "Only on its own socket: on the general one, where an identity is the client's word, nothing here counts."
            },
            ("approval", Some("owner")) => html! { "You approve what asks, with the master password." },
            ("approval", Some("host")) => html! {
                (state(Tone::Warn, "the agent's host may approve")) " what asks, and every program that can pass for one; so can you."
            },
            _ => written(key, value, policy),
        });
    }
    html! { @if !facts.is_empty() { ul.entry-terms { @for fact in facts { li { (fact) } } } } }
}

fn table(entry: &Node, policy: &str) -> Markup {
    let deny = list(entry, "deny").iter().map(|rule| (true, rule));
    let allow = list(entry, "allow").iter().map(|rule| (false, rule));
    let rules: Vec<_> = deny.chain(allow).collect();
    html! {
        @if rules.is_empty() { p.faint { "No rules: nothing is allowed." } }
        @else {
            table.checks.rules {
                thead { tr {
                    th scope="col" { "" span.unseen { "Verdict" } }
                    th scope="col" { "Service" } th scope="col" { "Actions" }
                    th scope="col" { "On these terms" } th scope="col" { "Written in" }
                } }
                tbody { @for (denies, rule) in rules { (row(denies, rule, policy)) } }
            }
        }
    }
}

fn row(denies: bool, rule: &Node, policy: &str) -> Markup {
    let asks = rule.text("ask") == Some("true");
    let verdict = match (denies, asks) {
        (true, _) => state(Tone::Bad, "never"),
        (false, true) => state(Tone::Waits, "asks"),
        (false, false) => state(Tone::Good, "may"),
    };
    let mut terms = Vec::new();
    for (key, value) in fields(rule) {
        let term = term(key.scalar().unwrap_or_default(), value, policy);
        match term {
            Term::Elsewhere => {}
            Term::Words(words) => terms.push(words),
            Term::Wordless => terms.push(written(key, value, policy)),
        }
    }
    html! {
        tr {
            td { (verdict) }
            th scope="row" { (service(rule)) }
            td { (actions(rule)) }
            td { @if terms.is_empty() { span.faint { "always" } } @else { ul.terms { @for term in terms { li { (term) } } } } }
            td.nowrap { (line_link(rule.line)) }
        }
    }
}

fn service(rule: &Node) -> Markup {
    match rule.text("service") {
        Some("*") => html! { "every service" },
        Some(name) => said(name),
        None => html! { "?" },
    }
}

/// Which actions: `all reads`, `writes of issues.*`.
fn actions(rule: &Node) -> Markup {
    let patterns = rule.value("actions").map(scalars).unwrap_or_default();
    let effects = rule.value("effects").map(scalars).unwrap_or_default();
    let kinds: Vec<_> = effects
        .iter()
        .map(|effect| match *effect {
            "read" => "reads",
            "write" => "writes",
            "delete" => "deletes",
            other => other,
        })
        .collect();
    let kinds = kinds.join(" and ");
    html! {
        @if patterns.contains(&"*") {
            @if kinds.is_empty() { "everything" } @else { "all " (said(&kinds)) }
            span.faint { " (but raw http)" }
            @if patterns.len() > 1 { ", and " }
        } @else if !kinds.is_empty() { (said(&kinds)) " of " }
        @for (at, pattern) in patterns.iter().filter(|pattern| **pattern != "*").enumerate() {
            @if at > 0 { ", " }
            code { (said(pattern)) }
        }
    }
}

enum Term {
    /// It is shown in another column.
    Elsewhere,
    Words(Markup),
    Wordless,
}

fn term(name: &str, value: &Node, policy: &str) -> Term {
    let words = match (name, value.scalar()) {
        ("service", Some(_)) | ("ask", Some("false")) => return Term::Elsewhere,
        ("actions" | "effects", None) if is_all_scalars(value) => return Term::Elsewhere,
        ("ask", Some("true")) => html! { "each call waits until it is approved" },
        ("until", Some(until)) => html! { "until " (moment(until)) },
        ("ttl", Some(ttl)) => match ttl.parse() {
            Ok(seconds) => html! { "after a success not again for " (span(seconds)) },
            Err(_) => return Term::Wordless,
        },
        ("rateLimit", None) if limit(value).is_some() => html! {
            "at most " (counted_limit(value)) " in any 60 s"
        },
        ("credential", Some(label)) => html! { "with the credential labelled " (said(label)) },
        ("params", None) if matches!(value.kind, Kind::Map { .. }) => html! {
            @for (at, (name, allowed)) in fields(value).iter().enumerate() {
                @if at > 0 { br; }
                "the param " code { (said(name.scalar().unwrap_or_default())) } " " (constraint(allowed, policy))
            }
        },
        _ => return Term::Wordless,
    };
    Term::Words(words)
}

/// What a param must be.
fn constraint(allowed: &Node, policy: &str) -> Markup {
    let yaml = |node: &Node| html! { code { (said(as_written(node, policy))) } };
    let bounds = (allowed.value("min"), allowed.value("max"));
    match (&allowed.kind, bounds) {
        (Kind::Scalar(_), _) => html! { "is " (yaml(allowed)) },
        (Kind::List { items, .. }, _) if is_all_scalars(allowed) => html! {
            "is one of " @for (at, item) in items.iter().enumerate() { @if at > 0 { ", " } (yaml(item)) }
        },
        (Kind::Map { fields, .. }, (Some(min), Some(max))) if fields.len() == 2 => {
            html! { "is from " (yaml(min)) " to " (yaml(max)) }
        }
        (Kind::Map { fields, .. }, (Some(min), None)) if fields.len() == 1 => {
            html! { "is at least " (yaml(min)) }
        }
        (Kind::Map { fields, .. }, (None, Some(max))) if fields.len() == 1 => {
            html! { "is at most " (yaml(max)) }
        }
        _ => html! { "is " (yaml(allowed)) },
    }
}

fn limit(limit: &Node) -> Option<u64> {
    let known = fields(limit).len() == 1;
    let number = limit.text("requestsPerMinute")?.parse().ok()?;
    known.then_some(number)
}

fn counted_limit(node: &Node) -> String {
    counted(limit(node).unwrap_or_default(), "call", "calls")
}

/// A field without words for it, as YAML.
fn written(key: &Node, value: &Node, policy: &str) -> Markup {
    let name = key.scalar().unwrap_or_default();
    html! { code.written { (said(name)) ": " (said(as_written(value, policy))) } }
}

fn as_written<'p>(node: &Node, policy: &'p str) -> &'p str {
    policy.get(node.range.clone()).unwrap_or_default().trim()
}

fn fields(node: &Node) -> &[(Node, Node)] {
    match &node.kind {
        Kind::Map { fields, .. } => fields,
        _ => &[],
    }
}

fn scalars(list: &Node) -> Vec<&str> {
    list.items().iter().filter_map(Node::scalar).collect()
}

fn is_all_scalars(list: &Node) -> bool {
    !list.items().is_empty() && list.items().iter().all(|item| item.scalar().is_some())
}
