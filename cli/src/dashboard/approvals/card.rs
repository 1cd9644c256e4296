//! One call that waits, whole. All of its texts are the agent's.

use std::collections::BTreeMap;

use axis_proto::v1::Approval;
use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::value::RawValue;

use super::super::words::{count, effect, moment, said, text};
use crate::output::{pretty, printable, printable_json};

/// What is longer is folded, in characters.
const LONG: usize = 400;
/// What is as short stays in its line, in bytes.
const ONE_LINE: usize = 80;
/// What has more lines is folded.
const MANY_LINES: usize = 8;
/// Params longer than this stand on the page of approvals alone, in bytes: the
/// panel comes with every page.
const TOO_LONG_FOR_PANEL: usize = 8 * 1024;
/// More params than this are folded.
const MANY_PARAMS: usize = 40;
/// A value that takes so many times its own length when it is indented isn't,
/// beyond so many bytes: each level costs two spaces a line.
const INFLATED: usize = 4;
const INFLATED_BYTES: usize = 4 * 1024;
/// How much of what is folded is seen all the same, in characters.
const GLANCE: usize = 100;

/// Where a card stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Over any page.
    Panel,
    /// In the page of approvals.
    Page,
}

impl Room {
    /// How a card for it is asked for.
    pub fn query(self) -> &'static str {
        match self {
            Self::Panel => "whole=false",
            Self::Page => "whole=true",
        }
    }
}

/// The call, with the box to tick. What can't be seen whole can't be ticked.
pub fn card(approval: &Approval, ticked: bool, room: Room) -> Markup {
    let is_elsewhere = room == Room::Panel && approval.params.len() > TOO_LONG_FOR_PANEL;
    let id = &*text(&approval.id);
    let tick = format!("tick-{id}");
    html! {
        article.card data-id=(id) aria-labelledby=(format!("who-{id}")) {
            div.card-head {
                input type="checkbox" name="id" value=(id) id=(tick) checked[ticked && !is_elsewhere]
                    disabled[is_elsewhere] autocomplete="off";
                label for=(tick) id=(format!("who-{id}")) {
                    (said(&approval.identity)) span.plain-word { " asks for " }
                    (said(&approval.service)) " " (said(&approval.action)) " " (effect(&approval.effect))
                }
                span.card-time { (left(approval)) " left" }
                code.card-id { (id) }
            }
            p.card-gone role="status" { "Gone: it was answered elsewhere, withdrawn, or nobody answered in time." }
            dl.card-facts {
                dt { "Sends" }
                dd { code { bdi { (text(&approval.method)) " " (text(&approval.host)) (text(&approval.target)) } } }
                dt { "Params" }
                dd { @if is_elsewhere {
                    (count(approval.params.len() as u64)) " bytes: "
                    a href="/approvals" { "look at them before you answer" }
                } @else { (params(&approval.params)) } }
                dt { "The agent's reason" }
                dd.words-of-agent {
                    @if approval.justification.trim().is_empty() { span.faint { "it gave none" } }
                    @else { (folded(&printable(&approval.justification), true)) }
                }
                dt { "Credential" }
                dd { (said(&approval.credential)) }
                dt { "Identity" }
                dd { (said(&approval.identity))
                    @if approval.own_socket { ", on its own socket" }
                    @else { span.faint { ", by its own word: it came over the general socket" } } }
                dt { "Asked by" }
                dd {
                    @if approval.peer_exe.is_empty() { "a process that isn't known" }
                    @else { (said(&approval.peer_exe)) }
                    @if let Some(pid) = approval.peer_pid { ", pid " (pid) }
                    ", uid " (approval.peer_uid)
                }
                dt { "Asked" }
                dd { (moment(&approval.asked_at)) span.faint { ", waits until " } (moment(&approval.expires_at)) }
            }
        }
    }
}

/// How long it still waits; the page counts it down.
pub fn left(approval: &Approval) -> Markup {
    let Ok(until) = approval.expires_at.parse::<Timestamp>() else {
        return html! { "?" };
    };
    let seconds = until.duration_since(Timestamp::now()).as_secs().max(0);
    html! {
        span.left data-until=(until.strftime("%Y-%m-%dT%H:%M:%SZ")) {
            (format!("{}:{:02}", seconds / 60, seconds % 60))
        }
    }
}

/// Every param by its name, as JSON: what goes out, to the digit.
fn params(params: &str) -> Markup {
    let Ok(fields) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(params) else {
        return json(params);
    };
    if fields.is_empty() {
        return html! { span.faint { "none" } };
    }
    let all = html! {
        dl.params {
            @for (name, value) in &fields {
                dt { code { (said(name)) } }
                dd { (json(value.get())) }
            }
        }
    };
    if fields.len() <= MANY_PARAMS {
        return all;
    }
    html! {
        details.folded {
            summary { (count(fields.len() as u64)) " params: show all" }
            (all)
        }
    }
}

/// A value as it was written, or indented where that is no short line.
fn json(value: &str) -> Markup {
    if value.len() <= ONE_LINE && !value.contains(['\n', '\r']) {
        return html! { code.value { bdi { (printable_json(value)) } } };
    }
    let indented = pretty(value);
    if indented.len() > INFLATED * value.len() + INFLATED_BYTES {
        return folded(&printable_json(value), false);
    }
    folded(&indented, false)
}

/// `shown`, which holds nothing that a browser would hide or obey; behind its
/// beginning where it is long.
fn folded(shown: &str, is_prose: bool) -> Markup {
    let characters = shown.chars().count();
    let whole = html! {
        @if is_prose { q { bdi { (shown) } } } @else { pre.value { bdi { (shown) } } }
    };
    if characters <= LONG && shown.lines().count() <= MANY_LINES {
        return whole;
    }
    let glance: String = shown.chars().take(GLANCE).collect();
    html! {
        details.folded {
            summary { bdi { (glance.replace('\n', " ")) "…" } " "
                span.faint { (count(characters as u64)) " characters: show all" } }
            (whole)
        }
    }
}
