//! The form over the calls that wait: which, for how long, with the master
//! password; or no, and why. What one presses stands above the calls, so that
//! no call that comes or goes moves it.

use std::collections::BTreeSet;

use axis_proto::v1::WatchApprovalsResponse;
use maud::{Markup, html};

use super::super::session::Session;
use super::super::words::text;
use super::card::{Room, card};

/// How long an approval can last here, in seconds, and in words.
pub const DURATIONS: [(u64, &str); 5] = [
    (0, "only these calls"),
    (900, "15 minutes"),
    (3_600, "1 hour"),
    (28_800, "8 hours"),
    (86_400, "24 hours"),
];
/// The longest reason of a rejection, in characters.
pub const REASON_CHARS: usize = 500;

/// What was typed before, of which the password is never part, and what is
/// wrong with it.
#[derive(Debug, Default)]
pub struct Entry {
    /// What was ticked; none where nothing was sent yet.
    pub ticked: Option<BTreeSet<String>>,
    /// For how long, in seconds.
    pub lasts_s: u64,
    /// Why not.
    pub reason: String,
    /// What is wrong, and beside which field it is said.
    pub problem: Option<(Field, String)>,
}

/// A part of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Which calls.
    Calls,
    /// The master password.
    Password,
    /// Why not.
    Reason,
}

/// The form with a card for each call that waits.
pub fn ask(
    now: &WatchApprovalsResponse,
    session: &Session,
    back: &str,
    entry: &Entry,
    room: Room,
) -> Markup {
    let is_only = now.waiting.len() == 1;
    let is_ticked = |id: &str| match &entry.ticked {
        Some(ticked) => ticked.contains(id),
        None => is_only,
    };
    let problem = |field: Field, id: &str| {
        let found = entry.problem.as_ref().filter(|(of, _)| *of == field);
        html! { @if let Some((_, problem)) = found {
            p.field-problem id=(id) role="alert" { span.sign aria-hidden="true" { "✗ " } (text(problem)) }
        } }
    };
    let is_wrong = |field: Field| entry.problem.as_ref().is_some_and(|(of, _)| *of == field);
    html! {
        form.ask method="post" action="/approvals" autocomplete="off" data-ask {
            input type="hidden" name="csrf" value=(session.csrf);
            input type="hidden" name="back" value=(back);
            (problem(Field::Calls, "calls-problem"))
            div.ask-answer {
                fieldset.ask-yes {
                    legend { "What is ticked below" }
                    span.field {
                        label for="ask-lasts" { "Approve" }
                        select #ask-lasts name="lasts" autocomplete="off" aria-describedby="ask-lasts-means" {
                            @for (seconds, words) in DURATIONS {
                                option value=(seconds) selected[seconds == entry.lasts_s] { (words) }
                            }
                        }
                    }
                    span.field {
                        label for="ask-password" { "Master password" }
                        input #ask-password type="password" name="password" autocomplete="off"
                            autocapitalize="off" spellcheck="false"
                            aria-invalid=[is_wrong(Field::Password).then_some("true")]
                            aria-describedby=[is_wrong(Field::Password).then_some("password-problem")]
                            autofocus[is_wrong(Field::Password)];
                    }
                    button.main type="submit" name="do" value="approve" { "Approve" }
                    (problem(Field::Password, "password-problem"))
                }
                fieldset.ask-no {
                    legend { "or" }
                    span.field {
                        label for="ask-reason" { "Why not, told to the agent (may be empty)" }
                        input #ask-reason type="text" name="reason" maxlength=(REASON_CHARS) value=(entry.reason)
                            autocomplete="off"
                            aria-describedby=[is_wrong(Field::Reason).then_some("reason-problem")];
                    }
                    button.danger type="submit" name="do" value="reject" { "Reject" }
                    (problem(Field::Reason, "reason-problem"))
                }
                p.faint.ask-means #ask-lasts-means {
                    "For a time means: also what this identity asks of the same action with the same credential until then, whatever its params, until the vault is locked. Rejecting needs no password."
                }
            }
            div.ask-cards data-waiting-cards=(room.query()) {
                @for approval in &now.waiting { (card(approval, is_ticked(&approval.id), room)) }
            }
            p.ask-none.faint { "Nothing waits. A call that does appears here by itself, and in the tab's title." }
        }
    }
}
